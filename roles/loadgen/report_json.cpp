// Of report.hpp: the object for programs.
#include "distsys/foundation/version.hpp"
#include "report.hpp"

namespace distsys::roles::loadgen {
namespace {

std::string percentile_name(double q) { return fixed(q, q > 99.95 && q < 100 ? 2 : q > 99 && q < 100 ? 1 : 0); }

json::object describe(const histogram& h) {
  json::object percentiles;
  for (const double q : shown_percentiles) percentiles[percentile_name(q)] = h.percentile(q);
  return {{"count", h.count()}, {"mean", h.mean()}, {"stddev", h.deviation()},
          {"min", h.min()},     {"max", h.max()},   {"percentiles", std::move(percentiles)}};
}

double seconds(std::chrono::nanoseconds d) { return std::chrono::duration<double>(d).count(); }

const char* keys_name(runtime::key_distribution d) {
  return d == runtime::key_distribution::zipf ? "zipf" : d == runtime::key_distribution::normal ? "normal" : "uniform";
}

json::object config(const report& r, const plan& p) {
  json::object c{{"targets", json::array(p.urls.begin(), p.urls.end())},
                 {"method", p.method},
                 {"body_bytes", p.body.size()},
                 {"connections", p.connections},
                 {"loops", r.loops},
                 {"loop", p.rate > 0 ? "open" : "closed"},
                 {"timeout_seconds", seconds(p.timeout)},
                 {"keep_alive", p.keep_alive},
                 {"seed", p.seed},
                 {"scenario", p.areas ? "events" : "url"}};
  json::array headers;
  for (const auto& h : p.headers) headers.emplace_back(h.first);  // never the values: they may be secrets
  c["headers"] = std::move(headers);
  c["requests"] = p.requests ? json::value(*p.requests) : json::value(nullptr);
  c["duration_seconds"] = p.duration ? json::value(seconds(*p.duration)) : json::value(nullptr);
  if (p.rate > 0) {
    c["rate"] = p.rate;
    c["arrivals"] = p.poisson ? "poisson" : "constant";
  }
  if (p.areas) {
    c["areas"] = p.areas->count;
    c["area_radius_km"] = p.areas->radius_km;
    c["keys"] = keys_name(p.areas->keys);
    c["zipf_exponent"] = p.areas->zipf_exponent;
  }
  return c;
}

json::object generator(const report& r, const plan& p) {
  json::array warnings;
  for (const std::string& w : r.warnings(p)) warnings.emplace_back(w);
  return {{"cpu_percent", 100 * r.busy},
          {"bottleneck", r.saturated() || r.counts.lag.percentile(99) > 1000},
          {"send_lag_us", p.rate > 0 ? json::value(describe(r.counts.lag)) : json::value(nullptr)},
          {"waited_for_connection", r.counts.waited},
          {"unsent", r.counts.unsent},
          {"warnings", std::move(warnings)}};
}

}  // namespace

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
                   {"latency_us", describe(c.latency)},
                   {"connect_us", describe(c.connecting)},
                   {"status", std::move(statuses)},
                   {"errors", std::move(errors)},
                   {"errors_total", c.failed()},
                   {"unfinished", c.unfinished},
                   {"interrupted", r.interrupted},
                   {"generator", generator(r, p)},
                   {"config", config(r, p)}};
  if (p.areas) {
    const auto known = c.hits + c.misses;
    out["cache"] =
        json::object{{"hits", c.hits},
                     {"misses", c.misses},
                     {"other", c.uncached},
                     {"hit_ratio", known == 0 ? json::value(nullptr)
                                              : json::value(static_cast<double>(c.hits) / static_cast<double>(known))}};
  }
  return out;
}

}  // namespace distsys::roles::loadgen
