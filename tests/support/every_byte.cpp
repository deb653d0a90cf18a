#include "tests/support/every_byte.hpp"

#include "tests/support/catch.hpp"

#include <iostream>
#include <thread>
#include <vector>

namespace distsys::tests {

namespace {

const std::string nonsense("#\x00?!\r", 5);
constexpr std::size_t lanes = 8;  // most of the time is waiting

}  // namespace

bool is_damaged(const fault& f) { return f.what == fault::kind::replace || f.what == fault::kind::insert; }

bool holds_nonsense(std::string_view text) { return text.find_first_of(nonsense) != std::string_view::npos; }

void strike_each_byte(const strike_plan& plan, strike_outcome& sum, const std::function<std::string(fault)>& converse) {
  std::vector<std::string> wrong(lanes);
  std::vector<std::thread> threads;
  threads.reserve(lanes);
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    threads.emplace_back([&, lane] {
      for (std::size_t at = plan.first + lane * plan.stride; at < plan.bytes && wrong[lane].empty();
           at += lanes * plan.stride) {
        const std::string said = converse({.what = plan.what, .at = at, .bytes = nonsense});
        if (!said.empty()) wrong[lane] = "at byte " + std::to_string(at) + ": " + said;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const std::string& said : wrong)
    if (!said.empty()) FAIL_CHECK(said);
  CHECK(sum.right > 0);
  CHECK(sum.failed > 0);
  CHECK(sum.calls.late() == 0);
  CHECK(sum.calls.worst() < std::chrono::seconds(5));  // a driver that blocks its loop holds up the judge's clock, too
  std::cout << plan.driver << ": " << plan.bytes << " bytes, " << sum.calls.calls() << " calls, " << sum.failed
            << " failed, the latest " << sum.calls.worst().count() << " ms after its deadline" << std::endl;
}

}  // namespace distsys::tests
