#include "reads.hpp"

#include "outcome.hpp"

#include <boost/asio/this_coro.hpp>

#include <utility>

namespace distsys::adapters::postgres {

namespace {

constexpr int most_attempts = 4;

awaitable<bool> is_cancelled() {
  co_return (co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none;
}

/// Runs a step without rows, again when a request to cancel hit it that was meant for another read.
awaitable<result<void>> ask(session& on, exchange::step step, const ports::call_context& context,
                            const std::string& label, bool shared) {
  for (int n = 1;; ++n) {
    auto e = std::make_shared<exchange>();
    e->steps.push_back(step);
    e->until = context.deadline;
    e->shared = shared;
    co_await on.perform(e);
    if (!e->failure) co_return result<void>{};
    const bool again = shared && ended_by_mistake(*e, on.cancels());
    if (!again || n == most_attempts || context.expired() || co_await is_cancelled()) co_return error_of(*e, label);
  }
}

/// The last attempt's exchange, whatever came of it; an error when it could not be made.
awaitable<result<std::shared_ptr<exchange>>> attempt(session& on, const std::shared_ptr<statement_shape>& shape,
                                                     const ports::call_context& context, const std::string& label,
                                                     const ports::table& parameters, ports::read_options limits,
                                                     bool shared) {
  // The names and forms of its columns are asked for as well, so it is described even without parameters.
  if (!shape->described) {
    if (auto known = co_await describe(on, shape, context, label, shared); !known) co_return known.error();
    if (co_await is_cancelled()) co_return error{errc::cancelled};
  }
  auto e = std::make_shared<exchange>();
  e->steps.push_back(exchange::run(shape, parameters));
  e->sink.emplace(row_sink{limits, {}});
  e->until = context.deadline;
  e->shared = shared;
  co_await on.perform(e);
  co_return e;
}

}  // namespace

awaitable<result<void>> describe(session& on, const std::shared_ptr<statement_shape>& shape,
                                 const ports::call_context& context, const std::string& label, bool shared) {
  if (auto done = co_await ask(on, exchange::describe(shape), context, label, shared); !done) co_return done.error();
  if (shape->misfit) co_return shape->misunderstood();
  co_return result<void>{};
}

awaitable<result<ports::table>> read(loop_pool& pool, const ports::call_context& context, ports::statement s,
                                     ports::read_options limits) {
  auto shape = pool.shapes().get(s);
  if (!shape) co_return shape.error();
  for (int n = 1;; ++n) {
    auto on = pool.reader();
    if (!on) co_return on.error();
    auto done = co_await attempt(**on, *shape, context, pool.settings().label, s.parameters, limits, true);
    if (!done) co_return done.error();
    exchange& e = **done;
    if (!e.failure) co_return e.sink->rows ? *std::move(e.sink->rows) : ports::table();
    if (speaks_of_types(e)) (*shape)->described = false;
    const bool again = wants_preparing(e) || ended_by_mistake(e, (*on)->cancels());
    if (!again || n == most_attempts || context.expired() || co_await is_cancelled())
      co_return error_of(e, pool.settings().label);
  }
}

awaitable<result<ports::table>> read_on(session& on, shape_catalog& shapes, const std::string& label,
                                        const ports::call_context& context, ports::statement s) {
  auto shape = shapes.get(s);
  if (!shape) co_return shape.error();
  auto done = co_await attempt(on, *shape, context, label, s.parameters, {}, false);
  if (!done) co_return done.error();
  exchange& e = **done;
  if (!e.failure) co_return e.sink->rows ? *std::move(e.sink->rows) : ports::table();
  if (speaks_of_types(e)) (*shape)->described = false;
  co_return error_of(e, label);
}

awaitable<result<void>> probe(loop_pool& pool, const ports::call_context& context) {
  auto on = pool.reader();
  if (!on) co_return on.error();
  co_return co_await ask(**on, exchange::raw("SELECT 1"), context, pool.settings().label, true);
}

}  // namespace distsys::adapters::postgres
