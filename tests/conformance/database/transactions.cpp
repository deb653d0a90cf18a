// Interactive transactions, and what others see of them.
#include "fixture.hpp"

namespace distsys::tests {

DATABASE_CASE("a transaction commits, rolls back, and rolls back when dropped") {
  EACH_DATABASE();
  t.make_items();
  const auto c = soon();
  auto first = t.db.begin();
  CHECK(t.change(*first, "INSERT INTO item(id, name) VALUES (?, ?)", table::row(1, "kept")).value() == 1);
  CHECK(t.in(*first, "SELECT name FROM item WHERE id = 1")->at(0, 0).text() == "kept");
  REQUIRE(t.loops.run(first->commit(c)));
  CHECK(t.in(*first, "SELECT 1").error() == errc::invalid);

  auto second = t.db.begin();
  REQUIRE(t.change(*second, "DELETE FROM item"));
  REQUIRE(t.loops.run(second->rollback(c)));
  auto third = t.db.begin();
  REQUIRE(t.change(*third, "DELETE FROM item"));
  third.reset();
  CHECK(t.db.number("SELECT count(*) FROM item") == 1);
  CHECK(t.db.execute({insert_item(2)}));
}

DATABASE_CASE("nobody reads what is not committed") {
  EACH_DATABASE();
  t.make_items();
  REQUIRE(t.db.execute({insert_item(1)}));
  auto tx = t.db.begin();
  REQUIRE(t.change(*tx, "UPDATE item SET value = 5 WHERE id = 1"));
  REQUIRE(t.change(*tx, "INSERT INTO item(id, name) VALUES (2, 'y')"));
  CHECK(t.db.number("SELECT count(*) FROM item") == 1);
  CHECK(t.db.query("SELECT value FROM item WHERE id = 1")->at(0, 0).is_null());
  const auto c = soon();
  REQUIRE(t.loops.run(tx->commit(c)));
  CHECK(t.db.number("SELECT value FROM item WHERE id = 1") == 5);
  CHECK(t.db.number("SELECT count(*) FROM item") == 2);
}

DATABASE_CASE("a transaction reads its own writes and a failed statement's error") {
  EACH_DATABASE();
  t.make_items();
  auto tx = t.db.begin();
  for (int i = 0; i < 20; ++i) REQUIRE(t.change(*tx, "INSERT INTO item(id, name) VALUES (?, 'x')", table::row(i)));
  CHECK(t.in(*tx, "SELECT count(*) FROM item")->at(0, 0).integer() == 20);
  CHECK(t.change(*tx, "INSERT INTO item(id, name) VALUES (3, 'x')").error() == errc::already_exists);
  const auto c = soon();
  REQUIRE(t.loops.run(tx->rollback(c)));
  CHECK(t.db.number("SELECT count(*) FROM item") == 0);
}

DATABASE_CASE("a statement that failed in its middle cannot be committed") {
  EACH_DATABASE();
  t.make_items();
  for (const bool taken : {true, false}) {
    auto tx = t.db.begin();
    table rows(2);
    for (int i = 0; i < 40; ++i) {
      rows.add(i == 30 && taken ? 1 : i);
      i == 30 && !taken ? rows.add(nullptr) : rows.add("x");
    }
    CHECK(!t.change(*tx, "INSERT INTO item(id, name) VALUES (?, ?)", rows));
    const auto c = soon();
    CHECK(t.loops.run(tx->commit(c)).error() == errc::conflict);
    CHECK(t.in(*tx, "SELECT 1").error() == errc::invalid);  // it has ended
    CHECK(t.db.number("SELECT count(*) FROM item") == 0);
  }
}

DATABASE_CASE("a transaction that is kept open too long is rolled back") {
  EACH_EMBEDDED_DATABASE("?transaction_limit=50ms");
  t.make_items();
  auto tx = t.db.begin();
  REQUIRE(t.change(*tx, "INSERT INTO item(id, name) VALUES (1, 'x')"));
  CHECK(t.db.execute({insert_item(2)}));  // waits for the limit
  CHECK(t.in(*tx, "SELECT 1").error() == errc::timeout);
  CHECK(t.db.number("SELECT count(*) FROM item") == 1);
}

}  // namespace distsys::tests
