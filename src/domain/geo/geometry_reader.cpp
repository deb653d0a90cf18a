#include "geometry_reader.hpp"

#include <algorithm>
#include <cmath>

namespace distsys::domain::geo::codec {
namespace {

using ring = std::vector<position>;
using rings = std::vector<ring>;  // of one polygon: its edge, then its holes

/// What a geometry is made of.
struct parts {
  std::vector<rings> polygons;
  std::vector<ring> lines;
  std::vector<position> points;
};

const json::array* items(record& r, const json::value* v) {
  const json::array* a = v != nullptr ? v->if_array() : nullptr;
  if (a == nullptr) r.refuse(v == nullptr ? "no_position" : "wrong_type", "a geometry lacks an array of coordinates");
  return a;
}

ring read_vertices(record& r, const json::value* coordinates) {
  ring out;
  if (const json::array* vertices = items(r, coordinates)) {
    out.reserve(vertices->size());
    for (const auto& vertex : *vertices) {
      const auto p = r.coordinates(vertex);
      if (!p) return {};
      out.push_back(*p);
    }
  }
  return out;
}

rings read_rings(record& r, const json::value* coordinates) {
  rings out;
  if (const json::array* all = items(r, coordinates))
    for (const auto& one : *all) {
      out.push_back(read_vertices(r, &one));
      if (!r.good()) return {};
    }
  return out;
}

void read_parts(record& r, const json::value& geometry, parts& out);

void read_collection(record& r, const json::object& geometry, parts& out) {
  const json::array* members = json::get_array(geometry, "geometries");
  if (members == nullptr) return r.refuse("wrong_type", "a GeometryCollection without an array of geometries");
  for (const auto& member : *members) {
    if (!r.good()) return;
    read_parts(r, member, out);
  }
}

/// Recursion ends: a JSON document is at most 64 deep.
void read_parts(record& r, const json::value& geometry, parts& out) {
  const json::object* o = geometry.if_object();
  if (o == nullptr) return r.refuse("wrong_type", "a geometry is not an object");
  const auto type = json::get_string(*o, "type").value_or("");
  const json::value* c = json::find(*o, "coordinates");
  if (type == "Point") {
    if (c == nullptr) return r.refuse("no_position", "a Point has no coordinates");
    if (const auto p = r.coordinates(*c)) out.points.push_back(*p);
  } else if (type == "MultiPoint") {
    const auto all = read_vertices(r, c);
    out.points.insert(out.points.end(), all.begin(), all.end());
  } else if (type == "LineString") {
    out.lines.push_back(read_vertices(r, c));
  } else if (type == "MultiLineString") {
    auto all = read_rings(r, c);
    std::move(all.begin(), all.end(), std::back_inserter(out.lines));
  } else if (type == "Polygon") {
    out.polygons.push_back(read_rings(r, c));
  } else if (type == "MultiPolygon") {
    if (const json::array* all = items(r, c))
      for (const auto& one : *all) out.polygons.push_back(read_rings(r, &one));
  } else if (type == "GeometryCollection") {
    read_collection(r, *o, out);
  } else {
    r.refuse("wrong_type", "a geometry of the type '" + std::string(type.substr(0, 40)) + "'");
  }
}

/// The longitude that is nearest to `beside`, whichever turn around the world it is on.
double unwrapped(double lon, double beside) { return lon + 360 * std::round((beside - lon) / 360); }

void unwrap(rings& polygon) {
  double beside = polygon.front().front().lon;
  for (auto& r : polygon)
    for (auto& v : r) beside = v.lon = unwrapped(v.lon, beside);
}

struct moment {
  double area = 0, lon = 0, lat = 0;
};

/// Area with sign and centre of a ring, in the plane of degrees.
moment moment_of(const ring& r) {
  moment m;
  const position& o = r.front();
  for (std::size_t i = 0; i + 1 < r.size(); ++i) {
    const double ax = r[i].lon - o.lon, ay = r[i].lat - o.lat, bx = r[i + 1].lon - o.lon, by = r[i + 1].lat - o.lat;
    const double cross = ax * by - bx * ay;
    m.area += cross / 2;
    m.lon += (ax + bx) * cross / 6;
    m.lat += (ay + by) * cross / 6;
  }
  if (m.area != 0) {
    m.lon /= m.area;
    m.lat /= m.area;
  }
  m.lon += o.lon;
  m.lat += o.lat;
  return m;
}

/// Where the parallel crosses the polygon's edges, in order: inside is from the first to the second, and so on.
std::vector<double> crossings(const rings& polygon, double lat) {
  std::vector<double> out;
  for (const auto& r : polygon)
    for (std::size_t i = 0; i + 1 < r.size(); ++i) {
      const position &a = r[i], &b = r[i + 1];
      if ((a.lat > lat) != (b.lat > lat)) out.push_back(a.lon + (lat - a.lat) / (b.lat - a.lat) * (b.lon - a.lon));
    }
  std::sort(out.begin(), out.end());
  return out;
}

/// Of a polygon that is unwrapped and not empty.
position point_inside(const rings& polygon) {
  const moment m = moment_of(polygon.front());
  const auto edges = crossings(polygon, m.lat);
  double widest = -1, lon = polygon.front().front().lon, lat = polygon.front().front().lat;
  for (std::size_t i = 0; i + 1 < edges.size(); i += 2) {
    if (edges[i] <= m.lon && m.lon <= edges[i + 1]) return {m.lon, m.lat};
    if (edges[i + 1] - edges[i] <= widest) continue;
    widest = edges[i + 1] - edges[i];
    lon = (edges[i] + edges[i + 1]) / 2;
    lat = m.lat;
  }
  return {lon, lat};
}

/// To 1e-7 degrees, a centimetre: the last digits of an average tell nothing, and differ from machine to machine.
double rounded(double degrees) { return std::round(degrees * 1e7) / 1e7 + 0.0; }

position normal(position p) {
  p.lon = rounded(std::remainder(p.lon, 360));
  p.lat = rounded(std::clamp(p.lat, -90.0, 90.0));
  return p;
}

std::optional<position> in_largest(std::vector<rings>& polygons) {
  const rings* largest = nullptr;
  double area = -1;
  for (auto& polygon : polygons) {
    if (polygon.empty() || polygon.front().empty()) continue;
    std::erase_if(polygon, [](const ring& r) { return r.empty(); });
    unwrap(polygon);
    for (auto& r : polygon)
      if (!(r.front() == r.back())) r.push_back(r.front());  // a ring that is left open
    const double own = std::abs(moment_of(polygon.front()).area);
    if (own <= area) continue;
    area = own;
    largest = &polygon;
  }
  return largest != nullptr ? std::optional(normal(point_inside(*largest))) : std::nullopt;
}

const ring* longest(const std::vector<ring>& lines) {
  const auto most =
      std::max_element(lines.begin(), lines.end(), [](const ring& a, const ring& b) { return a.size() < b.size(); });
  return most != lines.end() && !most->empty() ? &*most : nullptr;
}

}  // namespace

std::optional<position> representative_point(record& r, const json::value& geometry) {
  parts found;
  read_parts(r, geometry, found);
  if (!r.good()) return std::nullopt;
  if (const auto p = in_largest(found.polygons)) return p;
  if (const auto* line = longest(found.lines)) return line->front();
  if (!found.points.empty()) return found.points.front();
  r.refuse("no_position", "the geometry is empty");
  return std::nullopt;
}

std::vector<position> read_line_string(record& r, const json::value& geometry) {
  const json::object* o = geometry.if_object();
  const auto type = o != nullptr ? json::get_string(*o, "type").value_or("") : "";
  if (type != "LineString" && type != "MultiLineString") return {};
  parts found;
  read_parts(r, geometry, found);
  const auto* line = r.good() ? longest(found.lines) : nullptr;
  return line != nullptr ? *line : ring{};
}

}  // namespace distsys::domain::geo::codec
