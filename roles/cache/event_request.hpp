// What a client asks of /events, from its query string: parsed, checked, and named by one normal form.
#pragma once

#include "distsys/domain/geo/event_repository.hpp"
#include "distsys/foundation/error.hpp"
#include "distsys/net/http_message.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace distsys::roles::cache {

struct event_request {
  domain::geo::event_query query;
  /// Equal for requests that mean the same, however they are spelled.
  std::string key;
};

/// `lat=&lon=&radius=` (km; or with the suffix km, m or mi), `bbox=w,s,e,n`, `polygon=lon,lat,…`, `near=lat,lon&k=`, or
/// none of them: everywhere; `kind=`, `source=` (repeated or separated by commas), `since=`, `min_severity=`, `at=` (a
/// time that is over: what was active then), `limit=`, `cursor=`.
/// errc::invalid names every parameter that is wrong or unknown.
result<event_request> read_event_request(std::string_view encoded_query);

/// Which changes a stream shows: everything, or those in a box, of some kinds, of some sources.
struct stream_filter {
  domain::geo::box where;
  bool everywhere = true;
  std::vector<std::string> kinds, sources;

  bool wants_kind(std::string_view kind) const noexcept;
  bool wants_source(std::string_view source) const noexcept;
  bool covers(const domain::geo::position& p) const noexcept;
};

struct stream_request {
  stream_filter filter;
  std::string last_event_id;  // for clients that cannot set the header
};

/// `bbox=`, `kind=`, `source=`, `last_event_id=`.
result<stream_request> read_stream_request(std::string_view encoded_query);

}  // namespace distsys::roles::cache
