// What was active at a time, against a replay of the same changes; and databases of version 1.
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
using distsys::tests::open_database;
using distsys::tests::start;
using distsys::tests::with_geo_database;

namespace {

const ports::call_context context;

/// What a plain replay knows: the states of each event, by the time that they hold from.
class replay {
 public:
  void set(const event& e, timestamp from) { states_[{e.source, e.id}].push_back({from, e}); }
  void end(const std::string& source, const std::string& id, timestamp from) {
    states_[{source, id}].push_back({from, std::nullopt});
  }
  /// Events as they were; `since` is what first_seen is to the filter.
  std::vector<const event*> active(timestamp t) const {
    std::vector<const event*> out;
    for (const auto& [id, states] : states_) {
      const state* last = nullptr;
      for (const auto& s : states)
        if (s.from <= t) last = &s;
      if (last != nullptr && last->what && !(last->what->expires && *last->what->expires <= t))
        out.push_back(&*last->what);
    }
    return out;
  }

 private:
  struct state {
    timestamp from;
    std::optional<event> what;
  };
  std::map<std::pair<std::string, std::string>, std::vector<state>> states_;
};

/// Random lives: events appear, move, change, end, come again, expire.
awaitable<void> live(geo_database& g, runtime::random& dice, replay& oracle, int rounds, int population) {
  std::map<int, event> alive;
  runtime::manual_clock clock(start);  // so that changes are recorded when they are observed
  for (int round = 0; round < rounds; ++round) {
    const timestamp now = start + std::chrono::seconds(10 * round);
    observation o;
    o.observed = now;
    clock.set(now);
    std::vector<std::string> gone;
    for (int i = 0; i < population; ++i) {
      if (!dice.chance(0.2)) continue;
      const auto known = alive.find(i);
      if (known != alive.end() && dice.chance(0.2)) {
        gone.push_back(known->second.id);
        oracle.end("sim", known->second.id, now);
        alive.erase(known);
        continue;
      }
      event e = drawn(dice, i);
      e.source = "sim";
      if (known != alive.end() && dice.chance(0.5)) e.at = known->second.at;  // changes where it is
      e.text = "round " + std::to_string(round) + R"( "expires":"2001-01-01T00:00:00Z" \)";
      if (e.updated) e.updated = now;
      if (e.expires) e.expires = now + std::chrono::seconds(5 + dice.below(60));
      if (dice.chance(0.1)) e.properties["expires"] = "2001-01-01T00:00:00Z";
      alive[i] = e;
      oracle.set(e, now);
      o.events.push_back(std::move(e));
    }
    (co_await g.events.end(context, "sim", gone, now)).value();
    const auto done = (co_await g.events.store(context, o)).value();
    REQUIRE(done.older + done.unchanged == 0);
  }
}

/// Every page; the first says how many.
awaitable<std::multiset<std::string>> found_at(event_repository& events, event_query q, std::size_t matched) {
  std::multiset<std::string> found;
  for (;;) {
    const auto page = (co_await events.find(context, q)).value();
    REQUIRE(page.matched == matched);
    found.insert(page.features.begin(), page.features.end());
    if (page.next_cursor.empty()) co_return found;
    q.cursor = page.next_cursor;
  }
}

awaitable<int> ask_of_the_past(geo_database& g, runtime::random& dice, const replay& oracle, int queries,
                               timestamp from, timestamp to) {
  int some = 0;
  for (int i = 0; i < queries; ++i) {
    event_query q = drawn_query(dice);
    if (std::holds_alternative<nearest>(q.where)) q.where = everywhere{};
    if (!q.sources.empty()) q.sources = {"sim", "other"};
    q.since.reset();
    if (dice.chance(0.2)) q.since = from + std::chrono::seconds(dice.below(300));
    const auto span = static_cast<std::uint64_t>((to - from).count());
    q.at = from + std::chrono::milliseconds(dice.below(span + 1));
    if (dice.chance(0.3)) q.at = from + std::chrono::seconds(10 * dice.below(span / 10'000 + 1));
    const auto inside = [&](const event& e) {
      const bool kind = q.kinds.empty() || std::find(q.kinds.begin(), q.kinds.end(), e.kind) != q.kinds.end();
      return matches(q.where, e.at) && kind && e.severity >= q.min_severity.value_or(0);
    };
    const auto then = oracle.active(*q.at);
    // When an event was first seen is not what this oracle knows.
    if (std::any_of(then.begin(), then.end(), [&](const event* e) { return inside(*e) && !e->updated; }))
      q.since.reset();
    std::multiset<std::string> expected;
    std::map<std::string, std::uint64_t> kinds;
    for (const auto* e : then) {
      if (!inside(*e) || (q.since && *e->updated < *q.since)) continue;
      expected.insert(to_feature(*e));
      ++kinds[e->kind];
    }
    q.limit = std::max<std::size_t>(q.limit, expected.size() / 5 + 1);
    INFO("query " << i << " area " << q.where.index() << " at " << (*q.at - start).count() << " ms");
    REQUIRE(co_await found_at(g.events, q, expected.size()) == expected);
    const auto counts = (co_await g.events.count_kinds(context, q)).value();
    REQUIRE(std::map<std::string, std::uint64_t>(counts.counts.begin(), counts.counts.end()) == kinds);
    some += expected.empty() ? 0 : 1;
  }
  co_return some;
}

awaitable<void> the_past_equals_a_replay(geo_database& g) {
  runtime::random dice(61);
  replay oracle;
  co_await live(g, dice, oracle, 40, 150);
  CHECK(co_await ask_of_the_past(g, dice, oracle, 600, start - 20s, start + 460s) > 200);
  // The nearest, then.
  for (int i = 0; i < 50; ++i) {
    const timestamp t = start + std::chrono::seconds(dice.below(400));
    const nearest n{anywhere(dice), 5};
    auto all = oracle.active(t);
    std::sort(all.begin(), all.end(), [&](const event* a, const event* b) {
      return distance_m(n.center, a->at) < distance_m(n.center, b->at);
    });
    all.resize(std::min<std::size_t>(all.size(), 5));
    const auto page = (co_await g.events.find(context, {.where = n, .at = t})).value();
    REQUIRE(page.features.size() == all.size());
    double last = 0;
    for (const auto& f : page.features) {
      const auto known = std::find_if(all.begin(), all.end(), [&](const event* e) { return to_feature(*e) == f; });
      if (known != all.end()) last = std::max(last, distance_m(n.center, (*known)->at));
    }
    if (!all.empty()) REQUIRE(last == distance_m(n.center, all.back()->at));
  }
}

awaitable<void> the_kept_past_stays_exact(geo_database& g) {
  runtime::random dice(67);
  replay oracle;
  co_await live(g, dice, oracle, 40, 100);
  const timestamp horizon = start + 200s;
  const retention old{.ended_before = horizon, .expired_before = horizon, .history_before = horizon};
  const auto rows_before = (co_await g.events.touches_after(context, 0, 100'000))->size();
  std::size_t gone = 0;
  for (;;) {
    const auto n = (co_await g.events.prune(context, old, 1 + dice.below(50))).value();
    gone += n;
    if (n == 0) break;
  }
  CHECK(gone > 200);
  const auto doubled =
      (co_await g.database->query(context,
                                  {.sql = "SELECT event_key, COUNT(*) FROM geo_event_changes WHERE observed < ? "
                                          "GROUP BY event_key HAVING COUNT(*) > 1",
                                   .parameters = ports::table::row(std::int64_t{horizon.time_since_epoch().count()})}))
          .value();
  CHECK(doubled.rows() == 0);  // of each event one old row at most: the one that held at the horizon
  CHECK((co_await g.events.touches_after(context, 0, 100'000))->size() < rows_before);
  CHECK(co_await ask_of_the_past(g, dice, oracle, 300, horizon, start + 460s) > 100);
}

/// Version 1's own statements.
ports::batch old_rows(runtime::random& dice, int n, std::vector<position>& places) {
  ports::statement events{.sql =
                              "INSERT INTO geo_events (event_key, source, id, kind, severity, cell, lon, lat, since, "
                              "expires, observed, content, feature, revision) VALUES (?, 'sim', ?, 'jam', 1, ?, ?, ?, "
                              "0, ?, ?, 1, ?, 1)",
                          .parameters = ports::table(8)};
  ports::statement changes{.sql =
                               "INSERT INTO geo_event_changes (event_key, kind, observed, recorded, lon, lat) "
                               "VALUES (?, ?, ?, ?, ?, ?)",
                           .parameters = ports::table(6)};
  for (int i = 0; i < n; ++i) {
    event e;
    e.source = "sim";
    e.id = std::to_string(i);
    e.kind = "jam";
    const double edges[] = {1e-15, -1e-15, -1e-20, 0, 90, -90, 179.99999999999997, 45, 1e-9};
    e.at = anywhere(dice);
    if (dice.chance(0.2)) e.at.lon = edges[dice.below(9)];
    if (dice.chance(0.2)) e.at.lat = std::min(edges[dice.below(9)], 90.0);
    places.push_back(e.at);
    const bool ended = i % 5 == 0;
    const std::int64_t observed = (start + std::chrono::seconds(i)).time_since_epoch().count();
    events.parameters.add(std::int64_t{i + 1});
    events.parameters.add(e.id);
    events.parameters.add(ended ? -1 - cell_of(e.at) : cell_of(e.at));
    events.parameters.add(e.at.lon);
    events.parameters.add(e.at.lat);
    events.parameters.add(std::numeric_limits<std::int64_t>::max());
    events.parameters.add(ended ? observed + 5000 : observed);
    events.parameters.add(to_feature(e));
    for (int k = 0; k < (ended ? 2 : 1); ++k) {
      changes.parameters.add(std::int64_t{i + 1});
      changes.parameters.add(k == 0 ? 0 : 2);
      changes.parameters.add(observed + std::int64_t{5000} * k);
      changes.parameters.add(observed);
      changes.parameters.add(e.at.lon);
      changes.parameters.add(e.at.lat);
    }
  }
  return {std::move(events), std::move(changes)};
}

awaitable<void> version_1_is_brought_forward(runtime::runtime& loops, std::string address) {
  const auto db = open_database(loops, address);
  const auto all = event_repository::migrations();
  (co_await db->migrate(context, all.first(1))).value();
  runtime::random dice(71);
  std::vector<position> places;
  (co_await db->execute(context, old_rows(dice, 3000, places))).value();
  CHECK((co_await db->check_migrations(context, all)).error() == errc::conflict);
  (co_await db->migrate(context, all)).value();
  CHECK((co_await db->check_migrations(context, all)).has_value());

  event_repository events(db);
  const auto rows = (co_await db->query(context, {.sql = "SELECT cell, event_key FROM geo_event_changes"})).value();
  REQUIRE(rows.rows() == 3600);
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const auto& p = places[static_cast<std::size_t>(rows.at(i, 1).integer()) - 1];
    INFO(p.lon << " " << p.lat);
    REQUIRE(rows.at(i, 0).integer() == cell_of(p));
  }
  CHECK((co_await events.find(context, {}))->matched == 2400);
  CHECK((co_await events.find(context, {.at = start + 1000s}))->matched == 1001 - 200);  // ends come 5 s later
  CHECK((co_await events.changes_after(context, 0, 10'000))->size() == 3600);
  const auto gone = co_await events.prune(context, {.ended_before = start + 1000s}, 100'000);
  CHECK(gone.value() == 597);  // of 199 events: the event, and two changes
  co_await db->close();
}

/// One event, and as many copies as asked for, in the tables alone.
ports::batch copies(int n) {
  const std::string numbers = " WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) ";
  ports::batch b;
  b.push_back(
      {.sql = "INSERT INTO geo_events (event_key, source, id, kind, severity, cell, lon, lat, since, expires, "
              "observed, revision, content, feature)" +
              numbers +
              "SELECT event_key + i, source, id || i, kind, severity, cell, lon, lat, since, expires, observed, "
              "revision, content, feature FROM geo_events, n",
       .parameters = ports::table::row(std::int64_t{n})});
  b.push_back({.sql = "INSERT INTO geo_event_changes (event_key, kind, observed, recorded, lon, lat, cell)" + numbers +
                      "SELECT event_key + i, kind, observed, recorded, lon, lat, cell FROM geo_event_changes, n",
               .parameters = ports::table::row(std::int64_t{n})});
  return b;
}

awaitable<void> counting_the_past_is_bounded(geo_database& g) {
  observation o;
  o.observed = start;
  event& e = o.events.emplace_back();
  e.source = "sim";
  e.id = "1";
  e.kind = "jam";
  (co_await g.events.store(context, o)).value();
  (co_await g.database->execute(context, copies(50'000))).value();
  const auto count = co_await g.events.count_kinds(context, {.at = start + 1s});
  REQUIRE(count.has_error());
  CHECK(count.error() == errc::too_large);
  CHECK(count.error().detail == "too many events were active then in this area; ask for a smaller one");
  CHECK_FALSE((co_await g.events.find(context, {.limit = 10, .at = start + 1s})).value().matched);
  CHECK((co_await g.events.count_kinds(context, {})).value().counts.at(0).second == 50'001);
  const auto smaller = co_await g.events.count_kinds(context, {.where = circle{{1, 1}, 10}, .at = start + 1s});
  CHECK(smaller.value().counts.empty());
}

}  // namespace

TEST_CASE("a count of the past reads no more than 50,000 rows") { with_geo_database(counting_the_past_is_bounded); }
TEST_CASE("what was active at a time equals a replay of the changes") { with_geo_database(the_past_equals_a_replay); }
TEST_CASE("what is pruned takes nothing from the past that is kept") { with_geo_database(the_kept_past_stays_exact); }
TEST_CASE("a database of version 1 keeps all that it holds") { tests::on_each_database(version_1_is_brought_forward); }
