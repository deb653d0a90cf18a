#include "chart.hpp"

#include "distsys/foundation/html.hpp"
#include "distsys/foundation/json.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

namespace distsys::roles::loadgen {
namespace {

struct size {
  double width, height, left, right, top, bottom;
  int ticks_x, ticks_y;
  const char* name;
};
constexpr size wide{760, 250, 66, 18, 12, 30, 8, 5, "wide"}, narrow{360, 230, 56, 12, 12, 28, 4, 4, "narrow"};

struct range {
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();
  void take(double v) {
    low = std::min(low, v);
    high = std::max(high, v);
  }
  bool empty() const { return low > high; }
};

/// Where a value lies on an axis of that scale; not finite where it cannot.
double along(chart::scale s, double v) {
  switch (s) {
    case chart::scale::linear:
      return v;
    case chart::scale::logarithmic:
      return std::log10(std::max(v, 1e-9));
    case chart::scale::percentile:
      break;
  }
  return -std::log10(std::max(1 - v / 100, 1e-7));
}

std::string number(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", v);
  return text;
}

std::vector<double> linear_ticks(double low, double high, int wanted, bool whole) {
  const double raw = std::max((high - low) / wanted, whole ? 1.0 : 0.0);
  if (!(raw > 0)) return {low};
  const double unit = std::pow(10, std::floor(std::log10(raw)));
  const double step = raw / unit <= 1 ? unit : raw / unit <= 2 ? 2 * unit : raw / unit <= 5 ? 5 * unit : 10 * unit;
  std::vector<double> out;
  const double first = std::ceil(low / step - 1e-9);
  const auto last = static_cast<int>(std::clamp((high / step + 1e-9) - first, 0.0, 100.0));
  for (int i = 0; i <= last; ++i) out.push_back((first + i) * step);
  return out;
}

std::vector<double> ticks(chart::scale s, double low, double high, int wanted, bool whole = false) {
  if (s == chart::scale::linear) return linear_ticks(low, high, wanted, whole);
  std::vector<double> out;
  if (s == chart::scale::percentile) {
    for (const double p : {0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999}) {
      if (along(s, p) <= high + 1e-9 && (p != 50 || high < 4)) out.push_back(p);
    }
    return out;
  }
  const bool fine = high - low < 2.5;
  const auto last = static_cast<int>(std::clamp(high, -12.0, 300.0));
  for (int decade = static_cast<int>(std::clamp(std::floor(low), -12.0, 300.0)); decade <= last; ++decade) {
    for (const double part : {1.0, 2.0, 5.0}) {
      if (part != 1 && !fine) continue;
      const double v = part * std::pow(10, decade);
      if (along(s, v) >= low - 1e-9 && along(s, v) <= high + 1e-9) out.push_back(v);
    }
  }
  return out;
}

class drawing {
 public:
  drawing(const chart& c, const size& z) : c_(c), z_(z) {
    for (const chart_line& l : c.lines) {
      for (std::size_t i = 0; i < l.x.size(); ++i) {
        if (!std::isfinite(l.y[i]) || (c.up == chart::scale::logarithmic && l.y[i] <= 0)) continue;
        x_.take(along(c.across, l.x[i]));
        y_.take(along(c.up, l.y[i]));
      }
    }
    if (x_.empty()) return;
    if (c.up == chart::scale::linear) y_.low = std::min(0.0, y_.low);
    if (y_.high - y_.low < 1e-9) y_.high += y_.high > 0 && c.up == chart::scale::linear ? y_.high * 0.1 : 0.5;
    y_.high += 0.04 * (y_.high - y_.low);
    if (c.up == chart::scale::logarithmic) y_.low -= 0.04 * (y_.high - y_.low);
    if (x_.high - x_.low < 1e-9) x_.high = x_.low + 1;
  }

  std::string svg() const {
    std::string out = "<svg class=\"" + std::string(z_.name) + "\" viewBox=\"0 0 " + number(z_.width) + " " +
                      number(z_.height) + "\" role=\"img\" aria-label=\"" + escape_html(c_.title + ". " + c_.summary) +
                      "\">";
    out += grid();
    for (std::size_t i = 0; i < c_.lines.size(); ++i) out += line(c_.lines[i], c_.filled && i == 0);
    return out + "</svg>";
  }
  bool empty() const { return x_.empty(); }

