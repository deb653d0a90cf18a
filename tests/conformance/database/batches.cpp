// Batches: atomic, isolated from each other, counted.
#include "fixture.hpp"

#include <algorithm>

namespace distsys::tests {

DATABASE_CASE("a batch takes effect as a whole or not at all") {
  EACH_DATABASE();
  t.make_items();
  batch good{insert_item(1), insert_item(2), {"UPDATE item SET value = 7", {}, {}}};
  const auto done = t.db.execute(good);
  REQUIRE(done);
  CHECK(done->affected == std::vector<std::uint64_t>{1, 1, 2});

  CHECK(t.db.execute({insert_item(3), insert_item(1)}).error() == errc::already_exists);
  CHECK(t.db.execute({insert_item(4), {"INSERT INTO nowhere VALUES (1)", {}, {}}}).error() == errc::invalid);
  table half(2);  // the second row fails, within one statement
  for (const int id : {5, 2}) half.add(id), half.add("x");
  CHECK(t.db.execute("INSERT INTO item(id, name) VALUES (?, ?)", std::move(half)).error() == errc::already_exists);
  CHECK(t.db.number("SELECT count(*) FROM item") == 2);
}

DATABASE_CASE("a statement runs once a row of parameters") {
  EACH_DATABASE();
  t.make_items();
  const std::string insert = "INSERT INTO item(id, name) VALUES (?, ?)";
  table rows(2);
  for (int i = 0; i < 5000; ++i) rows.add(i), rows.add("n");
  CHECK(t.db.execute(insert, std::move(rows))->affected.front() == 5000);
  CHECK(t.db.execute(insert, table(2))->affected.front() == 0);
  CHECK(t.db.execute("UPDATE item SET value = 1")->affected.front() == 5000);
  CHECK(t.db.execute("DELETE FROM item WHERE id < 0")->affected.front() == 0);
  CHECK(t.db.execute("CREATE INDEX by_value ON item(value)")->affected.front() == 0);
}

DATABASE_CASE("another number of rows than expected undoes the batch: conflict") {
  EACH_DATABASE();
  t.make_items();
  REQUIRE(t.db.execute({insert_item(1)}));
  const std::string update = "UPDATE item SET value = 1 WHERE id = ?";
  CHECK(t.db.execute(update, table::row(1), 1));
  batch b{insert_item(2), {update, table::row(99), 1}};
  CHECK(t.db.execute(std::move(b)).error() == errc::conflict);
  table rows(1);
  rows.add(1);
  rows.add(99);  // each run is held to it
  CHECK(t.db.execute(update, std::move(rows), 1).error() == errc::conflict);
  CHECK(t.db.number("SELECT count(*) FROM item") == 1);
  CHECK(t.db->health().healthy);
}

DATABASE_CASE("a taken key is already_exists, another constraint invalid") {
  EACH_DATABASE();
  t.make_items();
  REQUIRE(t.db.execute(
      "CREATE TABLE person (id BIGINT PRIMARY KEY, mail VARCHAR(100) NOT NULL, CONSTRAINT one UNIQUE (mail))"));
  const std::string insert = "INSERT INTO person(id, mail) VALUES (?, ?)";
  REQUIRE(t.db.execute(insert, table::row(1, "a@example.org")));
  CHECK(t.db.execute(insert, table::row(1, "b@example.org")).error() == errc::already_exists);
  CHECK(t.db.execute(insert, table::row(2, "a@example.org")).error() == errc::already_exists);
  CHECK(t.db.execute(insert, table::row(2, nullptr)).error() == errc::invalid);
}

DATABASE_CASE("concurrent writers lose no update") {
  EACH_DATABASE();
  t.make_items();
  REQUIRE(t.db.execute("INSERT INTO item(id, name, value) VALUES (1, 'counter', 0)"));
  std::vector<std::unique_ptr<started<result<ports::batch_outcome>>>> calls;
  for (int i = 0; i < 400; ++i)
    calls.push_back(t.db.start({{"UPDATE item SET value = value + 1 WHERE id = 1", {}, 1}}));
  for (const auto& call : calls) CHECK(call->get());
  CHECK(t.db.number("SELECT value FROM item") == 400);
}

DATABASE_CASE("of writers that race for a version one wins") {
  EACH_DATABASE();
  t.make_items();
  REQUIRE(t.db.execute("INSERT INTO item(id, name, value) VALUES (1, 'x', 7)"));
  std::vector<std::unique_ptr<started<result<ports::batch_outcome>>>> calls;
  for (int i = 0; i < 50; ++i) {
    batch b{{"UPDATE item SET value = 8 WHERE id = 1 AND value = 7", {}, 1}, insert_item(100 + i)};
    calls.push_back(t.db.start(std::move(b)));
  }
  int won = 0;
  for (const auto& call : calls) {
    const auto answer = call->get();
    won += answer ? 1 : 0;
    if (!answer) CHECK(answer.error() == errc::conflict);
  }
  CHECK(won == 1);
  CHECK(t.db.number("SELECT count(*) FROM item WHERE id >= 100") == 1);
}

DATABASE_CASE("a failing batch harms none that is committed with it") {
  EACH_DATABASE();
  t.make_items();
  REQUIRE(t.db.execute({insert_item(0)}));
  auto blocker = t.db.begin();  // the batches gather behind it
  REQUIRE(t.change(*blocker, "UPDATE item SET value = 1 WHERE id = 0"));
  std::vector<std::unique_ptr<started<result<ports::batch_outcome>>>> calls;
  for (int i = 1; i <= 90; ++i) {
    batch b{insert_item(i), insert_item(1000 + i)};
    if (i % 3 == 0) b.push_back(insert_item(0));
    if (i % 5 == 0) b.push_back({"UPDATE item SET value = 1 WHERE id = -1", {}, 1});
    if (i % 7 == 0) b.push_back({"INSERT INTO nowhere VALUES (1)", {}, {}});
    calls.push_back(t.db.start(std::move(b)));
  }
  const auto c = soon();
  REQUIRE(t.loops.run(blocker->commit(c)));
  std::int64_t good = 1;
  for (int i = 1; i <= 90; ++i) {
    const auto answer = calls[static_cast<std::size_t>(i - 1)]->get();
    const bool fails = i % 3 == 0 || i % 5 == 0 || i % 7 == 0;
    INFO(i);
    CHECK(answer.has_value() == !fails);
    if (i % 3 == 0) CHECK(answer.error() == errc::already_exists);
    good += fails ? 0 : 2;
  }
  CHECK(t.db.number("SELECT count(*) FROM item") == good);
}

DATABASE_CASE("an acknowledged write is read by whoever brings its session") {
  EACH_DATABASE();
  t.make_items();
  for (int i = 0; i < 100; ++i) {
    const auto done = t.db.execute({insert_item(i)});
    REQUIRE(done);
    auto c = soon();
    c.session = done->session;
    REQUIRE(t.db.query("SELECT id FROM item WHERE id = ?", table::row(i), {}, c)->rows() == 1);
  }
}

DATABASE_CASE("bulk_load appends all rows or none") {
  EACH_DATABASE();
  t.make_items();
  table rows(2);
  for (int i = 0; i < 20'000; ++i) rows.add(i), rows.add("bulk");
  const auto c = soon();
  const auto loaded = t.loops.run(t.db->bulk_load(c, "item", {"id", "name"}, rows));
  REQUIRE(loaded);
  CHECK(*loaded == 20'000);
  table more(2);
  for (const int id : {30'000, 30'001, 5}) more.add(id), more.add("x");
  CHECK(t.loops.run(t.db->bulk_load(c, "item", {"id", "name"}, more)).error() == errc::already_exists);
  CHECK(t.loops.run(t.db->bulk_load(c, "item", {"id"}, more)).error() == errc::invalid);
  CHECK(t.loops.run(t.db->bulk_load(c, "item\"; DROP TABLE item; --", {"id", "name"}, more)).error() == errc::invalid);
  CHECK(t.db.number("SELECT count(*) FROM item") == 20'000);
}

}  // namespace distsys::tests
