#include "tile_plan.hpp"

#include <algorithm>

namespace distsys::roles::scraper {

namespace geo = domain::geo;

std::chrono::milliseconds adapted(std::chrono::milliseconds interval, const interval_bounds& bounds,
                                  std::size_t changes, std::size_t count) noexcept {
  if (changes == 0)
    interval += std::max(bounds.first / 4, std::chrono::milliseconds(1));
  else if (changes * 10 >= count)
    interval /= 2;
  return std::clamp(interval, bounds.least, std::max(bounds.least, bounds.most));
}

bool is_capped(std::size_t count, std::size_t cap) noexcept { return cap > 0 && count >= cap; }

bool may_split(const geo::tile_view& t) noexcept {
  constexpr double smallest = 1e-5;  // degrees: a metre
  return t.bounds && t.level < deepest_split && t.bounds->east - t.bounds->west > smallest &&
         t.bounds->north - t.bounds->south > smallest;
}

bool are_quiet(std::span<const geo::tile_view> siblings, std::size_t cap) noexcept {
  std::size_t sum = 0;
  for (const auto& t : siblings) sum += t.last_count;
  return siblings.size() == 4 && sum * 2 <= cap;
}

bool may_merge(std::span<const geo::tile_view> siblings, std::size_t cap, unsigned polls) noexcept {
  return are_quiet(siblings, cap) && std::all_of(siblings.begin(), siblings.end(), [polls](const geo::tile_view& t) {
           return t.state == geo::tile_state::polling && !t.capped && t.failures == 0 && t.last_answer &&
                  t.quiet_polls >= polls;
         });
}

}  // namespace distsys::roles::scraper
