#include "runner.hpp"

#include "progress.hpp"

#include <algorithm>
#include <limits>

namespace distsys::roles::loadgen {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds longest_grace = 2s;  // for answers that are due when the time is over
constexpr auto repaint = 200ms;

/// The i-th of n nearly equal parts of a whole.
std::uint64_t part(std::uint64_t whole, unsigned i, unsigned n) { return whole / n + (i < whole % n ? 1 : 0); }

}  // namespace

runner::runner(runtime::runtime& loops, plan p) : loops_(loops), plan_(std::move(p)) {}

awaitable<result<void>> runner::prepare() {
  for (origin& o : plan_.origins) {
    auto found = co_await net::resolve(o.host, o.port);
    if (!found) co_return found.error();
    if (found->empty()) co_return error{errc::not_found, "no address for the name " + o.host};
    o.endpoints = std::move(*found);
  }
  co_return result<void>{};
}

void runner::make_lanes() {
  const auto lanes = std::min(loops_.size(), plan_.connections);
  clock_.start = runtime::steady_now();
  clock_.counted = clock_.start + plan_.warm_up;
  began_ = runtime::now() + std::chrono::duration_cast<std::chrono::milliseconds>(plan_.warm_up);
  clock_.interval = interval_for(plan_.duration.value_or(0ns));
  arrivals_ = plan_.arrivals.after_warm_up(std::chrono::duration<double>(plan_.warm_up).count());
  if (plan_.duration) {
    clock_.end = clock_.counted + *plan_.duration;
    clock_.grace = clock_.end + std::min(plan_.timeout, longest_grace);
  }
  unsigned first = 0;
  for (unsigned i = 0; i < lanes; ++i) {
    lane_share share{.index = i, .lanes = lanes, .first_connection = first};
    share.connections = static_cast<unsigned>(part(plan_.connections, i, lanes));
    share.requests = plan_.requests ? part(*plan_.requests, i, lanes) : std::numeric_limits<std::uint64_t>::max();
    first += share.connections;
    lanes_.push_back(std::make_unique<lane>(plan_, arrivals_, clock_, share, loops_.loop(i)));
  }
}

awaitable<report> runner::run(bool live) {
  make_lanes();
  for (unsigned i = 0; i < lanes_.size(); ++i) {
    lanes_[i]->start(tasks_);
    if (live) helpers_.spawn(loops_.loop(i), lanes_[i]->publish(repaint));
    if (plan_.duration) helpers_.spawn(loops_.loop(i), lanes_[i]->watch_end());
  }
  if (live) helpers_.spawn(loops_.loop(0), paint());
  if (interrupted_) interrupt();
  co_await tasks_.wait();
  helpers_.cancel();
  co_await helpers_.wait();
  co_return add_up();
}

void runner::interrupt() noexcept {
  interrupted_ = true;
  clock_.stopping = true;
  tasks_.cancel();
}

report runner::add_up() {
  report r;
  r.loops = static_cast<unsigned>(lanes_.size());
  r.interrupted = interrupted_;
  r.gave_up = clock_.gave_up;
  r.began = began_;
  r.is_open = plan_.open();
  r.max_send_lag = plan_.max_send_lag;
  for (const auto& l : lanes_) {
    r.counts.merge(l->counts());
    r.warm_up_sent += l->warm_up().sent;
    r.warm_up_answers += l->warm_up().answers;
    if (r.line)
      r.line->merge(l->slices());
    else
      r.line = l->slices();
    r.busy = std::max(r.busy, l->busy());
  }
  // The time that was asked for, when it was used up; else until the last answer.
  const auto now = runtime::steady_now();
  auto end = r.counts.answers == 0 || r.interrupted ? now : r.counts.last_answer;
  // An open loop ends when nothing more is due before the end, which may be sooner.
  const bool used_up = now >= clock_.end || (r.is_open && !r.interrupted && !r.gave_up && !plan_.requests);
  if (plan_.duration && used_up) end = clock_.end;
  r.seconds = std::max(0.0, std::chrono::duration<double>(end - clock_.counted).count());
  r.correct(plan_);
  return r;
}

awaitable<void> runner::paint() {
  co_await asio::this_coro::throw_if_cancelled(false);
  progress_line line(plan_, clock_.counted, clock_.end);
  while (co_await runtime::sleep_for(repaint)) {
    tally all;
    for (const auto& l : lanes_) all.merge(l->progress());
    line.draw(all, runtime::steady_now());
  }
  line.clear();
}

}  // namespace distsys::roles::loadgen
