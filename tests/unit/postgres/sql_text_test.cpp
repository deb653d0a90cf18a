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
