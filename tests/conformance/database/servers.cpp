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

DATABASE_CASE("a session's settings do not depend on what is set for its role") {
  EACH_REMOTE_DATABASE();
  CHECK(t.db.number("SELECT count(*) FROM pg_settings WHERE source = 'client' AND name IN "
                    "('bytea_output', 'extra_float_digits', 'default_transaction_isolation')") == 3);
  CHECK(t.db.query("SHOW default_transaction_isolation")->at(0, 0).text() == "read committed");
}

}  // namespace distsys::tests
