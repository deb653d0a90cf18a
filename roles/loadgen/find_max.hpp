// Runs a plan at one rate after another until the highest that holds a condition is found.
#pragma once

#include "distsys/runtime/runtime.hpp"
#include "rate_search.hpp"
#include "report.hpp"
#include "runner.hpp"

#include <atomic>
#include <functional>
#include <mutex>

namespace distsys::roles::loadgen {

/// What one run at a rate shows: it holds when the condition does, the run is valid, and the requests that were due
/// were sent; and no more than 1 % of the answers has a status of 400 or above, unless the condition itself compares
/// such statuses: a server that refuses quickly has not served.
search_step judge_step(const condition& c, const report& r, double rate, std::string_view why);

/// Members are called on loop 0, but for interrupt(): anywhere.
class max_finder {
 public:
  /// `p.find_max` is set.
  max_finder(runtime::runtime& loops, plan p);

  awaitable<result<void>> prepare();
  /// The report of the last run at the rate that was found (of the last run, when none held), with the search in it.
  /// `tell` hears each step. Takes `find_max_time` at most and the step under way then.
  awaitable<report> run(bool live, std::function<void(const search_step&)> tell);
  void interrupt() noexcept;
  /// The plan of the report.
  const plan& what() const noexcept { return plan_; }

 private:
  awaitable<report> run_at(double rate, bool live);
  void finish(const rate_search& search);

  runtime::runtime& loops_;
  plan plan_;
  search_outcome outcome_;
  std::mutex mutex_;  // of current_
  runner* current_ = nullptr;
  std::atomic<bool> interrupted_{false};
};

}  // namespace distsys::roles::loadgen
