#include "distsys/domain/geo/codecs.hpp"

#include "record.hpp"

namespace distsys::domain::geo {
namespace {

/// "2025-04-09 18:04:00:000", in UTC: the live map's own way to write milliseconds.
std::optional<timestamp> live_map_time(std::string_view text) {
  if (text.size() != 23 || text[19] != ':') return std::nullopt;
  return codec::time_of(json::value(std::string(text.substr(0, 19)) + "." + std::string(text.substr(20)) + "Z"));
}

std::optional<timestamp> time_in(const json::object& o, std::string_view key) {
  const json::value* v = json::find(o, key);
  return v != nullptr ? codec::time_of(*v) : std::nullopt;
}

/// Each member that is there must be an array: an error page in JSON is not an empty answer.
bool arrays(const json::object& o, std::initializer_list<std::string_view> keys) {
  bool some = false;
  for (const auto key : keys) {
    const json::value* v = json::find(o, key);
    if (v != nullptr && !v->is_array()) return false;
    some = some || v != nullptr;
  }
  return some;
}

}  // namespace

std::string_view name(document_format f) noexcept {
  switch (f) {
    case document_format::geojson:
      return "geojson";
    case document_format::georss:
      return "georss";
    case document_format::georss_grid:
      return "georss_grid";
  }
  return "unknown";
}

result<document_format> detect_format(const json::value& document) {
  const json::object* o = document.if_object();
  if (o == nullptr) return error{errc::invalid, "the document is not a JSON object"};
  if (json::get_string(*o, "type") == "FeatureCollection") {
    if (arrays(*o, {"features"})) return document_format::geojson;
    return error{errc::invalid, "the FeatureCollection has no array of features"};
  }
  if (arrays(*o, {"celdas"})) return document_format::georss_grid;
  if (arrays(*o, {"alerts", "jams", "irregularities"})) return document_format::georss;
  return error{errc::invalid, "neither a GeoJSON FeatureCollection, nor georss (alerts, jams), nor a grid (celdas)"};
}

std::optional<timestamp> observation_time(const json::value& document) {
  const json::object* o = document.if_object();
  if (o == nullptr) return std::nullopt;
  if (const auto* metadata = json::get_object(*o, "metadata")) {
    if (const auto t = time_in(*metadata, "generated")) return t;
    if (const auto local = json::get_string(*metadata, "fecha_consulta"))
      if (const auto t = codec::santiago_time(*local)) return t;
  }
  for (const auto* key : {"endTimeMillis", "endTime", "timeStamp", "timestamp", "generated"}) {
    if (const auto t = time_in(*o, key)) return t;
    if (const auto text = json::get_string(*o, key))
      if (const auto t = live_map_time(*text)) return t;
  }
  return std::nullopt;
}

result<observation> decode(const json::value& document, const decode_options& options) {
  const auto format = detect_format(document);
  if (!format) return format.error();
  const auto observed = observation_time(document);
  if (!observed && !options.observed)
    return error{errc::invalid, "neither the document nor its name says when it is from"};
  if (!codec::fit_for_name(options.source)) return error{errc::invalid, "the source's name is too long"};

  observation seen;
  seen.observed = observed ? *observed : *options.observed;
  const auto& o = document.get_object();
  const auto source = [&](std::string own) { return options.source.empty() ? own : options.source; };
  switch (*format) {
    case document_format::geojson:
      codec::decode_geojson(o, source(codec::geojson_source(o)), options.trusted_own, seen);
      break;
    case document_format::georss:
      codec::decode_georss(o, source("waze"), seen);
      break;
    case document_format::georss_grid:
      codec::decode_grid(o, source("waze"), seen);
      break;
  }
  codec::fold_duplicates(seen);
  return seen;
}

result<observation> decode(std::string_view document, const decode_options& options) {
  const auto parsed = json::parse(document);
  if (!parsed) return parsed.error();
  return decode(*parsed, options);
}

}  // namespace distsys::domain::geo
