#include "report_details.hpp"

#include "distsys/foundation/text.hpp"
#include "distsys/foundation/version.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>

namespace distsys::roles::loadgen {
namespace {

json::object course_of(const timeline& line) {
  json::array sent, answers, errors, bad, hits, misses, bytes, p50, p99, most;
  for (const slice& s : line.slices()) {
    histogram h;
    h.add(s.latency);
    const auto figure = [&](std::uint64_t v) { return h.count() == 0 ? json::value(nullptr) : json::value(v); };
    sent.emplace_back(s.sent);
    answers.emplace_back(s.answers);
    errors.emplace_back(s.failed);
    bad.emplace_back(s.answers - s.good);
    hits.emplace_back(s.hits);
    misses.emplace_back(s.misses);
    bytes.emplace_back(s.bytes);
    p50.push_back(figure(h.percentile(50)));
    p99.push_back(figure(h.percentile(99)));
    most.push_back(figure(h.max()));
  }
  return {{"interval_seconds", std::chrono::duration<double>(line.interval()).count()},
          {"sent", std::move(sent)},
          {"answers", std::move(answers)},
          {"errors", std::move(errors)},
          {"bad_statuses", std::move(bad)},
          {"hits", std::move(hits)},
          {"misses", std::move(misses)},
          {"bytes", std::move(bytes)},
          {"p50_us", std::move(p50)},
          {"p99_us", std::move(p99)},
          {"max_us", std::move(most)}};
}

/// The value behind "NAME : " in a file of such lines.
std::string look_up(const char* path, std::string_view name) {
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(name)) continue;
    const std::size_t colon = line.find(':');
    return colon == std::string::npos ? std::string() : std::string(trim(std::string_view(line).substr(colon + 1)));
  }
  return {};
}

// No host or user name: reports are shown to strangers.
json::object environment(const report& r) {
  utsname system{};
  ::uname(&system);
  const auto memory =
      static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::string model = look_up("/proc/cpuinfo", "model name");
  return {{"system", std::string(system.sysname) + " " + system.release + " " + system.machine},
          {"processor", model.empty() ? "unknown" : model},
          {"processors", ::sysconf(_SC_NPROCESSORS_ONLN)},
          {"memory_bytes", memory},
          {"loops", r.loops},
          {"program", "distsys " + std::string(version())}};
}

json::object search(const search_outcome& s) {
  json::array steps;
  for (const search_step& t : s.steps) {
    json::array notes;
    for (const std::string& n : t.notes) notes.emplace_back(n);
    steps.push_back(json::object{{"rate", t.rate},
                                 {"why", t.why},
                                 {"held", t.held},
                                 {"valid", t.valid},
                                 {"p50_us", t.p50},
                                 {"p99_us", t.p99},
                                 {"requests_per_second", t.reached},
                                 {"notes", std::move(notes)}});
  }
  return {{"condition", s.condition},
          {"rate", s.rate},
          {"failed_at", s.failed_at ? json::value(*s.failed_at) : json::value(nullptr)},
          {"verified", s.verified},
          {"runs", s.runs},
          {"held", s.held},
          {"generator_bound", s.generator_bound},
          {"ended", s.ended},
          {"steps", std::move(steps)}};
}

}  // namespace

json::object curve_of(const histogram& h) {
  constexpr double ticks_a_half = 8;
  json::array percents, values;
  double percent = 0;
  while (h.count() != 0 && percent < 100) {
    percents.emplace_back(percent);
    values.emplace_back(h.percentile(percent));
    // One value more than there are has no meaning.
    if ((100 - percent) / 100 * static_cast<double>(h.count()) < 1 || percent > 99.9999) break;
    const double halvings = std::floor(std::log2(100 / (100 - percent))) + 1;
    percent += 100 / (std::exp2(halvings) * ticks_a_half);
  }
  if (h.count() != 0) {
    percents.emplace_back(100);
    values.emplace_back(h.max());
  }
  return {{"percent", std::move(percents)}, {"us", std::move(values)}};
}

void add_details(json::object& out, const report& r) {
  out["began"] = format_time(r.began);
  out["curve"] = curve_of(r.counts.latency);
  if (r.is_open) out["raw_curve"] = curve_of(r.raw());
  if (r.corrected_latency) out["corrected_curve"] = curve_of(*r.corrected_latency);
  if (r.line) out["timeline"] = course_of(*r.line);
  out["environment"] = environment(r);
  if (r.search) out["find_max"] = search(*r.search);
}

}  // namespace distsys::roles::loadgen
