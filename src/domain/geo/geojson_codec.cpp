// GeoJSON FeatureCollections (RFC 7946): the USGS's, those of this system, and any feed of points.
#include "distsys/domain/geo/codecs.hpp"
#include "distsys/foundation/text.hpp"
#include "record.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace distsys::domain::geo::codec {
namespace {

void read_vertices(record& r, const json::value& coordinates, std::vector<position>& line) {
  const json::array* vertices = coordinates.if_array();
  if (vertices == nullptr) return r.refuse("wrong_type", "coordinates are not an array");
  for (const auto& vertex : *vertices) {
    const auto p = r.coordinates(vertex);
    if (!p) return;
    line.push_back(*p);
  }
}

/// Do these two vertices make one point of the antimeridian, seen from both sides?
bool joined(const position& a, const position& b) {
  return std::abs(a.lon) == 180 && a.lon == -b.lon && a.lat == b.lat;
}

/// A line that was cut at the antimeridian, joined again: the vertices of the cuts are not the event's.
void read_parts(record& r, const json::value& coordinates, std::vector<position>& line) {
  const json::array* parts = coordinates.if_array();
  if (parts == nullptr) return r.refuse("wrong_type", "coordinates are not an array");
  for (const auto& item : *parts) {
    std::vector<position> part;
    read_vertices(r, item, part);
    if (!r.good()) return;
    if (!line.empty()) {
      if (part.empty() || !joined(line.back(), part.front()))
        return r.refuse("wrong_type", "a MultiLineString whose parts do not meet at the antimeridian");
      line.pop_back();
      part.erase(part.begin());
    }
    line.insert(line.end(), part.begin(), part.end());
  }
}

void read_geometry(record& r, const json::object& feature, event& e) {
  const json::object* geometry = json::get_object(feature, "geometry");
  if (geometry == nullptr) {
    const bool absent = json::find(feature, "geometry") == nullptr;
    return r.refuse(absent ? "no_position" : "wrong_type", "geometry is absent or not an object");
  }
  const json::value* coordinates = json::find(*geometry, "coordinates");
  if (coordinates == nullptr) return r.refuse("no_position", "geometry has no coordinates");
  const auto type = json::get_string(*geometry, "type").value_or("");
  if (type == "Point") {
    if (const auto p = r.coordinates(*coordinates)) e.at = *p;
    return;
  }
  if (type == "LineString")
    read_vertices(r, *coordinates, e.line);
  else if (type == "MultiLineString")
    read_parts(r, *coordinates, e.line);
  else
    return r.refuse("wrong_type", "geometry is neither a point nor a line but '" + std::string(type) + "'");
  if (e.line.empty()) return r.refuse("no_position", "the line is empty");
  e.at = e.line.front();
}

/// ",us7000abcd,at00xyz," without the edges, and without the event's own.
void read_ids(record& r, event& e) {
  const std::string_view ids = r.text("ids");
  for (const auto id : split(ids, ','))
    if (!id.empty() && id != e.id && fit_for_name(id) &&
        std::find(e.aliases.begin(), e.aliases.end(), id) == e.aliases.end())
      e.aliases.emplace_back(id);
}

void read_usgs(record& r, const json::object& feature, event& e) {
  const auto& p = r.object();
  e.kind = word(r.text("type"), "earthquake");
  const auto magnitude = r.number("mag", -10, 12);  // micro-earthquakes are below zero
  e.severity = std::clamp(static_cast<int>(std::lround(magnitude.value_or(0))), 0, 10);
  e.text = r.text("title");  // absent before 2014
  e.place = r.text("place");
  if (e.text.empty() && magnitude) {
    e.text = "M ";
    json::append_number(e.text, std::round(*magnitude * 10) / 10);
    if (!e.place.empty()) e.text += " - " + e.place;
  }
  e.started = r.time("time");
  e.updated = r.time("updated");
  read_ids(r, e);
  for (const auto* key : {"mag", "magType", "felt", "cdi", "mmi", "alert", "status", "tsunami", "sig", "net", "nst",
                          "dmin", "rms", "gap", "url"})
    copy_scalar(p, e.properties, key);
  const json::object* geometry = json::get_object(feature, "geometry");
  const json::array* c = geometry != nullptr ? json::get_array(*geometry, "coordinates") : nullptr;
  if (c != nullptr && c->size() > 2 && (*c)[2].is_number()) e.properties["depth_km"] = (*c)[2];
}

void read_own(record& r, event& e) {
  e.source = r.text("source");
  e.id = r.id("id");
  e.kind = r.text("kind");
  e.subtype = r.text("subtype");
  e.severity = static_cast<int>(r.number("severity", 0, 10).value_or(0));
  e.text = r.text("text");
  e.place = r.text("place");
  e.started = r.time("started");
  e.updated = r.time("updated");
  e.expires = r.time("expires");
  if (const auto* aliases = json::get_array(r.object(), "aliases"))
    for (const auto& alias : *aliases)
      if (alias.is_string() && fit_for_name(alias.get_string())) e.aliases.emplace_back(alias.get_string());
  if (const auto* properties = json::get_object(r.object(), "source_properties"))
    e.properties = without_personal_data(*properties).get_object();
  // No member of ours, but how every source ends an event (says_deleted).
  if (const auto* status = json::find(r.object(), "status"); status != nullptr && status->is_string())
    e.properties["status"] = *status;
}

/// The first of several usual names that is there.
std::string_view first_text(record& r, std::initializer_list<std::string_view> keys) {
  for (const auto key : keys)
    if (const auto text = json::get_string(r.object(), key); text && !text->empty()) return *text;
  return {};
}

std::optional<timestamp> first_time(record& r, std::initializer_list<std::string_view> keys) {
  for (const auto key : keys)
    if (json::find(r.object(), key) != nullptr) return r.time(key);
  return std::nullopt;
}

void read_any(record& r, event& e) {
  e.kind = word(first_text(r, {"kind", "type", "category", "event"}), "event");
  e.subtype = word(first_text(r, {"subtype", "subcategory"}), "");
  // Only a number from 0 to 10 is on our scale; other feeds have words or other scales, which stay properties.
  const auto severity = json::get_number(r.object(), "severity");
  if (severity && *severity >= 0 && *severity <= 10) e.severity = static_cast<int>(std::lround(*severity));
  e.text = first_text(r, {"title", "text", "name", "headline", "description"});
  e.place = first_text(r, {"place", "address", "location", "city"});
  e.started = first_time(r, {"started", "time", "start", "onset", "date", "created"});
  e.updated = first_time(r, {"updated", "modified", "lastModified"});
  e.expires = first_time(r, {"expires", "ends", "end"});
  for (const auto& member : r.object())
    if (!personal(member.key())) copy_scalar(r.object(), e.properties, member.key());
}

/// Whose features may be read, and whose name they get.
struct origin {
  std::string_view source;
  bool trusted_own;
};

bool is_own(const json::object& feature, const json::object& properties, const origin& from) {
  const auto source = json::get_string(properties, "source"), id = json::get_string(properties, "id");
  const auto whole = json::get_string(feature, "id");
  return source && id && whole && !source->empty() && (from.trusted_own || *source == from.source) &&
         !json::get_string(properties, "kind").value_or("").empty() &&
         *whole == std::string(*source) + "/" + std::string(*id);
}

void read_feature(record& r, const json::object& feature, const origin& from, event& e) {
  const auto& properties = r.object();
  if (is_own(feature, properties, from)) {
    read_own(r, e);
  } else {
    record outer(feature);
    e.source = from.source;
    e.id = outer.id("id");
    if (!outer.good()) return r.refuse("wrong_type", "the feature's id is no id");
    for (const auto* key : {"id", "uuid", "code"})
      if (e.id.empty()) e.id = r.id(key);
    if (e.id.empty()) r.refuse("no_id", "the feature has no id");
    if (properties.contains("mag") && properties.contains("net"))
      read_usgs(r, feature, e);
    else
      read_any(r, e);
  }
  if (e.id.empty()) r.refuse("no_id", "the feature has no id");
  if (!fit_for_name(e.source) || !fit_for_name(e.kind)) r.refuse("out_of_range", "source or kind is too long");
  read_geometry(r, feature, e);
}

}  // namespace

