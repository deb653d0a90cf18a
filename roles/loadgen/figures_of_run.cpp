#include "figures_of_run.hpp"

#include "report.hpp"

#include <cmath>

namespace distsys::roles::loadgen {

std::optional<double> number_at(const json::object& o, std::string_view path) {
  const json::object* here = &o;
  for (;;) {
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    if (slash == std::string_view::npos) return json::get_number(*here, name);
    here = json::get_object(*here, name);
    if (here == nullptr) return std::nullopt;
    path.remove_prefix(slash + 1);
  }
}

std::vector<run_figure> figures_of(const json::object& run) {
  using kind = run_figure::kind;
  std::vector<run_figure> out;
  const auto add = [&](std::string_view name, kind how, bool more_is_better, std::string_view path) {
    out.push_back({name, how, more_is_better, number_at(run, path)});
  };
  add("answers a second", kind::rate, true, "requests_per_second");
  add("bytes a second", kind::bytes, true, "bytes_per_second");
  add("answers", kind::number, true, "requests");
  add("latency, mean", kind::time, false, "latency_us/mean");
  add("p50", kind::time, false, "latency_us/percentiles/50");
  add("p90", kind::time, false, "latency_us/percentiles/90");
  add("p99", kind::time, false, "latency_us/percentiles/99");
  add("p99.9", kind::time, false, "latency_us/percentiles/99.9");
  add("p99.99", kind::time, false, "latency_us/percentiles/99.99");
  add("p99.999", kind::time, false, "latency_us/percentiles/99.999");
  add("latency, max", kind::time, false, "latency_us/max");
  add("errors", kind::number, false, "errors_total");
  add("never answered", kind::number, false, "unanswered");
  run_figure bad{"answers of 400 and above", kind::number, false, std::nullopt};
  const auto all = number_at(run, "requests"), good = number_at(run, "succeeded");
  if (all && good) bad.value = *all - *good;
  out.push_back(bad);
  add("cache hit ratio", kind::ratio, true, "cache/hit_ratio");
  add("highest rate found", kind::rate, true, "find_max/rate");
  return out;
}

std::string change_between(const run_figure& base, const run_figure& other) {
  if (!base.value || !other.value || *base.value <= 0) return "";
  const double change = 100 * (*other.value / *base.value - 1);
  if (std::abs(change) < 0.05) return "=";
  return (change > 0 ? "+" : "-") + fixed(std::abs(change), std::abs(change) < 100 ? 1 : 0) + " %";
}

int direction_of(const run_figure& base, const run_figure& other) {
  if (!base.value || !other.value || *base.value <= 0) return 0;
  const double ratio = *other.value / *base.value;
  if (std::abs(ratio - 1) < 0.02) return 0;
  return (ratio > 1) == base.more_is_better ? 1 : -1;
}

std::string shown(const run_figure& f) {
  if (!f.value) return "–";
  const double v = *f.value;
  switch (f.how) {
    case run_figure::kind::rate:
      return (v < 100 ? fixed(v, 1) : grouped(whole(v))) + "/s";
    case run_figure::kind::time:
      return human_time(v);
    case run_figure::kind::ratio:
      return fixed(100 * v, 1) + " %";
    case run_figure::kind::bytes:
      return human_bytes(v) + "/s";
    case run_figure::kind::number:
      break;
  }
  return grouped(whole(v));
}

}  // namespace distsys::roles::loadgen
