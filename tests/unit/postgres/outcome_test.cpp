#include "outcome.hpp"
#include "tests/support/catch.hpp"

using namespace distsys;
using namespace distsys::adapters::postgres;

namespace {

/// A commit behind one statement, of which the server said this at this step.
error told(const char* state, std::size_t step) {
  exchange e;
  e.steps.push_back(exchange::raw("BEGIN"));
  e.steps.push_back(exchange::raw("COMMIT"));
  e.steps.back().commits = true;
  e.commit_sent = true;
  e.fail({{errc::unavailable, "terminating connection"}, state, step, false});
  return error_of(e, "server");
}

}  // namespace

TEST_CASE("a server that goes down in a commit leaves it unknown", "[postgres]") {
  for (const char* state : {"57P01", "57P02", "57P03", "08006"}) {
    INFO(state);
    CHECK(told(state, 1) == errc::indeterminate);
    CHECK(told(state, 0) == errc::unavailable);
  }
  CHECK(told("53300", 1) == errc::unavailable);
}
