#include "arrivals.hpp"

#include "distsys/foundation/text.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <numeric>

namespace distsys::roles::loadgen {
namespace {

constexpr double highest_rate = 1e7;
constexpr std::array<std::string_view, 8> shapes{"constant", "poisson", "ramp",  "burst",
                                                 "uniform",  "normal",  "pause", "exponential"};

error wrong(std::string_view text, const std::string& why) {
  return {errc::invalid, "'" + std::string(text.substr(0, 64)) + "': " + why};
}

result<double> read_rate(std::string_view text) {
  if (text.ends_with("/s")) text.remove_suffix(2);
  const auto rate = parse_real(text);
  if (!rate || *rate < 0 || *rate > highest_rate)
    return error{errc::invalid, "'" + std::string(text.substr(0, 64)) + "' is not a rate of 0 to 10,000,000 a second"};
  return *rate;
}

result<void> read_rates(phase& p, std::string_view what, double rate) {
  if (what.empty()) {
    if (rate <= 0) return error{errc::invalid, "it needs a rate: constant:500, or --rate"};
    p.rate = p.last_rate = rate;
    return {};
  }
  const std::size_t dash = what.find('-');
  const auto first = read_rate(what.substr(0, dash));
  if (!first) return first.error();
  const auto last = dash == std::string_view::npos ? first : read_rate(what.substr(dash + 1));
  if (!last) return last.error();
  p.rate = *first;
  p.last_rate = *last;
  if (p.rate <= 0 && p.last_rate <= 0) return error{errc::invalid, "a rate of 0 sends nothing: that is pause@DURATION"};
  if (p.rate != p.last_rate && !std::isfinite(p.seconds))
    return error{errc::invalid, "a ramp needs to know how long: @30s"};
  return {};
}

result<void> read_burst(phase& p, std::string_view what) {
  const std::size_t slash = what.find('/');
  const auto size = parse_integer(what.substr(0, slash));
  const auto every = slash == std::string_view::npos ? result<std::chrono::microseconds>(errc::invalid)
                                                     : parse_duration(what.substr(slash + 1));
  if (!size || *size < 1 || *size > 1'000'000 || !every || every->count() <= 0)
    return error{errc::invalid, "a burst is COUNT/DURATION, as burst:100/2s"};
  p.how = phase::process::burst;
  p.burst = static_cast<std::uint64_t>(*size);
  p.every = std::chrono::duration<double>(*every).count();
  return {};
}

result<void> read_gaps(phase& p, std::string_view text) {
  const auto gap = delay::parse(text);
  if (!gap) return gap.error();
  if (gap->mean() <= 1 / highest_rate) return error{errc::invalid, "a gap of 0 has no end of requests"};
  p.how = phase::process::gaps;
  p.gap = *gap;
  return {};
}

result<phase> read_phase(std::string_view text, double rate) {
  phase p;
  const std::size_t at = text.find('@');
  const std::string_view head = text.substr(0, at);
  if (at != std::string_view::npos) {
    const auto lasts = parse_duration(text.substr(at + 1));
    if (!lasts) return wrong(text, lasts.error().detail);
    if (lasts->count() <= 0) return wrong(text, "a phase lasts more than 0");
    p.seconds = std::chrono::duration<double>(*lasts).count();
  }
  const std::size_t colon = head.find(':');
  const std::string_view shape = head.substr(0, colon);
  const std::string_view what = colon == std::string_view::npos ? std::string_view{} : head.substr(colon + 1);
  result<void> done{};
  if (shape == "constant" || shape == "poisson" || shape == "ramp") {
    if (shape == "ramp" && what.find('-') == std::string_view::npos) return wrong(text, "a ramp is ramp:100-2000@30s");
    p.how = shape == "poisson" ? phase::process::poisson : phase::process::even;
    done = read_rates(p, what, rate);
  } else if (shape == "burst") {
    done = read_burst(p, what);
  } else if (shape == "pause") {
    p.how = phase::process::silence;
    if (!what.empty() || at == std::string_view::npos) return wrong(text, "a pause is pause@DURATION");
  } else if (delay::is_shape(shape)) {
    done = read_gaps(p, head);
  } else {
    const std::string_view meant = nearest(shape, shapes);
    return wrong(text, meant.empty() ? "arrivals are constant, poisson, ramp, burst, uniform, exponential, normal, "
                                       "pause, file:PATH or log:PATH"
                                     : "did you mean " + std::string(meant) + "?");
  }
  if (!done) return wrong(text, done.error().detail);
  return p;
}

/// "1.5" or "90s" into seconds.
result<double> read_time(std::string_view text) {
  if (const auto plain = parse_real(text)) return *plain;
  const auto d = parse_duration(text);
  if (!d) return error{errc::invalid, "'" + std::string(text.substr(0, 64)) + "' is not a time such as 1.5 or 90s"};
  return std::chrono::duration<double>(*d).count();
}

}  // namespace

double phase::mean_rate() const noexcept {
  switch (how) {
    case process::gaps:
      return 1 / gap.mean();
    case process::burst:
      return static_cast<double>(burst) / every;
    case process::silence:
      return 0;
    default:
      return (rate + last_rate) / 2;
  }
}

double arrival_plan::seconds() const noexcept {
  if (times) return times->empty() ? 0 : static_cast<double>(times->back()) / 1e6;
  double sum = 0;
  for (const phase& p : phases) sum += p.seconds;
  return sum;
}

double arrival_plan::mean_rate() const noexcept {
  if (times) return seconds() > 0 ? static_cast<double>(times->size()) / seconds() : 0;
  if (phases.empty()) return 0;
  if (!std::isfinite(seconds())) return phases.back().mean_rate();
  double requests = 0;
  for (const phase& p : phases) requests += p.mean_rate() * p.seconds;
  return requests / seconds();
}

bool arrival_plan::random() const noexcept {
  return std::any_of(phases.begin(), phases.end(),
                     [](const phase& p) { return p.how == phase::process::poisson || p.how == phase::process::gaps; });
}

arrival_plan arrival_plan::after_warm_up(double seconds) const {
  arrival_plan out = *this;
  if (phases.empty() || seconds <= 0) return out;
  phase first = phases.front();
  first.last_rate = first.rate;
  first.seconds = seconds;
  if (first.how != phase::process::gaps && first.how != phase::process::burst && first.rate <= 0)
    first.how = phase::process::silence;
  out.phases.insert(out.phases.begin(), first);
  return out;
}

result<arrival_plan> parse_arrivals(std::string_view text, double rate) {
  arrival_plan out;
  out.text = text;
  const auto parts = split(text, ',');
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto p = read_phase(trim(parts[i]), rate);
    if (!p) return p.error();
    if (!std::isfinite(p->seconds) && i + 1 < parts.size())
      return wrong(trim(parts[i]), "only the last phase may have no duration: add @10s");
    out.phases.push_back(*p);
  }
  if (std::all_of(out.phases.begin(), out.phases.end(), [](const phase& p) { return p.mean_rate() <= 0; }))
    return error{errc::invalid, "'" + std::string(text.substr(0, 64)) + "' sends nothing"};
  return out;
}

