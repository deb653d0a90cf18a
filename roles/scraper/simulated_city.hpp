// A city whose traffic is a pure function of its seed and the time: whoever asks, whenever and however often, sees the
// same jams grow and clear, the same accidents, closures, hazards and police.
#pragma once

#include "places.hpp"

#include "distsys/domain/geo/event.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace distsys::roles::scraper {

class simulated_city {
 public:
  /// `density` scales how much goes on at once; 1 is about 60 events.
  simulated_city(const place& where, std::uint64_t seed, double density);

  struct scene {
    std::vector<domain::geo::event> active;
    std::vector<domain::geo::event> ended;  // lately: what each spot had last, as it was at its end
  };
  scene at(domain::geo::timestamp t) const;

  std::string name() const { return std::string(place_.name); }

  /// 0 (night) … 1 (rush hour), by local standard time.
  double rush(domain::geo::timestamp t) const noexcept;

 private:
  struct arterial {
    std::string name;
    std::vector<domain::geo::position> line;
    bool closed;  // a ring
  };
  /// A place where one thing after another of one sort happens, at most one in each period.
  struct spot {
    std::size_t sort;  // index into the table of sorts
    std::uint64_t number;
    std::int64_t period_ms, phase_ms;
    std::size_t arterial;
  };
  struct episode;

  void lay_arterials();
  void place_spots(double density);
  bool happens(const spot& s, std::int64_t cycle, episode& out) const;
  domain::geo::event describe(const spot& s, const episode& what, std::int64_t at_ms) const;
  void describe_jam(domain::geo::event& e, const spot& s, const episode& what, std::int64_t at_ms) const;
  domain::geo::position offset(double east_m, double north_m) const;

  place place_;
  std::uint64_t seed_;
  std::vector<arterial> arterials_;
  std::vector<spot> spots_;
};

}  // namespace distsys::roles::scraper
