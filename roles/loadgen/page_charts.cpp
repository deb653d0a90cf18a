#include "page_charts.hpp"

#include "distsys/foundation/html.hpp"

#include "chart.hpp"
#include "figures_of_run.hpp"
#include "report.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace distsys::roles::loadgen {
namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t most_points = 2000;

std::string seconds_label(double v) {
  if (v >= 600) return fixed(v / 60, 0) + " min";
  return fixed(v, v == std::floor(v) ? 0 : v * 10 == std::floor(v * 10) ? 1 : 2) + " s";
}
std::string time_label(double us) {
  if (us < 1000) return fixed(us, us < 10 && us != std::floor(us) ? 1 : 0) + " µs";
  if (us < 1e6) return fixed(us / 1e3, us < 1e4 && std::fmod(us, 1e3) != 0 ? 1 : 0) + " ms";
  return fixed(us / 1e6, us < 1e7 && std::fmod(us, 1e6) != 0 ? 1 : 0) + " s";
}
std::string count_label(double v) {
  if (v >= 1e6) return fixed(v / 1e6, std::fmod(v, 1e6) != 0 ? 1 : 0) + " M";
  if (v >= 1e4) return fixed(v / 1e3, std::fmod(v, 1e3) != 0 ? 1 : 0) + " k";
  return v == std::floor(v) ? grouped(whole(v)) : fixed(v, 1);
}
std::string ratio_label(double v) { return fixed(100 * v, 0) + " %"; }
std::string percent_label(double v) { return v == 0 ? "0 %" : percentile_name(v); }

std::vector<double> numbers(const json::object* o, std::string_view name) {
  std::vector<double> out;
  const json::array* a = o == nullptr ? nullptr : json::get_array(*o, name);
  if (a == nullptr) return out;
  for (const json::value& v : *a) {
    if (out.size() == most_points) break;
    out.push_back(v.is_number() ? v.to_number<double>() : nothing);
  }
  return out;
}

class course {
 public:
  explicit course(const json::object& run) : line_(json::get_object(run, "timeline")) {
    interval_ = line_ == nullptr ? 0 : number_at(*line_, "interval_seconds").value_or(0);
    lasted_ = number_at(run, "duration_seconds").value_or(0);
    // The last interval may be cut short: its rate would be a lie.
    size_ = numbers("answers").size();
  }
  std::vector<double> numbers(std::string_view name) const { return distsys::roles::loadgen::numbers(line_, name); }
  std::vector<double> rates(std::string_view name) const {
    auto out = numbers(name);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const double lasts = std::min(interval_, lasted_ - static_cast<double>(i) * interval_);
      out[i] = lasts > interval_ / 2 ? out[i] / lasts : nothing;
    }
    return out;
  }
  std::vector<double> times() const {
    std::vector<double> out(size_);
    for (std::size_t i = 0; i < size_; ++i) out[i] = (static_cast<double>(i) + 0.5) * interval_;
    return out;
  }
  double interval() const { return interval_; }
  bool known() const { return interval_ > 0 && size_ > 0; }

 private:
  const json::object* line_;
  double interval_ = 0, lasted_ = 0;
  std::size_t size_ = 0;
};

bool any(const std::vector<double>& v) {
  return std::any_of(v.begin(), v.end(), [](double x) { return std::isfinite(x) && x > 0; });
}

chart_line line_of(std::string name, std::vector<double> x, std::vector<double> y, std::size_t colour) {
  y.resize(x.size(), nothing);
  return {std::move(name), std::move(x), std::move(y), static_cast<unsigned>(colour % 6)};
}

std::string section(const std::string& id, const chart& c, const std::string& note) {
  const std::string drawn = draw(c);
  if (drawn.empty()) return "";
  return "<section class=\"card\" aria-labelledby=\"" + id + "\"><h2 id=\"" + id + "\">" + escape_html(c.title) +
         "</h2><p class=\"note\">" + escape_html(note) + "</p>" + drawn + "</section>";
}

chart over_time(std::string title, std::string (*label)(double)) {
  chart c;
  c.title = std::move(title);
  c.label_x = &seconds_label;
  c.label_y = label;
  return c;
}

std::string latency_section(std::span<const shown_run> runs) {
  chart c = over_time("Latency over time", &time_label);
  c.up = chart::scale::logarithmic;
  const bool alone = runs.size() == 1;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const course k(runs[i].data);
    if (!k.known()) continue;
    if (!alone) {
      c.lines.push_back(line_of(runs[i].name + ", p99", k.times(), k.numbers("p99_us"), i));
      continue;
    }
    // The greatest first: where few requests make an interval, its p99 is the same and lies on top.
    c.lines.push_back(line_of("max", k.times(), k.numbers("max_us"), 2));
    c.lines.push_back(line_of("p99", k.times(), k.numbers("p99_us"), 1));
    c.lines.push_back(line_of("p50", k.times(), k.numbers("p50_us"), 0));
  }
  c.summary = alone ? "Median, 99th percentile and greatest latency of each interval" : "99th percentile of each run";
  return section("latency-over-time", c, c.summary + "; the axis is logarithmic.");
}

