#include "answer.hpp"

#include "distsys/foundation/json.hpp"
#include "distsys/foundation/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <variant>

namespace distsys::roles::cache {
namespace {

namespace geo = domain::geo;

struct touch_test {
  const touch& t;

  template <class Shape>
  bool in(const Shape& shape) const noexcept {
    return geo::contains(shape, t.at) || (t.previous && geo::contains(shape, *t.previous));
  }
  bool operator()(const geo::everywhere&) const noexcept { return true; }
  bool operator()(const geo::circle& c) const noexcept { return in(c); }
  bool operator()(const geo::box& b) const noexcept { return in(b); }
  bool operator()(const geo::polygon& p) const noexcept { return in(p); }
  // Any event anywhere may be nearer than those that were found, or leave its place to another.
  bool operator()(const geo::nearest&) const noexcept { return true; }
};

}  // namespace

std::size_t answer::heap_bytes() const noexcept {
  std::size_t n =
      sizeof(answer) + 32 + key.capacity() + body.capacity() + head.capacity() + gzip_form::allowance(body.size());
  for (const std::string& s : sources) n += sizeof(std::string) + s.capacity();
  return n;
}

bool touches(const touch& t, const answer& a) noexcept {
  const bool source = a.sources.empty() || std::find(a.sources.begin(), a.sources.end(), t.source) != a.sources.end();
  return source && std::visit(touch_test{t}, a.where);
}

std::string etag_of(std::string_view bytes) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(),
                                 static_cast<std::uint64_t>(std::hash<std::string_view>{}(bytes)), 36);
  return '"' + std::string(digits.data(), end.ptr) + '"';
}

std::string head_of(std::string_view body, std::chrono::steady_clock::duration ttl) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(ttl).count();
  return "Content-Type: application/geo+json\r\nETag: " + etag_of(body) +
         "\r\nCache-Control: " + (seconds < 1 ? "no-cache" : "public, max-age=" + std::to_string(seconds)) + "\r\n";
}

std::string collection_of(const geo::event_page& page) {
  std::size_t size = 256 + page.next_cursor.size();
  for (const std::string& feature : page.features) size += feature.size() + 1;
  std::string out;
  out.reserve(size);
  out += R"({"type":"FeatureCollection")";
  if (page.matched) out += R"(,"numberMatched":)" + std::to_string(*page.matched);
  out += R"(,"numberReturned":)" + std::to_string(page.features.size());
  if (!page.next_cursor.empty()) {
    out += R"(,"nextCursor":)";
    json::append_string(out, page.next_cursor);
  }
  out += R"(,"features":[)";
  for (bool first = true; const std::string& feature : page.features) {
    if (!first) out += ',';
    first = false;
    out += feature;
  }
  out += "]}";
  return out;
}

std::string feature_with_history(const geo::event_history& history) {
  std::string out = history.feature;
  out.pop_back();  // the closing brace
  out += history.ended ? R"(,"ended":true,"history":[)" : R"(,"ended":false,"history":[)";
  for (bool first = true; const geo::change& c : history.changes) {
    if (!first) out += ',';
    first = false;
    out += R"({"sequence":)" + std::to_string(c.sequence) + R"(,"change":")";
    out += name(c.kind);
    out += R"(","observed":")" + format_time(c.observed) + R"(","recorded":")" + format_time(c.recorded);
    out += R"(","feature":)" + (c.feature.empty() ? "null" : c.feature) + '}';
  }
  out += "]}";
  return out;
}

}  // namespace distsys::roles::cache
