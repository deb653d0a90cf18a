// The queries of /events and /events/count: what is read is a question that the database takes, within its bounds; a
// refusal is one that can be shown; and queries that mean the same have one key, however they are spelled.
//
// A line of the input is the value of a parameter; an empty one: it is left out.
#include "roles/cache/count_request.hpp"
#include "roles/cache/event_request.hpp"

#include "distsys/foundation/text.hpp"
#include "distsys/foundation/url.hpp"
#include "roles/cache/area_maker.hpp"

#include <algorithm>
#include <cstdlib>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace distsys;
using namespace distsys::roles::cache;
namespace geo = domain::geo;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_refusal(const error& e) {
  require(e == errc::invalid && !e.detail.empty() && e.detail.size() < 4096);
  require(std::none_of(e.detail.begin(), e.detail.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }));
}

void check_query(const geo::event_query& q) {
  require(geo::check(q).has_value());
  require(!q.at || *q.at <= runtime::now());
  require(std::is_sorted(q.kinds.begin(), q.kinds.end()) && std::is_sorted(q.sources.begin(), q.sources.end()));
  const auto cover = cover_of(q.where);
  require(cover.size() <= area_maker::most_quads);
  for (const geo::quad& quad : cover) require(quad.level() == cover.front().level());
}

result<std::string> read_events(std::string_view query) {
  const auto r = read_event_request(query);
  if (!r) return r.error();
  check_query(r->query);
  require(r->query.limit >= 1 && r->query.limit <= 10'000);
  return r->key;
}

result<std::string> read_counts(std::string_view query) {
  const auto r = read_count_request(query);
  if (!r) return r.error();
  check_query(r->query);
  require(!std::holds_alternative<geo::nearest>(r->query.where));
  require(r->by_cell || r->cells.empty());
  require(r->cells.size() <= max_counted_cells && std::is_sorted(r->cells.begin(), r->cells.end()));
  for (const geo::quad& c : r->cells) require(c.level() == r->level && geo::touches(r->query.where, c));
  return r->key;
}

std::string every_byte_encoded(std::string_view text) {
  std::string out;
  for (const unsigned char c : text) {
    out += '%';
    out += "0123456789abcdef"[c >> 4];
    out += "0123456789abcdef"[c & 15];
  }
  return out;
}

using parameters = std::vector<std::pair<std::string_view, std::string_view>>;

template <class All, class Encode>
std::string spelled(const All& all, Encode encode) {
  std::string out;
  for (const auto& [name, value] : all) out += (out.empty() ? "" : "&") + encode(name) + '=' + encode(value);
  return out;
}

using reading = result<std::string> (*)(std::string_view);

void check_spellings(const parameters& all, reading read) {
  const auto one = read(spelled(all, [](std::string_view t) { return percent_encode(t); }));
  const auto other = read(spelled(all | std::views::reverse, every_byte_encoded));
  require(one.has_value() == other.has_value());
  if (one) {
    require(*one == *other);
  } else {
    check_refusal(one.error());
    check_refusal(other.error());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::string_view names[] = {"lat",  "lon",    "radius", "bbox",  "polygon", "near",         "k",  "at",
                                        "kind", "source", "since",  "limit", "cursor",  "min_severity", "by", "level"};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  parameters all;
  std::size_t i = 0;
  for (const std::string_view line : split(text, '\n')) {
    if (i == std::size(names)) break;
    if (!line.empty()) all.emplace_back(names[i], line);
    ++i;
  }
  for (const reading read : {read_events, read_counts}) {
    check_spellings(all, read);
    if (const auto plain = read(text); !plain) check_refusal(plain.error());
  }
  return 0;
}
