// The parameters that requests of this role have in common: an area, a point of time, lists of names; and their part of
// a request's normal form.
#pragma once

#include "distsys/domain/geo/geometry.hpp"
#include "distsys/net/http_message.hpp"
#include "distsys/runtime/clock.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::roles::cache {

/// `lat=&lon=&radius=`, `bbox=`, `polygon=`, `near=&k=`, or none of them: everywhere. What is wrong is refused there.
domain::geo::area read_area(net::query_parameters& parameters);
std::optional<domain::geo::box> read_box(std::string_view text, net::query_parameters& parameters);

/// Of a parameter that may be repeated or hold commas: ascending, each once; at most 32.
std::vector<std::string> read_names(std::string_view name, net::query_parameters& parameters);

/// RFC 3339.
std::optional<runtime::timestamp> read_time(std::string_view name, net::query_parameters& parameters);
/// A time that is over, down to its second.
std::optional<runtime::timestamp> read_past(std::string_view name, net::query_parameters& parameters);

void append_area(std::string& key, const domain::geo::area& where);
/// Each after `what`, quoted, so that no name can look like another part.
void append_names(std::string& key, char what, const std::vector<std::string>& names);

}  // namespace distsys::roles::cache
