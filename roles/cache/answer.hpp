// One cached answer: bytes ready to be written, and what they depend on.
#pragma once

#include "gzip_form.hpp"
#include "slots.hpp"

#include "distsys/caching/bounded_map.hpp"
#include "distsys/domain/geo/event_repository.hpp"
#include "distsys/domain/geo/event_rows.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace distsys::roles::cache {

using caching::time_point;

/// Immutable once made, but for `gzip`.
struct answer {
  std::string key;
  std::string body;
  std::string head;         // Content-Type, ETag and Cache-Control lines, ready to be written
  slot_table::watch watch;  // of what it was read from
  time_point filled;        // when the oldest part of it was read
  time_point expires;       // when the first part of it is past its time
  time_point renew;         // when it is made anew: a little before, so that who asks then has that part read ahead
  std::int64_t next_expiry = domain::geo::event_rows::never;  // ms since 1970: when the first of its events expires
  mutable gzip_form gzip;                                     // of body

  /// May it tell of events of this source? A count does not say whose events it counts.
  bool may_tell_of(std::string_view source) const;
  /// With the allowance of `gzip`, made or not: it comes when the answer is already kept.
  std::size_t heap_bytes() const noexcept;
};
using shared_answer = std::shared_ptr<const answer>;

/// What caches on the way are told. They do not hear of changes.
struct downstream {
  std::chrono::steady_clock::duration max_age{}, stale_if_error{};
};

/// A strong entity tag of these bytes, with its quotes. Stable for one build.
std::string etag_of(std::string_view bytes);

/// The head lines of a body: its content type, its entity tag and how long caches on the way may keep it. Less than a
/// second is `no-cache`: ask each time.
std::string head_of(std::string_view body, const downstream& told,
                    std::string_view content_type = "application/geo+json");

/// A GeoJSON FeatureCollection (RFC 7946) with numberMatched, numberReturned and nextCursor.
std::string collection_of(std::span<const std::string_view> features, std::optional<std::uint64_t> matched,
                          std::string_view next_cursor);
std::string collection_of(const domain::geo::event_page& page);

/// The event's Feature with the members `ended` and `history`.
std::string feature_with_history(const domain::geo::event_history& history);

}  // namespace distsys::roles::cache
