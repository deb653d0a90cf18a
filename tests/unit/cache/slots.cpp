#include "roles/cache/slots.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <thread>
#include <vector>

using namespace distsys::roles::cache;
namespace geo = distsys::domain::geo;

namespace {

const geo::position here{-70.66, -33.45}, near_by{-70.6601, -33.4501}, elsewhere{10, 10};

geo::quad quad_at(geo::position p, unsigned level) { return geo::quad::of(geo::cell_of(p), level); }

}  // namespace

TEST_CASE("a watch is valid until a change touches one of its quads, at whatever level") {
  slot_table slots;
  const geo::quad both[] = {quad_at(here, 12), quad_at(elsewhere, 3)};
  const auto w = slots.take(both);
  const auto world = slots.take(geo::quad());
  slot_table::watch copy;
  copy = w;
  CHECK(w.valid());
  slots.touch({120, 60});
  CHECK(w.valid());
  CHECK(copy.valid());
  CHECK_FALSE(world.valid());
  SECTION("the fine one") { slots.touch(near_by); }
  SECTION("the coarse one") { slots.touch(elsewhere); }
  SECTION("a quad within") { slots.touch(quad_at(here, 20)); }
  SECTION("a quad around") { slots.touch(quad_at(here, 2)); }
  SECTION("all") { slots.clear(); }
  CHECK_FALSE(w.valid());
  CHECK_FALSE(copy.valid());
  CHECK_FALSE(w.valid());
  CHECK(slots.take(both).valid());
}

TEST_CASE("what was read before fills were ended is not kept, and what was kept stays") {
  slot_table slots;
  const auto before = slots.take(quad_at(here, 12));
  CHECK(before.keepable());
  const slot_table::watch* const found[] = {&before};
  const std::uint64_t fill = slots.fills();
  slots.end_fills();
  slot_table::watch copy;
  copy = before;
  CHECK(copy.valid());
  CHECK_FALSE(before.keepable());
  CHECK_FALSE(copy.keepable());
  CHECK_FALSE(slots.join(found, fill).keepable());
  CHECK(slots.join(found, slots.fills()).keepable());
  CHECK(slots.take(quad_at(here, 12)).keepable());
  slots.touch(here);
  CHECK_FALSE(slots.join(found, slots.fills()).keepable());
  CHECK_FALSE(slot_table::watch().keepable());
}

TEST_CASE("watches that are joined are valid while all of them are") {
  slot_table slots;
  const auto one = slots.take(quad_at(here, 12)), other = slots.take(quad_at(elsewhere, 3));
  const slot_table::watch none;
  const slot_table::watch* const both[] = {&one, &other};
  const slot_table::watch* const lacking[] = {&one, &none};
  const auto joined = slots.join(both, slots.fills());
  CHECK(joined.size() == 2);
  CHECK(joined.valid());
  CHECK_FALSE(slots.join(lacking, slots.fills()).valid());
  slots.touch({120, 60});
  CHECK(joined.valid());
  SECTION("the first") { slots.touch(here); }
  SECTION("the last") { slots.touch(elsewhere); }
  CHECK_FALSE(joined.valid());
  CHECK_FALSE(slots.join(both, slots.fills()).valid());  // touched before it was made
}

TEST_CASE("nothing is watched by an empty watch, and a quad beside is not touched") {
  CHECK_FALSE(slot_table::watch().valid());
  slot_table slots;
  const auto w = slots.take(quad_at(here, 10));
  slots.touch(quad_at(elsewhere, 2));
  CHECK(w.valid());
}

TEST_CASE("of several quads each is touched, whether they hold each other or not, and none beside them") {
  slot_table slots;
  const geo::position third{120, 60};
  const auto fine = slots.take(quad_at(here, 12)), coarse = slots.take(quad_at(elsewhere, 3)),
             beside = slots.take(quad_at(third, 8));
  const std::vector<geo::quad> quads{quad_at(elsewhere, 10), quad_at(here, 14), quad_at(here, 9), quad_at(here, 11)};
  slots.touch(quads);
  CHECK_FALSE(fine.valid());
  CHECK_FALSE(coarse.valid());
  CHECK(beside.valid());
  CHECK(slots.touched() == 2);
}

TEST_CASE("slots that nobody watches are swept") {
  slot_table slots;
  const auto held = slots.take(quad_at(here, 20));
  for (int i = 0; i < 200'000; ++i) slots.take(quad_at({i * 360.0 / 200'000 - 180, 1}, 20));
  CHECK(slots.size() < 40'000);
  CHECK(held.valid());
  slots.touch(here);
  CHECK_FALSE(held.valid());
}

TEST_CASE("changes of several threads reach every watch") {
  slot_table slots;
  std::atomic<int> commits{0}, wrong{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> readers;
  readers.reserve(3);
  for (int t = 0; t < 3; ++t) {
    readers.emplace_back([&] {
      while (!stop) {
        const auto w = slots.take(quad_at(here, 10));
        const int read = commits.load();
        const int applied = commits.load();
        if (w.valid() && read < applied) continue;  // a commit that is not applied yet
        if (w.valid() && w.size() != 1) ++wrong;
      }
    });
  }
  for (int i = 0; i < 5000; ++i) {
    const auto before = slots.take(quad_at(here, 10));
    commits.fetch_add(1);
    slots.touch(here);
    if (before.valid()) ++wrong;
  }
  stop = true;
  for (auto& r : readers) r.join();
  CHECK(wrong == 0);
}
