// The Waze live map's georss JSON, its partner feed, and the grid that wraps many answers.
#include "distsys/foundation/text.hpp"
#include "record.hpp"

#include <array>
#include <cmath>

namespace distsys::domain::geo::codec {
namespace {

struct scale {
  std::string_view kind, subtype;  // an empty subtype is any
  int severity;
};

/// Alerts carry no severity of their own: this is ours. The first that fits.
constexpr std::array<scale, 16> severities{{{"accident", "accident_major", 8},
                                            {"accident", "accident_minor", 4},
                                            {"accident", "", 6},
                                            {"road_closed", "", 7},
                                            {"jam", "jam_stand_still_traffic", 7},
                                            {"jam", "jam_heavy_traffic", 5},
                                            {"jam", "jam_moderate_traffic", 3},
                                            {"jam", "jam_light_traffic", 1},
                                            {"jam", "", 3},
                                            {"hazard", "hazard_on_road_ice", 6},
                                            {"hazard", "hazard_on_road_object", 5},
                                            {"hazard", "hazard_weather_flood", 7},
                                            {"hazard", "hazard_on_shoulder_car_stopped", 2},
                                            {"hazard", "", 4},
                                            {"police", "", 1},
                                            {"construction", "", 4}}};

int severity_of(std::string_view kind, std::string_view subtype) noexcept {
  for (const auto& s : severities)
    if (s.kind == kind && (s.subtype.empty() || s.subtype == subtype)) return s.severity;
  return 0;
}

std::string kind_of(std::string_view type) {
  std::string kind = word(type, "event");
  return kind == "weatherhazard" ? "hazard" : kind;  // the partner feed's name for it
}

/// "Street, City"; where a city is missing the source names one that is near.
std::string place_of(record& r) {
  std::string place(r.text("street"));
  std::string_view city = r.text("city");
  if (city.empty()) city = r.text("nearBy");
  if (!place.empty() && !city.empty()) place += ", ";
  return place += city;
}

void copy_all(const json::object& from, json::object& to, std::initializer_list<std::string_view> keys) {
  for (const auto key : keys) copy_scalar(from, to, key);
}

/// The last part of "alert-1721380029/d260be8c-…", for records without their uuid.
std::string id_without_uuid(record& r) {
  std::string id = r.id("id");
  if (const auto slash = id.rfind('/'); slash != std::string::npos) id.erase(0, slash + 1);
  return id;
}

std::string identify(record& r, std::string_view prefix) {
  std::string id = r.id("uuid");
  if (id.empty()) id = id_without_uuid(r);
  if (id.empty()) r.refuse("no_id", "neither uuid nor id");
  id.insert(0, prefix);
  if (!fit_for_name(id)) r.refuse("out_of_range", "uuid is too long");
  return id;
}

event read_alert(record& r) {
  event e;
  e.id = identify(r, "alert-");
  const std::string_view type = r.text("type");
  if (type.empty()) r.refuse("wrong_type", "type is absent");
  e.kind = kind_of(type);
  e.subtype = word(r.text("subtype"), "");
  e.severity = severity_of(e.kind, e.subtype);
  if (const auto at = r.xy(json::find(r.object(), "location"), "location")) e.at = *at;
  e.started = r.time("pubMillis");
  e.text = r.text("reportDescription");
  e.place = place_of(r);
  if (const auto* long_id = json::find(r.object(), "id"); long_id != nullptr && long_id->is_string()) {
    std::string alias = r.id("id");
    if (!alias.empty() && alias != e.id) e.aliases.push_back(std::move(alias));
  }
  const auto& o = r.object();
  copy_all(o, e.properties,
           {"street", "city", "nearBy", "country", "roadType", "magvar", "reliability", "confidence", "reportRating",
            "nThumbsUp", "additionalInfo", "provider"});
  // The live map says "true" or "false" as a string.
  const json::value* official = json::find(o, "reportByMunicipalityUser");
  if (official != nullptr && (*official == true || *official == "true")) e.properties["municipal"] = true;
  return e;
}

bool read_line(record& r, event& e) {
  const json::value* line = json::find(r.object(), "line");
  if (line == nullptr || (line->is_array() && line->get_array().empty())) {
    r.refuse("no_position", "line is absent or empty");
    return false;
  }
  if (!line->is_array()) {
    r.refuse("wrong_type", "line is not an array");
    return false;
  }
  e.line.reserve(line->get_array().size());
  for (const auto& vertex : line->get_array()) {
    const auto p = r.xy(&vertex, "line");
    if (!p) return false;
    e.line.push_back(*p);
  }
  e.at = e.line.front();
  return true;
}

event read_jam(record& r) {
  event e;
  const auto& o = r.object();
  e.id = identify(r, "jam-");
  e.kind = "jam";
  if (!read_line(r, e)) return e;
  const double level = r.number("level", 0, 5).value_or(0);
  e.severity = static_cast<int>(std::lround(2 * level));
  r.number("speed", 0, 200);
  r.number("speedKMH", 0, 720);
  r.number("length", 0, 1e7);
  const auto delay = r.number("delay", -1, 1e7);
  e.started = r.time("pubMillis");
  e.updated = r.time("updateMillis");
  e.subtype = word(r.text("blockType"), "");
  e.text = r.text("blockDescription");
  e.place = place_of(r);
  copy_all(o, e.properties,
           {"street", "city", "country", "level", "speed", "speedKMH", "length", "roadType", "startNode", "endNode",
            "blockStartTime", "blockExpiration", "blockingAlertUuid"});
  if (delay && *delay < 0)
    e.properties["blocked"] = true;
  else
    copy_scalar(o, e.properties, "delay");
  if (const auto* cause = json::get_object(o, "causeAlert"))
    if (const auto uuid = json::get_string(*cause, "uuid"); uuid && fit_for_name(*uuid))
      e.properties["causeAlert"] = "alert-" + std::string(*uuid);
  return e;
}

event read_irregularity(record& r) {
  event e;
  e.id = "irregularity-";
  e.id += r.id("id");
  if (e.id.back() == '-') r.refuse("no_id", "id is absent");
  if (!fit_for_name(e.id)) r.refuse("out_of_range", "id is too long");
  e.kind = "irregularity";
  e.subtype = word(r.text("type"), "");
  if (!read_line(r, e)) return e;
  // The feed's scale is 0 (low) to 5 (high).
  e.severity = static_cast<int>(std::lround(2 * r.number("severity", 0, 5).value_or(0)));
  e.started = r.time("detectionDateMillis");
  e.updated = r.time("updateDateMillis");
  e.place = place_of(r);
  copy_all(r.object(), e.properties,
           {"street", "city", "country", "speed", "regularSpeed", "seconds", "delaySeconds", "length", "trend",
            "highway", "driversCount", "alertsCount", "jamLevel"});
  return e;
}

template <class Read>
void read_all(const json::object& document, std::string_view member, std::string_view source, observation& seen,
              Read read) {
  const json::array* records = json::get_array(document, member);
  if (records == nullptr) return;
  for (const auto& item : *records) {
    static const json::object none;
    const json::object* o = item.if_object();
    record r(o != nullptr ? *o : none);
    if (o == nullptr) r.refuse("wrong_type", std::string(member) + " holds what is not an object");
    event e = r.good() ? read(r) : event{};
    e.source = source;
    keep(r, std::move(e), item, seen);
  }
}

}  // namespace

void decode_georss(const json::object& document, std::string_view source, observation& seen) {
  read_all(document, "alerts", source, seen, read_alert);
  read_all(document, "jams", source, seen, read_jam);
  read_all(document, "irregularities", source, seen, read_irregularity);
}

void decode_grid(const json::object& document, std::string_view source, observation& seen) {
  const json::array* cells = json::get_array(document, "celdas");
  if (cells == nullptr) return;
  for (const auto& cell : *cells) {
    const json::object* o = cell.if_object();
    if (const json::object* data = o != nullptr ? json::get_object(*o, "data") : nullptr) {
      decode_georss(*data, source, seen);
    } else {
      static const json::object none;
      record r(none);
      r.refuse("wrong_type", "a cell without data");
      seen.refused.push_back(r.fault(cell));
    }
  }
}

}  // namespace distsys::domain::geo::codec
