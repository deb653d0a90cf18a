// What users give the load generator. The first byte says what the rest is: arrivals, a schedule file, an access log, a
// condition; else the JSON of a run.
#include "roles/loadgen/access_log.hpp"
#include "roles/loadgen/arrivals.hpp"
#include "roles/loadgen/compare.hpp"
#include "roles/loadgen/condition.hpp"
#include "roles/loadgen/page.hpp"
#include "roles/loadgen/schedule.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace distsys;
using namespace distsys::roles::loadgen;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_schedule(const arrival_plan& plan) {
  const runtime::steady_clock::time_point start{};
  schedule s(plan, start, 1, 0, 1);
  auto last = start;
  for (int i = 0; i < 200; ++i) {
    const auto a = s.next();
    if (!a) return;
    require(a->at >= last);
    last = a->at;
  }
}

void check_page(std::string_view text) {
  auto parsed = json::parse(text);
  if (!parsed || !parsed->is_object()) return;
  const shown_run runs[] = {{"<a>", parsed->get_object()}, {"b", parsed->get_object()}};
  const std::string page = as_page(runs);
  require(page.find("<a>") == std::string::npos);
  require(page.find("<script") == std::string::npos);
  comparison_text(runs, true);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  switch (data[0]) {
    case '0':
      if (const auto plan = parse_arrivals(text, 10)) check_schedule(*plan);
      break;
    case '1':
      if (const auto plan = parse_schedule(text, "f")) check_schedule(*plan);
      break;
    case '2':
      if (const auto log = parse_access_log(text, "f")) {
        require(!log->entries.empty());
        std::int64_t last = 0;
        for (const auto& e : log->entries) {
          require(e.request < log->requests.size());
          require(e.at_us >= last);
          last = e.at_us;
        }
      }
      break;
    case '3':
      if (const auto c = parse_condition(text)) require(!c->all.empty());
      break;
    default:
      check_page(text);
  }
  return 0;
}
