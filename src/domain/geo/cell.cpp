#include "distsys/domain/geo/cell.hpp"

#include <algorithm>

namespace distsys::domain::geo {
namespace {

constexpr std::uint32_t axis_max = (1u << 31) - 1;
constexpr unsigned axis_bits = 31;

/// Degrees above the axis' lower end, scaled. Monotonic, so that whatever lies between two positions lies between their
/// numbers: that is why covers lose nothing to rounding.
std::uint32_t scale(double degrees, double extent) noexcept {
  const double scaled = degrees / extent * 2147483648.0;
  if (!(scaled > 0)) return 0;
  return scaled >= 2147483647.0 ? axis_max : static_cast<std::uint32_t>(scaled);
}
std::uint32_t column(double lon) noexcept { return scale(lon + 180, 360); }
std::uint32_t row(double lat) noexcept { return scale(lat + 90, 180); }

/// Moves bit i to bit 2i ("Interleave bits by binary magic numbers", S. E. Anderson, Bit Twiddling Hacks).
std::uint64_t spread(std::uint32_t v) noexcept {
  std::uint64_t x = v;
  x = (x | x << 16) & 0x0000FFFF0000FFFFull;
  x = (x | x << 8) & 0x00FF00FF00FF00FFull;
  x = (x | x << 4) & 0x0F0F0F0F0F0F0F0Full;
  x = (x | x << 2) & 0x3333333333333333ull;
  return (x | x << 1) & 0x5555555555555555ull;
}

std::uint32_t gather(std::uint64_t x) noexcept {
  x &= 0x5555555555555555ull;
  x = (x | x >> 1) & 0x3333333333333333ull;
  x = (x | x >> 2) & 0x0F0F0F0F0F0F0F0Full;
  x = (x | x >> 4) & 0x00FF00FF00FF00FFull;
  x = (x | x >> 8) & 0x0000FFFF0000FFFFull;
  return static_cast<std::uint32_t>(x | x >> 16);
}

cell_id interleave(std::uint32_t x, std::uint32_t y) noexcept {
  return static_cast<cell_id>(spread(x) << 1 | spread(y));
}

/// Columns and rows, both ends included.
struct rectangle {
  std::uint32_t x0, y0, x1, y1;
};

/// A quadtree cell: its lower corner and the length of its side as a power of two.
struct quad {
  std::uint32_t x, y;
  unsigned side_bits;
  std::uint32_t last(std::uint32_t first) const noexcept { return first + ((std::uint32_t{1} << side_bits) - 1); }
};

bool touches(const quad& q, const rectangle& r) noexcept {
  return q.x <= r.x1 && q.last(q.x) >= r.x0 && q.y <= r.y1 && q.last(q.y) >= r.y0;
}
bool within(const quad& q, const rectangle& r) noexcept {
  return q.x >= r.x0 && q.last(q.x) <= r.x1 && q.y >= r.y0 && q.last(q.y) <= r.y1;
}

cell_range range_of(const quad& q) noexcept {
  const cell_id first = interleave(q.x, q.y);
  return {first, first + static_cast<cell_id>((std::uint64_t{1} << (2 * q.side_bits)) - 1)};
}

/// The rectangles of a box: two across the antimeridian. The meridian of 180 degrees is column 0 (see cell_of).
void add_rectangles(const box& b, std::vector<rectangle>& out) {
  if (!(b.south <= b.north)) return;
  const std::uint32_t y0 = row(b.south), y1 = row(b.north);
  const auto add = [&](double west, double east) { out.push_back({column(west), y0, column(east), y1}); };
  if (b.west > b.east) {
    add(b.west, 180);
    add(-180, b.east);
    return;
  }
  add(b.west, b.east);
  if (b.east >= 180 && b.west > -180) add(-180, -180);
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

/// Descends from the whole world, level by level, into the quads that touch; what lies within is final. Stops when
/// another level would make too many.
std::vector<cell_range> descend(const std::vector<rectangle>& area, std::size_t max_ranges) {
  max_ranges = std::max<std::size_t>(max_ranges, 1);
  const std::size_t budget = 8 * max_ranges + 8;
  std::vector<cell_range> ranges;
  std::vector<quad> open{{0, 0, axis_bits}}, next;
  const auto any = [&](auto test, const quad& q) {
    return std::any_of(area.begin(), area.end(), [&](const rectangle& r) { return test(q, r); });
  };
  if (!any(touches, open.front())) return {};
  while (!open.empty()) {
    next.clear();
    for (const quad& q : open) {
      if (q.side_bits == 0 || any(within, q)) {
        ranges.push_back(range_of(q));
        continue;
      }
      const unsigned bits = q.side_bits - 1;
      const std::uint32_t half = std::uint32_t{1} << bits;
      for (const quad& child : {quad{q.x, q.y, bits}, quad{q.x, q.y + half, bits}, quad{q.x + half, q.y, bits},
                                quad{q.x + half, q.y + half, bits}})
        if (any(touches, child)) next.push_back(child);
    }
    open.swap(next);
    if (ranges.size() + open.size() > budget) break;
  }
  for (const quad& q : open) ranges.push_back(range_of(q));
  sort_and_merge(ranges);
  close_gaps(ranges, max_ranges);
  return ranges;
}

}  // namespace

cell_id cell_of(const position& p) noexcept { return interleave(p.lon >= 180 ? 0 : column(p.lon), row(p.lat)); }

position center_of(cell_id c) noexcept {
  const auto bits = static_cast<std::uint64_t>(c);
  return {(gather(bits >> 1) + 0.5) / 2147483648.0 * 360 - 180, (gather(bits) + 0.5) / 2147483648.0 * 180 - 90};
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

std::vector<cell_range> everything() { return {{0, (cell_id{1} << (2 * axis_bits)) - 1}}; }

}  // namespace distsys::domain::geo
