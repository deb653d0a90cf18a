#include "distsys/domain/geo/cell.hpp"

#include <algorithm>

#include "distsys/domain/geo/quad.hpp"
#include "morton.hpp"

namespace distsys::domain::geo {
namespace {

using morton::axis_bits, morton::rectangle, morton::add_rectangles, morton::interleave;

/// A quadtree cell: its lower corner and the length of its side as a power of two.
struct square {
  std::uint32_t x, y;
  unsigned side_bits;
  std::uint32_t last(std::uint32_t first) const noexcept { return first + ((std::uint32_t{1} << side_bits) - 1); }
};

bool touches(const square& q, const rectangle& r) noexcept {
  return q.x <= r.x1 && q.last(q.x) >= r.x0 && q.y <= r.y1 && q.last(q.y) >= r.y0;
}
bool within(const square& q, const rectangle& r) noexcept {
  return q.x >= r.x0 && q.last(q.x) <= r.x1 && q.y >= r.y0 && q.last(q.y) <= r.y1;
}

cell_range range_of(const square& q) noexcept {
  const cell_id first = interleave(q.x, q.y);
  return {first, first + static_cast<cell_id>((std::uint64_t{1} << (2 * q.side_bits)) - 1)};
}

void sort_and_merge(std::vector<cell_range>& ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::size_t kept = 0;
  for (const auto& r : ranges) {
    if (kept > 0 && r.first <= ranges[kept - 1].last + 1)
      ranges[kept - 1].last = std::max(ranges[kept - 1].last, r.last);
    else
      ranges[kept++] = r;
  }
  ranges.resize(kept);
}

/// Closes the smallest gaps until there are few enough.
void close_gaps(std::vector<cell_range>& ranges, std::size_t max_ranges) {
  if (ranges.size() <= max_ranges) return;
  std::vector<cell_id> gaps;
  for (std::size_t i = 1; i < ranges.size(); ++i) gaps.push_back(ranges[i].first - ranges[i - 1].last);
  const std::size_t closed = ranges.size() - max_ranges;
  std::nth_element(gaps.begin(), gaps.begin() + static_cast<std::ptrdiff_t>(closed - 1), gaps.end());
  const cell_id limit = gaps[closed - 1];
  std::size_t kept = 1, left = closed;
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (left > 0 && ranges[i].first - ranges[kept - 1].last <= limit) {
      ranges[kept - 1].last = ranges[i].last;
      --left;
    } else {
      ranges[kept++] = ranges[i];
    }
  }
  ranges.resize(kept);
}

/// Descends from the whole world, level by level, into the squares that touch; what lies within is final. Stops when
/// another level would make too many.
template <class Classify>
std::vector<cell_range> descend(Classify classify, std::size_t max_ranges) {
  max_ranges = std::max<std::size_t>(max_ranges, 1);
  const std::size_t budget = 8 * max_ranges + 8;
  std::vector<cell_range> ranges;
  std::vector<square> open, next;
  const auto sort_in = [&](const square& q, std::vector<square>& touching) {
    const overlap how = classify(q);
    if (how == overlap::whole || (how == overlap::partly && q.side_bits == 0))
      ranges.push_back(range_of(q));
    else if (how == overlap::partly)
      touching.push_back(q);
  };
  sort_in({0, 0, axis_bits}, open);
  while (!open.empty() && ranges.size() + open.size() <= budget) {
    next.clear();
    for (const square& q : open) {
      const unsigned bits = q.side_bits - 1;
      const std::uint32_t half = std::uint32_t{1} << bits;
      sort_in({q.x, q.y, bits}, next);
      sort_in({q.x, q.y + half, bits}, next);
      sort_in({q.x + half, q.y, bits}, next);
      sort_in({q.x + half, q.y + half, bits}, next);
    }
    open.swap(next);
  }
  for (const square& q : open) ranges.push_back(range_of(q));
  if (ranges.empty()) return ranges;
  sort_and_merge(ranges);
  close_gaps(ranges, max_ranges);
  return ranges;
}

std::vector<cell_range> descend(const std::vector<rectangle>& area, std::size_t max_ranges) {
  return descend(
      [&area](const square& q) {
        overlap how = overlap::none;
        for (const rectangle& r : area) {
          if (within(q, r)) return overlap::whole;
          if (touches(q, r)) how = overlap::partly;
        }
        return how;
      },
      max_ranges);
}

}  // namespace

cell_id cell_of(const position& p) noexcept {
  return interleave(p.lon >= 180 ? 0 : morton::column(p.lon), morton::row(p.lat));
}

position center_of(cell_id c) noexcept {
  const auto bits = static_cast<std::uint64_t>(c);
  return {morton::west_of(morton::gather(bits >> 1) + 0.5), morton::south_of(morton::gather(bits) + 0.5)};
}

std::vector<cell_range> cover(const circle& c, std::size_t max_ranges) {
  std::vector<rectangle> area;
  for (const box& b : bounds(c)) add_rectangles(b, area);
  return descend(area, max_ranges);
}

std::vector<cell_range> cover(const box& b, std::size_t max_ranges) {
  std::vector<rectangle> area;
  add_rectangles(b, area);
  return descend(area, max_ranges);
}

std::vector<cell_range> cover(const polygon& p, std::size_t max_ranges) {
  const area whole = p;
  return descend(
      [&whole](const square& q) { return compare(whole, quad::of(interleave(q.x, q.y), axis_bits - q.side_bits)); },
      max_ranges);
}

std::vector<cell_range> everything() { return {{0, (cell_id{1} << (2 * axis_bits)) - 1}}; }

}  // namespace distsys::domain::geo
