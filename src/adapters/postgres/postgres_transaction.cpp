#include "postgres_transaction.hpp"

#include "distsys/foundation/text.hpp"
#include "outcome.hpp"
#include "reads.hpp"
#include "writes.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <utility>

namespace distsys::adapters::postgres {

namespace {

class postgres_transaction final : public ports::transaction {
 public:
  postgres_transaction(lease on, std::function<void()> committed)
      : on_(std::make_shared<lease>(std::move(on))), committed_(std::move(committed)) {}
  /// On any thread: the connection is given back on its own.
  ~postgres_transaction() override {
    const executor where = on_->pool().where();
    asio::post(where, [on = std::move(on_)] { *on = lease(); });
  }

  awaitable<result<ports::table>> query(const ports::call_context& context, ports::statement s) override {
    if (auto usable = co_await check(); !usable) co_return usable.error();
    auto done = co_await read_on(session_of(), pool().shapes(), label(), context, std::move(s));
    if (!done) co_return explain(done.error());
    co_return done;
  }

  awaitable<result<std::uint64_t>> execute(const ports::call_context& context, ports::statement s) override {
    if (auto usable = co_await check(); !usable) co_return usable.error();
    auto done = co_await run_on(session_of(), pool().shapes(), label(), context, std::move(s));
    if (!done) {
      broken_ = true;  // some of its rows may be there
      co_return explain(done.error());
    }
    co_return done;
  }

  awaitable<result<void>> commit(const ports::call_context& context) override {
    if (auto usable = co_await check(); !usable) co_return usable.error();
    if (failed()) {
      (void)co_await end(context, exchange::raw("ROLLBACK"));
      co_return error{errc::conflict, "a statement of the transaction failed: it was rolled back"};
    }
    auto step = exchange::raw("COMMIT");
    step.commits = true;
    auto done = co_await end(context, std::move(step));
    if (done || done.error() == errc::indeterminate) committed_();
    co_return done;
  }

  awaitable<result<void>> rollback(const ports::call_context& context) override {
    if (auto usable = co_await check(); !usable) co_return usable.error();
    co_return co_await end(context, exchange::raw("ROLLBACK"));
  }

 private:
  loop_pool& pool() const noexcept { return on_->pool(); }
  session& session_of() const noexcept { return **on_; }
  const std::string& label() const noexcept { return pool().settings().label; }
  bool failed() const noexcept {
    if (broken_) return true;
    return session_of().connected() && session_of().load() == 0 && session_of().in_failed_transaction();
  }

  /// What a connection is told that the server ended because the transaction stood idle.
  error idle_too_long() const {
    return {errc::timeout, "the transaction stood idle for more than " +
                               format_duration(pool().settings().transaction_limit) + " and was rolled back"};
  }
  error explain(error e) {
    if (e == errc::unavailable && !session_of().connected() && idle()) return idle_too_long();
    last_used_ = runtime::steady_now();
    return e;
  }
  bool idle() const { return runtime::steady_now() - last_used_ >= pool().settings().transaction_limit; }

  awaitable<result<void>> check() {
    co_await asio::this_coro::throw_if_cancelled(false);
    if (ended_) co_return error{errc::invalid, "the transaction has ended"};
    if (!session_of().open_or_opening()) {
      if (idle()) co_return idle_too_long();
      co_return error{errc::unavailable, "the transaction's connection to " + label() + " was lost"};
    }
    last_used_ = runtime::steady_now();
    co_return result<void>{};
  }

  awaitable<result<void>> end(const ports::call_context& context, exchange::step how) {
    ended_ = true;
    auto e = std::make_shared<exchange>();
    e->until = context.deadline;
    e->steps.push_back(std::move(how));
    co_await session_of().perform(e);
    if (e->failure) co_return error_of(*e, label());
    co_return result<void>{};
  }

  std::shared_ptr<lease> on_;
  std::function<void()> committed_;
  bool ended_ = false, broken_ = false;
  runtime::steady_clock::time_point last_used_ = runtime::steady_now();
};

}  // namespace

awaitable<result<std::unique_ptr<ports::transaction>>> begin_transaction(loop_pool& pool,
                                                                         const ports::call_context& context,
                                                                         std::function<void()> committed) {
  auto on = co_await pool.writer(context);
  if (!on) co_return on.error();
  auto e = std::make_shared<exchange>();
  e->until = context.deadline;
  e->steps.push_back(exchange::raw("BEGIN"));
  e->steps.push_back(exchange::raw("SET LOCAL idle_in_transaction_session_timeout = " +
                                   std::to_string(pool.settings().transaction_limit.count())));
  co_await (*on)->perform(e);
  if (e->failure) co_return error_of(*e, pool.settings().label);
  co_return std::unique_ptr<ports::transaction>(
      std::make_unique<postgres_transaction>(*std::move(on), std::move(committed)));
}

}  // namespace distsys::adapters::postgres
