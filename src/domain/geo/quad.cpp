#include "distsys/domain/geo/quad.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "morton.hpp"

namespace distsys::domain::geo {
namespace {

constexpr unsigned shift_of(unsigned level) noexcept { return 2 * (quad::deepest - level); }

std::uint64_t path_of(const quad& q) noexcept { return q.code() ^ (std::uint64_t{1} << (2 * q.level())); }

std::vector<box> boxes_of(const area& a) {
  if (const auto* c = std::get_if<circle>(&a)) return bounds(*c);
  if (const auto* b = std::get_if<box>(&a)) return {*b};
  if (const auto* p = std::get_if<polygon>(&a)) return bounds(*p);
  return {box{}};
}

/// Degrees of longitude and latitude, over all its boxes.
struct extent {
  double width = 0, height = 0;
};

extent extent_of(const area& a) {
  extent e;
  for (const box& b : boxes_of(a)) {
    e.width += b.east - b.west + (b.west > b.east ? 360 : 0);
    e.height = std::max(e.height, b.north - b.south);
  }
  return e;
}

/// How many of `cells` equal parts of a whole an interval of that share can touch, wherever it lies. A little more than
/// the share, because subtracting its ends has rounded.
double touched(double share, double cells) noexcept { return std::min(std::ceil((share + 1e-12) * cells) + 1, cells); }

}  // namespace

quad quad::of(cell_id c, unsigned level) noexcept {
  return quad(std::uint64_t{1} << (2 * level) | static_cast<std::uint64_t>(c) >> shift_of(level));
}

std::optional<quad> quad::from_code(std::uint64_t code) noexcept {
  if (code == 0 || code >> 63 != 0 || std::countl_zero(code) % 2 == 0) return std::nullopt;
  return quad(code);
}

std::optional<quad> quad::parse(std::string_view name) noexcept {
  if (name.empty() || name.front() != 'w' || name.size() > deepest + 1) return std::nullopt;
  std::uint64_t code = 1;
  for (const char digit : name.substr(1)) {
    if (digit < '0' || digit > '3') return std::nullopt;
    code = code << 2 | static_cast<std::uint64_t>(digit - '0');
  }
  return quad(code);
}

unsigned quad::level() const noexcept { return static_cast<unsigned>(63 - std::countl_zero(code_)) / 2; }

cell_range quad::range() const noexcept {
  const unsigned shift = shift_of(level());
  const std::uint64_t first = path_of(*this) << shift;
  return {static_cast<cell_id>(first), static_cast<cell_id>(first | ((std::uint64_t{1} << shift) - 1))};
}

box quad::bounds() const noexcept {
  const unsigned bits = deepest - level();
  const std::uint64_t path = path_of(*this);
  const double side = std::ldexp(1.0, static_cast<int>(bits));
  const double x = morton::gather(path >> 1), y = morton::gather(path);
  return {morton::west_of(x * side), morton::south_of(y * side), morton::west_of((x + 1) * side),
          morton::south_of((y + 1) * side)};
}

quad quad::parent() const noexcept { return level() == 0 ? *this : quad(code_ >> 2); }

quad quad::ancestor(unsigned of_level) const noexcept {
  return of_level >= level() ? *this : quad(code_ >> (2 * (level() - of_level)));
}

std::array<quad, 4> quad::children() const noexcept {
  return {quad(code_ << 2), quad(code_ << 2 | 1), quad(code_ << 2 | 2), quad(code_ << 2 | 3)};
}

bool quad::contains(cell_id c) const noexcept { return of(c, level()) == *this; }

bool quad::contains(const quad& q) const noexcept { return q.level() >= level() && q.ancestor(level()) == *this; }

std::string quad::name() const {
  std::string out = "w";
  for (unsigned at = level(); at > 0; --at) out += static_cast<char>('0' + (code_ >> (2 * (at - 1)) & 3));
  return out;
}

unsigned cover_level(const area& a, std::size_t most, unsigned finest) {
  if (std::holds_alternative<everywhere>(a) || std::holds_alternative<nearest>(a)) return 0;
  const extent e = extent_of(a);
  const auto allowed = static_cast<double>(std::clamp<std::size_t>(most, 4, 64));
  unsigned level = 0;
  for (double cells = 2; level < std::min(finest, quad::deepest); ++level, cells *= 2)
    if (touched(e.width / 360, cells) * touched(e.height / 180, cells) > allowed) break;
  return level;
}

std::optional<std::vector<quad>> quads_of(const area& a, unsigned level, std::size_t most) {
  std::vector<morton::rectangle> rectangles;
  for (const box& b : boxes_of(a)) morton::add_rectangles(b, rectangles);
  const unsigned bits = quad::deepest - std::min(level, quad::deepest);
  std::vector<quad> found;
  for (const auto& r : rectangles) {
    const std::uint64_t x0 = r.x0 >> bits, y0 = r.y0 >> bits, x1 = r.x1 >> bits, y1 = r.y1 >> bits;
    // The rectangle of a thin or round area may hold many more than touch; but not without bound.
    if ((x1 - x0 + 1) * (y1 - y0 + 1) > 64 * static_cast<std::uint64_t>(most) + 64) return std::nullopt;
    for (auto x = x0; x <= x1; ++x)
      for (auto y = y0; y <= y1; ++y) {
        const auto corner =
            morton::interleave(static_cast<std::uint32_t>(x << bits), static_cast<std::uint32_t>(y << bits));
        const quad q = quad::of(corner, quad::deepest - bits);
        if (touches(a, q)) found.push_back(q);
      }
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  if (found.size() > most) return std::nullopt;
  return found;
}

std::vector<quad> cover_quads(const area& a, std::size_t most, unsigned finest) {
  // Its own extent says that they are few: no bound is met here.
  return quads_of(a, cover_level(a, most, finest), 4096).value_or(std::vector<quad>{quad()});
}

}  // namespace distsys::domain::geo
