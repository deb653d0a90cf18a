// Migrations: in order, once, also when several processes start together.
#include "fixture.hpp"
#include "tests/support/child.hpp"

#include <cstdlib>

namespace distsys::tests {

namespace {

constexpr ports::per_dialect create{.sqlite = "CREATE TABLE a (n BIGINT);\nINSERT INTO a VALUES (1);\n"};
constexpr ports::per_dialect append{.sqlite = "INSERT INTO a VALUES (2);\nUPDATE a SET n = n * 10;"};
constexpr ports::per_dialect broken{.sqlite = "INSERT INTO a VALUES (99);\nINSERT INTO nowhere VALUES (1);"};
constexpr ports::per_dialect other{.sqlite = "CREATE TABLE b (n BIGINT)"};

constexpr ports::migration two[] = {{"first", 1, create}, {"first", 2, append}, {"second", 1, other}};

result<void> check(database_case& t, std::span<const ports::migration> m) {
  const auto c = soon();
  return t.loops.run(t.db->check_migrations(c, m));
}

}  // namespace

DATABASE_CASE("migrations are applied in order, each once") {
  EACH_DATABASE();
  const auto missing = check(t, two);
  CHECK(missing.error() == errc::conflict);
  CHECK(missing.error().detail.find("first") != std::string::npos);
  for (int i = 0; i < 3; ++i) REQUIRE(t.db.migrate(two));
  CHECK(check(t, two));
  CHECK(t.db.number("SELECT sum(n) FROM a") == 30);
  CHECK(t.db.number("SELECT count(*) FROM schema_migrations") == 3);
}

DATABASE_CASE("a migration that fails leaves nothing, and those before it stay") {
  EACH_DATABASE();
  const ports::migration with_error[] = {{"first", 1, create}, {"first", 2, broken}};
  const auto failed = t.db.migrate(with_error);
  CHECK(failed.error() == errc::invalid);
  CHECK(failed.error().detail.find("migration 2 of first") != std::string::npos);
  if (t.db->sql_dialect() != ports::dialect::mysql) CHECK(t.db.number("SELECT sum(n) FROM a") == 1);
  CHECK(check(t, two).error().detail.find("migration 2 of first") != std::string::npos);
  const ports::migration gap[] = {{"first", 3, append}};
  CHECK(t.db.migrate(gap).error() == errc::invalid);
}

DATABASE_CASE("processes that start together migrate once") {
  EACH_DATABASE();
  std::vector<std::unique_ptr<child>> others;
  for (int i = 0; i < 4; ++i)
    others.push_back(std::make_unique<child>("[.child_migrate]",
                                             std::map<std::string, std::string>{{"DISTSYS_TEST_URL", t.address}}));
  CHECK(t.db.migrate(two));
  for (const auto& o : others) CHECK(o->wait() == 0);
  CHECK(t.db.number("SELECT sum(n) FROM a") == 30);
}

TEST_CASE("child: migrates", "[.child_migrate]") {
  running_loops loops;
  opened_database db(loops, std::getenv("DISTSYS_TEST_URL"));
  REQUIRE(db.migrate(two));
}

}  // namespace distsys::tests