std::string throughput_section(std::span<const shown_run> runs) {
  chart c = over_time("Throughput", &count_label);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const course k(runs[i].data);
    if (!k.known()) continue;
    const std::string name = runs.size() == 1 ? "answers" : runs[i].name;
    c.lines.push_back(line_of(name, k.times(), k.rates("answers"), i));
    if (runs.size() == 1 && json::get_string(runs[i].data, "latency_from") == "intended")
      c.lines.push_back(line_of("sent", k.times(), k.rates("sent"), 3));
  }
  c.filled = runs.size() == 1;
  c.summary = "Answers a second";
  return section("throughput", c, "Answers a second.");
}

std::string errors_section(std::span<const shown_run> runs) {
  chart c = over_time("Errors", &count_label);
  bool some = false;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const course k(runs[i].data);
    if (!k.known()) continue;
    const auto errors = k.numbers("errors"), bad = k.numbers("bad_statuses");
    some |= any(errors) || any(bad);
    if (runs.size() == 1) {
      c.lines.push_back(line_of("no answer", k.times(), errors, 2));
      c.lines.push_back(line_of("status 400 and above", k.times(), bad, 1));
      continue;
    }
    auto both = errors;
    for (std::size_t n = 0; n < std::min(both.size(), bad.size()); ++n) both[n] += bad[n];
    c.lines.push_back(line_of(runs[i].name, k.times(), both, i));
  }
  if (!some) return "";
  c.whole = true;
  c.summary = "Requests of each interval that were not answered well";
  return section("errors-over-time", c, c.summary + ".");
}

std::string cache_section(std::span<const shown_run> runs) {
  chart c = over_time("Cache hits", &ratio_label);
  bool some = false;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const course k(runs[i].data);
    auto hits = k.numbers("hits");
    const auto misses = k.numbers("misses");
    for (std::size_t n = 0; n < std::min(hits.size(), misses.size()); ++n) {
      const double all = hits[n] + misses[n];
      hits[n] = all > 0 ? hits[n] / all : nothing;
      some |= all > 0;
    }
    if (k.known()) c.lines.push_back(line_of(runs.size() == 1 ? "hits" : runs[i].name, k.times(), hits, i));
  }
  if (!some) return "";
  c.filled = runs.size() == 1;
  c.summary = "Share of the answers that a cache had, by their Cache-Status";
  return section("hits-over-time", c, c.summary + ".");
}

std::string curve_section(std::span<const shown_run> runs) {
  chart c;
  c.title = "Latency by percentile";
  c.across = chart::scale::percentile;
  c.up = chart::scale::logarithmic;
  c.label_x = &percent_label;
  c.label_y = &time_label;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const json::object& run = runs[i].data;
    const bool open = json::get_string(run, "latency_from") == "intended";
    const auto add = [&](const char* member, const std::string& name, std::size_t colour) {
      const json::object* curve = json::get_object(run, member);
      auto x = numbers(curve, "percent");
      auto y = numbers(curve, "us");
      for (double& p : x) p = std::min(p, 99.9997);
      if (!x.empty()) c.lines.push_back(line_of(name, std::move(x), std::move(y), colour));
    };
    if (runs.size() > 1) {
      add("curve", runs[i].name, i);
      continue;
    }
    add("curve", open ? "from the intended time" : "from sending", 0);
    add("raw_curve", "raw, from sending", 3);
    add("corrected_curve", "corrected for the expected interval", 1);
  }
  c.summary = "The latency that a share of the requests did not exceed";
  return section("percentiles", c, c.summary + "; both axes are logarithmic.");
}

}  // namespace

std::string chart_sections(std::span<const shown_run> runs) {
  return latency_section(runs) + throughput_section(runs) + errors_section(runs) + cache_section(runs) +
         curve_section(runs);
}

std::string course_table(const json::object& run) {
  const course k(run);
  if (!k.known()) return "";
  std::string out =
      "<details class=\"card\"><summary>Every interval as a table</summary><div class=\"scroll\"><table>"
      "<thead><tr><th scope=\"col\">from</th><th scope=\"col\">sent</th><th scope=\"col\">answers</th>"
      "<th scope=\"col\">errors</th><th scope=\"col\">p50</th><th scope=\"col\">p99</th>"
      "<th scope=\"col\">max</th></tr></thead><tbody>";
  const auto sent = k.numbers("sent"), answers = k.numbers("answers"), errors = k.numbers("errors"),
             p50 = k.numbers("p50_us"), p99 = k.numbers("p99_us"), most = k.numbers("max_us");
  const auto cell = [](const std::vector<double>& v, std::size_t i, std::string (*label)(double)) {
    return "<td>" + (i < v.size() && std::isfinite(v[i]) ? label(v[i]) : std::string("–")) + "</td>";
  };
  const auto count = [](double v) { return grouped(whole(v)); };
  for (std::size_t i = 0; i < answers.size(); ++i) {
    out += "<tr><th scope=\"row\">" + fixed(static_cast<double>(i) * k.interval(), 2) + " s</th>" +
           cell(sent, i, count) + cell(answers, i, count) + cell(errors, i, count) + cell(p50, i, &human_time) +
           cell(p99, i, &human_time) + cell(most, i, &human_time) + "</tr>";
  }
  return out + "</tbody></table></div></details>";
}

}  // namespace distsys::roles::loadgen
