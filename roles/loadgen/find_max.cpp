#include "find_max.hpp"

#include <algorithm>
#include <cmath>

namespace distsys::roles::loadgen {
namespace {

constexpr double precision = 0.05;
constexpr unsigned most_steps = 40;
constexpr double default_first_rate = 1000;
constexpr double most_unsent = 0.01;   // of what was due
constexpr double most_refused = 0.01;  // of the answers

std::string_view name(rate_search::reason why) {
  constexpr std::string_view names[] = {"first", "doubled", "halved", "bisected", "verified"};
  return names[static_cast<std::size_t>(why)];
}

/// The share of the answers whose status is 400 or above, but for the classes that the condition judges itself.
double refused(const condition& c, const tally& n) {
  const auto names = [&](comparison::metric what) {
    return std::any_of(c.all.begin(), c.all.end(), [&](const comparison& one) { return one.what == what; });
  };
  std::uint64_t bad = n.answers - n.good;
  if (names(comparison::metric::client_errors)) bad -= n.of_class(4);
  if (names(comparison::metric::server_errors)) bad -= n.of_class(5);
  return n.answers == 0 ? 0 : static_cast<double>(bad) / static_cast<double>(n.answers);
}

}  // namespace

search_step judge_step(const condition& c, const report& r, double rate, std::string_view why) {
  search_step s{.rate = rate, .why = std::string(why)};
  s.p50 = r.counts.latency.percentile(50);
  s.p99 = r.counts.latency.percentile(99);
  s.reached = r.requests_per_second();
  s.held = true;
  for (const comparison& one : c.all) {
    const judgement j = judge(one, r);
    if (j.known && j.holds) continue;
    s.held = false;
    s.notes.push_back(j.text);
  }
  const std::uint64_t due = r.counts.sent + r.counts.unsent;
  if (const double unsent = due == 0 ? 1 : static_cast<double>(r.counts.unsent) / static_cast<double>(due);
      unsent > most_unsent) {
    s.held = false;
    s.notes.push_back(fixed(100 * unsent, 1) + " % of the requests due were not sent: no connection was free");
  }
  if (const double bad = refused(c, r.counts); bad > most_refused) {
    s.held = false;
    s.notes.push_back(fixed(100 * bad, 1) + " % of the answers had a status of 400 or above");
  }
  for (const std::string& why_not : r.invalid_because()) {
    s.held = s.valid = false;
    s.notes.push_back(why_not);
  }
  return s;
}

max_finder::max_finder(runtime::runtime& loops, plan p) : loops_(loops), plan_(std::move(p)) {
  outcome_.condition = plan_.find_max->text;
}

awaitable<result<void>> max_finder::prepare() {
  runner first(loops_, std::move(plan_));
  auto ready = co_await first.prepare();
  plan_ = std::move(first).take();
  co_return ready;
}

awaitable<report> max_finder::run_at(double rate, bool live) {
  plan_.arrivals = parse_arrivals(plan_.find_max_process, rate).value();
  plan_.arrivals.text += ":" + fixed(rate, rate < 10 ? 2 : 0);
  runner r(loops_, std::move(plan_));
  {
    const std::scoped_lock lock(mutex_);
    current_ = &r;
  }
  if (interrupted_) r.interrupt();
  report out = co_await r.run(live);
  {
    const std::scoped_lock lock(mutex_);
    current_ = nullptr;
  }
  plan_ = std::move(r).take();
  co_return out;
}

awaitable<report> max_finder::run(bool live, std::function<void(const search_step&)> tell) {
  const auto step_lasts = plan_.warm_up + *plan_.duration;
  const auto end = runtime::steady_now() + plan_.find_max_time;
  rate_search search(plan_.first_rate > 0 ? plan_.first_rate : default_first_rate, precision, most_steps);
  report best;
  double best_rate = -1;
  while (const auto rate = search.next()) {
    if (!outcome_.steps.empty() && runtime::steady_now() + step_lasts > end) {
      outcome_.ended = "the time for the search (--find-max-time) was over";
      break;
    }
    const auto why = search.why();
    report r = co_await run_at(*rate, live);
    if (r.interrupted || r.gave_up) {
      outcome_.ended = r.interrupted ? "interrupted" : "no connection could be made";
      if (best_rate < 0) best = std::move(r);
      break;
    }
    outcome_.steps.push_back(judge_step(*plan_.find_max, r, *rate, name(why)));
    tell(outcome_.steps.back());
    search.note(outcome_.steps.back().held);
    if (outcome_.steps.back().held || best_rate <= 0 || best_rate != search.found()) {
      if (outcome_.steps.back().held) best_rate = *rate;
      best = std::move(r);
    }
  }
  finish(search);
  if (outcome_.rate > 0) {
    plan_.arrivals = parse_arrivals(plan_.find_max_process, outcome_.rate).value();
    plan_.arrivals.text += ":" + fixed(outcome_.rate, outcome_.rate < 10 ? 2 : 0);
  }
  best.search = outcome_;
  co_return best;
}

void max_finder::finish(const rate_search& search) {
  outcome_.rate = search.found();
  outcome_.failed_at = search.failed();
  outcome_.verified = search.verified();
  outcome_.runs = search.runs();
  outcome_.held = search.held();
  if (!outcome_.verified && outcome_.ended.empty())
    outcome_.ended = outcome_.rate > 0 ? "the search took its most steps" : "no rate held the condition";
  for (const search_step& s : outcome_.steps) {
    if (outcome_.failed_at && s.rate == *outcome_.failed_at && !s.held) outcome_.generator_bound = !s.valid;
  }
}

void max_finder::interrupt() noexcept {
  interrupted_ = true;
  const std::scoped_lock lock(mutex_);
  if (current_ != nullptr) current_->interrupt();
}

}  // namespace distsys::roles::loadgen
