// The named places: cities that an area or a simulation may be named by.
#pragma once

#include "distsys/domain/geo/geometry.hpp"

#include <span>
#include <string>
#include <string_view>

namespace distsys::roles::scraper {

struct place {
  std::string_view name;   // as users write it: lower case, words joined by '-'
  std::string_view label;  // for people
  domain::geo::position center;
  double radius_km;        // of the built-up area, roughly
  int utc_offset_minutes;  // standard time: good enough for a simulated rush hour
};

std::span<const place> places() noexcept;

/// nullptr when there is none of this name (case does not matter; a space or '_' is as good as '-').
const place* find_place(std::string_view name);

/// "unknown place 'santigo'; did you mean 'santiago'?", or the list.
std::string unknown_place(std::string_view name);

}  // namespace distsys::roles::scraper