 private:
  double at_x(double v) const {
    return z_.left + (along(c_.across, v) - x_.low) / (x_.high - x_.low) * (z_.width - z_.left - z_.right);
  }
  double at_y(double v) const {
    const double share = (along(c_.up, v) - y_.low) / (y_.high - y_.low);
    return z_.height - z_.bottom - share * (z_.height - z_.top - z_.bottom);
  }

  std::string grid() const {
    std::string out;
    const double floor = z_.height - z_.bottom;
    for (const double t : ticks(c_.up, y_.low, y_.high, z_.ticks_y, c_.whole)) {
      const std::string y = number(at_y(t));
      out += "<line class=\"grid\" x1=\"" + number(z_.left) + "\" x2=\"" + number(z_.width - z_.right) + "\" y1=\"" +
             y + "\" y2=\"" + y + "\"/><text class=\"tick\" text-anchor=\"end\" x=\"" + number(z_.left - 8) +
             "\" y=\"" + number(at_y(t) + 4) + "\">" + escape_html(c_.label_y(t)) + "</text>";
    }
    for (const double t : ticks(c_.across, x_.low, x_.high, z_.ticks_x)) {
      const double x = at_x(t);
      const char* anchor = x > z_.width - z_.right - 20 ? "end" : "middle";
      out += "<line class=\"grid faint\" y1=\"" + number(z_.top) + "\" y2=\"" + number(floor) + "\" x1=\"" + number(x) +
             "\" x2=\"" + number(x) + "\"/><text class=\"tick\" text-anchor=\"" + anchor + "\" x=\"" + number(x) +
             "\" y=\"" + number(floor + 18) + "\">" + escape_html(c_.label_x(t)) + "</text>";
    }
    return out;
  }

  std::string line(const chart_line& l, bool filled) const {
    std::string path, surface, dots;
    bool open = false;
    double first = 0, last = 0;
    const auto close = [&] {
      if (open && filled)
        surface += "L" + number(last) + " " + number(z_.height - z_.bottom) + "L" + number(first) + " " +
                   number(z_.height - z_.bottom) + "Z";
      open = false;
    };
    const bool alone = l.x.size() == 1;
    for (std::size_t i = 0; i < l.x.size(); ++i) {
      if (!std::isfinite(l.y[i]) || (c_.up == chart::scale::logarithmic && l.y[i] <= 0)) {
        close();
        continue;
      }
      last = at_x(l.x[i]);
      if (!open) first = last;
      const std::string point = (open ? "L" : "M") + number(last) + " " + number(at_y(l.y[i]));
      path += point;
      if (filled) surface += point;
      open = true;
      const bool lonely = (i == 0 || !std::isfinite(l.y[i - 1])) && (i + 1 == l.x.size() || !std::isfinite(l.y[i + 1]));
      if (alone || lonely)
        dots += "<circle class=\"dot c" + std::to_string(l.colour) + "\" r=\"2.5\" cx=\"" + number(last) + "\" cy=\"" +
                number(at_y(l.y[i])) + "\"/>";
    }
    close();
    const std::string colour = "c" + std::to_string(l.colour);
    std::string out;
    if (filled && !surface.empty()) out += "<path class=\"surface " + colour + "\" d=\"" + surface + "\"/>";
    return out + "<path class=\"line " + colour + "\" d=\"" + path + "\"/>" + dots;
  }

  const chart& c_;
  const size& z_;
  range x_, y_;
};

}  // namespace

std::string draw(const chart& c) {
  const drawing large(c, wide), small(c, narrow);
  if (large.empty()) return "";
  std::string out = large.svg() + small.svg();
  if (c.lines.size() < 2) return out;
  out += "<ul class=\"key\">";
  for (const chart_line& l : c.lines)
    out += "<li><svg viewBox=\"0 0 18 8\" aria-hidden=\"true\"><path class=\"line c" + std::to_string(l.colour) +
           "\" d=\"M1 4H17\"/></svg>" + escape_html(l.name) + "</li>";
  return out + "</ul>";
}

}  // namespace distsys::roles::loadgen