result<arrival_plan> parse_schedule(std::string_view content, std::string_view name) {
  std::vector<std::int64_t> times;
  std::vector<std::pair<double, double>> rates;  // from when, how many a second
  std::size_t number = 0;
  for (std::string_view line : split(content, '\n')) {
    ++number;
    line = trim(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    const auto wrong_line = [&](const std::string& why) {
      return error{errc::invalid, std::string(name) + ":" + std::to_string(number) + ": " + why};
    };
    const std::size_t space = line.find_first_of(" \t");
    const auto at = read_time(line.substr(0, space));
    if (!at) return wrong_line(at.error().detail);
    if (*at < 0 || *at > 3.2e7) return wrong_line("a time lies between 0 and a year");
    const bool pair = space != std::string_view::npos;
    if (pair ? !times.empty() : !rates.empty()) return wrong_line("lines TIME RATE and lines TIME do not mix");
    if (!pair) {
      times.push_back(std::llround(*at * 1e6));
      if (times.size() > 1 && times.back() < times[times.size() - 2]) return wrong_line("the times do not ascend");
      continue;
    }
    const auto rate = read_rate(trim(line.substr(space)));
    if (!rate) return wrong_line(rate.error().detail);
    if (!rates.empty() && *at <= rates.back().first) return wrong_line("the times do not ascend");
    rates.emplace_back(*at, *rate);
  }
  arrival_plan out;
  out.text = "file:" + std::string(name);
  if (!times.empty()) {
    out.times = std::make_shared<const std::vector<std::int64_t>>(std::move(times));
    return out;
  }
  const auto silence = [&](double seconds) {
    phase p;
    p.how = phase::process::silence;
    p.seconds = seconds;
    out.phases.push_back(p);
  };
  if (!rates.empty() && rates.front().first > 0) silence(rates.front().first);
  for (std::size_t i = 0; i < rates.size(); ++i) {
    const bool last = i + 1 == rates.size();
    phase p;
    p.rate = p.last_rate = rates[i].second;
    if (!last) p.seconds = rates[i + 1].first - rates[i].first;
    if (p.rate > 0)
      out.phases.push_back(p);
    else if (!last)  // a rate of 0 in the last line is the end
      silence(p.seconds);
  }
  if (out.mean_rate() <= 0 && std::none_of(out.phases.begin(), out.phases.end(), [](auto& p) { return p.rate > 0; }))
    return error{errc::invalid, std::string(name) + " has no requests in it"};
  return out;
}

}  // namespace distsys::roles::loadgen
