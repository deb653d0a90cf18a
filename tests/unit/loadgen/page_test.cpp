// The page and the comparison: from JSON that may come from anywhere.
#include "roles/loadgen/page.hpp"

#include "distsys/foundation/html.hpp"

#include "roles/loadgen/chart.hpp"
#include "roles/loadgen/compare.hpp"
#include "roles/loadgen/report.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/scratch_dir.hpp"

#include <fstream>

namespace distsys::roles::loadgen {
namespace {

json::object run_of(std::uint64_t latency) {
  report r;
  r.seconds = 2;
  r.began = runtime::timestamp(std::chrono::milliseconds(1'700'000'000'000));
  r.line.emplace(runtime::steady_clock::time_point{}, std::chrono::seconds(1));
  for (int i = 0; i < 100; ++i) {
    ++r.counts.sent;
    ++r.counts.answers;
    ++r.counts.good;
    ++r.counts.hits;
    r.counts.statuses[200]++;
    r.counts.latency.record(latency + static_cast<std::uint64_t>(i));
  }
  r.line->finish(runtime::steady_clock::time_point{} + std::chrono::milliseconds(1500), r.counts);
  plan p;
  p.urls = {"http://a/<script>alert(1)</script>\"'&"};
  return as_json(r, p);
}

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t n = 0;
  for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + what.size())) ++n;
  return n;
}

TEST_CASE("what comes from outside is escaped, whatever it is") {
  CHECK(escape_html("<a href=\"x\">'&") == "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
  CHECK(escape_html("a\x01z\xff") == "a\xef\xbf\xbdz\xef\xbf\xbd");
  CHECK(escape_html("µs –") == "µs –");
  const shown_run one[] = {{"", run_of(500)}};
  const std::string page = as_page(one);
  CHECK(page.find("<script") == std::string::npos);
  CHECK(page.find("&lt;script&gt;alert(1)") != std::string::npos);
  const shown_run two[] = {{"<b>a", run_of(500)}, {"\"b", run_of(900)}};
  CHECK(as_page(two).find("<b>a") == std::string::npos);
}

TEST_CASE("a page asks nobody for anything, and has its charts and tables") {
  const shown_run one[] = {{"", run_of(500)}};
  const std::string page = as_page(one);
  for (const char* asks : {"src=", "@import", "url(", "href=\"http"}) CHECK(page.find(asks) == std::string::npos);
  for (const char* part : {"Latency over time", "Throughput", "Cache hits", "Latency by percentile", "Configuration",
                           "Environment", "Valid run", "99.999 %", "prefers-color-scheme: dark", "@media print"}) {
    INFO(part);
    CHECK(page.find(part) != std::string::npos);
  }
  CHECK(count(page, "<svg class=\"wide\"") == count(page, "<svg class=\"narrow\""));
  CHECK(count(page, "<section") == count(page, "</section>"));
  CHECK(page.find("Errors over time") == std::string::npos);
  CHECK(page.find("nan") == std::string::npos);
}

TEST_CASE("a page of JSON that is not what it should be is a page still") {
  for (const char* text :
       {R"({})", R"({"timeline":[],"latency_us":3,"config":"x","validity":[1]})",
        R"({"timeline":{"interval_seconds":1,"answers":[null,"a",{}],"p99_us":[1]},"duration_seconds":2})",
        R"({"thresholds":[1,{"parts":[2]}],"find_max":{"steps":[[]]},"curve":{"percent":[1,2],"us":[]}})"}) {
    INFO(text);
    const shown_run one[] = {{"", json::parse(text)->as_object()}};
    CHECK(as_page(one).ends_with("</html>\n"));
    const shown_run two[] = {one[0], {"b", run_of(1)}};
    CHECK(as_page(two).ends_with("</html>\n"));
  }
}

TEST_CASE("runs side by side say how far they are apart") {
  const shown_run runs[] = {{"a.json", run_of(1000)}, {"b.json", run_of(2000)}};
  const std::string text = comparison_text(runs, false);
  INFO(text);
  CHECK(text.find("p50") != std::string::npos);
  CHECK(text.find("+95.") != std::string::npos);
  CHECK(text.find("99.999") != std::string::npos);
  CHECK(comparison_text(runs, true).find("\x1b[31m") != std::string::npos);
}

TEST_CASE("what is no run is not compared") {
  tests::scratch_dir folder;
  const auto write = [&](const char* name, std::string_view text) {
    std::ofstream(folder.path() / name) << text;
    return (folder.path() / name).string();
  };
  const auto good = write("good.json", boost::json::serialize(run_of(5)));
  CHECK(read_runs({good, good}));
  for (const auto& [bad, said] : std::initializer_list<std::pair<std::string, const char*>>{
           {write("list.json", "[]"), "is not what --json"},
           {write("other.json", "{}"), "is not what --json"},
           {write("broken.json", "{"), "broken.json: "},
           {(folder.path() / "none.json").string(), "cannot read"}}) {
    const auto r = read_runs({good, bad});
    REQUIRE(r.has_error());
    INFO(r.error().detail);
    CHECK(r.error().detail.find(said) != std::string::npos);
  }
  CHECK(read_runs({good}).has_error());
}

}  // namespace
}  // namespace distsys::roles::loadgen
