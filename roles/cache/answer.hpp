// One cached answer: bytes ready to be written, and what they depend on.
#pragma once

#include "gzip_form.hpp"

#include "distsys/caching/bounded_map.hpp"
#include "distsys/domain/geo/event_repository.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace distsys::roles::cache {

using caching::time_point;

/// Immutable once made, but for `gzip` and `dropped`.
struct answer {
  std::string key;
  domain::geo::area where;
  std::vector<std::string> sources;  // empty: any
  std::string body;                  // GeoJSON
  std::string head;                  // Content-Type, ETag and Cache-Control lines, ready to be written
  time_point filled, expires;
  mutable gzip_form gzip;                    // of body
  mutable std::atomic<bool> dropped{false};  // a change has touched it: it may not be served any more

  /// With the allowance of `gzip`, made or not: it comes when the answer is already kept.
  std::size_t heap_bytes() const noexcept;
};
using shared_answer = std::shared_ptr<const answer>;

/// What of a change decides which answers it touches.
struct touch {
  std::string source;
  domain::geo::position at;
  std::optional<domain::geo::position> previous;
};

/// True unless the change certainly leaves the answer as it is.
bool touches(const touch& t, const answer& a) noexcept;

/// A strong entity tag of these bytes, with its quotes. Stable for one build.
std::string etag_of(std::string_view bytes);

/// The head lines of a body: its content type, its entity tag and how long caches on the
/// way may keep it: as long as this one would, since Age tells them how much of that is over.
std::string head_of(std::string_view body, std::chrono::steady_clock::duration ttl);

/// A GeoJSON FeatureCollection (RFC 7946) with numberMatched, numberReturned and nextCursor.
std::string collection_of(const domain::geo::event_page& page);

/// The event's Feature with the members `ended` and `history`.
std::string feature_with_history(const domain::geo::event_history& history);

}  // namespace distsys::roles::cache
