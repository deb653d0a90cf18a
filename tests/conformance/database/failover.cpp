// A primary that goes down, and its standby that takes its place.
#include "fixture.hpp"
#include "tests/support/services.hpp"

#include <signal.h>

#include <fstream>

namespace distsys::tests {

namespace {

void stop_primary(const std::string& service) {
  std::ifstream file(service_dir(service) + "/primary/postmaster.pid");
  pid_t pid = 0;
  REQUIRE(file >> pid);
  REQUIRE(pid > 1);
  REQUIRE(::kill(pid, SIGQUIT) == 0);  // pg_ctl stop -m immediate
}

/// The URL of the last host alone.
std::string last_host(const std::string& address) {
  const auto begin = address.find('@') + 1, last = address.find(',') + 1;
  return address.substr(0, begin) + address.substr(last);
}

}  // namespace

DATABASE_CASE("a primary that is lost: no write on its standby, and all goes on once that is promoted") {
  EACH_REMOTE_DATABASE();
  const std::string service = t.backend.service + "-standby";
  const auto address = service_url(service);
  if (!address) return matrix::not_promised();
  opened_database db(t.loops, *address), standby(t.loops, last_host(*address));
  REQUIRE(db.execute("CREATE TABLE item (id BIGINT PRIMARY KEY, name TEXT NOT NULL, value BIGINT)"));
  REQUIRE(db.execute({insert_item(1)}));
  CHECK(db.number("SELECT CAST(pg_is_in_recovery() AS INTEGER)") == 0);
  CHECK(standby.number("SELECT CAST(pg_is_in_recovery() AS INTEGER)") == 1);
  CHECK(standby.execute({insert_item(2)}).error() == errc::unavailable);

  stop_primary(service);
  // Connections for reading and for writing end one after the other.
  CHECK(until([&] { return !db.query("SELECT 1").has_value(); }));
  CHECK(until([&] { return !db.execute("DELETE FROM item WHERE id = -1").has_value(); }));
  for (int i = 0; i < 20; ++i) {
    const auto written = db.execute({insert_item(3)});
    REQUIRE(!written);
    CHECK(written.error() == errc::unavailable);
    const auto read = db.query("SELECT 1");
    REQUIRE(!read);
    CHECK(read.error() == errc::unavailable);
  }
  CHECK(standby.number("SELECT count(*) FROM item") == 1);

  REQUIRE(standby.query("SELECT pg_promote()"));
  CHECK(until([&] { return db.execute({insert_item(4)}).has_value(); }));
  CHECK(db.number("SELECT count(*) FROM item WHERE id IN (1, 4)") == 2);
  CHECK(db.number("SELECT count(*) FROM item") == 2);
  CHECK(until([&] { return standby.execute({insert_item(5)}).has_value(); }));
}

}  // namespace distsys::tests
