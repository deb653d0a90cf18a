#include "writer.hpp"

#include "distsys/foundation/log.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace distsys::adapters::sqlite {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t group_batches = 256;
constexpr auto group_time = 20ms;  // of applying, before the group is committed
constexpr auto lock_poll = 300us;
constexpr auto look_interval = 20ms;  // for commits of others
constexpr std::chrono::milliseconds longest_lock_wait = 30s;
constexpr std::chrono::milliseconds checkpoint_lock_wait = 100ms;
constexpr auto checkpoint_age = 30s;
constexpr auto checkpoint_patience = 50ms;  // with readers that are in the way of emptying the log

}  // namespace

void batch_call::run(connection& c) {
  if (auto done = apply(c); !done) return fail(done.error());
  committed();
}

result<void> batch_call::apply(connection& c) {
  outcome_.affected.clear();
  outcome_.affected.reserve(statements_.size());
  for (const ports::statement& s : statements_) {
    auto rows = c.run(s);
    if (!rows) return rows.error();
    outcome_.affected.push_back(*rows);
  }
  return {};
}

writer::writer(const options& settings, ports::change_hub& hub)
    : settings_(settings),
      hub_(hub),
      queue_(settings.queue),
      lock_(settings.file.string() + "-lock"),
      last_checkpoint_(runtime::steady_now()),
      last_look_(last_checkpoint_),
      thread_([this] { work(); }) {}

writer::~writer() { stop(); }

void writer::stop() {
  queue_.close({errc::unavailable, "the database is closed (" + settings_.file.string() + ")"});
  if (thread_.joinable()) thread_.join();
}

void writer::work() {
  pthread_setname_np(pthread_self(), "sqlite-write");
  for (;;) {
    const auto waited = queue_.wait(std::min(next_checkpoint(), last_look_ + look_interval));
    if (waited == call_queue::wait_outcome::finished) break;
    if (runtime::steady_now() >= last_look_ + look_interval) {
      open_for_listeners();
      look_for_others();
    }
    const bool for_calls = waited == call_queue::wait_outcome::ready;
    if (!for_calls && runtime::steady_now() < next_checkpoint()) continue;
    if (!lock(for_calls)) continue;
    if (for_calls) serve();
    checkpoint_when_due();
    lock_.unlock();
  }
  if (connection_ && connection_->wal_pages() > 0 && lock(false)) checkpoint(true);
  connection_.reset();
  lock_.unlock();
}

/// Calls stay in the queue while the lock is awaited, so that they can be withdrawn.
bool writer::lock(bool for_calls) {
  const auto give_up_at = runtime::steady_now() + (for_calls ? longest_lock_wait : checkpoint_lock_wait);
  for (;;) {
    auto locked = lock_.try_lock();
    if (locked && *locked) return true;
    if (!locked) {
      queue_.fail_all(locked.error());
      return false;
    }
    if ((for_calls && queue_.empty()) || runtime::steady_now() >= give_up_at) break;
    std::this_thread::sleep_for(lock_poll);
    if (runtime::steady_now() >= last_look_ + look_interval) look_for_others();
  }
  lock_.give_up();
  if (!for_calls) {  // a checkpoint that can wait for its next turn
    last_checkpoint_ = runtime::steady_now();
    return false;
  }
  queue_.fail_all({errc::unavailable, "another process keeps " + settings_.file.string() + "-lock"});
  return false;
}

result<void> writer::ensure_open() {
  if (connection_ && !connection_->broken()) return {};
  connection_.reset();
  auto opened = connection::open(settings_, connection::access::write);
  if (!opened) return opened.error();
  connection_ = std::move(*opened);
  seen_version_ = 0;  // versions compare within one connection only: whatever is there may be new
  connection_->when_committed([this] { hub_.announce_own(); });
  return {};
}

void writer::look_for_others() {
  last_look_ = runtime::steady_now();
  if (!connection_ || connection_->broken() || !hub_.has_listeners()) return;
  connection_->limit(last_look_ + look_interval, nullptr);
  const auto version = connection_->data_version();
  connection_->unlimited();
  if (!version || std::exchange(seen_version_, *version) == *version) return;
  hub_.announce();
  hub_.wake_all();
}

/// A process that only listens has nobody who opens the file.
void writer::open_for_listeners() {
  if ((connection_ && !connection_->broken()) || !hub_.has_listeners() || !queue_.empty()) return;
  if (!lock(false)) return;
  (void)ensure_open();
  lock_.unlock();
}

