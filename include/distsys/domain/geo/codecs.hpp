// Documents of the sources into observations. A document that is not JSON, or is truncated, is errc::invalid with the
// byte offset; a bad record inside a good document is refused and never harms its neighbours. Pure functions.
//
// What becomes of the records:
// - georss `alerts[]`: id "alert-UUID" (its long `id` is an alias), kind of `type`, subtype of `subtype`, severity by
// both
//   (georss_codec.cpp has the table). `jams[]`: id "jam-UUID", kind "jam", severity 2 x level (0-5), started pubMillis,
//   updated updateMillis; delay -1 becomes `"blocked": true`. `irregularities[]` of the partner feed: id
//   "irregularity-ID", kind "irregularity". The prefixes keep numbers that alerts and jams share apart. Only members
//   named in the codec are kept, none that tells of a person; `users[]` is not read.
// - GeoJSON of the USGS: the feature's id, aliases of `ids`, kind of `type`, severity the magnitude rounded, 0 … 10.
// - other GeoJSON: Points and LineStrings with an id; well-known names for the rest (geojson_codec.cpp).
// - GeoJSON of this system (to_feature): as it was. Only of the feed's own source unless `trusted_own`: nobody rewrites
//   another source's events by naming it.
#pragma once

#include "distsys/domain/geo/event.hpp"
#include "distsys/foundation/error.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace distsys::domain::geo {

enum class document_format { geojson, georss, georss_grid };
std::string_view name(document_format f) noexcept;

struct decode_options {
  std::string source;                 // overrides the feed's own name ("waze", "usgs", its title)
  std::optional<timestamp> observed;  // when the document itself does not say
  bool trusted_own = false;           // features of this system may be of any source: the document is ours
};

/// By content: a FeatureCollection, an object with alerts or jams (live map and partner feed), or one with celdas.
result<document_format> detect_format(const json::value& document);

/// Detects and decodes. Without an observation time in options or document: errc::invalid.
result<observation> decode(const json::value& document, const decode_options& options);
/// Parses first.
result<observation> decode(std::string_view document, const decode_options& options);
inline result<observation> decode(const std::string& document, const decode_options& options) {
  return decode(std::string_view(document), options);  // a json::value can be made of one too
}
inline result<observation> decode(const char* document, const decode_options& options) {
  return decode(std::string_view(document), options);
}

/// The observation time that a document states itself (metadata.generated, endTimeMillis, metadata.fecha_consulta in
/// America/Santiago, …).
std::optional<timestamp> observation_time(const json::value& document);

/// The document without `users` and without any member that names a person (`reportBy…`, `userName`, `wazeData`, …), at
/// any depth: what may be recorded or kept.
json::value without_personal_data(json::value document);

}  // namespace distsys::domain::geo