std::string geojson_source(const json::object& document) {
  const json::object* metadata = json::get_object(document, "metadata");
  const auto from = [](const json::object* o, std::string_view key) {
    return o != nullptr ? json::get_string(*o, key).value_or("") : std::string_view{};
  };
  if (from(metadata, "url").find("usgs.gov") != std::string_view::npos || from(metadata, "title").starts_with("USGS"))
    return "usgs";
  for (const auto title : {from(metadata, "title"), from(&document, "title"), from(&document, "name")})
    if (!title.empty()) return word(title, "geojson");
  return "geojson";
}

void decode_geojson(const json::object& document, std::string_view source, bool trusted_own, observation& seen) {
  const json::array* features = json::get_array(document, "features");
  if (features == nullptr) return;
  static const json::object none;
  const origin from{source, trusted_own};
  for (const auto& item : *features) {
    const json::object* feature = item.if_object();
    const json::object* properties = feature != nullptr ? json::get_object(*feature, "properties") : nullptr;
    record r(properties != nullptr ? *properties : none);
    event e;
    if (feature == nullptr)
      r.refuse("wrong_type", "a feature is not an object");
    else if (properties == nullptr && json::find(*feature, "properties") != nullptr)
      r.refuse("wrong_type", "properties are not an object");
    else
      read_feature(r, *feature, from, e);
    keep(r, std::move(e), item, seen);
  }
}

}  // namespace distsys::domain::geo::codec
