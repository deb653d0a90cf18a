#include "places.hpp"

#include "distsys/foundation/text.hpp"

#include <algorithm>
#include <array>

namespace distsys::roles::scraper {
namespace {

// Centres are those of the city halls or main squares, to a hundredth of a degree.
constexpr std::array<place, 36> table{{{"amsterdam", "Amsterdam", {4.89, 52.37}, 10, 60},
                                       {"antofagasta", "Antofagasta", {-70.40, -23.65}, 9, -240},
                                       {"barcelona", "Barcelona", {2.17, 41.39}, 10, 60},
                                       {"berlin", "Berlin", {13.40, 52.52}, 16, 60},
                                       {"bogota", "Bogotá", {-74.08, 4.61}, 15, -300},
                                       {"buenos-aires", "Buenos Aires", {-58.38, -34.61}, 17, -180},
                                       {"chicago", "Chicago", {-87.63, 41.88}, 20, -360},
                                       {"concepcion", "Concepción", {-73.05, -36.83}, 9, -240},
                                       {"delhi", "Delhi", {77.21, 28.61}, 20, 330},
                                       {"istanbul", "Istanbul", {28.98, 41.01}, 18, 180},
                                       {"jakarta", "Jakarta", {106.83, -6.18}, 17, 420},
                                       {"johannesburg", "Johannesburg", {28.05, -26.20}, 17, 120},
                                       {"lagos", "Lagos", {3.39, 6.45}, 15, 60},
                                       {"lima", "Lima", {-77.03, -12.05}, 17, -300},
                                       {"lisbon", "Lisbon", {-9.14, 38.71}, 10, 0},
                                       {"london", "London", {-0.13, 51.51}, 20, 0},
                                       {"los-angeles", "Los Angeles", {-118.24, 34.05}, 25, -480},
                                       {"madrid", "Madrid", {-3.70, 40.42}, 13, 60},
                                       {"melbourne", "Melbourne", {144.96, -37.81}, 18, 600},
                                       {"mexico-city", "Mexico City", {-99.13, 19.43}, 20, -360},
                                       {"montevideo", "Montevideo", {-56.19, -34.91}, 11, -180},
                                       {"moscow", "Moscow", {37.62, 55.75}, 19, 180},
                                       {"mumbai", "Mumbai", {72.83, 18.94}, 16, 330},
                                       {"nairobi", "Nairobi", {36.82, -1.29}, 12, 180},
                                       {"new-york", "New York", {-74.01, 40.71}, 20, -300},
                                       {"paris", "Paris", {2.35, 48.86}, 13, 60},
                                       {"quito", "Quito", {-78.51, -0.22}, 13, -300},
                                       {"rome", "Rome", {12.48, 41.89}, 13, 60},
                                       {"san-francisco", "San Francisco", {-122.42, 37.78}, 10, -480},
                                       {"santiago", "Santiago", {-70.66, -33.45}, 14, -240},
                                       {"sao-paulo", "São Paulo", {-46.63, -23.55}, 20, -180},
                                       {"seoul", "Seoul", {126.98, 37.57}, 16, 540},
                                       {"suva", "Suva", {178.44, -18.14}, 6, 720},
                                       {"sydney", "Sydney", {151.21, -33.87}, 18, 600},
                                       {"tokyo", "Tokyo", {139.69, 35.69}, 20, 540},
                                       {"valparaiso", "Valparaíso", {-71.62, -33.05}, 7, -240}}};

std::string normal(std::string_view name) {
  std::string out = lower(trim(name));
  std::replace_if(out.begin(), out.end(), [](char c) { return c == ' ' || c == '_'; }, '-');
  return out;
}

}  // namespace

std::span<const place> places() noexcept { return table; }

const place* find_place(std::string_view name) {
  const std::string wanted = normal(name);
  const auto found = std::find_if(table.begin(), table.end(), [&](const place& p) { return p.name == wanted; });
  return found == table.end() ? nullptr : &*found;
}

std::string unknown_place(std::string_view name) {
  std::array<std::string_view, table.size()> names;
  std::transform(table.begin(), table.end(), names.begin(), [](const place& p) { return p.name; });
  std::string text = "unknown place '" + std::string(name) + "'";
  if (const auto near = nearest(normal(name), names); !near.empty()) {
    return text + "; did you mean '" + std::string(near) + "'?";
  }
  text += "; known:";
  for (const auto n : names) (text += ' ') += n;
  return text;
}

}  // namespace distsys::roles::scraper
