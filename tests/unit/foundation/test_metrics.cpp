#include "distsys/foundation/metrics.hpp"
#include "tests/support/catch.hpp"

#include <thread>
#include <vector>

using namespace distsys;

namespace {
bool scraped(const std::string& line) {
  return ("\n" + metrics::scrape()).find("\n" + line + "\n") != std::string::npos;
}
}  // namespace

TEST_CASE("counts of many threads add up", "[metrics]") {
  auto& c = metrics::get_counter("test_calls_total", "calls", {{"port", "x"}, {"driver", "y"}});
  auto& h = metrics::get_histogram("test_seconds", "time", {});
  std::vector<std::thread> threads;
  for (int t = 0; t < 20; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        c.add();
        h.observe(0.003);
      }
    });
  }
  for (auto& t : threads) t.join();
  CHECK(c.value() == 20'000);
  CHECK(h.read().count == 20'000);
  CHECK(scraped("test_calls_total{driver=\"y\",port=\"x\"} 20000"));
  CHECK(scraped("test_seconds_bucket{le=\"0.0025\"} 0"));
  CHECK(scraped("test_seconds_bucket{le=\"0.005\"} 20000"));
  CHECK(scraped("test_seconds_bucket{le=\"+Inf\"} 20000"));
}

TEST_CASE("the same name and labels are the same metric", "[metrics]") {
  auto& a = metrics::get_gauge("test_same", "h", {{"a", "1"}, {"b", "2"}});
  auto& b = metrics::get_gauge("test_same", "h", {{"b", "2"}, {"a", "1"}});
  auto& other = metrics::get_gauge("test_same", "h", {{"a", "2"}, {"b", "2"}});
  CHECK(&a == &b);
  CHECK(&a != &other);
}

TEST_CASE("an observed gauge is read at the scrape and goes with its owner", "[metrics]") {
  {
    const metrics::observed_gauge g("test_observed", "h", {}, [] { return 7.0; });
    CHECK(scraped("test_observed 7"));
    const metrics::observed_gauge same("test_observed", "h", {}, [] { return 5.0; });
    CHECK(scraped("test_observed 12"));
    CHECK_FALSE(scraped("test_observed 7"));
  }
  CHECK_FALSE(scraped("test_observed 7"));
}

TEST_CASE("process figures are there", "[metrics]") {
  const auto text = metrics::scrape();
  for (const auto* name : {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds",
                           "process_start_time_seconds"}) {
    CHECK(text.find(std::string("\n") + name + " ") != std::string::npos);
  }
}
