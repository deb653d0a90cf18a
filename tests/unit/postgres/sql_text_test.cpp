#include "sql_text.hpp"
#include "pg_error.hpp"
#include "tests/support/catch.hpp"

using namespace distsys;
using namespace distsys::adapters::postgres;

TEST_CASE("marks are numbered, but not in quotes and comments", "[postgres]") {
  const auto sql = number_parameters("SELECT '?', \"a?\", ? -- ?\n, /* ? */ ? FROM t WHERE a IN (?,?)");
  CHECK(sql.text == "SELECT '?', \"a?\", $1 -- ?\n, /* ? */ $2 FROM t WHERE a IN ($3,$4)");
  CHECK(sql.parameters == 4);
  CHECK(number_parameters("SELECT '?").text == "SELECT '?");
  CHECK(number_parameters("SELECT 'it''s ?', ?").text == "SELECT 'it''s ?', $1");
}

TEST_CASE("what would end a transaction or the pipeline is no statement of a batch", "[postgres]") {
  for (const char* wrong : {"", " ; ", "COMMIT", " rollback;", "Begin", "COPY t FROM STDIN", "end", "savepoint a"})
    CHECK(check_statement(wrong).error() == errc::invalid);
  for (const char* right : {"SELECT 1", "INSERT INTO commit_log VALUES (1)", "NOTIFY x"}) CHECK(check_statement(right));
}

TEST_CASE("a script is split at the semicolons that end lines", "[postgres]") {
  const auto parts = split_script("CREATE TABLE a (\n  n INT -- one; two\n);\n\nINSERT INTO a VALUES (';');\nSELECT 1");
  REQUIRE(parts.size() == 3);
  CHECK(parts[1] == "INSERT INTO a VALUES (';');\n");
  CHECK(split_script("\n\n").empty());
  CHECK(quote_name("a\"b") == "\"a\"\"b\"");
}

TEST_CASE("an INSERT of parameters and numbers is known as one, and anything else is not", "[postgres]") {
  const auto plain = parse_row_insert("insert into \"a(b\" (x, \"y)\")\n VALUES (?, 1 ,?)");
  REQUIRE(plain);
  CHECK(plain->head == "insert into \"a(b\" (x, \"y)\")");
  CHECK(plain->values == std::vector<std::string>{"?", "1", "?"});
  CHECK(insert_of_arrays(*plain, {"bigint[]", "text[]"}) ==
        "insert into \"a(b\" (x, \"y)\") SELECT v1, 1, v2 FROM unnest(CAST($1 AS bigint[]), CAST($2 AS text[])) AS r "
        "(v1, v2) ");
  const auto kept = parse_row_insert("INSERT INTO t (a) VALUES (?) ON CONFLICT (a) DO NOTHING");
  REQUIRE(kept);
  CHECK(kept->tail == "ON CONFLICT (a) DO NOTHING");
  for (const char* other :
       {"", "INSERT INTO t (a", "INSERT INTO t (a) VALUES", "INSERT INTO t VALUES (?)",
        "INSERT INTO t (a) VALUES (?), (?)", "INSERT INTO t (a) VALUES (now())", "INSERT INTO t (a) VALUES (? + 1)",
        "INSERT INTO t (a) VALUES ('?')", "INSERT INTO t (a) VALUES (?) RETURNING a", "INSERT INTO t (a) SELECT (?)",
        "INSERT INTO t (a) VALUES (/* ? */ ?)", "INSERT INTO t (a) VALUES (?) ON CONFLICT (a) DO UPDATE SET a = 1",
        "INSERT INTO t (a) VALUES (?) ON CONFLICT (a) DO UPDATE SET a = 1 -- or do nothing",
        "INSERT INTO t (a) OVERRIDING VALUE VALUES (?)",
        "INSERT INTO t (a) VALUES (?) ON CONFLICT (a) WHERE a > ? DO NOTHING", "UPDATE t SET (a) = (?)",
        "WITH x AS (SELECT 1) INSERT INTO t (a) VALUES (?)"}) {
    INFO(other);
    CHECK_FALSE(parse_row_insert(other));
  }
}

TEST_CASE("SQLSTATEs are the program's codes", "[postgres]") {
  const std::pair<const char*, errc> all[] = {
      {"23505", errc::already_exists}, {"23502", errc::invalid},     {"40001", errc::conflict},
      {"40P01", errc::conflict},       {"42P01", errc::invalid},     {"42501", errc::permission_denied},
      {"53100", errc::no_space},       {"53300", errc::unavailable}, {"57014", errc::timeout},
      {"57P01", errc::unavailable},    {"08006", errc::unavailable}, {"XX001", errc::corrupt},
      {"XX000", errc::internal},       {"25006", errc::invalid},     {"", errc::unavailable}};
  for (const auto& [state, code] : all) {
    INFO(state);
    CHECK(classify(state) == code);
  }
}
