// One loop's share of the load: its connections, its counts, nothing shared with other loops while it runs.
#pragma once

#include "distsys/net/http_connection.hpp"
#include "distsys/runtime/clock.hpp"
#include "distsys/runtime/random.hpp"
#include "distsys/runtime/task_group.hpp"
#include "plan.hpp"
#include "request_source.hpp"
#include "schedule.hpp"
#include "tally.hpp"
#include "timeline.hpp"
#include "turn_queue.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>

namespace distsys::roles::loadgen {

/// What the lanes of a run have in common.
struct run_clock {
  runtime::steady_clock::time_point start;
  runtime::steady_clock::time_point counted;           // after the warm-up
  std::chrono::nanoseconds interval{};                 // of the timelines
  runtime::deadline end = runtime::deadline::max();    // no request is begun from here on
  runtime::deadline grace = runtime::deadline::max();  // what is still under way then is unfinished
  std::atomic<bool> stopping{false};
  std::atomic<bool> connected{false};  // one connection, at least, was made
  std::atomic<bool> gave_up{false};
};

/// Which part of the run a lane has.
struct lane_share {
  unsigned index = 0, lanes = 1;
  unsigned first_connection = 0, connections = 0;
  std::uint64_t requests = 0;  // how many it may begin
};

/// Lives until its tasks have ended. Everything but progress() belongs to its loop.
class lane {
 public:
  lane(const plan& p, const arrival_plan& arrivals, run_clock& clock, lane_share share, executor where);

  void start(runtime::task_group& group);
  /// Keeps progress() fresh until cancelled.
  awaitable<void> publish(std::chrono::milliseconds every);

  /// Reads busy() when the time is over, whatever is still under way then; cancelled before, it does nothing.
  awaitable<void> watch_end();

  /// The counts as last published. Any thread.
  tally progress() const;
  /// After the lane's tasks have ended.
  const tally& counts() const noexcept { return counts_; }
  const tally& warm_up() const noexcept { return warm_up_; }
  const timeline& slices() const noexcept { return slices_; }
  /// The share of its time, until the load was over, for which the loop's thread ran or waited for a processor, 0 … 1;
  /// not what it spun. The wait for the last answers is left out: it would make a busy generator look idle.
  double busy() const noexcept { return busy_; }

 private:
  struct worker;

  awaitable<void> work(unsigned number);
  awaitable<bool> reach(worker& w);
  awaitable<bool> await_turn(worker& w);
  awaitable<bool> think(worker& w);
  void begin_now(worker& w);
  awaitable<void> back_off(worker& w);
  bool may_begin(runtime::steady_clock::time_point now) noexcept;
  void observe_time(worker& w) noexcept;
  /// Where what belongs to a request that was meant to begin then is counted.
  tally& of(runtime::steady_clock::time_point begun) noexcept { return begun < clock_.counted ? warm_up_ : counts_; }
  void note_answer(worker& w, const net::http_answer& a);
  void note_failure(worker& w, const error& e);
  void end_session(worker& w);
  void begin_cpu() noexcept;
  void read_busy() noexcept;
  void end_worker(worker& w) noexcept;

  const plan& plan_;
  run_clock& clock_;
  lane_share share_;
  executor where_;
  std::uint64_t left_;
  schedule schedule_;
  runtime::random random_;
  runtime::key_sampler keys_;
  turn_queue turns_;
  tally counts_, warm_up_;
  timeline slices_;
  std::uint64_t begun_requests_ = 0;
  unsigned asked_cache_ = 0;  // answers that were searched for a Cache-Status
  bool cached_ = false;       // one had it

  unsigned working_ = 0;
  bool schedule_over_ = false;
  std::chrono::nanoseconds cpu_at_start_{};
  runtime::steady_clock::time_point begun_;
  double busy_ = 0;
  bool busy_read_ = false;

  mutable std::mutex mutex_;  // of published_
  tally published_;
};

}  // namespace distsys::roles::loadgen
