#include "roles/cache/event_handlers.hpp"

#include "distsys/runtime/runtime.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <memory>
#include <string>

using namespace distsys;
using namespace distsys::roles::cache;
using namespace std::chrono_literals;

namespace {

/// A database that is down.
class broken_database : public ports::database {
 public:
  explicit broken_database(errc code) : database("broken"), code_(code) {}

  ports::dialect sql_dialect() const noexcept override { return ports::dialect::sqlite; }
  awaitable<void> close() override { co_return; }
  std::atomic<int> queries{0};

 private:
  awaitable<result<ports::batch_outcome>> do_execute(const ports::call_context&, ports::batch) override {
    co_return error{code_};
  }
  awaitable<result<ports::table>> do_query(const ports::call_context&, ports::statement, ports::read_options) override {
    ++queries;
    co_await runtime::sleep_for(20ms);  // long enough for callers to meet
    co_return error{code_, "nobody answers"};
  }
  awaitable<result<std::unique_ptr<ports::transaction>>> do_begin(const ports::call_context&) override {
    co_return error{code_};
  }
  awaitable<result<std::uint64_t>> do_bulk_load(const ports::call_context&, std::string, std::vector<std::string>,
                                                ports::table) override {
    co_return error{code_};
  }
  awaitable<result<void>> do_migrate(const ports::call_context&, std::span<const ports::migration>) override {
    co_return error{code_};
  }
  awaitable<result<void>> do_check_migrations(const ports::call_context&, std::span<const ports::migration>) override {
    co_return error{code_};
  }
  awaitable<result<void>> do_ping(const ports::call_context&) override { co_return error{code_}; }
  awaitable<result<void>> do_notify(const ports::call_context&, std::string) override { co_return error{code_}; }
  std::unique_ptr<ports::change_listener> do_listen(std::string) override { return nullptr; }

  const errc code_;
};

std::string header_of(const net::http_response& r, std::string_view name) {
  for (const auto& [key, value] : r.headers)
    if (key == name) return value;
  return {};
}

awaitable<void> ask(event_handlers& handlers, std::string query, std::vector<net::http_response>& answers) {
  net::http_request request;
  request.query = query;
  request.deadline = runtime::steady_now() + 10s;
  answers.push_back(co_await handlers.area(request));
}

awaitable<void> ask_together(event_handlers& handlers, runtime::task_group& loads, runtime::runtime& loops, int callers,
                             std::vector<net::http_response>& answers) {
  {
    runtime::task_group asking;
    for (int i = 0; i < callers; ++i) asking.spawn(loops.loop(0), ask(handlers, "bbox=0,0,1,1", answers));
    co_await asking.wait();
    co_await loads.wait();
  }
  loops.stop();
}

std::vector<net::http_response> answers_of(const std::shared_ptr<broken_database>& db, int callers) {
  runtime::runtime loops(1);
  domain::geo::event_repository events(db);
  answer_cache answers(1 << 20, 1s, 1);
  runtime::task_group loads, main;
  event_handlers handlers(events, answers, loads);
  std::vector<net::http_response> got;
  main.spawn(loops.loop(0), ask_together(handlers, loads, loops, callers, got));
  loops.run();
  CHECK(answers.totals().entries == 0);
  return got;
}

}  // namespace

TEST_CASE("a database that is down is 503 with Retry-After, for everyone who waited, from one query") {
  const auto db = std::make_shared<broken_database>(errc::unavailable);
  const auto answers = answers_of(db, 20);
  REQUIRE(answers.size() == 20);
  for (const net::http_response& r : answers) {
    CHECK(r.status == 503);
    CHECK_FALSE(header_of(r, "Retry-After").empty());
  }
  CHECK(db->queries == 1);
}

TEST_CASE("a database that is too slow is 504, and its details stay inside when it is broken") {
  CHECK(answers_of(std::make_shared<broken_database>(errc::timeout), 1).front().status == 504);
  const auto internal = answers_of(std::make_shared<broken_database>(errc::internal), 1);
  CHECK(internal.front().status == 500);
  CHECK(std::get<std::string>(internal.front().body).find("nobody answers") == std::string::npos);
}
