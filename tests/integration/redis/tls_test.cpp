// Whom rediss: believes: a certificate for the host of the URL, signed by an authority of ca=.
#include "store.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/loops.hpp"
#include "tests/support/services.hpp"

#include <string>
#include <string_view>

using namespace distsys;
using namespace distsys::tests;

namespace {

std::string with(std::string text, std::string_view what, std::string_view instead) {
  return text.replace(text.find(what), what.size(), instead);
}

/// What a ping of the store at `address` says; nothing: it is answered.
std::string answer_of(const std::string& address) {
  running_loops loops(1);
  const auto store = open_store(loops.get(), address);
  const auto c = ports::call_context::within(std::chrono::seconds(20));
  const auto pong = loops.run(store->ping(c));
  loops.run(close_store(*store));
  if (pong) return "";
  CHECK(pong.error() == errc::unavailable);
  return pong.error().detail;
}

}  // namespace

TEST_CASE("rediss: believes a certificate that the authority has signed for that host", "[redis]") {
  const auto address = service_url("redis-tls");  // the certificate is for localhost and 127.0.0.1
  if (!address) return;
  CHECK(answer_of(*address) == "");
  CHECK(answer_of(with(*address, "@127.0.0.1:", "@localhost:")) == "");
}

TEST_CASE("rediss: refuses a certificate for another host, and says for which it should be", "[redis]") {
  const auto address = service_url("redis-tls");
  if (!address) return;
  for (const std::string host : {"127.0.0.2", "127.1"}) {  // an address, and what only the resolver takes for one
    INFO(host);
    const std::string elsewhere = with(*address, "@127.0.0.1:", "@" + host + ":");
    const std::string told = answer_of(elsewhere);
    INFO(told);
    CHECK(told.find("the certificate is not for " + host) != std::string::npos);
    CHECK(answer_of(elsewhere + "&verify=none") == "");
  }
}

TEST_CASE("rediss: refuses a certificate of an authority that ca= does not name", "[redis]") {
  const auto address = service_url("redis-tls");
  if (!address) return;
  for (const std::string& other : {with(*address, "/ca.crt", "/other-ca.crt"),    // another authority
                                   address->substr(0, address->find("?ca="))}) {  // the system's
    const std::string told = answer_of(other);
    INFO(told);
    CHECK(told.find("the certificate of 127.0.0.1 is not signed by an authority of ca=") != std::string::npos);
  }
}
