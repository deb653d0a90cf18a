#include <catch2/catch.hpp>

#include "distsys/foundation/text.hpp"
#include "src/domain/geo/record.hpp"
#include "src/domain/geo/time_zone.hpp"

using namespace distsys;
using namespace distsys::domain::geo;
using domain::geo::codec::time_zone;

namespace {

timestamp at(std::string_view text) { return parse_time(text).value(); }

/// What stands on the clock, as if it were UTC.
std::string utc_of(const time_zone& zone, const std::string& clock) {
  return format_time(zone.to_utc(at(clock + "Z")));
}

void append(std::string& out, std::uint64_t n, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(n >> (8 * i) & 0xff);
}

/// A zone file of two kinds of time, whose clock is changed at `changes` from the first to the second and back.
std::string zone_file(std::int32_t first, std::int32_t second, const std::vector<std::int64_t>& changes,
                      const std::string& footer) {
  std::string head = "TZif2" + std::string(15, '\0');
  std::string out = head;
  for (int i = 0; i < 6; ++i) append(out, 0, 4);
  out += head;
  append(out, 0, 4);
  append(out, 0, 4);
  append(out, 0, 4);
  append(out, changes.size(), 4);
  append(out, 2, 4);
  append(out, 4, 4);
  for (const auto c : changes) append(out, static_cast<std::uint64_t>(c), 8);
  for (std::size_t i = 0; i < changes.size(); ++i) append(out, i % 2 == 0 ? 1 : 0, 1);
  for (const auto offset : {first, second}) {
    append(out, static_cast<std::uint32_t>(offset), 4);
    append(out, 0, 2);
  }
  return out + std::string("ABC\0", 4) + "\n" + footer + "\n";
}

}  // namespace

TEST_CASE("a zone's changes, its hour that comes twice, and the one that never comes") {
  // An hour forward at 2020-06-01T12:00Z, and back at 2020-09-01T12:00Z.
  const auto changes = {at("2020-06-01T12:00:00Z"), at("2020-09-01T12:00:00Z")};
  std::vector<std::int64_t> seconds;
  for (const auto c : changes) seconds.push_back(c.time_since_epoch().count() / 1000);
  const auto zone = time_zone::parse(zone_file(0, 3600, seconds, "ABC0")).value();
  CHECK(utc_of(zone, "2020-01-01T00:00:00.5") == "2020-01-01T00:00:00.500Z");
  CHECK(utc_of(zone, "2020-06-01T11:59:59") == "2020-06-01T11:59:59.000Z");
  CHECK(utc_of(zone, "2020-06-01T12:30:00") == "2020-06-01T12:30:00.000Z");  // never came
  CHECK(utc_of(zone, "2020-06-01T13:00:00") == "2020-06-01T12:00:00.000Z");
  CHECK(utc_of(zone, "2020-09-01T11:59:59") == "2020-09-01T10:59:59.000Z");
  CHECK(utc_of(zone, "2020-09-01T12:30:00") == "2020-09-01T12:30:00.000Z");  // the second coming
  CHECK(utc_of(zone, "2030-01-01T00:00:00") == "2030-01-01T00:00:00.000Z");
}

TEST_CASE("after its last change a zone follows its rule") {
  const auto zone = [](const std::string& footer) {
    return time_zone::parse(zone_file(-18000, 0, {}, footer)).value();
  };
  const auto north = zone("EST5EDT,M3.2.0,M11.1.0");
  CHECK(utc_of(north, "2099-01-15T12:00:00") == "2099-01-15T17:00:00.000Z");
  CHECK(utc_of(north, "2099-07-15T12:00:00") == "2099-07-15T16:00:00.000Z");
  CHECK(utc_of(north, "2099-03-08T01:59:59") == "2099-03-08T06:59:59.000Z");
  CHECK(utc_of(north, "2099-03-08T03:00:00") == "2099-03-08T07:00:00.000Z");
  CHECK(utc_of(north, "2099-11-01T01:30:00") == "2099-11-01T06:30:00.000Z");
  const auto south = zone("<-04>4<-03>,M9.1.6/24,M4.1.6/24");
  CHECK(utc_of(south, "2099-01-15T12:00:00") == "2099-01-15T15:00:00.000Z");
  CHECK(utc_of(south, "2099-07-15T12:00:00") == "2099-07-15T16:00:00.000Z");
  const auto odd = zone("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0");
  CHECK(utc_of(odd, "2099-01-15T12:00:00") == "2099-01-15T01:00:00.000Z");
  CHECK(utc_of(odd, "2099-07-15T12:00:00") == "2099-07-15T01:30:00.000Z");
  // What is no rule changes nothing.
  for (const auto* footer :
       {"", "EST", "EST5EDT", "EST5EDT,M3.2.0", "EST5EDT,M13.2.0,M11.1.0", "EST5EDT,J60,J300", "5"})
    CHECK(utc_of(zone(footer), "2099-07-15T12:00:00") == "2099-07-15T17:00:00.000Z");
}

TEST_CASE("a zone file is not trusted") {
  const auto good = zone_file(0, 3600, {1, 2}, "ABC0");
  CHECK(time_zone::parse(good).has_value());
  for (std::size_t n = 0; n + 7 < good.size(); ++n) CHECK(time_zone::parse(good.substr(0, n)).has_error());
  CHECK(time_zone::parse(zone_file(0, 3600, {2, 1}, "")).has_error());
  CHECK(time_zone::parse(zone_file(0, 1 << 30, {1}, "")).has_error());
  CHECK(time_zone::parse("TZif1" + good.substr(5)).has_error());
  for (const auto* name : {"", "/etc/passwd", "../../etc/passwd", "Nowhere/Land", "a b", "America"})
    CHECK(time_zone::load(name).error().detail == "a zone as UTC, +05:30 or America/Santiago");
}

TEST_CASE("the system's zones agree with the calendar that is known here") {
  const auto santiago = time_zone::load("America/Santiago");
  if (!santiago) {
    WARN("SKIPPED: not installable: tzdata is not there");
    return;
  }
  for (const auto* clock :
       {"2025-04-14T11:53:11", "2025-01-14T11:53:11", "2022-09-08T12:00:00", "2021-09-05T03:00:00"}) {
    std::string text(clock);
    text[10] = ' ';
    CHECK(utc_of(*santiago, clock) == format_time(codec::santiago_time(text).value()));
  }
  CHECK(utc_of(time_zone::load("Asia/Kolkata").value(), "2025-01-01T05:30:00") == "2025-01-01T00:00:00.000Z");
  CHECK(utc_of(time_zone::load("Europe/Berlin").value(), "2090-07-01T02:00:00") == "2090-07-01T00:00:00.000Z");
}
