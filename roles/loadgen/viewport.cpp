#include "viewport.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>

namespace distsys::roles::loadgen {
namespace {

constexpr double km_a_degree = 111.195;
constexpr double aspect = 1.5;            // width by height
constexpr double farthest_latitude = 84;  // a map's edge: boxes stay well off the poles

double narrowing(double lat) { return std::max(0.05, std::cos(lat * std::numbers::pi / 180)); }

}  // namespace

void viewport::jump(double lat, double lon, runtime::random& r) {
  lat_ = std::clamp(lat, -farthest_latitude, farthest_latitude);
  lon_ = std::remainder(lon, 360.0);
  const double zoom = std::floor(r.uniform(0, 3));  // a user comes with one of three widths
  half_km_ = std::clamp(limits_.narrowest_km * std::exp2(zoom), limits_.narrowest_km, limits_.widest_km);
  heading_ = r.uniform(0, 2 * std::numbers::pi);
}

viewport::move viewport::step(runtime::random& r) {
  const double choice = r.uniform();
  if (choice < 0.05) return move::jumps;
  if (choice < 0.15) return move::stayed;
  if (choice < 0.35) {
    const double factor = choice < 0.25 ? 0.5 : 2;
    half_km_ = std::clamp(half_km_ * factor, limits_.narrowest_km, limits_.widest_km);
    return move::zoomed;
  }
  heading_ += r.uniform(-0.6, 0.6);
  const double way = half_km_ * r.uniform(0.5, 1);  // of a view that is two halves high
  lat_ = std::clamp(lat_ + way * std::cos(heading_) / km_a_degree, -farthest_latitude, farthest_latitude);
  lon_ = std::remainder(lon_ + aspect * way * std::sin(heading_) / (km_a_degree * narrowing(lat_)), 360.0);
  return move::panned;
}

void viewport::append_box(std::string& out) const {
  const double high = half_km_ / km_a_degree;
  const double wide = std::min(179.0, aspect * high / narrowing(lat_));
  char text[96];
  std::snprintf(text, sizeof text, "%.5f,%.5f,%.5f,%.5f", std::remainder(lon_ - wide, 360.0),
                std::max(-90.0, lat_ - high), std::remainder(lon_ + wide, 360.0), std::min(90.0, lat_ + high));
  out += text;
}

}  // namespace distsys::roles::loadgen
