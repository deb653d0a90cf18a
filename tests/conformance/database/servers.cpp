// What only a server behind a network can do to its driver.
#include "fixture.hpp"

namespace distsys::tests {

DATABASE_CASE("a statement that the server counts otherwise is refused, also in a batch") {
  EACH_REMOTE_DATABASE();
  t.make_items();
  // The mark is text to the server, and a parameter to the driver, which does not know this way to quote.
  const std::string odd = "INSERT INTO item(id, name) VALUES (2, $$?$$)";
  CHECK(t.db.execute({insert_item(1), {odd, table::row(7), {}}}).error() == errc::internal);
  CHECK(t.db.number("SELECT count(*) FROM item") == 0);
  CHECK(t.db.execute({insert_item(1)}));
}

DATABASE_CASE("a decimal is the nearest real, and a real the nearest decimal") {
  EACH_REMOTE_DATABASE();
  REQUIRE(t.db.execute("CREATE TABLE d (id BIGINT PRIMARY KEY, n NUMERIC, t TEXT)"));
  const double reals[] = {0.1, 0.70, 91.56977663, -1e-7, 123456789.123456789, 1.7976931348623157e308, 5e-324};
  table rows(3);
  for (const double r : reals) rows.add(static_cast<std::int64_t>(rows.rows())), rows.add(r), rows.add(r);
  const auto inserted = t.db.execute("INSERT INTO d(id, n, t) VALUES (?, ?, ?)", std::move(rows));
  REQUIRE(inserted);
  const auto got = t.db.query("SELECT n + 0, CAST(t AS DOUBLE PRECISION) FROM d ORDER BY id").value();
  for (std::size_t i = 0; i < std::size(reals); ++i) {
    INFO(reals[i]);
    if (got.at(i, 0).type() == ports::value_type::real) CHECK(got.at(i, 0).real() == reals[i]);
    CHECK(got.at(i, 1).real() == reals[i]);
  }
  CHECK(t.db.number("SELECT count(*) FROM d WHERE n = 0.1 AND t = '0.1'") == 1);
  CHECK(t.db.query("SELECT 0.70")->at(0, 0).real() == 0.70);
}

DATABASE_CASE("a result over its limits is refused before it has come") {
  EACH_REMOTE_DATABASE();
  // Longer than any test may take: the answer must not wait for the result's end, nor for the deadline.
  const auto endless = call_context::within(10h);
  CHECK(t.db.query("SELECT generate_series(1, 1000000000000)", {}, {.max_rows = 10}, endless).error() ==
        errc::too_large);
  CHECK(t.db.number("SELECT 7") == 7);
}

DATABASE_CASE("a call of several hops has no more time than one") {
  EACH_DATABASE_BEHIND_A_PEER();
  t.make_items();
  opened_database far(t.loops, address);
  REQUIRE(far.query("SELECT 1"));
  REQUIRE(far.execute({insert_item(-1)}));
  // Statements that are new are asked about, each in a hop of its own: the deadline passes in one or the other.
  for (int i = 0; i < 12; ++i) {
    const std::string tag = " /* " + std::to_string(i) + " */";
    peer.set_now({.what = fault::kind::none, .delay = std::chrono::milliseconds(10 * i)});
    batch b;
    for (const std::int64_t n : {1, 2, 3}) {
      const std::string key = std::to_string(n) + " * ?" + tag;
      b.push_back({"UPDATE item SET value = 1 WHERE id = " + key, table::row(i), {}});
    }
    const auto done = far.execute(std::move(b), call_context::within(100ms));
    if (!done) CHECK((done.error() == errc::timeout || done.error() == errc::indeterminate));
    peer.set_now({});
    REQUIRE(until([&] { return far.execute({{"DELETE FROM item WHERE id = -2", {}, {}}}).has_value(); }));
  }
}

DATABASE_CASE("what is late is not sent, its COMMIT least of all") {
  EACH_DATABASE_BEHIND_A_PEER();
  REQUIRE(t.db.execute("CREATE TABLE large (id BIGINT PRIMARY KEY, note TEXT NOT NULL)"));
  opened_database far(t.loops, address);
  const std::string insert = "INSERT INTO large (id, note) VALUES (?, ?)", note(1u << 20, 'x');
  REQUIRE(far.start({{insert, table::row(-1, "x"), {}}})->get());  // on that loop its types are known now
  for (int i = 0; i < 5; ++i) {
    peer.set_now({.client_delay = 20ms, .client_piece = 1});  // more than fits on the way does not get there
    table rows(2);
    for (int n = 0; n < 6; ++n) rows.add(100 * i + n), rows.add(note);
    const auto c = call_context::within(300ms);
    const auto call = far.start({{insert, std::move(rows), {}}}, c);
    REQUIRE(until([&] { return runtime::steady_now() > c.deadline + 10ms; }));
    peer.set_now({});  // all that is left would be there in no time
    const auto done = call->get();
    REQUIRE(!done);
    CHECK(done.error() == errc::timeout);
    CHECK(t.db.number("SELECT count(*) FROM large") == 1);
    REQUIRE(until([&] { return far.start({{"DELETE FROM large WHERE id = 0", {}, {}}})->get().has_value(); }));
  }
}

DATABASE_CASE("what a slow server has not taken by its deadline is not committed") {
  EACH_DATABASE_BEHIND_A_PEER();
  REQUIRE(t.db.execute("CREATE TABLE large (id BIGINT PRIMARY KEY, note TEXT NOT NULL)"));
  opened_database far(t.loops, address);
  const std::string insert = "INSERT INTO large (id, note) VALUES (?, ?)", note(1u << 20, 'x');
  REQUIRE(far.start({{insert, table::row(-1, "x"), {}}})->get());
  peer.set_now({.client_delay = 20ms, .client_piece = 64u << 10});  // some of it goes on all the time
  table rows(2);
  for (int n = 0; n < 24; ++n) rows.add(n), rows.add(note);
  const auto done = far.start({{insert, std::move(rows), {}}}, call_context::within(400ms))->get();
  REQUIRE(!done);
  CHECK(done.error() == errc::timeout);
  peer.set_now({});
  REQUIRE(until([&] { return far.execute({{"DELETE FROM large WHERE id = -1", {}, {}}}).has_value(); }));
  CHECK(t.db.number("SELECT count(*) FROM large") == 0);
}

DATABASE_CASE("a server that takes no request to cancel holds neither connections nor the end") {
  EACH_DATABASE_BEHIND_A_PEER();
  t.make_items();
  opened_database far(t.loops, address);
  std::vector<std::unique_ptr<ports::transaction>> all;  // each of a loop's connections for writes
  all.reserve(4);
  for (int i = 0; i < 4; ++i) all.push_back(far.begin());
  peer.set_now({.what = fault::kind::stall});
  for (const auto& tx : all) {
    const auto brief = call_context::within(50ms);
    CHECK(!t.loops.run(far.watch().watch(brief.deadline, tx->execute(brief, insert_item(1)))));
  }
  all.clear();
  peer.set({});  // the requests to cancel stay where they are
  CHECK(far.execute({insert_item(2)}));
  far.close();
}

DATABASE_CASE("many rows of an INSERT are few statements") {
  EACH_REMOTE_DATABASE();
  t.make_items();
  REQUIRE(t.db.execute("CREATE TABLE statements (n BIGINT GENERATED BY DEFAULT AS IDENTITY, at BIGINT)"));
  REQUIRE(
      t.db.execute("CREATE FUNCTION count_one() RETURNS trigger LANGUAGE plpgsql AS "
                   "'BEGIN INSERT INTO statements (at) VALUES (0); RETURN NULL; END'"));
  REQUIRE(t.db.execute("CREATE TRIGGER counting AFTER INSERT ON item FOR EACH STATEMENT EXECUTE FUNCTION count_one()"));
  const auto statements_of = [&](std::size_t count, std::optional<std::size_t> odd,
                                 std::optional<std::uint64_t> expected) {
    REQUIRE(t.db.execute("DELETE FROM item"));
    REQUIRE(t.db.execute("DELETE FROM statements"));
    table rows(3);
    for (std::size_t i = 0; i < count; ++i) {
      rows.add(static_cast<std::int64_t>(i)), rows.add("x");
      i == odd ? rows.add("7") : rows.add(7);
    }
    const auto done = t.db.execute("INSERT INTO item(id, name, value) VALUES (?, ?, ?)", std::move(rows), expected);
    REQUIRE(done);
    CHECK(done->affected.front() == count);
    CHECK(t.db.number("SELECT count(*) FROM item WHERE value = 7") == static_cast<std::int64_t>(count));
    return t.db.number("SELECT count(*) FROM statements");
  };
  CHECK(statements_of(10'000, {}, {}) == 3);
  CHECK(statements_of(3, {}, {}) == 3);
  CHECK(statements_of(1'000, 500, {}) == 3);  // a text where a number is: it alone is left to the server
  CHECK(statements_of(100, {}, 1) == 100);    // each is held to its number of rows

  table rows(3);  // the last row cannot be: it is named, and all is undone
  for (int i = 20'000; i < 20'100; ++i) rows.add(i), rows.add("x"), rows.add(i == 20'099 ? 1.5 : 1.0);
  const auto refused = t.db.execute("INSERT INTO item(id, name, value) VALUES (?, ?, ?)", std::move(rows));
  REQUIRE(refused.error() == errc::invalid);
  CHECK(refused.error().detail.find("row 100") != std::string::npos);
  CHECK(t.db.number("SELECT count(*) FROM item") == 100);
}

DATABASE_CASE("many rows go on after their table has changed") {
  EACH_REMOTE_DATABASE();
  t.make_items();
  const auto insert = [&](std::int64_t from) {
    table rows(3);
    for (std::int64_t i = from; i < from + 50; ++i) rows.add(i), rows.add("x"), rows.add(i);
    return t.db.execute("INSERT INTO item(id, name, value) VALUES (?, ?, ?)", std::move(rows));
  };
  REQUIRE(insert(0));
  REQUIRE(t.db.execute("ALTER TABLE item ALTER COLUMN value TYPE TEXT USING CAST(value AS TEXT)"));
  // What was learnt of the types is out of date; a batch that the server refuses for it is asked anew.
  REQUIRE(until([&] { return insert(1'000).has_value(); }));
  REQUIRE(insert(2'000));
  CHECK(t.db.number("SELECT count(*) FROM item WHERE value = CAST(id AS TEXT)") == 150);
}

DATABASE_CASE("a column of another type than before is learnt from the value that does not fit the old one") {
  EACH_REMOTE_DATABASE();
  t.make_items();
  const auto load = [&](std::int64_t from, auto value) {
    table rows(3);
    for (std::int64_t i = from; i < from + 3; ++i) rows.add(i), rows.add("x"), rows.add(value);
    const auto c = soon();
    return t.loops.run(t.db->bulk_load(c, "item", {"id", "name", "value"}, std::move(rows)));
  };
  REQUIRE(load(0, 7));
  REQUIRE(t.db.execute("ALTER TABLE item ALTER COLUMN value TYPE DOUBLE PRECISION"));
  REQUIRE(until([&] { return load(100, 0.5).has_value(); }));
  REQUIRE(load(200, 8));  // on connections that have prepared it for whole numbers
  CHECK(t.db.number("SELECT count(*) FROM item WHERE value = 0.5") == 3);
  CHECK(t.db.number("SELECT count(*) FROM item WHERE value = 8") == 3);
}

DATABASE_CASE("a transaction whose value does not fit its column is not committed in part") {
  EACH_REMOTE_DATABASE();
  t.make_items();
  auto tx = t.db.begin();
  table rows(3);
  for (int i = 0; i < 40; ++i) rows.add(i), rows.add("x"), rows.add(i == 30 ? 1.5 : 1.0);
  CHECK(t.change(*tx, "INSERT INTO item(id, name, value) VALUES (?, ?, ?)", rows).error() == errc::invalid);
  const auto c = soon();
  CHECK(t.loops.run(tx->commit(c)).error() == errc::conflict);
  tx.reset();
  CHECK(t.db.number("SELECT count(*) FROM item") == 0);
}

DATABASE_CASE("statements that the server has forgotten are prepared anew") {
  EACH_REMOTE_DATABASE();
  t.make_items();
  const std::string forget = "DO 'BEGIN EXECUTE ''DEALLOCATE ALL''; END'";
  const auto insert = [&](std::int64_t from, std::int64_t count) {
    table rows(2);
    for (std::int64_t i = from; i < from + count; ++i) rows.add(i), rows.add("x");
    return t.db.execute("INSERT INTO item(id, name) VALUES (?, ?)", std::move(rows));
  };
  for (std::int64_t round = 0; round < 3; ++round) {
    REQUIRE(insert(1'000 * round, 50));
    REQUIRE(insert(1'000 * round + 100, 2));
    CHECK(t.db.number("SELECT count(*) FROM item WHERE id >= ?", table::row(0)) == 52 * (round + 1));
    REQUIRE(t.db.execute(forget));
    REQUIRE(t.db.query(forget));
  }
}

DATABASE_CASE("a session's settings do not depend on what is set for its role") {
  EACH_REMOTE_DATABASE();
  CHECK(t.db.number("SELECT count(*) FROM pg_settings WHERE source = 'client' AND name IN "
                    "('bytea_output', 'extra_float_digits', 'default_transaction_isolation')") == 3);
  CHECK(t.db.query("SHOW default_transaction_isolation")->at(0, 0).text() == "read committed");
}

}  // namespace distsys::tests
