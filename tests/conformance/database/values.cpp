// What goes in comes out: types, NULL, Unicode, any byte, large values; and the limits of a result.
#include "fixture.hpp"

#include <limits>

namespace distsys::tests {

using ports::value_type;

namespace {

constexpr ports::per_dialect make_values{
    .sqlite = "CREATE TABLE v (id BIGINT PRIMARY KEY, i BIGINT, r DOUBLE PRECISION, t TEXT, b BLOB)",
    .postgres = "CREATE TABLE v (id BIGINT PRIMARY KEY, i BIGINT, r DOUBLE PRECISION, t TEXT, b BYTEA)",
    .mysql = "CREATE TABLE v (id BIGINT PRIMARY KEY, i BIGINT, r DOUBLE, t LONGTEXT, b LONGBLOB)"};

}  // namespace

DATABASE_CASE("types and NULL come back as they were given") {
  EACH_DATABASE();
  REQUIRE(t.db.execute(t.sql(make_values)));
  table rows(5);
  const double reals[] = {0.1, -1e308, 5e-324, 3.0};
  const std::int64_t integers[] = {0, std::numeric_limits<std::int64_t>::min(),
                                   std::numeric_limits<std::int64_t>::max(), -1};
  for (int i = 0; i < 4; ++i) {
    rows.add(i);
    rows.add(integers[i]);
    rows.add(reals[i]);
    rows.add("text");
    rows.add_blob("bytes");
  }
  rows.add(4);
  for (int i = 0; i < 4; ++i) rows.add(nullptr);
  rows.add(5);
  rows.add(true);
  rows.add(std::optional<double>());
  rows.add("");
  rows.add_blob("");
  auto done = t.db.execute("INSERT INTO v(id, i, r, t, b) VALUES (?, ?, ?, ?, ?)", std::move(rows));
  REQUIRE(done);
  CHECK(done->affected == std::vector<std::uint64_t>{6});

  const auto got = t.db.query("SELECT i, r, t, b FROM v ORDER BY id").value();
  REQUIRE(got.rows() == 6);
  CHECK(std::vector<std::string>(got.names().begin(), got.names().end()) ==
        std::vector<std::string>{"i", "r", "t", "b"});
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(got.at(i, 0).type() == value_type::integer);
    CHECK(got.at(i, 0).integer() == integers[i]);
    CHECK(got.at(i, 1).type() == value_type::real);
    CHECK(got.at(i, 1).real() == reals[i]);
    CHECK(got.at(i, 2).type() == value_type::text);
    CHECK(got.at(i, 3).type() == value_type::blob);
    CHECK(got.at(i, 3).text() == "bytes");
  }
  for (std::size_t column = 0; column < 4; ++column) CHECK(got.at(4, column).is_null());
  CHECK(got.at(5, 0).integer() == 1);
  CHECK(got.at(5, 1).is_null());
  CHECK(got.at(5, 2).type() == value_type::text);
  CHECK(got.at(5, 2).text().empty());
  CHECK(got.at(5, 3).type() == value_type::blob);
  CHECK(got.at(5, 3).text().empty());
}

DATABASE_CASE("Unicode, and blobs with any byte, are kept") {
  EACH_DATABASE();
  REQUIRE(t.db.execute(t.sql(make_values)));
  const std::string text = "Ñuñoa, 東京, 🚦, e\u0301, \t\n'\"\\%_;--";
  std::string bytes;
  for (int round = 0; round < 3; ++round)
    for (int b = 0; b < 256; ++b) bytes += static_cast<char>(b);
  table row(3);
  row.add(1);
  row.add(text);
  row.add_blob(bytes);
  REQUIRE(t.db.execute("INSERT INTO v(id, t, b) VALUES (?, ?, ?)", std::move(row)));
  const auto got = t.db.query("SELECT t, b FROM v WHERE t = ?", table::row(text)).value();
  REQUIRE(got.rows() == 1);
  CHECK(got.at(0, 0).text() == text);
  CHECK(got.at(0, 1).text() == bytes);
}

DATABASE_CASE("values of megabytes are kept") {
  EACH_DATABASE();
  REQUIRE(t.db.execute(t.sql(make_values)));
  std::string text(5u << 20, 'a');
  std::string bytes(5u << 20, '\0');
  for (std::size_t i = 0; i < bytes.size(); i += 7) text[i] = 'b', bytes[i] = static_cast<char>(i);
  table row(3);
  row.add(1);
  row.add(text);
  row.add_blob(bytes);
  REQUIRE(t.db.execute("INSERT INTO v(id, t, b) VALUES (?, ?, ?)", std::move(row)));
  const auto got = t.db.query("SELECT t, b FROM v").value();
  CHECK((got.at(0, 0).text() == text));
  CHECK((got.at(0, 1).text() == bytes));
}

DATABASE_CASE("a result over its limits is too_large") {
  EACH_DATABASE();
  t.make_items();
  table rows(2);
  for (int i = 0; i < 1000; ++i) {
    rows.add(i);
    rows.add(std::string(100, 'x'));
  }
  REQUIRE(t.db.execute("INSERT INTO item(id, name) VALUES (?, ?)", std::move(rows)));
  CHECK(t.db.query("SELECT name FROM item", {}, {.max_rows = 1000})->rows() == 1000);
  CHECK(t.db.query("SELECT name FROM item", {}, {.max_rows = 999}).error() == errc::too_large);
  CHECK(t.db.query("SELECT name FROM item", {}, {.max_bytes = 50'000}).error() == errc::too_large);
  CHECK(t.db.number("SELECT count(*) FROM item") == 1000);
}

DATABASE_CASE("an empty result has names and no rows") {
  EACH_DATABASE();
  t.make_items();
  const auto got = t.db.query("SELECT id, name FROM item WHERE id = ?", table::row(1)).value();
  CHECK(got.rows() == 0);
  CHECK(got.columns() == 2);
  CHECK(got.names()[1] == "name");
}

DATABASE_CASE("wrong SQL is invalid and the error names it, not its parameters") {
  EACH_DATABASE();
  t.make_items();
  const auto wrong = t.db.execute("INSERT INTO no_such_table(a) VALUES (?)", table::row("secret"));
  REQUIRE(!wrong);
  CHECK(wrong.error() == errc::invalid);
  CHECK(wrong.error().detail.find("no_such_table") != std::string::npos);
  CHECK(wrong.error().detail.find("secret") == std::string::npos);
  CHECK(t.db.query("SELEC 1").error() == errc::invalid);
  CHECK(t.db.query("SELECT 1 FROM item WHERE id = ?", table::row(1, 2)).error() == errc::invalid);
  CHECK(t.db.execute("COMMIT").error() == errc::invalid);
  CHECK(t.db.execute("INSERT INTO item(id, name) VALUES (1, 'a'); DELETE FROM item").error() == errc::invalid);
  CHECK(t.db.query("DELETE FROM item").error() == errc::invalid);
  CHECK(t.db.execute("").error() == errc::invalid);
  CHECK(t.db->health().healthy);
}

}  // namespace distsys::tests
