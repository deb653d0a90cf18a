#include "writes.hpp"

#include "outcome.hpp"
#include "pg_error.hpp"
#include "reads.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace distsys::adapters::postgres {

namespace {

using shape_list = std::vector<std::shared_ptr<statement_shape>>;

result<shape_list> shapes_of(const ports::batch& b, shape_catalog& catalog) {
  shape_list shapes;
  shapes.reserve(b.size());
  for (const ports::statement& s : b) {
    auto shape = catalog.get(s);
    if (!shape) return shape.error();
    shapes.push_back(*std::move(shape));
  }
  return shapes;
}

exchange::step commit_step() {
  auto step = exchange::raw("COMMIT");
  step.commits = true;
  return step;
}

/// The error of an expectation that was not met; nothing when all were.
std::optional<error> unmet(const exchange& e, const ports::batch& b, std::size_t first, const std::string& label) {
  std::size_t number = first;
  for (const exchange::step& step : e.steps) {
    if (step.what != exchange::action::run) continue;
    if (step.unexpected)
      return error{errc::conflict, "`" + step.shape->label + "` affected another number of rows than " +
                                       std::to_string(*b[number].expected_rows) + " (" + label + ")"};
    ++number;
  }
  return std::nullopt;
}

/// What a batch needs on its way. Its parameters are lent to the exchanges: a second attempt needs them again.
class batch_run {
 public:
  batch_run(session& on, const ports::call_context& context, const ports::batch& b, const shape_list& shapes,
            const std::string& label)
      : on_(on), context_(context), batch_(b), shapes_(shapes), label_(label) {
    expects_ = std::ranges::any_of(batch_, [](const auto& s) { return s.expected_rows.has_value(); });
  }

  awaitable<result<ports::batch_outcome>> run() {
    outcome_.affected.reserve(batch_.size());
    bool begun = false, committed = false;
    for (std::size_t next = 0; !committed;) {
      auto e = std::make_shared<exchange>();
      e->until = context_.deadline;
      if (!std::exchange(begun, true)) begin(*e);
      const std::size_t first = next;
      for (; next < batch_.size() && shapes_[next]->ready(); ++next) add(*e, next);
      if (next < batch_.size()) {
        // Its types are asked for here, within the transaction: what came before may have made its table.
        e->steps.push_back(exchange::describe(shapes_[next]));
      } else if (!expects_ || first == next) {
        e->steps.push_back(commit_step());
        committed = true;
      }
      if (auto done = co_await perform(*e, e, first); !done) co_return done.error();
      // Another batch may have made its types unknown again meanwhile: then it is asked about once more.
      if (next < batch_.size() && shapes_[next]->misfit) co_return shapes_[next]->misunderstood();
    }
    co_return std::move(outcome_);
  }

  bool stale() const noexcept { return stale_; }

 private:
  void begin(exchange& e) const {
    e.steps.push_back(exchange::raw("BEGIN"));
    if (auto sql = timeout_statement(context_); !sql.empty()) e.steps.push_back(exchange::raw(std::move(sql)));
  }

  void add(exchange& e, std::size_t i) {
    e.steps.push_back(exchange::run(shapes_[i], &batch_[i].parameters, batch_[i].expected_rows));
  }

  awaitable<result<void>> perform(exchange& e, std::shared_ptr<exchange> shared, std::size_t first) {
    if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none)
      co_return error{errc::cancelled};
    co_await on_.perform(std::move(shared));
    if (e.failure) {
      stale_ = wants_preparing(e);
      // A primary that has become a standby: the next connection looks for the new one.
      if (e.failure->state == sqlstate::read_only) on_.close({errc::unavailable, "the server has become read-only"});
      if (speaks_of_types(e))
        for (const auto& shape : shapes_) shape->described = false;
      co_return error_of(e, label_);
    }
    if (auto why = unmet(e, batch_, first, label_)) co_return *std::move(why);
    for (const exchange::step& step : e.steps)
      if (step.what == exchange::action::run) outcome_.affected.push_back(step.affected);
    co_return result<void>{};
  }

  session& on_;
  const ports::call_context& context_;
  const ports::batch& batch_;
  const shape_list& shapes_;
  const std::string& label_;
  ports::batch_outcome outcome_;
  bool expects_ = false, stale_ = false;
};

}  // namespace

std::string timeout_statement(const ports::call_context& context) {
  if (context.deadline == runtime::deadline::max()) return {};
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(context.remaining()).count();
  return "SET LOCAL statement_timeout = " + std::to_string(std::clamp<std::int64_t>(left, 1, 2'000'000'000));
}

awaitable<result<ports::batch_outcome>> write(loop_pool& pool, const ports::call_context& context, ports::batch b) {
  auto shapes = shapes_of(b, pool.shapes());
  if (!shapes) co_return shapes.error();
  if (b.empty()) co_return ports::batch_outcome{};
  for (int attempt = 1;; ++attempt) {
    auto on = co_await pool.writer(context);
    if (!on) co_return on.error();
    batch_run run(**on, context, b, *shapes, pool.settings().label);
    auto done = co_await run.run();
    if (done || attempt == 2 || !run.stale()) co_return done;
  }
}

awaitable<result<std::uint64_t>> run_on(session& on, shape_catalog& shapes, const std::string& label,
                                        const ports::call_context& context, ports::statement s) {
  auto shape = shapes.get(s);
  if (!shape) co_return shape.error();
  if (!(*shape)->ready())
    if (auto known = co_await describe(on, *shape, context, label, false); !known) co_return known.error();
  auto e = std::make_shared<exchange>();
  e->until = context.deadline;
  e->steps.push_back(exchange::run(*shape, std::move(s.parameters), s.expected_rows));
  co_await on.perform(e);
  if (speaks_of_types(*e)) (*shape)->described = false;
  if (e->failure) co_return error_of(*e, label);
  if (e->steps.front().unexpected)
    co_return error{errc::conflict, "`" + (*shape)->label + "` affected another number of rows than expected"};
  co_return e->steps.front().affected;
}

}  // namespace distsys::adapters::postgres
