// Of report.hpp: the object for programs.
#include "distsys/foundation/version.hpp"
#include "report.hpp"
#include "report_details.hpp"

#include <cstdio>

namespace distsys::roles::loadgen {
namespace {

json::object describe(const histogram& h) {
  json::object percentiles;
  for (const double q : shown_percentiles) percentiles[percentile_name(q)] = h.percentile(q);
  return {{"count", h.count()}, {"mean", h.mean()}, {"stddev", h.deviation()},
          {"min", h.min()},     {"max", h.max()},   {"percentiles", std::move(percentiles)}};
}

double seconds(std::chrono::nanoseconds d) { return std::chrono::duration<double>(d).count(); }

json::object config(const report& r, const plan& p) {
  json::object c{{"targets", json::array(p.urls.begin(), p.urls.end())},
                 {"method", p.method},
                 {"body_bytes", p.body.size()},
                 {"connections", p.connections},
                 {"loops", r.loops},
                 {"loop", p.open() ? "open" : "closed"},
                 {"timeout_seconds", seconds(p.timeout)},
                 {"keep_alive", p.keep_alive},
                 {"seed", p.seed},
                 {"scenario", p.areas      ? "events"
                              : p.replayed ? "replay"
                                           : "url"}};
  json::array headers;
  for (const auto& h : p.headers) headers.emplace_back(h.first);  // never the values: they may be secrets
  c["headers"] = std::move(headers);
  c["requests"] = p.requests ? json::value(*p.requests) : json::value(nullptr);
  c["duration_seconds"] = p.duration ? json::value(seconds(*p.duration)) : json::value(nullptr);
  if (p.open()) {
    c["arrivals"] = p.arrivals.text;
    c["rate"] = p.arrivals.mean_rate();
  }
  if (p.warm_up.count() > 0) c["warm_up_seconds"] = seconds(p.warm_up);
  if (p.think) c["think"] = p.think->text();
  if (p.session_length != 0) c["session_length"] = p.session_length;
  if (p.spin.count() > 0) c["spin_us"] = p.spin / std::chrono::microseconds(1);
  if (p.areas || p.keyed) {
    c["keys"] = p.keys.name;
    c["key_count"] = p.keys.file ? p.keys.file->size() : p.keys.count;
    if (p.keys.name == "zipf") c["zipf_exponent"] = p.keys.exponent;
  }
  if (p.areas) {
    c["areas"] = p.areas->count;
    c["area_radius_km"] = p.areas->radius_km;
  }
  return c;
}

json::object generator(const report& r, const plan& p) {
  json::array warnings;
  for (const std::string& w : r.warnings(p)) warnings.emplace_back(w);
  return {{"cpu_percent", 100 * r.busy},
          {"bottleneck", !r.invalid_because().empty()},
          {"send_lag_us", p.open() ? json::value(describe(r.counts.lag)) : json::value(nullptr)},
          {"waited_for_connection", r.counts.waited},
          {"unsent", r.counts.unsent},
          {"warnings", std::move(warnings)}};
}

json::object validity(const report& r) {
  json::array why;
  for (const std::string& reason : r.invalid_because()) why.emplace_back(reason);
  return {{"valid", why.empty()},
          {"reasons", std::move(why)},
          {"bounds", json::object{{"busiest_loop_percent", 100 * busiest_loop},
                                  {"send_lag_p99_us", r.max_send_lag / std::chrono::microseconds(1)}}}};
}

json::array thresholds(const report& r) {
  json::array out;
  for (const threshold& t : r.thresholds) {
    json::array parts;
    for (const judgement& j : t.parts)
      parts.push_back(json::object{{"holds", j.holds},
                                   {"measured", j.known ? json::value(j.measured) : json::value(nullptr)},
                                   {"text", j.text}});
    out.push_back(json::object{{"fail_if", t.condition}, {"failed", t.failed}, {"parts", std::move(parts)}});
  }
  return out;
}

json::value latency_or_null(const histogram* h) { return h == nullptr ? json::value(nullptr) : describe(*h); }

}  // namespace

std::string percentile_name(double q) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", q);
  return text;
}

json::object as_json(const report& r, const plan& p) {
  const tally& c = r.counts;
  json::object statuses, errors;
  for (std::size_t s = 0; s < c.statuses.size(); ++s) {
    if (c.statuses[s] != 0) statuses[std::to_string(s)] = c.statuses[s];
  }
  for (std::size_t k = 0; k < failure_kinds; ++k) errors[name(static_cast<failure_kind>(k))] = c.failures[k];
  json::object out{{"version", version()},
                   {"requests_per_second", r.requests_per_second()},
                   {"bytes_per_second", r.bytes_per_second()},
                   {"duration_seconds", r.seconds},
                   {"sent", c.sent},
                   {"requests", c.answers},
                   {"succeeded", c.good},
                   {"bytes", c.bytes},
                   {"valid", r.invalid_because().empty()},
                   {"validity", validity(r)},
                   {"latency_from", p.open() ? "intended" : "sent"},
                   {"latency_us", describe(c.latency)},
                   {"raw_latency_us", describe(r.raw())},
                   {"corrected_latency_us", latency_or_null(r.corrected())},
                   {"connect_us", describe(c.connecting)},
                   {"status", std::move(statuses)},
                   {"errors", std::move(errors)},
                   {"errors_total", c.failed()},
                   {"unfinished", c.unfinished},
                   {"unanswered", c.unanswered()},
                   {"unanswered_note", r.unanswered_note()},
                   {"interrupted", r.interrupted},
                   {"generator", generator(r, p)},
                   {"config", config(r, p)}};
  if (p.areas || c.hits + c.misses != 0) {
    const auto ratio = c.hit_ratio();
    out["cache"] = json::object{{"hits", c.hits},
                                {"misses", c.misses},
                                {"other", c.uncached},
                                {"hit_ratio", ratio ? json::value(*ratio) : json::value(nullptr)}};
  }
  if (p.warm_up.count() > 0)
    out["warm_up"] =
        json::object{{"seconds", seconds(p.warm_up)}, {"sent", r.warm_up_sent}, {"requests", r.warm_up_answers}};
  if (!p.fail_if.empty()) out["thresholds"] = thresholds(r);
  if (p.session_length != 0 || p.think) out["sessions"] = c.sessions;
  add_details(out, r);
  return out;
}

}  // namespace distsys::roles::loadgen
