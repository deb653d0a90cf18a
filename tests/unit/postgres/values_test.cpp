#include "values.hpp"
#include "tests/support/catch.hpp"

#include <limits>

using namespace distsys;
using namespace distsys::adapters::postgres;
using ports::table;

namespace {

constexpr Oid int2 = 21, int4 = 23, int8 = 20, text = 25, bytea = 17, float8 = 701, boolean = 16, numeric = 1700;

struct result_closer_here {
  void operator()(PGresult* r) const noexcept { PQclear(r); }
};
using made_result = std::unique_ptr<PGresult, result_closer_here>;

/// One cell as a server would send it.
made_result cell(Oid type, std::string bytes, bool binary = true) {
  made_result r(PQmakeEmptyPGresult(nullptr, PGRES_TUPLES_OK));
  char name[] = "c";
  PGresAttDesc column{name, 0, 0, binary ? 1 : 0, type, -1, -1};
  PQsetResultAttrs(r.get(), 1, &column);
  PQsetvalue(r.get(), 0, 0, bytes.data(), static_cast<int>(bytes.size()));
  return r;
}

bool reads(Oid type, std::string bytes) {
  table t(1);
  return append_value(t, cell(type, std::move(bytes)).get(), 0, 0);
}

table read(Oid type, std::string bytes, bool binary = true) {
  table t(1);
  const bool appended = append_value(t, cell(type, std::move(bytes), binary).get(), 0, 0);
  REQUIRE(appended);
  return t;
}

std::string words(std::initializer_list<int> all) {
  std::string bytes;
  for (const int w : all) bytes.append(1, static_cast<char>(w >> 8)).append(1, static_cast<char>(w & 0xff));
  return bytes;
}

result<void> fills(const table& t, Oid type) {
  parameter_row row;
  const Oid types[] = {type};
  return row.fill(t, 0, types);
}

}  // namespace

TEST_CASE("what a server sends as a value of another size is refused, not read past its end", "[postgres]") {
  for (const Oid type : {int2, int4, int8, float8, boolean, numeric})
    for (const std::size_t size : {std::size_t{0}, std::size_t{3}, std::size_t{9}})
      CHECK_FALSE(reads(type, std::string(size, '\x7f')));
  CHECK(reads(text, ""));
  CHECK(reads(bytea, std::string(3, '\0')));
}

TEST_CASE("NUMERIC is an integer when it is whole and fits, else a real", "[postgres]") {
  CHECK(read(numeric, words({0, 0, 0, 0})).at(0, 0).integer() == 0);
  CHECK(read(numeric, words({2, 1, 0, 0, 12, 3456})).at(0, 0).integer() == 123'456);
  CHECK(read(numeric, words({1, 1, 0x4000, 0, 5})).at(0, 0).integer() == -50'000);
  const auto fraction = read(numeric, words({2, 0, 0, 2, 1, 2500}));
  CHECK(fraction.at(0, 0).type() == ports::value_type::real);
  CHECK(fraction.at(0, 0).real() == 1.25);
  const auto huge = read(numeric, words({1, 6, 0, 0, 9999}));
  CHECK(huge.at(0, 0).type() == ports::value_type::real);
  CHECK(huge.at(0, 0).real() == 9999e24);
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
  CHECK(read(numeric, words({5, 4, 0x4000, 0, 922, 3372, 368, 5477, 5808})).at(0, 0).integer() == least);
  CHECK(read(numeric, words({5, 4, 0, 0, 922, 3372, 368, 5477, 5808})).at(0, 0).real() == 0x1p63);
  CHECK_FALSE(reads(numeric, words({1, 0, 0, 0, 10'000})));
}

TEST_CASE("a NUMERIC that is no integer is the nearest real", "[postgres]") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  CHECK(read(numeric, words({1, -1, 0, 2, 7000})).at(0, 0).real() == 0.70);
  CHECK(read(numeric, words({3, 0, 0x4000, 8, 91, 5697, 7663})).at(0, 0).real() == -91.56977663);
  CHECK(read(numeric, words({1, 0x7fff, 0, 0, 1})).at(0, 0).real() == infinity);
  CHECK(read(numeric, words({1, -2000, 0, 0, 1})).at(0, 0).real() == 0);
  CHECK(read(numeric, words({0, 0, 0xD000, 0})).at(0, 0).real() == infinity);
  CHECK(read(numeric, words({0, 0, 0xF000, 0})).at(0, 0).real() == -infinity);
  const double none = read(numeric, words({0, 0, 0xC000, 0})).at(0, 0).real();
  CHECK(none != none);
}

TEST_CASE("a real that goes as text is as short as it may be", "[postgres]") {
  parameter_row row;
  const Oid types[] = {numeric};
  REQUIRE(row.fill(table::row(0.1), 0, types));
  CHECK(std::string(row.values()[0]) == "0.1");
}

TEST_CASE("results in text form are read by their types", "[postgres]") {
  CHECK(read(int8, "-42", false).at(0, 0).integer() == -42);
  CHECK(read(boolean, "t", false).at(0, 0).integer() == 1);
  CHECK(read(float8, "1e3", false).at(0, 0).real() == 1000);
  CHECK(read(float8, "-Infinity", false).at(0, 0).real() == -std::numeric_limits<double>::infinity());
  CHECK(read(bytea, "\\x00ff", false).at(0, 0).text() == std::string("\0\xff", 2));
  CHECK(read(1114, "2025-04-09 00:00:00", false).at(0, 0).text() == "2025-04-09 00:00:00");
}

TEST_CASE("a parameter takes its column's type, or is refused", "[postgres]") {
  constexpr std::int64_t large = std::numeric_limits<std::int64_t>::max();
  CHECK(fills(table::row(large), int8));
  CHECK(fills(table::row(large), int4).error() == errc::invalid);
  CHECK(fills(table::row(70'000), int2).error() == errc::invalid);
  CHECK(fills(table::row(2.0), int8));
  CHECK(fills(table::row(2.5), int8).error() == errc::invalid);
  CHECK(fills(table::row(2), boolean).error() == errc::invalid);
  CHECK(fills(table::row(1), text));
  CHECK(fills(table::row(1), bytea).error() == errc::invalid);
  CHECK(fills(table::row(std::string("a\0b", 3)), numeric).error() == errc::invalid);
  CHECK(fills(table::row(nullptr), numeric));
}

TEST_CASE("a column becomes one array", "[postgres]") {
  table t(1);
  t.add(7);
  t.add(nullptr);
  parameter_row row;
  const Oid types[] = {int4};
  array_writer array(int4);
  for (std::size_t i = 0; i < t.rows(); ++i) {
    REQUIRE(row.fill(t, i, types));
    array.add(row, 0);
  }
  CHECK(array.finish() == words({0, 1, 0, 1, 0, 23, 0, 2, 0, 1, 0, 4, 0, 7, 0xffff, 0xffff}));
  CHECK(array_of(int4)->name == "integer[]");
  CHECK_FALSE(array_of(numeric));
}