void writer::serve() {
  auto call = queue_.try_pop();
  if (!call) return;
  if (auto ready = ensure_open(); !ready) return call->fail(ready.error());
  look_for_others();  // as long as the lock is held nobody else commits
  if (auto batch = std::dynamic_pointer_cast<batch_call>(call)) return commit_group(std::move(batch));
  connection_->limit(call->until(), call->stop());
  call->run(*connection_);
  connection_->unlimited();
  if (connection_->in_transaction()) (void)connection_->control("ROLLBACK");
  hub_.wake_all();
}

void writer::commit_group(std::shared_ptr<batch_call> first) {
  group calls;
  const auto commit_at = runtime::steady_now() + group_time;
  for (auto next = std::move(first); next; next = queue_.try_pop_as<batch_call>()) {
    switch (apply(next, calls.empty())) {
      case applied::kept:
        calls.push_back(std::move(next));
        break;
      case applied::refused:
        break;
      case applied::transaction_lost:
        return commit_one_by_one(calls);
    }
    if (calls.size() >= group_batches || runtime::steady_now() >= commit_at) break;
  }
  if (!calls.empty()) commit(calls);
}

/// The first batch of a transaction needs no savepoint: when it fails the transaction goes with it. A failure has been
/// answered when this returns.
writer::applied writer::apply(const std::shared_ptr<batch_call>& call, bool alone) {
  connection& c = *connection_;
  c.limit(call->until(), call->stop());
  auto started = alone ? c.control("BEGIN IMMEDIATE") : c.control("SAVEPOINT batch");
  if (!started) {
    call->fail(started.error());
    return alone || c.in_transaction() ? applied::refused : applied::transaction_lost;
  }
  auto done = call->apply(c);
  c.unlimited();
  if (done && !alone) done = c.control("RELEASE batch");
  if (done) return applied::kept;

  auto undone = result<void>{};
  if (c.in_transaction()) {
    undone = alone ? c.control("ROLLBACK") : c.control("ROLLBACK TO batch");
    if (undone && !alone) undone = c.control("RELEASE batch");
    if (!undone && c.in_transaction()) (void)c.control("ROLLBACK");
  }
  call->fail(done.error());
  return alone || c.in_transaction() ? applied::refused : applied::transaction_lost;
}

void writer::commit(group& calls) {
  connection& c = *connection_;
  c.unlimited();
  auto done = c.control("COMMIT");
  if (!done) {
    const bool open = c.in_transaction();
    if (open) (void)c.control("ROLLBACK");
    // Written in full but not known to be on the disk: recovery could still bring it back. Never applied again.
    const bool unknown = done.error().code == errc::unavailable && !open;
    if (calls.size() > 1 && !unknown) return commit_one_by_one(calls);
    if (unknown) c.may_have_committed();
    const error reason = unknown ? error{errc::indeterminate, done.error().detail} : done.error();
    for (const auto& call : calls) call->fail(reason);
    return;
  }
  for (const auto& call : calls) call->committed();
  hub_.wake_all();
}

/// After one batch took the common transaction down (a full disk, an interrupted write): each for itself.
void writer::commit_one_by_one(const group& calls) {
  for (const auto& call : calls) {
    if (auto ready = ensure_open(); !ready) {
      call->fail(ready.error());
      continue;
    }
    if (apply(call, true) != applied::kept) continue;
    group one{call};
    commit(one);
  }
}

runtime::deadline writer::next_checkpoint() const {
  if (!connection_ || connection_->wal_pages() == 0) return runtime::deadline::max();
  return last_checkpoint_ + checkpoint_age;
}

void writer::checkpoint_when_due() {
  if (!connection_ || connection_->broken() || connection_->wal_pages() == 0) return;
  const auto logged =
      static_cast<std::uint64_t>(connection_->wal_pages()) * static_cast<std::uint64_t>(connection_->page_size());
  const bool old = runtime::steady_now() >= last_checkpoint_ + checkpoint_age;
  if (!old && logged < settings_.checkpoint_bytes) return;
  // Emptying the log waits for readers: only when nobody waits for us, or when it has grown far beyond its limit.
  checkpoint((old && queue_.empty()) || logged >= 4 * settings_.checkpoint_bytes);
}

void writer::checkpoint(bool whole) {
  connection_->limit(runtime::steady_now() + checkpoint_patience, nullptr);
  auto done = connection_->checkpoint(whole ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE);
  connection_->unlimited();
  last_checkpoint_ = runtime::steady_now();
  if (!done) log::warn("checkpoint failed", {{"file", settings_.file.native()}, {"error", done.error().what()}});
}

}  // namespace distsys::adapters::sqlite
