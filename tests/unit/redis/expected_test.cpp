#include "expected.hpp"
#include "tests/support/catch.hpp"

#include <string>
#include <vector>

using namespace distsys::adapters::redis;

namespace {

reply of(reply::kind kind, std::string text = {}) {
  reply r;
  r.type = kind;
  r.text = std::move(text);
  return r;
}

reply array_of(std::size_t n, reply::kind kind = reply::kind::bulk) {
  reply r = of(reply::kind::array);
  r.elements.assign(n, of(kind));
  return r;
}

}  // namespace

TEST_CASE("each command has replies of its kind, and errors", "[redis]") {
  using kind = reply::kind;
  const std::vector<reply> all{of(kind::nil),       of(kind::integer), of(kind::status, "OK"), of(kind::status, "PONG"),
                               of(kind::bulk),      array_of(2),       of(kind::tombstone),    of(kind::damaged),
                               of(kind::too_large), of(kind::error)};
  const auto fitting = [&](const expected& e) {
    std::string marks;
    for (const reply& r : all) marks += e.fits(r, 0) ? 'y' : '-';
    return marks;
  };
  CHECK(fitting(expected::value()) == "y---y-yyyy");
  CHECK(fitting(expected::values(2, 16)) == "-----y---y");
  CHECK(fitting(expected::status("OK")) == "--y------y");
  CHECK(fitting(expected::status("PONG")) == "---y-----y");
  CHECK(fitting(expected::status_or_nil("OK")) == "y-y------y");
  CHECK(fitting(expected::integer()) == "-y-------y");
  CHECK(fitting(expected::text()) == "----y----y");
}

TEST_CASE("values come in as many arrays as commands, each of its length, and hold nothing else", "[redis]") {
  const auto e = expected::values(20, 16);
  CHECK(e.fits(array_of(16), 0));
  CHECK_FALSE(e.fits(array_of(15), 0));
  CHECK_FALSE(e.fits(array_of(17), 0));
  CHECK(e.fits(array_of(4, reply::kind::nil), 1));
  CHECK_FALSE(e.fits(array_of(16), 1));
  CHECK_FALSE(e.fits(array_of(0), 2));
  CHECK_FALSE(e.fits(array_of(16, reply::kind::integer), 0));
  CHECK_FALSE(e.fits(array_of(16, reply::kind::error), 0));
}
