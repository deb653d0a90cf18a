// What is posted to /events, as a document and as lines: every row has one fate, what is to be stored is well formed
// and of the poster alone, and a collection means the same as its features a line each.
#include "roles/cache/upload.hpp"

#include "../invariants.hpp"
#include "distsys/foundation/json.hpp"
#include "distsys/foundation/text.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace distsys;
using namespace distsys::roles::cache;
using fuzz::require;

const std::string poster = "phone";
constexpr domain::geo::timestamp now{std::chrono::milliseconds(1'744'221'840'000)};

/// The rows that are `ids`, one each, which no other row is.
void check_chosen(const upload& u, const std::vector<std::size_t>& rows, const std::vector<std::string>& ids,
                  std::set<std::size_t>& chosen) {
  require(rows.size() == ids.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    require(chosen.insert(rows[i]).second);
    require(u.rows.at(rows[i]).id == ids[i] && u.rows[rows[i]].reason.empty());
  }
}

void check_rows(const upload& u) {
  require(!u.rows.empty() || u.seen.refused.empty());
  require(u.rows.size() <= max_upload_rows);
  std::vector<std::string> ids;
  for (const auto& e : u.seen.events) {
    require(e.source == poster && !domain::geo::says_deleted(e));
    ids.push_back(e.id);
  }
  std::set<std::size_t> chosen;
  check_chosen(u, u.live, ids, chosen);
  check_chosen(u, u.over, u.ended, chosen);
  std::size_t refused = 0;
  for (std::size_t i = 0; i < u.rows.size(); ++i) {
    const upload_row& r = u.rows[i];
    require(i == 0 || r.number > u.rows[i - 1].number);
    require(chosen.contains(i) == r.reason.empty() && r.reason.empty() == r.detail.empty());
    require(r.verdict == row_verdict::refused || r.verdict == row_verdict::older);
    refused += !r.reason.empty() && r.verdict == row_verdict::refused ? 1 : 0;
  }
  require(refused == u.seen.refused.size());
}

void check_told(const upload& u) {
  const auto told = json::parse(verdicts_json(u.rows));
  require(told.has_value());
  const auto& o = told->get_object();
  require(o.at("rows").get_array().size() == u.rows.size());
  std::int64_t sum = 0;
  for (const char* verdict : {"added", "changed", "unchanged", "older", "ended", "refused"})
    sum += o.at(verdict).as_int64();
  require(sum == static_cast<std::int64_t>(u.rows.size()));
}

void check(const result<upload>& read) {
  if (!read) {
    require(read.error() == errc::invalid || read.error() == errc::too_large);
    require(!read.error().detail.empty());
    return;
  }
  require(read->seen.observed <= now);
  check_rows(*read);
  check_told(*read);
  auto seen = read->seen;
  // What is not JSON keeps no text.
  std::erase_if(seen.refused, [](const auto& r) { return r.reason == "not_json" && r.document.empty(); });
  fuzz::check_observation(seen);
}

/// The same as a text that is read as what it was written from; nothing when it is not JSON. Boost.JSON 1.81 reads a
/// number of 16 digits or more as one beside it at times, and another when it is written and read again.
std::optional<std::string> settled(std::string text) {
  constexpr int most_rounds = 8;
  for (int round = 0; round < most_rounds; ++round) {
    const auto document = json::parse(text);
    if (!document) return std::nullopt;
    std::string again = boost::json::serialize(*document);
    if (again == text) return text;
    text = std::move(again);
  }
  return std::nullopt;
}

/// The features of a collection, a line each; nothing when it is none.
std::string lines_of(const std::string& text) {
  const auto document = json::parse(text);
  const json::object* o = document ? document->if_object() : nullptr;
  const json::array* features = o != nullptr ? json::get_array(*o, "features") : nullptr;
  std::string lines;
  if (features != nullptr)
    for (const json::value& f : *features) lines += boost::json::serialize(f) + '\n';
  return lines;
}

void check_same(const upload& a, const upload& b) {
  require(a.rows.size() == b.rows.size() && a.seen.events.size() == b.seen.events.size() && a.ended == b.ended);
  for (std::size_t i = 0; i < a.rows.size(); ++i)
    require(a.rows[i].id == b.rows[i].id && a.rows[i].verdict == b.rows[i].verdict &&
            a.rows[i].reason == b.rows[i].reason);
  for (std::size_t i = 0; i < a.seen.events.size(); ++i)
    require(to_feature(a.seen.events[i]) == to_feature(b.seen.events[i]));
}

/// What is stored is what its own line says, and not another's with the same id.
void check_winners(const std::string& lines, const upload& u) {
  const auto each = split(lines, '\n');
  for (std::size_t i = 0; i < u.live.size(); ++i) {
    const auto alone = read_upload(upload_format::lines, each.at(u.rows[u.live[i]].number), poster, now);
    require(alone && alone->seen.events.size() == 1);
    require(to_feature(alone->seen.events[0]) == to_feature(u.seen.events[i]));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check(read_upload(upload_format::lines, text, poster, now));
  for (const std::string& posted : {text, "{\"type\":\"FeatureCollection\",\"features\":[" + text + "]}"}) {
    check(read_upload(upload_format::geojson, posted, poster, now));
    const auto document = settled(posted);
    if (!document) continue;
    const auto whole = read_upload(upload_format::geojson, *document, poster, now);
    check(whole);
    const std::string lines = lines_of(*document);
    if (!whole || lines.empty()) continue;
    const auto each = read_upload(upload_format::lines, lines, poster, now);
    require(each.has_value());
    check_same(*whole, *each);
    check_winners(lines, *each);
  }
  return 0;
}
