#include "distsys/ports/table.hpp"

#include "tests/support/catch.hpp"

#include <cmath>
#include <limits>

namespace distsys::ports {

TEST_CASE("a table keeps what was added, row by row") {
  table t(std::vector<std::string>{"a", "b", "c"});
  CHECK(t.empty());
  t.add(1);
  t.add("one");
  t.add(1.5);
  t.add(nullptr);
  t.add_blob(std::string_view("\0x", 2));
  t.add(std::numeric_limits<std::int64_t>::min());
  REQUIRE(t.rows() == 2);
  CHECK(t.at(0, 0).integer() == 1);
  CHECK(t.at(0, 1).text() == "one");
  CHECK(t.at(0, 2).real() == 1.5);
  CHECK(t.at(1, 0).is_null());
  CHECK(t.at(1, 1).type() == value_type::blob);
  CHECK(t.at(1, 1).text() == std::string_view("\0x", 2));
  CHECK(t.at(1, 2).integer() == std::numeric_limits<std::int64_t>::min());
  CHECK(t.names()[1] == "b");
}

TEST_CASE("cells answer other types with zero, numbers convert") {
  const auto t = table::row(7, 2.9, "text", nullptr, -0.0);
  CHECK(t.at(0, 0).real() == 7.0);
  CHECK(t.at(0, 1).integer() == 2);
  CHECK(t.at(0, 2).integer() == 0);
  CHECK(t.at(0, 0).text().empty());
  CHECK(!t.at(0, 3).optional_integer());
  CHECK(t.at(0, 0).optional_integer() == 7);
  CHECK(std::signbit(t.at(0, 4).real()));
}

TEST_CASE("a row of optionals has NULL where there is nothing") {
  const auto t = table::row(std::optional<std::int64_t>(3), std::optional<std::string>(), std::optional<double>(0.5));
  CHECK(t.at(0, 0).integer() == 3);
  CHECK(t.at(0, 1).is_null());
  CHECK(t.at(0, 2).real() == 0.5);
}

TEST_CASE("a table without columns has no rows") {
  CHECK(table().rows() == 0);
  CHECK(table(3).rows() == 0);
  CHECK(table(3).columns() == 3);
}

}  // namespace distsys::ports
