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

double us(std::chrono::nanoseconds d) { return std::chrono::duration<double, std::micro>(d).count(); }

std::string load_of(const report& r, const plan& p) {
  std::string s = grouped(p.connections) + (p.connections == 1 ? " connection on " : " connections on ");
  s += std::to_string(r.loops) + (r.loops == 1 ? " loop, " : " loops, ");
  s += p.open() ? "open loop, " + p.arrivals.text : p.think ? "users who think " + p.think->text() : "closed loop";
  if (p.session_length != 0) s += ", sessions of " + grouped(p.session_length);
  if (!p.keep_alive) s += ", a connection a request";
  if (p.requests) s += ", " + grouped(*p.requests) + " requests";
  if (p.duration) s += ", " + format_duration(std::chrono::duration_cast<std::chrono::microseconds>(*p.duration));
  return s;
}

std::string target_of(const plan& p) {
  std::string s = p.method + " " + p.urls.front();
  if (p.urls.size() > 1) s += " and " + std::to_string(p.urls.size() - 1) + " more";
  if (p.areas) s += ", events of " + grouped(p.areas->count) + (p.keys.hot_spot ? " hot spots" : " areas");
  if (p.keyed) s += ", keys " + p.keys.name;
  return s;
}

void add_latency(page& out, const report& r, const plan& p) {
  const histogram& h = r.counts.latency;
  if (h.count() == 0) return;
  out.gap();
  const histogram* other = p.open() ? &r.raw() : r.corrected();
  std::string title = p.open() ? "from the intended time of sending" : "from sending";
  if (p.open()) title += "  |  raw: from sending";
  if (r.corrected_latency) title += "  |  corrected for a request each " + human_time(us(r.expected_interval));
  out.line("Latency", title);
  const auto both = [&](auto figure) {
    std::string s = padded_left(human_time(figure(h)), 9);
    if (other != nullptr) s += "  |" + padded_left(human_time(figure(*other)), 10);
    return s;
  };
  out.line("  mean", both([](const histogram& x) { return x.mean(); }) + "  (deviation " + human_time(h.deviation()) +
                         ", least " + human_time(static_cast<double>(h.min())) + ")");
  for (const double q : shown_percentiles) {
    const std::string label = q == 100 ? "max" : percentile_name(q) + " %";
    out.line("  " + padded_left(label, 8),
             both([&](const histogram& x) { return static_cast<double>(x.percentile(q)); }));
  }
  if (const std::string missing = r.unanswered_note(); !missing.empty()) out.line("", out.paint("33", missing));
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
  if (!p.areas && c.hits + c.misses == 0) return;
  out.line("Cache", fixed(100 * c.hit_ratio().value_or(0), 1) + " % hits  (" + grouped(c.hits) + " hits, " +
                        grouped(c.misses) + " misses, " + grouped(c.uncached) + " without Cache-Status)");
}

void add_search(page& out, const search_outcome& s) {
  std::string found = s.rate > 0 ? out.paint("1;36", grouped(whole(s.rate)) + " requests/s") : std::string("no rate");
  found += " hold" + std::string(s.rate > 0 ? "" : "s") + " " + s.condition;
  if (s.rate > 0) found += "; held in " + std::to_string(s.held) + " of " + std::to_string(s.runs) + " runs";
  if (s.failed_at)
    found += ", " + grouped(whole(*s.failed_at)) + "/s failed" +
             (s.generator_bound ? " (the generator's limit, not the server's)" : "");
  if (!s.verified) found += "; not verified: " + s.ended;
  out.line("Highest", found);
  out.gap();
}

void add_verdicts(page& out, const report& r, const plan& p) {
  const auto invalid = r.invalid_because();
  for (const threshold& t : r.thresholds) {
    std::string said;
    for (const judgement& j : t.parts) said += (said.empty() ? "" : "; ") + j.text;
    out.line(t.failed ? "FAILED" : "Passed",
             out.paint(t.failed ? "31" : "32", "fail if " + t.condition) + "  (" + said + ")");
  }
  for (const std::string& w : invalid) out.line("INVALID", out.paint("1;31", w));
  for (const std::string& w : r.warnings(p)) {
    if (std::find(invalid.begin(), invalid.end(), w) == invalid.end()) out.line("Warning", out.paint("33", w));
  }
}

}  // namespace

std::string as_text(const report& r, const plan& p, bool colours) {
  page out(colours);
  const tally& c = r.counts;
  if (r.search) add_search(out, *r.search);
  out.line("Target", target_of(p));
  out.line("Load", load_of(r, p));
  out.line("Requests", grouped(c.answers) + " answered in " + fixed(r.seconds, 2) + " s" +
                           (r.interrupted ? "  (interrupted)" : ""));
  out.line("Rate", out.paint("1;36", grouped(whole(r.requests_per_second())) + " requests/s") + "  " +
                       human_bytes(r.bytes_per_second()) + "/s  (" + human_bytes(static_cast<double>(c.bytes)) + ")");
  if (p.warm_up.count() > 0)
    out.line("Warm-up", grouped(r.warm_up_answers) + " answered in " +
                            format_duration(std::chrono::duration_cast<std::chrono::microseconds>(p.warm_up)) +
                            " before that, not counted");
  add_latency(out, r, p);
  add_outcomes(out, r, p);
  std::string own = "its busiest loop was busy " + fixed(100 * r.busy, 0) + " % of the time";
  if (c.connecting.count() != 0)
    own += ", " + grouped(c.connecting.count()) + " connects (p99 " +
           human_time(static_cast<double>(c.connecting.percentile(99))) + ")";
  if (p.open()) own += ", send lag p99 " + human_time(static_cast<double>(c.lag.percentile(99)));
  out.line("Generator", own);
  add_verdicts(out, r, p);
  return out.take();
}

}  // namespace distsys::roles::loadgen
