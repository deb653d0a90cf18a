// Waking whoever waits for changes, in this process and in others.
#include "fixture.hpp"
#include "tests/support/child.hpp"

#include <cstdlib>

namespace distsys::tests {

namespace {

/// Wake-ups may be spurious: waits until none is left.
void drain(database_case& t, ports::change_listener& listener) {
  for (;;) {
    const auto c = call_context::within(100ms);
    if (!t.loops.run(listener.wait(c))) return;
  }
}

awaitable<result<void>> wait_with(ports::change_listener& listener, call_context c) {
  co_return co_await listener.wait(c);
}

}  // namespace

DATABASE_CASE("an announced commit wakes listeners of this process") {
  EACH_DATABASE();
  t.make_items();
  auto listener = t.db->listen("items");
  drain(t, *listener);
  const auto c = soon();
  REQUIRE(t.db.execute({insert_item(1)}));
  REQUIRE(t.loops.run(t.db->notify(c, "items")));
  CHECK(t.loops.run(listener->wait(c)));  // raised before the wait
  drain(t, *listener);
  started<result<void>> waiting(t.loops.get().loop(1), wait_with(*listener, soon()));
  REQUIRE(t.db.execute({insert_item(2)}));
  REQUIRE(t.loops.run(t.db->notify(c, "items")));
  CHECK(waiting.get());
}

DATABASE_CASE("without a change a listener waits until its deadline or its cancellation") {
  EACH_DATABASE();
  t.make_items();
  auto listener = t.db->listen("items");
  drain(t, *listener);
  const auto brief = call_context::within(30ms);
  CHECK(t.loops.run(listener->wait(brief)).error() == errc::timeout);
  started<result<void>> waiting(t.loops.get().loop(1), wait_with(*listener, soon()));
  waiting.cancel();
  CHECK(waiting.get().error() == errc::cancelled);
}

DATABASE_CASE("a commit is announced before whoever committed knows of it") {
  EACH_DATABASE();
  t.make_items();
  auto listener = t.db->listen("items");
  for (std::int64_t i = 0; i < 50; ++i) {
    const auto before = listener->announced(), own = listener->announced_own();
    REQUIRE(t.db.execute({insert_item(i)}));
    REQUIRE(listener->announced() > before);
    REQUIRE(listener->announced_own() > own);
  }
  // A later listener counts on; an interactive transaction is announced too.
  const auto later = t.db->listen("items");
  CHECK(later->announced() == listener->announced());
  const auto before = listener->announced(), own = listener->announced_own();
  const auto c = soon();
  auto tx = t.db.begin();
  REQUIRE(t.change(*tx, "INSERT INTO item(id, name) VALUES (?, ?)", table::row(1000, "x")));
  REQUIRE(t.loops.run(tx->commit(c)));
  CHECK(listener->announced() > before);
  CHECK(listener->announced_own() > own);
}

DATABASE_CASE("a commit of this process is announced once") {
  EACH_EMBEDDED_DATABASE("");
  t.make_items();
  auto listener = t.db->listen("items");
  drain(t, *listener);
  for (std::int64_t round = 0; round < 5; ++round) {
    const auto before = listener->announced();
    REQUIRE(t.db.execute({insert_item(round)}));
    CHECK(listener->announced() == before + 1);
    drain(t, *listener);  // the file is looked at several times meanwhile
    CHECK(listener->announced() == before + 1);
  }
}

DATABASE_CASE("what another process commits is announced with its wake-up") {
  EACH_DATABASE();
  t.make_items();
  auto listener = t.db->listen("items");
  drain(t, *listener);
  const auto before = listener->announced(), own = listener->announced_own();
  child other("[.child_insert]", {{"DISTSYS_TEST_URL", t.address}});
  CHECK(other.wait() == 0);
  const auto c = soon();
  while (listener->announced() == before && t.loops.run(listener->wait(c))) {
  }
  CHECK(listener->announced() > before);
  CHECK(listener->announced_own() == own);
}

DATABASE_CASE("an announced commit of another process wakes a listener") {
  EACH_DATABASE();
  t.make_items();
  auto listener = t.db->listen("items");
  drain(t, *listener);
  started<result<void>> waiting(t.loops.get().loop(1), wait_with(*listener, soon()));
  child other("[.child_insert]", {{"DISTSYS_TEST_URL", t.address}});
  CHECK(waiting.get());
  CHECK(other.wait() == 0);
  CHECK(t.db.number("SELECT count(*) FROM item") == 1);
}

TEST_CASE("child: inserts and notifies", "[.child_insert]") {
  running_loops loops;
  const char* url = std::getenv("DISTSYS_TEST_URL");
  REQUIRE(url != nullptr);
  opened_database db(loops, url);
  REQUIRE(db.execute({insert_item(1)}));
  const auto c = soon();
  REQUIRE(loops.run(db->notify(c, "items")));
}

}  // namespace distsys::tests
