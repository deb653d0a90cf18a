#include "answer.hpp"

#include "distsys/foundation/json.hpp"
#include "distsys/foundation/text.hpp"

#include <array>
#include <charconv>
#include <cstring>
#include <functional>
#include <vector>

namespace distsys::roles::cache {

namespace geo = domain::geo;

namespace {

constexpr std::string_view collection_begins = R"({"type":"FeatureCollection")";

}  // namespace

std::size_t answer::heap_bytes() const noexcept {
  return sizeof(answer) + 32 + key.capacity() + body.capacity() + head.capacity() + watch.heap_bytes() +
         gzip_form::allowance(body.size());
}

bool answer::may_tell_of(std::string_view source) const {
  if (!body.starts_with(collection_begins)) return true;
  std::string member = R"("source":)";  // as features are stored
  json::append_string(member, source);
  return ::memmem(body.data(), body.size(), member.data(), member.size()) != nullptr;
}

std::string etag_of(std::string_view bytes) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(),
                                 static_cast<std::uint64_t>(std::hash<std::string_view>{}(bytes)), 36);
  return '"' + std::string(digits.data(), end.ptr) + '"';
}

std::string head_of(std::string_view body, const downstream& told, std::string_view content_type) {
  const auto seconds = [](auto d) {
    return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(d).count());
  };
  std::string head =
      "Content-Type: " + std::string(content_type) + "\r\nETag: " + etag_of(body) + "\r\nCache-Control: ";
  if (told.max_age < std::chrono::seconds(1)) return head + "no-cache\r\n";
  // Theirs may be served while they ask again for as long as it was fresh, not for as long as ours: ours is dropped by
  // changes.
  head += "public, max-age=" + seconds(told.max_age) + ", stale-while-revalidate=" + seconds(told.max_age);
  if (told.stale_if_error >= std::chrono::seconds(1)) head += ", stale-if-error=" + seconds(told.stale_if_error);
  return head + "\r\n";
}

std::string collection_of(std::span<const std::string_view> features, std::optional<std::uint64_t> matched,
                          std::string_view next_cursor) {
  std::size_t size = 128 + next_cursor.size();
  for (const std::string_view feature : features) size += feature.size() + 1;
  std::string out;
  out.reserve(size);
  out += collection_begins;
  if (matched) out += R"(,"numberMatched":)" + std::to_string(*matched);
  out += R"(,"numberReturned":)" + std::to_string(features.size());
  if (!next_cursor.empty()) {
    out += R"(,"nextCursor":)";
    json::append_string(out, next_cursor);
  }
  out += R"(,"features":[)";
  for (bool first = true; const std::string_view feature : features) {
    if (!first) out += ',';
    first = false;
    out += feature;
  }
  out += "]}";
  return out;
}

std::string collection_of(const geo::event_page& page) {
  const std::vector<std::string_view> features(page.features.begin(), page.features.end());
  return collection_of(features, page.matched, page.next_cursor);
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
