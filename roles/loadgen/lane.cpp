#include "lane.hpp"

#include <boost/asio/basic_waitable_timer.hpp>

#include <time.h>

#include <algorithm>
#include <cstdio>

namespace distsys::roles::loadgen {
namespace {

using namespace std::chrono_literals;
using timer = asio::basic_waitable_timer<runtime::steady_clock, asio::wait_traits<runtime::steady_clock>, executor>;

constexpr auto first_pause = 10ms;
constexpr std::chrono::nanoseconds longest_pause = 1s;
constexpr auto give_up_after = 3s;  // when nothing could be reached from the start

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

// One connection's coroutine and what it remembers between requests.
struct lane::worker {
  worker(executor where, const origin& o, std::size_t first) : wire(where), pause(where), server(o), next(first) {}

  net::http_connection wire;
  timer pause;
  const origin& server;
  std::size_t next;                                // of the server's requests, in turn
  std::size_t endpoint = 0;                        // the one that answered last
  unsigned failures = 0;                           // in a row
  runtime::steady_clock::time_point now, counted;  // the latency counts from `counted`
};

lane::lane(const plan& p, run_clock& clock, lane_share share, executor where)
    : plan_(p),
      clock_(clock),
      share_(share),
      where_(where),
      left_(share.requests),
      schedule_(clock.start, p.rate, p.poisson, share.index, share.lanes),
      random_(p.seed * 1'000'003 + share.index + 1),
      keys_(p.areas ? p.areas->keys : runtime::key_distribution::uniform, p.areas ? p.areas->count : 1,
            p.areas ? p.areas->zipf_exponent : 1) {}

void lane::start(runtime::task_group& group) {
  working_ = share_.connections;
  for (unsigned i = 0; i < share_.connections; ++i) group.spawn(where_, work(share_.first_connection + i));
}

void lane::begin_cpu() noexcept {
  if (begun_ != runtime::steady_clock::time_point{}) return;
  begun_ = runtime::steady_now();
  cpu_at_start_ = thread_busy();
}

void lane::end_cpu() noexcept {
  if (--working_ != 0) return;
  const std::chrono::duration<double> wall = runtime::steady_now() - begun_;
  const std::chrono::duration<double> cpu = thread_busy() - cpu_at_start_;
  if (wall.count() > 0) busy_ = std::min(1.0, cpu / wall);
  // What the schedule still held: a server (or a pool) too slow for the rate must not hide it.
  if (plan_.rate > 0 && !schedule_over_ && clock_.end != runtime::deadline::max() && !clock_.stopping)
    counts_.unsent = std::min(left_, schedule_.due_before(clock_.end, random_));
}

bool lane::may_begin(runtime::steady_clock::time_point now) noexcept {
  if (left_ == 0 || now >= clock_.end || clock_.stopping.load(std::memory_order_relaxed)) return false;
  --left_;
  return true;
}

awaitable<void> lane::work(unsigned number) {
  co_await asio::this_coro::throw_if_cancelled(false);
  begin_cpu();
  const origin& server = plan_.origins[number % plan_.origins.size()];
  worker w(where_, server, (number / plan_.origins.size()) % server.requests.size());
  const bool open_loop = plan_.rate > 0;
  const bool to_head = plan_.to_head();
  w.now = runtime::steady_now();
  while (may_begin(w.now)) {
    w.counted = w.now;
    if (open_loop && !co_await await_turn(w)) break;
    if (!w.wire.is_open()) {
      const bool reached = co_await reach(w);
      if (!reached) continue;
      if (!open_loop && plan_.keep_alive) w.counted = w.now;  // as wrk does: connecting is counted on its own
    }
    const std::string& request = server.requests[plan_.areas ? keys_(random_) : w.next];
    if (++w.next == server.requests.size()) w.next = 0;
    ++counts_.sent;
    const auto limit = std::min(w.now + plan_.timeout, clock_.grace);
    const auto answer = co_await w.wire.exchange(request, to_head, false, limit);
    w.now = runtime::steady_now();
    if (answer)
      note_answer(w, *answer);
    else
      note_failure(w, answer.error());
  }
  end_cpu();
}

void lane::note_answer(worker& w, const net::http_answer& a) {
  counts_.answer(a, w.now - w.counted);
  counts_.last_answer = w.now;
  counts_.after_end += w.now > clock_.end;
  if (plan_.areas) counts_.cache_status(a.header("cache-status"));
  w.failures = 0;
  if (!a.keep_alive || !plan_.keep_alive) w.wire.close();
}

void lane::note_failure(worker& w, const error& e) {
  const bool cut = e == errc::cancelled || (e == errc::timeout && w.now >= clock_.grace);
  if (cut) {
    ++counts_.unfinished;
    return;
  }
  ++w.failures;
  counts_.fail(kind_of(e, w.wire.failed_stage()), e);
}

// The arrival is taken before it is due, by whichever connection is free: so arrivals wait in line only while none is,
// and their latency counts from the intended time (Gil Tene, "How NOT to Measure Latency"; wrk2).
awaitable<bool> lane::await_turn(worker& w) {
  w.counted = schedule_.next(random_);
  if (w.counted >= clock_.end) {
    schedule_over_ = true;
    ++left_;
    co_return false;
  }
  if (w.counted <= w.now) {
    ++counts_.waited;
    co_return true;
  }
  w.pause.expires_at(w.counted);
  const auto [ec] = co_await w.pause.async_wait(use_tuple);
  if (ec) co_return false;
  w.now = runtime::steady_now();
  counts_.lag.record(static_cast<std::uint64_t>((w.now - w.counted) / 1us));
  co_return true;
}

// A server that is down is asked by each connection at most about once a second.
awaitable<void> lane::back_off(worker& w) {
  const auto doubled = std::chrono::nanoseconds(first_pause) * (1u << std::min(w.failures - 1, 10u));
  const auto pause = std::min(doubled, longest_pause);
  const auto until =
      w.now +
      std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(pause.count()) * random_.uniform(0.5, 1)));
  w.pause.expires_at(std::min(until, clock_.end));
  co_await w.pause.async_wait(use_tuple);
  w.now = runtime::steady_now();
}

