// A server that wants TLS and a password.
#include "fixture.hpp"
#include "tests/support/services.hpp"

namespace distsys::tests {

namespace {

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  return text.replace(text.find(what), what.size(), by);
}

}  // namespace

DATABASE_CASE("TLS with a certificate that is checked, and a password") {
  EACH_REMOTE_DATABASE();
  const auto address = service_url(t.backend.service + "-tls");
  if (!address) return matrix::not_promised();
  opened_database db(t.loops, *address);
  CHECK(db.number("SELECT count(*) FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl") == 1);
  // A hundred queries and large ones: what TLS has read ahead is not waited for.
  for (int i = 0; i < 100; ++i) REQUIRE(db.number("SELECT " + std::to_string(i)) == i);
  CHECK(db.query("SELECT repeat('x', 3000000)")->at(0, 0).text().size() == 3'000'000);

  const std::string wrong[] = {replaced(*address, "word%401", "word%402"), replaced(*address, "127.0.0.1", "127.0.0.2"),
                               replaced(*address, "/ca.crt", "/server.crt"),
                               replaced(*address, "/ca.crt", "/none.crt")};
  for (const std::string& other : wrong) {
    INFO(other);
    opened_database refused(t.loops, other);
    const auto c = soon();
    const auto answer = t.loops.run(refused->ping(c));
    REQUIRE(!answer);
    CHECK(answer.error() == errc::unavailable);
    CHECK(answer.error().detail.find("pass/word") == std::string::npos);
    const bool of_tls = other.find("word%402") == std::string::npos;
    CHECK((answer.error().detail.find("certificate") != std::string::npos) == of_tls);
  }
}

}  // namespace distsys::tests
