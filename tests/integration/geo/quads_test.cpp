// Reading and counting by quads against a plain search, and the plans of what is asked most.
#include "distsys/domain/geo/quad.hpp"

#include "drawn_events.hpp"
#include "geo_database.hpp"

#include <map>
#include <set>

using namespace distsys;
using namespace distsys::domain::geo;
using namespace std::chrono_literals;
using distsys::tests::anywhere;
using distsys::tests::drawn;
using distsys::tests::drawn_query;
using distsys::tests::geo_database;
using distsys::tests::start;
using distsys::tests::wanted;
using distsys::tests::with_geo_database;

namespace {

const ports::call_context context;

awaitable<std::vector<event>> stored_crowd(geo_database& g, runtime::random& dice, int n) {
  observation o;
  o.observed = start;
  for (int i = 0; i < n; ++i) o.events.push_back(drawn(dice, i));
  CHECK((co_await g.events.store(context, o))->added == o.events.size());
  // Some end; no reading may hold them.
  std::map<std::string, std::vector<std::string>> gone;
  for (int i = 0; i < n / 8; ++i) {
    gone[o.events.back().source].push_back(o.events.back().id);
    o.events.pop_back();
  }
  for (const auto& [source, ids] : gone) co_await g.events.end(context, source, ids, start);
  co_return std::move(o.events);
}

std::vector<const event*> active_in(const std::vector<event>& all, const quad& q) {
  std::vector<const event*> in;
  for (const auto& e : all)
    if (wanted(e, {}, runtime::now()) && q.contains(cell_of(e.at))) in.push_back(&e);
  return in;
}

void check_rows(const event_rows& rows, const std::vector<const event*>& expected) {
  REQUIRE(rows.size() == expected.size());
  std::map<std::string, const event*> by_feature;
  for (const auto* e : expected) by_feature[to_feature(*e)] = e;
  std::int64_t next_expiry = event_rows::never;
  const event_rows::row* before = nullptr;
  for (const auto& r : rows.rows()) {
    const auto hit = by_feature.find(std::string(rows.feature(r)));
    REQUIRE(hit != by_feature.end());
    const event& e = *hit->second;
    REQUIRE(r.at == e.at);
    REQUIRE(r.cell == cell_of(e.at));
    REQUIRE(rows.kind(r) == e.kind);
    REQUIRE(rows.source(r) == e.source);
    REQUIRE(r.severity == e.severity);
    REQUIRE(r.expires == (e.expires ? e.expires->time_since_epoch().count() : event_rows::never));
    REQUIRE(r.since == e.updated.value_or(start).time_since_epoch().count());
    if (before != nullptr) REQUIRE(std::tie(before->cell, before->key) < std::tie(r.cell, r.key));
    before = &r;
    next_expiry = std::min(next_expiry, r.expires);
  }
  REQUIRE(rows.next_expiry() == next_expiry);
  REQUIRE(rows.heap_bytes() >= sizeof(event_rows) + rows.size() * sizeof(event_rows::row));
}

awaitable<void> quads_equal_the_oracle(geo_database& g) {
  runtime::manual_clock clock(start + 500s);
  runtime::random dice(31);
  const auto all = co_await stored_crowd(g, dice, 3000);
  const auto last = (co_await g.events.last_sequence(context)).value();
  std::size_t split = 0, empty = 0, seen = 0;
  for (int i = 0; i < 150; ++i) {
    std::vector<quad> which;
    const std::size_t n = dice.chance(0.05) ? 100 + dice.below(157) : 1 + dice.below(20);
    for (std::size_t k = 0; k < n; ++k)
      which.push_back(quad::of(cell_of(anywhere(dice)), static_cast<unsigned>(dice.below(20))));
    const std::size_t most = 1 + dice.below(300);
    const auto read = (co_await g.events.read_quads(context, which, most)).value();
    const auto& cells = read.cells;
    REQUIRE(cells.size() == which.size());
    REQUIRE(read.sequence == last);
    for (std::size_t k = 0; k < n; ++k) {
      const auto expected = active_in(all, which[k]);
      REQUIRE((cells[k] == nullptr) == (expected.size() > most));
      split += cells[k] == nullptr ? 1 : 0;
      if (!cells[k]) continue;
      empty += cells[k]->empty() ? 1 : 0;
      seen += cells[k]->size();
      check_rows(*cells[k], expected);
    }
  }
  CHECK(split > 30);
  CHECK(empty > 30);
  CHECK(seen > 3000);
  CHECK((co_await g.events.read_quads(context, {}, 10))->cells.empty());
  CHECK((co_await g.events.read_quads(context, std::vector<quad>(257), 10)).error() == errc::invalid);
}

awaitable<void> counts_equal_the_oracle(geo_database& g) {
  runtime::manual_clock clock(start + 500s);
  runtime::random dice(37);
  const auto all = co_await stored_crowd(g, dice, 3000);
  for (int i = 0; i < 200; ++i) {
    std::vector<quad> tiles;
    const auto tile_level = static_cast<unsigned>(dice.below(10));
    for (std::size_t k = 0; k < 1 + dice.below(12); ++k) tiles.push_back(quad::of(cell_of(anywhere(dice)), tile_level));
    const unsigned level = tile_level + static_cast<unsigned>(dice.below(8));
    const auto counts = (co_await g.events.count_quads(context, tiles, level)).value();
    REQUIRE(counts.size() == tiles.size());
    for (std::size_t k = 0; k < tiles.size(); ++k) {
      std::map<std::pair<quad, std::string>, std::uint64_t> expected, found;
      std::int64_t next_expiry = event_rows::never;
      for (const auto* e : active_in(all, tiles[k])) {
        ++expected[{quad::of(cell_of(e->at), level), e->kind}];
        if (e->expires) next_expiry = std::min<std::int64_t>(next_expiry, e->expires->time_since_epoch().count());
      }
      for (const auto& c : counts[k].counts) found[{c.where, c.kind}] = c.count;
      REQUIRE(found == expected);
      REQUIRE(counts[k].counts.size() == expected.size());
      REQUIRE(counts[k].next_expiry == next_expiry);
    }
  }
  CHECK((co_await g.events.count_quads(context, {quad::of(0, 5)}, 4)).error() == errc::invalid);

  int some = 0;
  for (int i = 0; i < 800; ++i) {
    const auto q = drawn_query(dice);
    std::map<std::string, std::uint64_t> expected;
    std::vector<const event*> hits;
    for (const auto& e : all)
      if (wanted(e, q, runtime::now()) && matches(q.where, e.at)) hits.push_back(&e);
    if (const auto* n = std::get_if<nearest>(&q.where)) {
      std::sort(hits.begin(), hits.end(), [&](const event* a, const event* b) {
        return distance_m(n->center, a->at) < distance_m(n->center, b->at);
      });
      hits.resize(std::min<std::size_t>(hits.size(), n->k));
    }
    for (const auto* e : hits) ++expected[e->kind];
    const auto counts = (co_await g.events.count_kinds(context, q)).value();
    const std::map<std::string, std::uint64_t> found(counts.counts.begin(), counts.counts.end());
    INFO("query " << i << " area " << q.where.index());
    if (std::holds_alternative<nearest>(q.where)) {  // equal distances may come in any order
      std::uint64_t total = 0;
      for (const auto& [kind, n] : found) total += n;
      REQUIRE(total == hits.size());
    } else {
      REQUIRE(found == expected);
    }
    some += hits.empty() ? 0 : 1;
  }
  CHECK(some > 350);
  CHECK((co_await g.events.count_kinds(context, {.where = circle{{0, 91}, 1}})).error() == errc::invalid);
}

awaitable<void> touches_are_the_changes(geo_database& g) {
  runtime::random dice(41);
  for (int round = 0; round < 5; ++round) {
    observation o;
    o.observed = start + std::chrono::seconds(round);
    for (int i = 0; i < 50; ++i) {
      auto e = drawn(dice, i);
      e.source = "sim";
      o.events.push_back(e);
    }
    co_await g.events.store(context, o);
    co_await g.events.end(context, "sim", {"e" + std::to_string(round)}, o.observed);
  }
  const auto changes = (co_await g.events.changes_after(context, 0, 1000)).value();
  const auto touches = (co_await g.events.touches_after(context, 0, 1000)).value();
  REQUIRE(touches.size() == changes.size());
  std::size_t moved = 0;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    REQUIRE(touches[i].sequence == changes[i].sequence);
    REQUIRE(touches[i].at == changes[i].at);
    REQUIRE(touches[i].previous == changes[i].previous);
    moved += touches[i].previous ? 1 : 0;
  }
  CHECK(moved > 100);
  CHECK((co_await g.events.touches_after(context, touches[9].sequence, 7))->size() == 7);
}

