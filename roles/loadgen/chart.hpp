// Line charts as inline SVG, drawn here so that a page needs no script.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::roles::loadgen {

/// One line. A y that is not finite breaks it.
struct chart_line {
  std::string name;
  std::vector<double> x, y;
  unsigned colour = 0;  // class "c0" … "c5" of the style sheet
};

struct chart {
  enum class scale : std::uint8_t { linear, logarithmic, percentile };  // percentile: 90, 99, 99.9 at equal distances

  std::string title, summary;  // for readers who do not see it
  std::vector<chart_line> lines;
  scale across = scale::linear, up = scale::linear;
  std::string (*label_x)(double) = nullptr;
  std::string (*label_y)(double) = nullptr;
  bool whole = false;   // values up are counts: no ticks between them
  bool filled = false;  // the surface under the first line
};

/// Two drawings of the same, one for wide and one for narrow windows (classes "wide", "narrow"), with the names of the
/// lines under them when there are several. Empty when no line has a point.
std::string draw(const chart& c);

}  // namespace distsys::roles::loadgen
