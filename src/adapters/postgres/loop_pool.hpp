// The connections of one loop: a few that queries share, and a few that a batch or a transaction has to itself.
#pragma once

#include "canceller.hpp"
#include "distsys/ports/call_context.hpp"
#include "distsys/runtime/task_group.hpp"
#include "options.hpp"
#include "session.hpp"
#include "statement_shape.hpp"

#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace distsys::adapters::postgres {

class loop_pool;

/// A connection that nobody else uses; given back when destroyed, on the pool's loop, and rolled back before others get
/// it.
class lease {
 public:
  lease() = default;
  lease(loop_pool* from, std::shared_ptr<session> what) : from_(from), session_(std::move(what)) {}
  lease(lease&& other) noexcept : from_(other.from_), session_(std::move(other.session_)) {}
  lease& operator=(lease&& other) noexcept;
  ~lease() { give_back(); }

  session* operator->() const noexcept { return session_.get(); }
  session& operator*() const noexcept { return *session_; }
  explicit operator bool() const noexcept { return session_ != nullptr; }
  loop_pool& pool() const noexcept { return *from_; }

 private:
  void give_back();
  loop_pool* from_ = nullptr;
  std::shared_ptr<session> session_;
};

/// Used on its loop only.
class loop_pool {
 public:
  loop_pool(executor where, const options& settings, canceller& cancels, runtime::task_group& tasks);

  /// The least busy connection for queries, of those that are established if there is one; errc::unavailable while the
  /// last attempt to connect has just failed.
  result<std::shared_ptr<session>> reader();
  /// A connection for one caller; waits for one in the order of asking.
  awaitable<result<lease>> writer(const ports::call_context& context);

  shape_catalog& shapes() noexcept { return shapes_; }
  const options& settings() const noexcept { return settings_; }
  const executor& where() const noexcept { return where_; }

  /// Counts a call while it is under way; errc::overloaded, and errc::unavailable after closing has begun.
  class admission {
   public:
    explicit admission(loop_pool& p) : pool_(&p), refusal_(p.admit()) {}
    ~admission() {
      if (refusal_) pool_->leave();
    }
    admission(const admission&) = delete;
    admission& operator=(const admission&) = delete;
    const result<void>& outcome() const noexcept { return refusal_; }

   private:
    loop_pool* pool_;
    result<void> refusal_;
  };

  /// Refuses new calls, waits for those under way, closes. Once, as a task.
  static awaitable<void> close(loop_pool& self);

 private:
  friend class lease;
  struct waiter;

  result<void> admit();
  void leave();
  result<void> may_connect() const;
  std::shared_ptr<session> open(bool read_only);
  void closed(session* s, const error& why, bool was_connected);
  void give_back(std::shared_ptr<session> s);
  void pass_on(std::shared_ptr<session> s);
  void serve_waiters();

  const executor where_;
  const options& settings_;
  canceller& cancels_;
  runtime::task_group& tasks_;
  shape_catalog shapes_{1024};
  std::vector<std::shared_ptr<session>> readers_;
  std::vector<std::shared_ptr<session>> idle_;  // writers
  std::size_t writers_ = 0;                     // idle or leased
  std::deque<std::shared_ptr<waiter>> waiters_;
  std::size_t calls_ = 0;
  bool closing_ = false;
  unsigned failures_ = 0;          // to connect, in a row
  std::size_t first_address_ = 0;  // that the next attempt tries first
  runtime::deadline retry_at_{};
  error last_failure_;
  std::shared_ptr<waiter> closer_;                                    // waits for the last call
  const std::shared_ptr<const int> alive_ = std::make_shared<int>();  // what is posted may come after the pool's end
};

}  // namespace distsys::adapters::postgres
