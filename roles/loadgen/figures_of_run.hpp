// The figures of a run that people look at first, from its JSON: for tables and pages.
#pragma once

#include "distsys/foundation/json.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::roles::loadgen {

struct run_figure {
  enum class kind : unsigned char { rate, time, ratio, number, bytes };
  std::string_view name;
  kind how;
  bool more_is_better;
  std::optional<double> value;
};

/// In a fixed order; what a run did not measure has no value.
std::vector<run_figure> figures_of(const json::object& run);
std::string shown(const run_figure& f);  // "12,345/s", "1.25 ms", "–"

/// "+12.3 %", "=" when nothing to speak of changed, empty when it cannot be said.
std::string change_between(const run_figure& base, const run_figure& other);
/// 1 when the other is better by 2 % at least, -1 when it is worse, else 0.
int direction_of(const run_figure& base, const run_figure& other);

/// A number at a path of members: "latency_us/percentiles/99". Nothing when it is absent or no number.
std::optional<double> number_at(const json::object& o, std::string_view path);

}  // namespace distsys::roles::loadgen
