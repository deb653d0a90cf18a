#include "feature_facts.hpp"

#include <charconv>

#include "distsys/foundation/json.hpp"
#include "distsys/foundation/text.hpp"

namespace distsys::domain::geo {
namespace {

/// What follows `mark`: the rest of the text, or nothing. No string of the feature can hold a mark, because a quote
/// within a string is escaped.
std::string_view after(std::string_view text, std::string_view mark) {
  const auto at = text.find(mark);
  return at == std::string_view::npos ? std::string_view() : text.substr(at + mark.size());
}

std::string string_at(std::string_view text) {
  std::size_t end = 0;
  bool escaped = false;
  while (end < text.size() && text[end] != '"') {
    escaped = escaped || text[end] == '\\';
    end += text[end] == '\\' ? 2 : 1;
  }
  const auto raw = text.substr(0, end);
  if (!escaped) return std::string(raw);
  const auto parsed = json::parse('"' + std::string(raw) + '"');
  return parsed && parsed->is_string() ? std::string(parsed->get_string()) : std::string(raw);
}

std::optional<timestamp> time_at(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto time = parse_time(text.substr(0, text.find('"')));
  return time ? std::optional<timestamp>(*time) : std::nullopt;
}

}  // namespace

feature_facts facts_of(std::string_view feature) {
  // The source's own members come last and may have any name.
  std::string_view own = after(feature, R"("properties":{"source":)");
  own = own.substr(0, own.find(R"(,"source_properties":{)"));
  feature_facts f;
  f.id = string_at(after(own, R"(,"id":")"));
  f.kind = string_at(after(own, R"(,"kind":")"));
  const auto severity = after(own, R"(,"severity":)");
  std::from_chars(severity.data(), severity.data() + severity.size(), f.severity);
  f.started = time_at(after(own, R"(,"started":")"));
  f.updated = time_at(after(own, R"(,"updated":")"));
  f.expires = time_at(after(own, R"(,"expires":")"));
  return f;
}

}  // namespace distsys::domain::geo
