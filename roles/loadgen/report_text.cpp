// Of report.hpp: the page for a terminal.
#include "report.hpp"

#include "distsys/foundation/text.hpp"

#include <algorithm>

namespace distsys::roles::loadgen {
namespace {

class page {
 public:
  explicit page(bool colours) : colours_(colours) {}

  void line(std::string_view label, const std::string& rest) {
    std::string padded(label);
    padded.resize(12, ' ');
    text_ += paint("1", padded) + rest + "\n";
  }
  void gap() { text_ += "\n"; }
  std::string paint(std::string_view code, const std::string& text) const {
    return colours_ ? "\x1b[" + std::string(code) + "m" + text + "\x1b[0m" : text;
  }
  std::string take() { return std::move(text_); }

 private:
  bool colours_;
  std::string text_;
};

std::string padded_left(const std::string& text, std::size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

std::string load_of(const report& r, const plan& p) {
  std::string s = grouped(p.connections) + (p.connections == 1 ? " connection on " : " connections on ");
  s += std::to_string(r.loops) + (r.loops == 1 ? " loop, " : " loops, ");
  if (p.rate > 0)
    s += "open loop, " + fixed(p.rate, p.rate < 10 ? 2 : 0) + " requests/s " + (p.poisson ? "(Poisson)" : "(constant)");
  else
    s += "closed loop";
  if (!p.keep_alive) s += ", a connection a request";
  if (p.requests) s += ", " + grouped(*p.requests) + " requests";
  if (p.duration) s += ", " + format_duration(std::chrono::duration_cast<std::chrono::microseconds>(*p.duration));
  return s;
}

std::string target_of(const plan& p) {
  std::string s = p.method + " " + p.urls.front();
  if (p.urls.size() > 1) s += " and " + std::to_string(p.urls.size() - 1) + " more";
  if (p.areas) s += ", events of " + grouped(p.areas->count) + " areas";
  return s;
}

void add_latency(page& out, const report& r, const plan& p) {
  const histogram& h = r.counts.latency;
  if (h.count() == 0) return;
  out.gap();
  out.line("Latency", p.rate > 0 ? "from the intended time of sending" : "from sending");
  out.line("  mean", human_time(h.mean()) + "  (deviation " + human_time(h.deviation()) + ", least " +
                         human_time(static_cast<double>(h.min())) + ")");
  for (const double q : shown_percentiles) {
    std::string label = q == 100 ? "max" : fixed(q, q > 99.95 ? 2 : q > 99 ? 1 : 0) + " %";
    out.line("  " + padded_left(label, 7), padded_left(human_time(static_cast<double>(h.percentile(q))), 9));
  }
}

void add_outcomes(page& out, const report& r, const plan& p) {
  const tally& c = r.counts;
  out.gap();
  for (std::size_t s = 0; s < c.statuses.size(); ++s) {
    if (c.statuses[s] != 0)
      out.line("Status", out.paint(s < 400 ? "32" : "31", std::to_string(s)) + "  " + grouped(c.statuses[s]));
  }
  for (std::size_t k = 0; k < failure_kinds; ++k) {
    if (c.failures[k] == 0) continue;
    std::string kind(name(static_cast<failure_kind>(k)));
    std::replace(kind.begin(), kind.end(), '_', ' ');
    out.line("Error", out.paint("31", kind) + "  " + grouped(c.failures[k]) + "  (first: " + c.first_failure[k] + ")");
  }
  if (c.unfinished != 0) out.line("Unfinished", grouped(c.unfinished) + " under way at the end");
  if (!p.areas) return;
  const auto known = c.hits + c.misses;
  const double ratio = known == 0 ? 0 : 100 * static_cast<double>(c.hits) / static_cast<double>(known);
  out.line("Cache", fixed(ratio, 1) + " % hits  (" + grouped(c.hits) + " hits, " + grouped(c.misses) + " misses, " +
                        grouped(c.uncached) + " without Cache-Status)");
}

}  // namespace

std::string as_text(const report& r, const plan& p, bool colours) {
  page out(colours);
  const tally& c = r.counts;
  out.line("Target", target_of(p));
  out.line("Load", load_of(r, p));
  out.line("Requests", grouped(c.answers) + " answered in " + fixed(r.seconds, 2) + " s" +
                           (r.interrupted ? "  (interrupted)" : ""));
  out.line("Rate",
           out.paint("1;36", grouped(static_cast<std::uint64_t>(r.requests_per_second() + 0.5)) + " requests/s") +
               "  " + human_bytes(r.bytes_per_second()) + "/s  (" + human_bytes(static_cast<double>(c.bytes)) + ")");
  add_latency(out, r, p);
  add_outcomes(out, r, p);
  std::string own = "its busiest loop was busy " + fixed(100 * r.busy, 0) + " % of the time";
  if (c.connecting.count() != 0)
    own += ", " + grouped(c.connecting.count()) + " connects (p99 " +
           human_time(static_cast<double>(c.connecting.percentile(99))) + ")";
  if (p.rate > 0) own += ", send lag p99 " + human_time(static_cast<double>(c.lag.percentile(99)));
  out.line("Generator", own);
  for (const std::string& w : r.warnings(p)) out.line("Warning", out.paint("33", w));
  return out.take();
}

}  // namespace distsys::roles::loadgen
