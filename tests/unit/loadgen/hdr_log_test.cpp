#include "roles/loadgen/hdr_log.hpp"

#include "distsys/foundation/compress.hpp"
#include "tests/support/catch.hpp"

#include <string>

namespace distsys::roles::loadgen {
namespace {

using namespace std::chrono_literals;

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    char text[4];
    std::snprintf(text, sizeof text, "%02x", static_cast<unsigned char>(c));
    out += text;
  }
  return out;
}

TEST_CASE("base64 is RFC 4648's") {
  for (const auto& [plain, coded] : std::initializer_list<std::pair<const char*, const char*>>{
           {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}})
    CHECK(base64_encode(plain) == coded);
  CHECK(base64_encode("\xff\xfe\xfd") == "//79");
}

TEST_CASE("the V2 encoding has the header and the counts that HdrHistogram writes") {
  histogram h;
  h.record(2);
  h.record(2);
  h.record(2048);
  for (int i = 0; i < 100; ++i) h.record(2048);
  // Cookie, length, offset, digits, lowest, highest (3.6e9), ratio 1.0; then two zeros (-2), 2, 2,045 zeros, 101.
  CHECK(hex(encode_hdr(h)) ==
        "1c849313"
        "00000006"
        "00000000"
        "00000003"
        "0000000000000001"
        "00000000d693a400"
        "3ff0000000000000"
        "03"
        "04"
        "f91f"
        "ca01");
  CHECK(encode_hdr_compressed(h).starts_with("HISTFAAAA"));
}

TEST_CASE("a log has a line an interval that saw answers, and the tags that its readers look for") {
  tally t;
  timeline line(runtime::steady_clock::time_point{}, 1s);
  const auto at = [](auto d) { return runtime::steady_clock::time_point{} + d; };
  line.advance(at(100ms), t);
  t.latency.record(1500);
  line.advance(at(2500ms), t);
  t.latency.record(700);
  line.finish(at(2900ms), t);
  const std::string log = hdr_log(line, runtime::timestamp(1'700'000'000'250ms), "distsys 1");
  CHECK(log.find("#[Histogram log format version 1.3]\n") != std::string::npos);
  CHECK(log.find("#[StartTime: 1700000000.250 (seconds since epoch)") != std::string::npos);
  CHECK(log.find("\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n") !=
        std::string::npos);
  CHECK(log.find("\n0.000,1.000,1.500,HISTFAAAA") != std::string::npos);
  CHECK(log.find("\n1.000,") == std::string::npos);
  CHECK(log.find("\n2.000,1.000,0.700,HISTFAAAA") != std::string::npos);
}

TEST_CASE("a timeline keeps what happened where it happened, and grows coarser rather than long") {
  tally t;
  timeline line(runtime::steady_clock::time_point{}, 10ms);
  constexpr int n = 5000;  // 50 s of 10 ms: coarsened four times
  for (int i = 0; i < n; ++i) {
    line.advance(runtime::steady_clock::time_point{} + 10ms * i + 1ms, t);
    ++t.answers;
    t.latency.record(static_cast<std::uint64_t>(100 + i));
  }
  line.finish(runtime::steady_clock::time_point{} + 10ms * n - 1ms, t);
  CHECK(line.interval() == 160ms);
  CHECK(line.slices().size() <= timeline::most);
  std::uint64_t answers = 0;
  for (std::size_t i = 0; i < line.slices().size(); ++i) {
    const slice& s = line.slices()[i];
    answers += s.answers;
    if (i + 1 < line.slices().size()) CHECK(s.answers == 16);
    histogram h;
    h.add(s.latency);
    CHECK(h.count() == s.answers);
    CHECK(h.percentile(0) >= 100 + 16 * i);
  }
  CHECK(answers == n);

  timeline other(runtime::steady_clock::time_point{}, 10ms);
  tally one;
  one.answers = 3;
  other.finish(runtime::steady_clock::time_point{} + 5ms, one);
  line.merge(other);
  CHECK(line.slices().front().answers == 19);
}

TEST_CASE("intervals are round, and at most 120 for a run") {
  CHECK(interval_for(3s) == 50ms);
  CHECK(interval_for(10s) == 100ms);
  CHECK(interval_for(60s) == 500ms);
  CHECK(interval_for(1h) == 30s);
  CHECK(interval_for(0s) == 100ms);
}

TEST_CASE("corrected latencies hold those that a waiting client did not see") {
  histogram h;
  for (int i = 0; i < 100; ++i) h.record(10);
  h.record(1000);
  const auto c = h.corrected(100);
  // HdrHistogram: 900, 800, … 100 besides.
  CHECK(c.count() == 110);
  CHECK(c.max() == 1000);
  CHECK(c.percentile(100.0 * 100 / 110) == 10);
  CHECK(c.percentile(100.0 * 101 / 110) == 100);
  CHECK(c.percentile(100.0 * 109 / 110) == 900);
  CHECK(h.corrected(1000).count() == 101);
  // An interval far shorter than the buckets are wide: one by one, against all at once.
  histogram wide;
  wide.record(1'000'000);
  CHECK(wide.corrected(7).count() == 1 + (1'000'000 / 7 - 1));
}

}  // namespace
}  // namespace distsys::roles::loadgen
