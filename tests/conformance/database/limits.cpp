// Deadlines, cancellation, full queues, closing.
#include "fixture.hpp"

namespace distsys::tests {

namespace {

constexpr ports::per_dialect endless_query{
    .sqlite = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
    .postgres = "SELECT pg_sleep(60)",
    .mysql = "SELECT SLEEP(60)"};
constexpr ports::per_dialect endless_write{
    .sqlite =
        "INSERT INTO item(id, name) WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n) "
        "SELECT i, 'x' FROM n",
    .postgres = "INSERT INTO item(id, name) SELECT 1000, pg_sleep(60)::text",
    .mysql = "INSERT INTO item(id, name) SELECT 1000, SLEEP(60)"};

/// What was started before has reached the driver (its loop has run these later calls too), and most likely begun.
void let_begin(database_case& t) {
  for (int i = 0; i < 20; ++i) REQUIRE(t.db.start_query("SELECT 1")->get());
}

}  // namespace

DATABASE_CASE("a query ends at its deadline") {
  EACH_DATABASE();
  t.make_items();
  const auto started_at = runtime::steady_now();
  CHECK(t.db.query(t.sql(endless_query), {}, {}, call_context::within(100ms)).error() == errc::timeout);
  CHECK(runtime::steady_now() - started_at < 5s);
  CHECK(!t.db->health().healthy);
  CHECK(t.db.query("SELECT 1"));
  CHECK(t.db->health().healthy);
}

DATABASE_CASE("a write that ends at its deadline took no effect, nor did it harm others") {
  EACH_DATABASE();
  t.make_items();
  auto blocker = t.db.begin();
  auto before = t.db.start({insert_item(1)});
  auto late = t.db.start({insert_item(2), {t.sql(endless_write), {}, {}}}, call_context::within(300ms));
  auto after = t.db.start({insert_item(3)});
  blocker.reset();
  CHECK(late->get().error() == errc::timeout);
  CHECK(before->get());
  CHECK(after->get());
  CHECK(t.db.number("SELECT count(*) FROM item WHERE id IN (1, 3)") == 2);
  CHECK(t.db.number("SELECT count(*) FROM item") == 2);
}

DATABASE_CASE("a deadline that has passed is timeout without a call") {
  EACH_DATABASE();
  t.make_items();
  const call_context past{.deadline = runtime::steady_now() - 1ms, .trace = {}, .session = {}};
  CHECK(t.db.execute({insert_item(1)}, past).error() == errc::timeout);
  CHECK(t.db.query("SELECT 1", {}, {}, past).error() == errc::timeout);
  CHECK(t.db->health().healthy);
  CHECK(t.db.number("SELECT count(*) FROM item") == 0);
}

DATABASE_CASE("a deadline passes while the call waits: timeout, no effect") {
  EACH_DATABASE();
  t.make_items();
  REQUIRE(t.db.execute({insert_item(1)}));
  auto blocker = t.db.begin();
  REQUIRE(t.change(*blocker, "UPDATE item SET value = 1"));
  batch waiting{{"UPDATE item SET value = 2", {}, {}}};
  CHECK(t.db.execute(std::move(waiting), call_context::within(60ms)).error() == errc::timeout);
  const auto c = soon();
  REQUIRE(t.loops.run(blocker->commit(c)));
  CHECK(t.db.execute({insert_item(2)}));
  CHECK(t.db.number("SELECT value FROM item WHERE id = 1") == 1);
}

DATABASE_CASE("a cancelled call that waits takes no effect") {
  EACH_DATABASE();
  t.make_items();
  REQUIRE(t.db.execute({insert_item(1)}));
  auto blocker = t.db.begin();
  REQUIRE(t.change(*blocker, "UPDATE item SET value = 1"));
  auto waiting = t.db.start({{"UPDATE item SET value = 2", {}, {}}});
  let_begin(t);
  waiting->cancel();
  CHECK(waiting->get().error() == errc::cancelled);
  const auto c = soon();
  REQUIRE(t.loops.run(blocker->commit(c)));
  CHECK(t.db.execute({insert_item(2)}));
  CHECK(t.db.number("SELECT value FROM item WHERE id = 1") == 1);
}

DATABASE_CASE("a query is cancelled in its middle") {
  EACH_DATABASE();
  t.make_items();
  auto running = t.db.start_query(t.sql(endless_query));
  let_begin(t);
  CHECK(!running->ready());
  running->cancel();
  CHECK(running->get().error() == errc::cancelled);
  CHECK(t.db->health().healthy);
  CHECK(t.db.query("SELECT 1"));
}

DATABASE_CASE("a write is cancelled in its middle and takes no effect") {
  EACH_DATABASE();
  t.make_items();
  auto running = t.db.start({insert_item(1), {t.sql(endless_write), {}, {}}});
  let_begin(t);
  running->cancel();
  CHECK(running->get().error() == errc::cancelled);
  CHECK(t.db.execute({insert_item(2)}));
  CHECK(t.db.number("SELECT count(*) FROM item") == 1);
}

DATABASE_CASE("cancelled at random moments, a write took effect exactly when it says so") {
  EACH_DATABASE();
  t.make_items();
  std::int64_t expected = 0;
  for (int i = 0; i < 200; ++i) {
    auto call = t.db.start({insert_item(i), insert_item(1000 + i)});
    if (i % 3 == 0) CHECK(t.db.query("SELECT 1"));
    call->cancel();
    const auto answer = call->get();
    if (!answer) CHECK(answer.error() == errc::cancelled);
    expected += answer ? 2 : 0;
  }
  CHECK(t.db.number("SELECT count(*) FROM item") == expected);
}

DATABASE_CASE("a full queue is overloaded, at once") {
  EACH_EMBEDDED_DATABASE("?queue=4");
  t.make_items();
  auto blocker = t.db.begin();
  std::vector<std::unique_ptr<started<result<ports::batch_outcome>>>> calls;
  for (int i = 0; i < 10; ++i) calls.push_back(t.db.start({insert_item(i)}));
  let_begin(t);
  for (std::size_t i = 4; i < 10; ++i) CHECK(calls[i]->get().error() == errc::overloaded);
  CHECK(t.db->health().healthy);
  blocker.reset();
  for (std::size_t i = 0; i < 4; ++i) CHECK(calls[i]->get());
  CHECK(t.db.number("SELECT count(*) FROM item") == 4);
}

DATABASE_CASE("closing finishes what was accepted") {
  EACH_DATABASE();
  t.make_items();
  std::vector<std::unique_ptr<started<result<ports::batch_outcome>>>> calls;
  for (int i = 0; i < 50; ++i) calls.push_back(t.db.start({insert_item(i)}));
  let_begin(t);  // on the way, or done
  t.db.close();
  for (const auto& call : calls) CHECK(call->get());
  CHECK(t.db.execute({insert_item(99)}).error() == errc::unavailable);
  if (t.backend.embedded) {
    opened_database again(t.loops, t.address);
    CHECK(again.number("SELECT count(*) FROM item") == 50);
  }
}

DATABASE_CASE("an unknown parameter of the URL is refused, and the known ones listed") {
  EACH_EMBEDDED_DATABASE();
  for (const char* wrong : {"?reader=2", "?readers=0", "?synchronous=off", "?queue=many", "?max_size=1", "?cache=1"}) {
    INFO(wrong);
    try {
      opened_database refused(t.loops, t.address + wrong);
      FAIL("it was opened");
    } catch (const failure& e) {
      CHECK(e.reason() == errc::invalid);
      if (std::string_view(wrong) == "?reader=2") CHECK(e.reason().detail.find("readers") != std::string::npos);
    }
  }
}

}  // namespace distsys::tests
