#include "event_request.hpp"

#include "query_parts.hpp"

#include <algorithm>

namespace distsys::roles::cache {
namespace {

namespace geo = domain::geo;

constexpr std::size_t max_cursor_bytes = 1024;

std::string key_of(const geo::event_query& q) {
  std::string key;
  key.reserve(128);
  append_area(key, q.where);
  append_names(key, 'k', q.kinds);
  append_names(key, 's', q.sources);
  if (q.since) key += " since " + std::to_string(q.since->time_since_epoch().count());
  if (q.at) key += " at " + std::to_string(q.at->time_since_epoch().count());
  if (q.min_severity) key += " severity " + std::to_string(*q.min_severity);
  key += " limit " + std::to_string(q.limit);
  if (!q.cursor.empty()) append_names(key, 'c', {q.cursor});
  return key;
}

}  // namespace

result<event_request> read_event_request(std::string_view encoded_query) {
  net::query_parameters parameters(encoded_query);
  event_request r;
  geo::event_query& q = r.query;
  q.where = read_area(parameters);
  q.kinds = read_names("kind", parameters);
  q.sources = read_names("source", parameters);
  q.since = read_time("since", parameters);
  q.at = read_past("at", parameters);
  if (const auto severity = parameters.integer("min_severity", 0, 10)) q.min_severity = static_cast<int>(*severity);
  if (const auto limit = parameters.integer("limit", 1, 10'000)) q.limit = static_cast<std::size_t>(*limit);
  q.cursor = parameters.text("cursor").value_or("");
  if (q.cursor.size() > max_cursor_bytes) parameters.refuse("cursor", "is not one of ours");
  if (const auto ok = parameters.finish(); !ok) return ok.error();
  r.key = key_of(q);
  return r;
}

bool stream_filter::wants_kind(std::string_view kind) const noexcept {
  return kinds.empty() || std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

bool stream_filter::wants_source(std::string_view source) const noexcept {
  return sources.empty() || std::find(sources.begin(), sources.end(), source) != sources.end();
}

bool stream_filter::covers(const geo::position& p) const noexcept { return everywhere || geo::contains(where, p); }

result<stream_request> read_stream_request(std::string_view encoded_query) {
  net::query_parameters parameters(encoded_query);
  stream_request r;
  if (const auto bbox = parameters.text("bbox")) {
    r.filter.everywhere = false;
    if (const auto b = read_box(*bbox, parameters)) r.filter.where = *b;
  }
  r.filter.kinds = read_names("kind", parameters);
  r.filter.sources = read_names("source", parameters);
  r.last_event_id = parameters.text("last_event_id").value_or("");
  if (const auto ok = parameters.finish(); !ok) return ok.error();
  return r;
}

}  // namespace distsys::roles::cache
