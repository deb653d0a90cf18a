// What was read of a quad as bytes: the way there and back, and nothing else is taken for one.
#include "distsys/domain/geo/quad_image.hpp"

#include "distsys/runtime/random.hpp"
#include "tests/support/catch.hpp"

#include <string>

namespace distsys::domain::geo {

namespace {

using namespace std::chrono_literals;

const quad where = quad::of(cell_of({-70.6, -33.4}), 8);

quad_image image_of(std::size_t rows, std::uint64_t seed = 7) {
  runtime::random random(seed);
  event_rows::builder made;
  const box b = where.bounds();
  for (std::size_t i = 0; i < rows; ++i) {
    event_rows::row r;
    r.at = {random.uniform(b.west, b.east), random.uniform(b.south, b.north)};
    r.cell = cell_of(r.at);
    r.key = static_cast<std::int64_t>(random.below(1'000'000));
    r.since = static_cast<std::int64_t>(random.below(1u << 30));
    if (random.chance(0.5)) r.expires = r.since + 1000;
    r.severity = static_cast<std::int32_t>(random.below(11));
    REQUIRE(made.add(r, random.chance(0.5) ? "jam" : "hazard", "source " + std::to_string(random.below(3)),
                     R"({"type":"Feature","id":)" + std::to_string(i) + '}'));
  }
  return {where, made.finish(), 4711, runtime::timestamp(1'700'000'000'123ms)};
}

void check_equal(const event_rows& a, const event_rows& b) {
  REQUIRE(a.size() == b.size());
  CHECK(a.next_expiry() == b.next_expiry());
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto &x = a.rows()[i], &y = b.rows()[i];
    CHECK(x.cell == y.cell);
    CHECK(x.key == y.key);
    CHECK(x.at == y.at);
    CHECK(x.since == y.since);
    CHECK(x.expires == y.expires);
    CHECK(x.severity == y.severity);
    CHECK(a.kind(x) == b.kind(y));
    CHECK(a.source(x) == b.source(y));
    CHECK(a.feature(x) == b.feature(y));
  }
}

}  // namespace

TEST_CASE("an image comes back as it was: rows, none, and too many") {
  for (const std::size_t rows : {0u, 1u, 300u}) {
    const auto image = image_of(rows);
    const auto back = decode_quad_image(encode(image));
    REQUIRE(back);
    CHECK(back->where == where);
    CHECK(back->sequence == 4711);
    CHECK(back->read == image.read);
    REQUIRE(back->rows);
    check_equal(*image.rows, *back->rows);
  }
  auto split = image_of(0);
  split.rows = nullptr;
  const auto back = decode_quad_image(encode(split));
  REQUIRE(back);
  CHECK(!back->rows);
}

TEST_CASE("a byte more, a byte less or another byte is no image") {
  const std::string good = encode(image_of(5));
  for (std::size_t n = 0; n < good.size(); ++n)
    CHECK(decode_quad_image(std::string_view(good).substr(0, n)).error() == errc::corrupt);
  CHECK(decode_quad_image(good + '\0').error() == errc::corrupt);
  for (std::size_t n = 0; n < good.size(); ++n) {
    std::string other = good;
    other[n] = static_cast<char>(other[n] ^ 0x10);
    CHECK(decode_quad_image(other).error() == errc::corrupt);
  }
}

TEST_CASE("rows of another place are no image, whatever their checksum says") {
  auto image = image_of(5);
  image.where = quad::of(cell_of({10, 50}), 8);
  CHECK(decode_quad_image(encode(image)).error() == errc::corrupt);
}

}  // namespace distsys::domain::geo
