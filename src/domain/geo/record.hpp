// One record of a document, read with the first thing that is wrong about it remembered. For the codecs.
#pragma once

#include "distsys/domain/geo/event.hpp"

#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace distsys::domain::geo::codec {

/// Reads members; after the first fault every answer is still usable, and fault() says what the record is refused for.
class record {
 public:
  explicit record(const json::object& o) : object_(o) {}

  const json::object& object() const noexcept { return object_; }
  bool good() const noexcept { return reason_.empty(); }
  void refuse(std::string_view reason, std::string detail);
  refusal fault(const json::value& whole) const;

  /// Empty when absent; "wrong_type".
  std::string_view text(std::string_view key);
  /// A string or an integer as text, fit to be an id; empty when absent; "wrong_type", "out_of_range".
  std::string id(std::string_view key);
  /// "wrong_type", "out_of_range".
  std::optional<double> number(std::string_view key, double low, double high);
  /// Milliseconds since 1970, or RFC 3339; "bad_time".
  std::optional<timestamp> time(std::string_view key);
  /// {x: longitude, y: latitude}; "no_position", "wrong_type", "out_of_range".
  std::optional<position> xy(const json::value* v, std::string_view key);
  /// [longitude, latitude, …]; as above.
  std::optional<position> coordinates(const json::value& v);

 private:
  std::optional<position> checked(const json::value* lon, const json::value* lat, std::string_view key);

  const json::object& object_;
  std::string_view reason_;
  std::string detail_;
};

/// JSON text with members in order of their names: one text for equal values. Numbers that JSON cannot write are null.
std::string canonical(const json::value& v);

/// The first `most` bytes of UTF-8 or fewer: no character is cut in two.
std::string_view beginning(std::string_view text, std::size_t most) noexcept;
/// For messages: its canonical text, cut off when it is long.
std::string shown(const json::value& v);

/// Longest source, id, alias: what every database can index.
inline constexpr std::size_t max_name_bytes = 255;
bool fit_for_name(std::string_view text) noexcept;

/// The years 0001 … 9999, which RFC 3339 can write.
std::optional<timestamp> time_of(const json::value& v);

/// "Ice Quake" becomes "ice_quake"; `fallback` when nothing is left.
std::string word(std::string_view text, std::string_view fallback);

/// Longest text of an event, as it is stored: one record must not fill a stream's queue or make an area unreadable.
inline constexpr std::size_t max_feature_bytes = 64u << 10;

/// The one place where a record becomes an event of the observation or a refusal: also "too_large", the sixth word of
/// refusal::reason, when its text would be longer than max_feature_bytes. `item` is the record as it came.
void keep(record& r, event&& e, const json::value& item, observation& seen);

/// Copies a string, number or bool; nothing when it is absent or something else.
void copy_scalar(const json::object& from, json::object& to, std::string_view key);

/// Folds events with the same source and id: the one updated last, else the last one, stays where the first was.
void fold_duplicates(observation& seen);

/// Is this member's name one that tells of a person?
bool personal(std::string_view key) noexcept;

void decode_georss(const json::object& document, std::string_view source, observation& seen);
void decode_grid(const json::object& document, std::string_view source, observation& seen);
/// `trusted_own`: features of this system keep their source, whichever it is; else only `source`.
void decode_geojson(const json::object& document, std::string_view source, bool trusted_own, observation& seen);
/// What the feed calls itself: "usgs", or its title as one word.
std::string geojson_source(const json::object& document);

/// Time of day in America/Santiago: "2025-04-14 11:53:11". UTC-3 from the first Sunday of September (at 24:00 of the
/// Saturday) to the first Sunday of April, else UTC-4: the law since 2019, and the tz database's rule ("Chile", Sep
/// Sun>=2 4:00u, Apr Sun>=2 3:00u); in 2022 the change was on 11 September. The hour that comes twice is the second
/// one.
std::optional<timestamp> santiago_time(std::string_view text);

}  // namespace distsys::domain::geo::codec
