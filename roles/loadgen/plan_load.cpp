#include "plan_load.hpp"

#include "access_log.hpp"
#include "distsys/foundation/text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace distsys::roles::loadgen {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t largest_log = 1u << 30;
constexpr double longest_replay = 3.2e8;  // seconds

error invalid(std::string why) { return {errc::invalid, std::move(why)}; }

std::string plain(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.10g", v);
  return text;
}

std::chrono::nanoseconds nanoseconds(double seconds) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));
}

result<void> read_log(plan& p, const std::string& path, double speed) {
  if (p.areas || p.keyed) return invalid("--arrivals=log:PATH asks for what the log has: no {key}, no --scenario");
  const auto text = read_file(path, largest_log);
  if (!text) return text.error();
  const auto log = parse_access_log(*text, path);
  if (!log) return log.error();
  if (const double lasts = static_cast<double>(log->entries.back().at_us) / 1e6 / speed; lasts > longest_replay)
    return invalid("--arrivals: " + path + " would take over ten years at --speed=" + plain(speed));
  auto times = std::make_shared<std::vector<std::int64_t>>();
  auto which = std::make_shared<std::vector<std::uint32_t>>();
  times->reserve(log->entries.size());
  which->reserve(log->entries.size());
  for (const auto& e : log->entries) {
    times->push_back(std::llround(static_cast<double>(e.at_us) / speed));
    which->push_back(e.request);
  }
  p.arrivals.times = std::move(times);
  p.arrivals.text = "log:" + path + (speed == 1 ? "" : " at " + plain(speed) + " times its speed");
  p.replayed = std::move(which);
  make_replay(p, log->requests);
  if (log->bad_lines != 0) {
    p.notes.push_back(std::to_string(log->bad_lines) + " lines of " + path + " could not be replayed");
    p.notes.insert(p.notes.end(), log->complaints.begin(), log->complaints.end());
  }
  return {};
}

result<void> read_arrivals(plan& p, const app::role_context& s) {
  const double rate = s.real("rate");
  const std::string text = s.text("arrivals");
  const bool given = s.given("arrivals");
  if (s.given("speed") && !text.starts_with("log:")) return invalid("--speed is for --arrivals=log:PATH");
  if (s.given("find-max")) return {};
  if (rate <= 0 && !given) return {};
  if (text.starts_with("file:") || text.starts_with("log:")) {
    if (rate > 0) return invalid("--rate and a file of arrivals exclude each other");
    if (text.starts_with("log:")) return read_log(p, text.substr(4), s.real("speed"));
    const auto content = read_file(text.substr(5), largest_log);
    if (!content) return content.error();
    auto plan = parse_schedule(*content, text.substr(5));
    if (!plan) return plan.error();
    p.arrivals = std::move(*plan);
    return {};
  }
  if (rate > 0 && given && parse_arrivals(text, 0))
    return invalid("--rate has no meaning where --arrivals names every rate");
  auto plan = parse_arrivals(text, rate);
  if (!plan) return invalid("--arrivals: " + plan.error().detail + (rate > 0 || !given ? "" : " (--rate)"));
  p.arrivals = std::move(*plan);
  if (p.arrivals.text == "constant" || p.arrivals.text == "poisson") p.arrivals.text += ":" + plain(rate);
  return {};
}

// How long it lasts, when nobody says: as long as the schedule, else ten seconds.
void read_duration(plan& p, const app::role_context& s) {
  if (s.given("requests")) p.requests = static_cast<std::uint64_t>(s.integer("requests"));
  if (s.given("duration")) {
    p.duration = s.duration("duration");
  } else if (!p.requests) {
    const double lasts = p.open() ? p.arrivals.seconds() : HUGE_VAL;
    if (s.given("find-max"))
      p.duration = 3s;
    else if (std::isfinite(lasts))
      p.duration = nanoseconds(lasts) + (p.arrivals.times ? 1ms : 0ms);  // a file's last arrival is at its very end
    else
      p.duration = s.duration("duration");
  }
}

result<void> read_users(plan& p, const app::role_context& s) {
  p.session_length = static_cast<std::uint64_t>(s.integer("session-length"));
  if (s.given("expected-interval")) p.expected_interval = s.duration("expected-interval");
  if (!s.given("think")) return {};
  const auto think = delay::parse(s.text("think"));
  if (!think) return invalid("--think: " + think.error().detail);
  if (p.open() || s.given("find-max"))
    return invalid("--think is for the closed loop: an open loop sends when it is time, whatever users think");
  p.think = *think;
  return {};
}

result<void> read_conditions(plan& p, const app::role_context& s) {
  for (const std::string& text : s.texts("fail-if")) {
    auto c = parse_condition(text);
    if (!c) return invalid("--fail-if: " + c.error().detail);
    p.fail_if.push_back(std::move(*c));
  }
  if (!s.given("find-max")) return {};
  auto c = parse_condition(s.text("find-max"));
  if (!c) return invalid("--find-max: " + c.error().detail);
  p.find_max = std::move(*c);
  p.find_max_time = s.duration("find-max-time");
  p.first_rate = s.real("rate");
  p.find_max_process = s.text("arrivals");
  if (p.find_max_process != "constant" && p.find_max_process != "poisson")
    return invalid("--find-max chooses the rates itself: --arrivals=constant or poisson");
  if (p.requests) return invalid("--find-max and --requests exclude each other: each step lasts --duration");
  return {};
}

}  // namespace

std::string wrong_with_arrivals(std::string_view text) {
  for (const std::string_view prefix : {"file:", "log:"}) {
    if (text.starts_with(prefix)) return app::readable_file(text.substr(prefix.size()));
  }
  const auto parsed = parse_arrivals(text, 1);
  return parsed ? std::string() : parsed.error().detail;
}

result<void> read_load(plan& p, const app::role_context& s) {
  p.connections = static_cast<unsigned>(s.integer("connections"));
  p.seed = static_cast<std::uint64_t>(s.integer("seed"));
  p.timeout = s.duration("timeout");
  p.warm_up = s.duration("warm-up");
  p.spin = s.duration("spin");
  p.max_send_lag = s.duration("max-send-lag");
  p.verify_certificate = !s.flag("insecure");
  p.keep_alive = !s.flag("no-keepalive");
  p.json = s.flag("json");
  p.quiet = s.flag("quiet");
  p.hdr_file = s.text("hdr-log");
  p.report_file = s.text("report");
  p.save_file = s.text("save");
  make_requests(p);
  if (auto done = read_arrivals(p, s); !done) return done;
  if (p.arrivals.times && p.warm_up > 0ns)
    return invalid("--warm-up repeats the rate with which the load begins, which --arrivals=" +
                   p.arrivals.text.substr(0, p.arrivals.text.find(':')) +
                   ":PATH of single times has not: give one of them");
  read_duration(p, s);
  for (auto* read : {&read_users, &read_conditions}) {
    if (auto done = read(p, s); !done) return done;
  }
  if (p.find_max && !s.given("warm-up")) p.warm_up = 500ms;
  if (p.connections < p.origins.size())
    return invalid("--connections is less than the number of servers (" + std::to_string(p.origins.size()) + ")");
  return {};
}

}  // namespace distsys::roles::loadgen