/// How SQLite would run it: one line a step.
awaitable<std::string> plan_of(geo_database& g, std::string sql, std::size_t parameters) {
  ports::table any(parameters);
  for (std::size_t i = 0; i < parameters; ++i) any.add(std::int64_t{1});
  const auto t = (co_await g.database->query(context, {.sql = "EXPLAIN QUERY PLAN " + sql,
                                                       .parameters = parameters == 0 ? ports::table() : any}))
                     .value();
  std::string out;
  for (std::size_t i = 0; i < t.rows(); ++i) out += std::string(t.at(i, 3).text()) + "\n";
  co_return out;
}

awaitable<void> plans_use_the_indexes(geo_database& g) {
  if (g.database->sql_dialect() != ports::dialect::sqlite) co_return;
  const auto has = [](const std::string& plan, std::string_view step) {
    INFO(plan);
    CHECK(plan.find(step) != std::string::npos);
  };
  has(co_await plan_of(
          g,
          "SELECT * FROM (SELECT 0 AS n, cell, event_key, lon, lat, since, expires, severity, kind, source, "
          "feature FROM geo_events WHERE cell BETWEEN ? AND ? AND expires > ? LIMIT ?) q0",
          4),
      "USING INDEX geo_events_by_cell (cell>? AND cell<?)");
  has(co_await plan_of(
          g,
          "SELECT cell >> 40 AS part, kind, COUNT(*), MIN(expires) FROM geo_events WHERE cell BETWEEN ? AND "
          "? AND expires > ? GROUP BY cell >> 40, kind",
          3),
      "USING COVERING INDEX geo_events_by_cell (cell>? AND cell<?)");
  has(co_await plan_of(
          g,
          "WITH r (a, b) AS (VALUES (CAST(? AS BIGINT), CAST(? AS BIGINT)), (?, ?)) SELECT e.kind, COUNT(*) "
          "FROM r CROSS JOIN geo_events e WHERE e.cell BETWEEN r.a AND r.b AND e.expires > ? GROUP BY e.kind",
          5),
      "USING COVERING INDEX geo_events_by_cell (cell>? AND cell<?)");
  has(co_await plan_of(g, "SELECT kind, COUNT(*) FROM geo_events WHERE cell >= 0 AND expires > ? GROUP BY kind", 1),
      "USING COVERING INDEX geo_events_by_cell");
  has(co_await plan_of(g, "SELECT event_key FROM geo_events e WHERE e.expires < ? ORDER BY e.expires LIMIT ?", 2),
      "geo_events_by_expiry (expires<?)");
  const auto then = co_await plan_of(
      g,
      "SELECT c.cell, c.event_key, e.feature FROM geo_event_changes c JOIN geo_events e ON e.event_key = c.event_key "
      "WHERE c.cell BETWEEN ? AND ? AND c.kind <> 2 AND c.observed <= ? AND NOT EXISTS (SELECT 1 FROM "
      "geo_event_changes n WHERE n.event_key = c.event_key AND n.observed >= c.observed AND n.observed <= ? AND "
      "n.sequence > c.sequence)",
      4);
  has(then, "geo_event_changes_by_cell (cell>? AND cell<?)");
  has(then, "SEARCH n USING COVERING INDEX geo_event_changes_by_event (event_key=? AND observed>? AND observed<?)");
}

}  // namespace

TEST_CASE("quads are read as a plain search finds them") { with_geo_database(quads_equal_the_oracle); }
TEST_CASE("counts by quad and by kind equal a plain count") { with_geo_database(counts_equal_the_oracle); }
TEST_CASE("touches are the changes without their texts") { with_geo_database(touches_are_the_changes); }
TEST_CASE("what is asked most is answered from the indexes") { with_geo_database(plans_use_the_indexes); }
