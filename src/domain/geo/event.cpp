#include "distsys/domain/geo/event.hpp"

#include "distsys/foundation/text.hpp"
#include "record.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace distsys::domain::geo {
namespace {

/// To 15 significant digits, which every decimal of that length survives: 3.2799999999999998 is 3.28 again, and a
/// parser that is off by one in the last place (Boost.JSON 1.81's is) does not make an event look changed.
void append_decimal(std::string& out, double v) {
  if (!std::isfinite(v)) {
    out += "null";
    return;
  }
  std::array<char, 32> text{};
  const auto done = std::to_chars(text.data(), text.data() + text.size(), v + 0.0, std::chars_format::general, 15);
  out.append(text.data(), done.ptr);
}

void append_canonical(std::string& out, const json::value& v);

void append_canonical(std::string& out, const json::object& o) {
  std::vector<const json::object::value_type*> members;
  members.reserve(o.size());
  for (const auto& m : o) members.push_back(&m);
  std::sort(members.begin(), members.end(), [](const auto* a, const auto* b) { return a->key() < b->key(); });
  out += '{';
  for (bool first = true; const auto* m : members) {
    if (!first) out += ',';
    first = false;
    json::append_string(out, m->key());
    out += ':';
    append_canonical(out, m->value());
  }
  out += '}';
}

void append_canonical(std::string& out, const json::value& v) {
  switch (v.kind()) {
    case boost::json::kind::null:
      out += "null";
      break;
    case boost::json::kind::bool_:
      out += v.get_bool() ? "true" : "false";
      break;
    case boost::json::kind::int64:
      json::append_number(out, v.get_int64());
      break;
    case boost::json::kind::uint64:
      out += std::to_string(v.get_uint64());
      break;
    case boost::json::kind::double_:
      append_decimal(out, v.get_double());
      break;
    case boost::json::kind::string:
      json::append_string(out, v.get_string());
      break;
    case boost::json::kind::object:
      append_canonical(out, v.get_object());
      break;
    case boost::json::kind::array: {
      out += '[';
      for (bool first = true; const auto& item : v.get_array()) {
        if (!first) out += ',';
        first = false;
        append_canonical(out, item);
      }
      out += ']';
    }
  }
}

void append_position(std::string& out, const position& p) {
  out += '[';
  append_decimal(out, p.lon);
  out += ',';
  append_decimal(out, p.lat);
  out += ']';
}

bool crosses(const position& a, const position& b) noexcept { return std::abs(a.lon - b.lon) > 180; }

/// Ends the part at the antimeridian on a's side and begins the next on b's.
void append_cut(std::string& out, const position& a, const position& b) {
  const double side = a.lon < 0 ? -180 : 180;
  const double to_edge = std::abs(side - a.lon), beyond = std::abs(-side - b.lon);
  const double share = to_edge + beyond > 0 ? to_edge / (to_edge + beyond) : 0;
  const double lat = a.lat + (b.lat - a.lat) * share;
  out += ',';
  append_position(out, {side, lat});
  out += "],[";
  append_position(out, {-side, lat});
}

void append_line(std::string& out, const std::vector<position>& line) {
  const bool cut = std::adjacent_find(line.begin(), line.end(), crosses) != line.end();
  out += cut ? R"({"type":"MultiLineString","coordinates":[[)" : R"({"type":"LineString","coordinates":[)";
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (i > 0 && crosses(line[i - 1], line[i])) append_cut(out, line[i - 1], line[i]);
    if (i > 0) out += ',';
    append_position(out, line[i]);
  }
  out += cut ? "]]}" : "]}";
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
  if (text.empty()) return;
  out += ",\"";
  out += name;
  out += "\":";
  json::append_string(out, text);
}

void append_member(std::string& out, std::string_view name, const std::optional<timestamp>& t) {
  if (t) append_member(out, name, format_time(*t));
}

}  // namespace

std::string codec::canonical(const json::value& v) {
  std::string out;
  append_canonical(out, v);
  return out;
}

bool says_deleted(const event& e) {
  const auto status = json::get_string(e.properties, "status");
  return status && equal_ignoring_case(*status, "deleted");
}

std::string to_feature(const event& e) {
  std::string out;
  out.reserve(512 + 24 * e.line.size());
  out += R"({"type":"Feature","id":)";
  json::append_string(out, e.source + "/" + e.id);
  out += R"(,"geometry":)";
  if (e.line.size() >= 2) {
    append_line(out, e.line);
  } else {
    out += R"({"type":"Point","coordinates":)";
    append_position(out, e.at);
    out += '}';
  }
  out += R"(,"properties":{"source":)";
  json::append_string(out, e.source);
  out += R"(,"id":)";
  json::append_string(out, e.id);
  out += R"(,"kind":)";
  json::append_string(out, e.kind);
  append_member(out, "subtype", e.subtype);
  out += R"(,"severity":)";
  json::append_number(out, std::int64_t{e.severity});
  append_member(out, "text", e.text);
  append_member(out, "place", e.place);
  append_member(out, "started", e.started);
  append_member(out, "updated", e.updated);
  append_member(out, "expires", e.expires);
  if (!e.aliases.empty()) {
    out += R"(,"aliases":)";
    for (char separator = '['; const auto& alias : e.aliases) {
      out += separator;
      separator = ',';
      json::append_string(out, alias);
    }
    out += ']';
  }
  if (!e.properties.empty()) {
    out += R"(,"source_properties":)";
    append_canonical(out, e.properties);
  }
  out += "}}";
  return out;
}

}  // namespace distsys::domain::geo
