#include "distsys/foundation/text.hpp"
#include "tests/support/catch.hpp"

#include <array>

using namespace distsys;
using namespace std::chrono_literals;

TEST_CASE("numbers are whole texts", "[text]") {
  CHECK(parse_integer("-42").value() == -42);
  CHECK(parse_real("2.5e3").value() == 2500);
  for (const auto* bad : {"", " 1", "1 ", "+1", "1x", "99999999999999999999"}) CHECK_FALSE(parse_integer(bad));
  for (const auto* bad : {"", "nan", "inf", "1,5", "1e999"}) CHECK_FALSE(parse_real(bad));
}

TEST_CASE("durations have units and read back", "[text]") {
  CHECK(parse_duration("250ms").value() == 250ms);
  CHECK(parse_duration("1.5h").value() == 90min);
  CHECK(parse_duration("7d").value() == 168h);
  for (const auto d : {0us, 7us, 250'000us, 5'000'000us, 90'000'000us, 86'400'000'000us}) {
    CHECK(parse_duration(format_duration(d)).value() == d);
  }
  for (const auto* bad : {"5", "s", "-1s", "5 s", "5sec", ""}) CHECK_FALSE(parse_duration(bad));
}

TEST_CASE("sizes", "[text]") {
  CHECK(parse_size("64KiB").value() == 65536);
  CHECK(parse_size("5MB").value() == 5'000'000);
  CHECK(parse_size("100").value() == 100);
  for (const auto* bad : {"", "MiB", "1mib", "-1", "1 MiB"}) CHECK_FALSE(parse_size(bad));
}

TEST_CASE("times are RFC 3339", "[text]") {
  CHECK(format_time(parse_time("2025-04-09T18:03:00.120Z").value()) == "2025-04-09T18:03:00.120Z");
  CHECK(format_time(parse_time("2025-04-09T14:03:00-04:00").value()) == "2025-04-09T18:03:00.000Z");
  CHECK(format_time(parse_time("2024-02-29").value()) == "2024-02-29T00:00:00.000Z");
  for (const auto* bad : {"", "2025-02-29", "2025-04-09T18:03", "2025-04-09T25:00:00Z", "2025-04-09T18:03:00",
                          "2025-04-09T18:03:00.Z", "2025-04-09T18:03:00+1:00", "now"}) {
    INFO(bad);
    CHECK_FALSE(parse_time(bad));
  }
}

TEST_CASE("the nearest word is what was meant, or nothing", "[text]") {
  static constexpr std::array<std::string_view, 3> words{"database", "data-dir", "listen"};
  CHECK(nearest("databse", words) == "database");
  CHECK(nearest("lisen", words) == "listen");
  CHECK(nearest("lsiten", words) == "listen");  // a swap is one edit
  CHECK(nearest("zebra", words).empty());
}
