// GeoJSON geometries of any type: the point that stands for one, and its line. For the mapped codec.
#pragma once

#include "record.hpp"

#include <vector>

namespace distsys::domain::geo::codec {

/// Point: itself; MultiPoint: its first; LineString: its first vertex; MultiLineString: that of the part with the most
/// vertices; Polygon: the centre of its area, or where that lies outside it (a crescent, a hole) the middle of the
/// widest stretch inside at the centre's latitude; MultiPolygon: that of the largest; GeometryCollection: of its areas,
/// else its lines, else its points. An edge that spans more than 180 degrees crosses the antimeridian. "no_position",
/// "wrong_type", "out_of_range".
std::optional<position> representative_point(record& r, const json::value& geometry);

/// The vertices of a LineString, or of the longest part of a MultiLineString; empty for other geometries. As above.
std::vector<position> read_line_string(record& r, const json::value& geometry);

}  // namespace distsys::domain::geo::codec