awaitable<bool> lane::reach(worker& w) {
  if (w.failures != 0) co_await back_off(w);
  if (clock_.stopping || w.now >= clock_.end) {
    counts_.unsent += plan_.rate > 0;
    co_return false;
  }
  const auto begun = w.now;
  const auto& endpoints = w.server.endpoints;
  net::connect_options options{w.server.tls, plan_.verify_certificate, w.server.host};
  error last{errc::unavailable};
  for (std::size_t tried = 0; tried < endpoints.size(); ++tried) {
    const auto& peer = endpoints[w.endpoint % endpoints.size()];
    const auto connected = co_await w.wire.connect(peer, options, std::min(w.now + plan_.timeout, clock_.grace));
    w.now = runtime::steady_now();
    if (connected) {
      counts_.connecting.record(static_cast<std::uint64_t>((w.now - begun) / 1us));
      clock_.connected.store(true, std::memory_order_relaxed);
      co_return true;
    }
    last = connected.error();
    if (last == errc::cancelled) break;
    ++w.endpoint;
  }
  note_failure(w, last);
  if (!clock_.connected && w.now - clock_.start > give_up_after) {
    clock_.gave_up = true;
    clock_.stopping = true;
  }
  co_return false;
}

awaitable<void> lane::publish(std::chrono::milliseconds every) {
  co_await asio::this_coro::throw_if_cancelled(false);
  timer tick(where_);
  for (;;) {
    tick.expires_after(every);
    const auto [ec] = co_await tick.async_wait(use_tuple);
    if (ec) co_return;
    const std::scoped_lock lock(mutex_);
    published_ = counts_;
  }
}

tally lane::progress() const {
  const std::scoped_lock lock(mutex_);
  return published_;
}

}  // namespace distsys::roles::loadgen
