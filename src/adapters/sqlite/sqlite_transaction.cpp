#include "sqlite_transaction.hpp"

#include "distsys/foundation/text.hpp"

#include <boost/asio/this_coro.hpp>

#include <utility>

namespace distsys::adapters::sqlite {

namespace {

constexpr std::size_t waiting_calls = 64;

class sqlite_transaction final : public ports::transaction {
 public:
  explicit sqlite_transaction(std::shared_ptr<call_queue> calls) : calls_(std::move(calls)) {}
  ~sqlite_transaction() override { calls_->close({errc::internal, "the transaction is gone"}); }

  awaitable<result<ports::table>> query(const ports::call_context& context, ports::statement s) override {
    return ask<ports::table>(context, [s = std::move(s)](connection& c) { return c.read(s, {}); });
  }
  awaitable<result<std::uint64_t>> execute(const ports::call_context& context, ports::statement s) override {
    return ask<std::uint64_t>(context, [s = std::move(s), failed = failed_](connection& c) {
      auto done = c.run(s);
      *failed = *failed || !done;  // some of its rows may be there
      return done;
    });
  }
  awaitable<result<void>> commit(const ports::call_context& context) override {
    return ask<void>(context, [failed = failed_](connection& c) {
      if (*failed) {
        (void)c.control("ROLLBACK");
        return result<void>(error{errc::conflict, "a statement of the transaction failed: it was rolled back"});
      }
      c.unlimited();  // once begun, a commit is not ended half way
      auto done = c.control("COMMIT");
      if (!done && done.error().code == errc::unavailable && !c.in_transaction()) {
        c.may_have_committed();
        return result<void>(error{errc::indeterminate, done.error().detail});
      }
      return done;
    });
  }
  awaitable<result<void>> rollback(const ports::call_context& context) override {
    return ask<void>(context, [](connection& c) { return c.control("ROLLBACK"); });
  }

 private:
  template <class T>
  awaitable<result<T>> ask(ports::call_context context, typename function_call<T>::function f) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto calls = calls_;
    co_return co_await submit(*calls, std::make_shared<function_call<T>>(context.deadline, std::move(f)));
  }

  std::shared_ptr<call_queue> calls_;
  const std::shared_ptr<bool> failed_ = std::make_shared<bool>(false);  // of the writer's thread
};

/// Until the transaction has ended, was given up, or its time is over.
void serve(call_queue& calls, connection& c, std::chrono::milliseconds time_limit) {
  const auto end = runtime::steady_now() + time_limit;
  while (c.in_transaction()) {
    const auto waited = calls.wait(end);
    if (waited == call_queue::wait_outcome::finished) break;
    if (waited == call_queue::wait_outcome::timeout || runtime::steady_now() >= end) {
      (void)c.control("ROLLBACK");
      const error late{errc::timeout, "the transaction was open for more than " + format_duration(time_limit) +
                                          " and was rolled back"};
      calls.close(late);
      calls.fail_all(late);
      return;
    }
    if (const auto call = calls.try_pop()) {
      c.limit(std::min(call->until(), end), call->stop());
      call->run(c);
      c.unlimited();
    }
  }
  const error ended{errc::invalid, "the transaction has ended"};
  calls.close(ended);
  calls.fail_all(ended);
}

}  // namespace

void begin_call::run(connection& c) {
  if (auto begun = c.control("BEGIN IMMEDIATE"); !begun) return fail(begun.error());
  const auto calls = std::make_shared<call_queue>(waiting_calls);
  answer(std::unique_ptr<ports::transaction>(std::make_unique<sqlite_transaction>(calls)));
  serve(*calls, c, time_limit_);
}

}  // namespace distsys::adapters::sqlite
