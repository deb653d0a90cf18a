// Carries out a plan: spreads it over the loops, waits, adds up.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/runtime/runtime.hpp"
#include "distsys/runtime/task_group.hpp"
#include "lane.hpp"
#include "plan.hpp"
#include "report.hpp"

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

namespace distsys::roles::loadgen {

/// Members are called on loop 0, but for interrupt(): anywhere.
class runner {
 public:
  runner(runtime::runtime& loops, plan p);

  /// Resolves the servers' names: errc::not_found or errc::unavailable names the one that has no address.
  awaitable<result<void>> prepare();
  /// Until everything is answered, failed, or cut; call once. `live` paints a progress line on standard error.
  awaitable<report> run(bool live);
  /// Makes run() return soon, with what was done so far. May be called again.
  void interrupt() noexcept;

  const plan& what() const noexcept { return plan_; }
  /// The plan back, after run(): the runner is of no more use.
  plan take() && { return std::move(plan_); }

 private:
  void make_lanes();
  report add_up();
  awaitable<void> paint();

  runtime::runtime& loops_;
  plan plan_;
  arrival_plan arrivals_;  // with the warm-up before them
  run_clock clock_;
  runtime::timestamp began_{};
  std::vector<std::unique_ptr<lane>> lanes_;
  runtime::task_group tasks_, helpers_;
  std::atomic<bool> interrupted_{false};
};

}  // namespace distsys::roles::loadgen
