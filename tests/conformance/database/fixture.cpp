#include "fixture.hpp"

#include "distsys/foundation/url.hpp"

#include <stdexcept>
#include <utility>
#include <variant>

namespace distsys::tests {

namespace {

std::shared_ptr<ports::database> open_database(runtime::runtime& loops, const std::string& address) {
  const auto parsed = url::parse(address).value();
  for (const ports::driver& d : ports::drivers())
    if (const auto* open = std::get_if<ports::open_function<ports::database>>(&d.open);
        open && d.scheme == parsed.scheme())
      return (*open)(parsed, {loops, std::filesystem::temp_directory_path()}).value();
  throw std::runtime_error("no driver for " + address);
}

awaitable<bool> close_database(ports::database& db) {
  co_await db.close();
  co_return true;
}

// Contexts are referred to by a call: a started one owns its own.
awaitable<result<ports::batch_outcome>> execute_with(ports::database& db, punctuality& watch, batch b, call_context c) {
  co_return co_await watch.watch(c.deadline, db.execute(c, std::move(b)));
}

awaitable<result<table>> query_with(ports::database& db, punctuality& watch, statement s, ports::read_options o,
                                    call_context c) {
  co_return co_await watch.watch(c.deadline, db.query(c, std::move(s), o));
}

}  // namespace

opened_database::opened_database(running_loops& loops, const std::string& address)
    : loops_(loops), remote_(!address.starts_with("sqlite:")), db_(open_database(loops.get(), address)) {}

opened_database::~opened_database() { close(); }

void opened_database::close() {
  if (std::exchange(closed_, true)) return;
  loops_.run(close_database(*db_));
  // Only where it was asked to watch: those that are struck are closed on other threads, where Catch must not be
  // called.
  if (remote_ && watch_.calls() > 0) CHECK(watch_.late() == 0);
}

result<ports::batch_outcome> opened_database::execute(batch b, call_context c) {
  return loops_.run(execute_with(*db_, watch_, std::move(b), std::move(c)));
}

result<ports::batch_outcome> opened_database::execute(std::string sql, table parameters,
                                                      std::optional<std::uint64_t> expected, call_context c) {
  batch b;
  b.push_back({std::move(sql), std::move(parameters), expected});
  return execute(std::move(b), std::move(c));
}

result<table> opened_database::query(std::string sql, table parameters, ports::read_options o, call_context c) {
  return loops_.run(query_with(*db_, watch_, {std::move(sql), std::move(parameters), {}}, o, std::move(c)));
}

std::int64_t opened_database::number(std::string sql, table parameters) {
  auto answer = query(std::move(sql), std::move(parameters));
  REQUIRE(answer);
  REQUIRE(answer->rows() > 0);
  return answer->at(0, 0).integer();
}

std::unique_ptr<ports::transaction> opened_database::begin() {
  const auto c = soon();
  auto begun = loops_.run(db_->begin(c));
  REQUIRE(begun);
  return *std::move(begun);
}

result<void> opened_database::migrate(std::span<const ports::migration> migrations) {
  const auto c = soon();
  return loops_.run(db_->migrate(c, migrations));
}

std::unique_ptr<started<result<ports::batch_outcome>>> opened_database::start(batch b, call_context c) {
  return std::make_unique<started<result<ports::batch_outcome>>>(
      loops_.get().loop(1), execute_with(*db_, watch_, std::move(b), std::move(c)));
}

std::unique_ptr<started<result<table>>> opened_database::start_query(std::string sql, call_context c) {
  return std::make_unique<started<result<table>>>(loops_.get().loop(1),
                                                  query_with(*db_, watch_, {std::move(sql), {}, {}}, {}, std::move(c)));
}

database_case::database_case(const database_backend& b, const std::string& parameters)
    : backend(b), address(b.fresh(folder.path()) + parameters), db(loops, address) {}

result<table> database_case::in(ports::transaction& tx, std::string text, table parameters) {
  const auto c = soon();
  return loops.run(tx.query(c, {std::move(text), std::move(parameters), {}}));
}

result<std::uint64_t> database_case::change(ports::transaction& tx, std::string text, table parameters) {
  const auto c = soon();
  return loops.run(tx.execute(c, {std::move(text), std::move(parameters), {}}));
}

void database_case::make_items() {
  REQUIRE(db.execute("CREATE TABLE item (id BIGINT PRIMARY KEY, name TEXT NOT NULL, value BIGINT)"));
}

}  // namespace distsys::tests
