#include "delay.hpp"

#include "distsys/foundation/text.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <numbers>

namespace distsys::roles::loadgen {
namespace {

constexpr std::array<std::string_view, 4> names{"constant", "uniform", "exponential", "normal"};

result<double> seconds(std::string_view text) {
  const auto d = parse_duration(text);
  if (!d) return d.error();
  return std::chrono::duration<double>(*d).count();
}

}  // namespace

bool delay::is_shape(std::string_view name) noexcept {
  return std::find(names.begin(), names.end(), name) != names.end();
}

result<delay> delay::parse(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return error{errc::invalid, "'" + std::string(text.substr(0, 64)) + "': " + std::string(why)};
  };
  delay d;
  d.text_ = text;
  const std::size_t colon = text.find(':');
  std::string_view name = colon == std::string_view::npos ? "constant" : text.substr(0, colon);
  std::string_view rest = colon == std::string_view::npos ? text : text.substr(colon + 1);
  const auto known = std::find(names.begin(), names.end(), name);
  if (known == names.end()) return wrong("a span is 2s, uniform:1s-3s, exponential:2s or normal:2s/500ms");
  d.shape_ = static_cast<shape>(known - names.begin());
  const bool two = d.shape_ == shape::uniform || d.shape_ == shape::normal;
  const char between = d.shape_ == shape::normal ? '/' : '-';
  const auto parts = split(rest, between);
  if (two != (parts.size() == 2) || parts.size() > 2)
    return wrong(two ? std::string(name) + " needs two durations with '" + between + "' between them"
                     : std::string(name) + " needs one duration");
  const auto first = seconds(parts[0]);
  if (!first) return wrong(first.error().detail);
  d.first_ = *first;
  if (two) {
    const auto second = seconds(parts[1]);
    if (!second) return wrong(second.error().detail);
    d.second_ = *second;
  }
  if (d.shape_ == shape::uniform && d.second_ < d.first_) return wrong("the second duration is less than the first");
  return d;
}

double delay::draw(runtime::random& r) const noexcept {
  switch (shape_) {
    case shape::constant:
      return first_;
    case shape::uniform:
      return r.uniform(first_, second_);
    case shape::exponential:
      return r.exponential(first_);
    case shape::normal:
      break;
  }
  for (;;) {
    if (const double v = r.normal(first_, second_); v >= 0) return v;
  }
}

// Of a normal distribution cut at 0: mean + deviation * phi(a) / (1 - Phi(a)) with a = -mean / deviation.
double delay::mean() const noexcept {
  switch (shape_) {
    case shape::constant:
    case shape::exponential:
      return first_;
    case shape::uniform:
      return (first_ + second_) / 2;
    case shape::normal:
      break;
  }
  if (second_ <= 0) return first_;
  const double a = -first_ / second_;
  const double density = std::exp(-a * a / 2) / std::sqrt(2 * std::numbers::pi);
  return first_ + second_ * density / (0.5 * std::erfc(a / std::numbers::sqrt2));
}

}  // namespace distsys::roles::loadgen
