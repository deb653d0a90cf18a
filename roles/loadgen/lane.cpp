#include "lane.hpp"

#include "lane_worker.hpp"

#include <time.h>

#include <algorithm>
#include <cstdio>

namespace distsys::roles::loadgen {
namespace {

using namespace std::chrono_literals;

constexpr unsigned cache_trials = 100;  // answers that are searched for a Cache-Status before that is given up

// Running, or ready to run while something else had the processor: both are time in which answers waited. The kernel
// tells the second in schedstat; without it only the first counts.
std::chrono::nanoseconds thread_busy() noexcept {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  auto busy = std::chrono::nanoseconds(std::chrono::seconds(t.tv_sec)) + std::chrono::nanoseconds(t.tv_nsec);
  if (std::FILE* file = std::fopen("/proc/thread-self/schedstat", "re")) {
    unsigned long long ran = 0, waited = 0;
    if (std::fscanf(file, "%llu %llu", &ran, &waited) == 2) busy += std::chrono::nanoseconds(waited);
    std::fclose(file);
  }
  return busy;
}

}  // namespace

lane::lane(const plan& p, const arrival_plan& arrivals, run_clock& clock, lane_share share, executor where)
    : plan_(p),
      clock_(clock),
      share_(share),
      where_(where),
      left_(share.requests),
      schedule_(arrivals, clock.start, p.seed, share.index, share.lanes),
      random_(p.seed * 1'000'003 + share.index + 1),
      keys_(p.keys.how, p.keys.count, p.keys.exponent),
      turns_(where, p.spin),
      slices_(clock.counted, clock.interval) {}

void lane::start(runtime::task_group& group) {
  working_ = share_.connections;
  if (plan_.open() && working_ != 0) group.spawn(where_, turns_.run());
  for (unsigned i = 0; i < share_.connections; ++i) group.spawn(where_, work(share_.first_connection + i));
}

void lane::begin_cpu() noexcept {
  if (begun_ != runtime::steady_clock::time_point{}) return;
  begun_ = runtime::steady_now();
  cpu_at_start_ = thread_busy();
}

void lane::read_busy() noexcept {
  if (busy_read_ || begun_ == runtime::steady_clock::time_point{}) return;
  busy_read_ = true;
  const std::chrono::duration<double> wall = runtime::steady_now() - begun_;
  const std::chrono::duration<double> cpu = thread_busy() - cpu_at_start_ - turns_.spun();
  if (wall.count() > 0) busy_ = std::clamp(cpu / wall, 0.0, 1.0);
}

void lane::end_worker(worker& w) noexcept {
  // In the closed loop the load is over when the first has nothing more to begin; in the open loop a worker may have
  // nothing to do long before that.
  if (--working_ == 0 || w.now >= clock_.end || (left_ == 0 && !plan_.open())) read_busy();
  if (working_ != 0) return;
  turns_.close();
  const auto now = runtime::steady_now();
  if (now >= clock_.counted) slices_.finish(std::min(now, clock_.end), counts_);
  // What the schedule still held: a server (or a pool) too slow for the rate must not hide it.
  if (plan_.open() && !schedule_over_ && clock_.end != runtime::deadline::max() && !clock_.stopping) {
    const auto rest = schedule_.due_before(clock_.end, left_);
    counts_.unsent += rest.due;
    counts_.unsent_more |= rest.more;
  }
}

bool lane::may_begin(runtime::steady_clock::time_point now) noexcept {
  return left_ != 0 && now < clock_.end && !clock_.stopping.load(std::memory_order_relaxed);
}

void lane::observe_time(worker& w) noexcept {
  w.now = runtime::steady_now();
  if (w.now >= clock_.counted) slices_.advance(w.now, counts_);
}

awaitable<void> lane::work(unsigned number) {
  co_await asio::this_coro::throw_if_cancelled(false);
  begin_cpu();
  const origin& server = plan_.origins[number % plan_.origins.size()];
  worker w(where_, plan_, server, keys_, (number / plan_.origins.size()) % server.requests.size());
  w.source.begin_session();
  const bool open_loop = plan_.open();
  observe_time(w);
  while (may_begin(w.now)) {
    if (open_loop || plan_.think) {
      const bool go_on = co_await (open_loop ? await_turn(w) : think(w));
      if (!go_on) break;
    }
    if (!open_loop) begin_now(w);
    if (!w.wire.is_open()) {
      const bool reached = co_await reach(w);
      if (!reached) continue;
      if (!open_loop && plan_.keep_alive) w.counted = w.now;  // as wrk does: connecting is counted on its own
    }
    const std::string_view request = w.source.next(w.number, random_);
    const bool to_head = request.starts_with("HEAD ");
    tally& counted = of(w.counted);
    ++counted.sent;
    counted.sessions += w.asked++ == 0;
    w.sent = w.now;
    const auto limit = std::min(w.now + plan_.timeout, clock_.grace);
    const auto answer = co_await w.wire.exchange(request, to_head, false, limit);
    observe_time(w);
    turns_.release(w.now);
    if (answer)
      note_answer(w, *answer);
    else
      note_failure(w, answer.error());
  }
  end_worker(w);
}

void lane::note_answer(worker& w, const net::http_answer& a) {
  tally& counted = of(w.counted);
  std::optional<std::chrono::nanoseconds> since_sent;
  if (plan_.open()) since_sent = w.now - w.sent;
  counted.answer(a, w.now - w.counted, since_sent);
  counted.last_answer = w.now;
  counted.after_end += w.now > clock_.end;
  if (plan_.areas || cached_ || asked_cache_ < cache_trials) {
    const auto status = a.header("cache-status");
    ++asked_cache_;
    cached_ |= !status.empty();
    if (plan_.areas || cached_) counted.cache_status(status);
  }
  w.failures = 0;
  if (!a.keep_alive || !plan_.keep_alive) w.wire.close();
}

void lane::note_failure(worker& w, const error& e) {
  tally& counted = of(w.counted);
  const bool cut = e == errc::cancelled || (e == errc::timeout && w.now >= clock_.grace);
  if (cut) {
    ++counted.unfinished;
    return;
  }
  ++w.failures;
  counted.fail(kind_of(e, w.wire.failed_stage()), e);
}

// The arrival is taken before it is due, by whichever connection is free: so arrivals wait in line only while none is,
// and their latency counts from the intended time (Gil Tene, "How NOT to Measure Latency"; wrk2).
awaitable<bool> lane::await_turn(worker& w) {
  const auto arrival = schedule_.next();
  if (!arrival || arrival->at >= clock_.end) {
    schedule_over_ = true;
    co_return false;
  }
  w.counted = arrival->at;
  w.number = arrival->number;
  const bool counts = w.counted >= clock_.counted;
  if (counts) --left_;
  end_session(w);
  if (w.counted <= w.now) {
    ++of(w.counted).waited;
    co_return true;
  }
  const bool due = co_await turns_.wait_until(w.counted);
  observe_time(w);
  if (!due) co_return false;
  of(w.counted).lag.record(static_cast<std::uint64_t>((w.now - w.counted) / 1us));
  co_return true;
}

// The closed loop of a user who thinks before each request but the first.
awaitable<bool> lane::think(worker& w) {
  if (w.asked == 0) co_return true;
  const auto thought = std::chrono::duration<double>(plan_.think->draw(random_));
  const auto until = w.now + std::chrono::duration_cast<std::chrono::nanoseconds>(thought);
  w.pause.expires_at(std::min(until, clock_.end));
  const auto [ec] = co_await w.pause.async_wait(use_tuple);
  observe_time(w);
  co_return !ec && may_begin(w.now);
}

void lane::begin_now(worker& w) {
  end_session(w);
  w.counted = w.now;
  w.number = begun_requests_++ * share_.lanes + share_.index;
  if (w.counted >= clock_.counted) --left_;
}

// The user leaves, and another comes over a connection of its own.
void lane::end_session(worker& w) {
  if (plan_.session_length == 0 || w.asked < plan_.session_length) return;
  w.asked = 0;
  w.wire.close();
  w.source.begin_session();
}

awaitable<void> lane::publish(std::chrono::milliseconds every) {
  co_await asio::this_coro::throw_if_cancelled(false);
  worker::timer tick(where_);
  for (;;) {
    tick.expires_after(every);
    const auto [ec] = co_await tick.async_wait(use_tuple);
    if (ec) co_return;
    const std::scoped_lock lock(mutex_);
    published_ = counts_;
  }
}

awaitable<void> lane::watch_end() {
  co_await asio::this_coro::throw_if_cancelled(false);
  worker::timer end(where_);
  end.expires_at(clock_.end);
  const auto [ec] = co_await end.async_wait(use_tuple);
  if (!ec) read_busy();
}

tally lane::progress() const {
  const std::scoped_lock lock(mutex_);
  return published_;
}

}  // namespace distsys::roles::loadgen
