// A user of a map who pans and zooms about: the areas that a cell cache is asked for.
#pragma once

#include "distsys/runtime/random.hpp"

#include <string>
#include <utility>
#include <vector>

namespace distsys::roles::loadgen {

/// Begins at a hot spot. Each step: mostly pans a quarter to a half of the view, in a direction that changes slowly;
/// sometimes zooms by two, now and then jumps to another hot spot, or asks for the same view again. Degrees and km.
class viewport {
 public:
  struct limits {
    double narrowest_km, widest_km;  // half the height of the view
  };

  explicit viewport(limits l) : limits_(l) {}

  void jump(double lat, double lon, runtime::random& r);
  enum class move : unsigned char { panned, zoomed, jumps, stayed };
  /// `jumps` asks the caller to choose where to.
  move step(runtime::random& r);
  /// "west,south,east,north" of a view that is 3 wide and 2 high.
  void append_box(std::string& out) const;

  double half_height_km() const noexcept { return half_km_; }
  std::pair<double, double> centre() const noexcept { return {lat_, lon_}; }

 private:
  limits limits_;
  double lat_ = 0, lon_ = 0, half_km_ = 1, heading_ = 0;
};

}  // namespace distsys::roles::loadgen
