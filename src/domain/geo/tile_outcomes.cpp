// tile_repository's writing of what a poll found: outcomes, sightings, splitting, merging.
#include "distsys/domain/geo/tile_repository.hpp"

#include "named_rows.hpp"
#include "tile_rows.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace distsys::domain::geo {
namespace {

constexpr ports::read_options primary{.primary = true};
constexpr std::size_t most_error = 500;

constexpr ports::per_dialect put_sighting{
    .sqlite =
        "INSERT INTO geo_tile_events (tile_key, source, id, lon, lat, started, missed, missing_since) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tile_key, source, id) DO UPDATE SET lon = excluded.lon, "
        "lat = excluded.lat, started = excluded.started, missed = excluded.missed, "
        "missing_since = excluded.missing_since",
    .postgres = "",
    .mysql =
        "INSERT INTO geo_tile_events (tile_key, source, id, lon, lat, started, missed, missing_since) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE lon = VALUES(lon), lat = VALUES(lat), "
        "started = VALUES(started), missed = VALUES(missed), missing_since = VALUES(missing_since)"};

/// A character is not cut in two.
std::string shortened(std::string text) {
  if (text.size() <= most_error) return text;
  std::size_t end = most_error;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80u) --end;
  text.resize(end);
  return text;
}

ports::statement record(const tile_view& t, tile_outcome o, tile_state becomes) {
  const auto when = [&o](bool yes) { return yes ? std::optional(ms_of(o.polled)) : std::nullopt; };
  const auto if_answered = [&o](std::int64_t v) { return o.answered ? std::optional(v) : std::nullopt; };
  ports::statement s;
  s.sql =
      "UPDATE geo_tiles SET owner = '', lease_until = 0, state = ?, last_poll = ?, "
      "last_answer = COALESCE(?, last_answer), last_complete = COALESCE(?, last_complete), "
      "last_count = COALESCE(?, last_count), last_changes = COALESCE(?, last_changes), capped = COALESCE(?, capped), "
      "failures = ?, complete_polls = complete_polls + ?, quiet_polls = ?, interval_ms = ?, "
      "next_poll = CASE WHEN next_poll > ? AND next_poll > ? THEN next_poll ELSE ? END, "
      "last_error = ?, memory = COALESCE(?, memory) WHERE tile_key = ? AND fence = ? AND owner = ? AND state = 0";
  s.expected_rows = 1;
  s.parameters = ports::table::row(
      static_cast<std::int64_t>(becomes), ms_of(o.polled), when(o.answered), when(o.complete),
      o.count ? std::optional(static_cast<std::int64_t>(*o.count)) : std::nullopt,
      if_answered(static_cast<std::int64_t>(o.changes)), if_answered(o.capped ? 1 : 0),
      static_cast<std::int64_t>(o.failures), static_cast<std::int64_t>(o.complete ? 1 : 0),
      static_cast<std::int64_t>(o.quiet_polls), static_cast<std::int64_t>(o.interval.count()), ms_of(t.next_poll),
      ms_of(o.next_poll), ms_of(o.next_poll), shortened(std::move(o.error)), o.memory, t.key, t.fence, t.owner);
  return s;
}

void add_sightings(ports::batch& b, ports::dialect d, std::int64_t tile_key, const sighting_changes& changes) {
  if (!changes.put.empty()) {
    ports::statement put{.sql = std::string(put_sighting(d)), .parameters = ports::table(8)};
    for (const auto& s : changes.put) {
      put.parameters.add(tile_key);
      put.parameters.add(s.source);
      put.parameters.add(s.id);
      put.parameters.add(s.at.lon);
      put.parameters.add(s.at.lat);
      put.parameters.add(ms_of(s.started));
      put.parameters.add(static_cast<std::int64_t>(s.missed));
      put.parameters.add(ms_of(s.missing_since));
    }
    b.push_back(std::move(put));
  }
  if (!changes.drop.empty()) {
    ports::statement drop{.sql = "DELETE FROM geo_tile_events WHERE tile_key = ? AND source = ? AND id = ?",
                          .parameters = ports::table(3)};
    for (const auto& s : changes.drop) {
      drop.parameters.add(tile_key);
      drop.parameters.add(s.source);
      drop.parameters.add(s.id);
    }
    b.push_back(std::move(drop));
  }
}

awaitable<result<void>> run(const ports::call_context& context, ports::database& db, ports::batch b) {
  const auto done = co_await db.execute(context, std::move(b));
  if (!done) co_return done.error();
  co_return result<void>{};
}

awaitable<result<std::vector<sighting>>> read_sightings(const ports::call_context& context, ports::database& db,
                                                        std::int64_t tile_key) {
  const auto rows = co_await db.query(context,
                                      {.sql = "SELECT source, id, lon, lat, started, missed, missing_since "
                                              "FROM geo_tile_events WHERE tile_key = ? ORDER BY source, id",
                                       .parameters = ports::table::row(tile_key)},
                                      primary);
  if (!rows) co_return rows.error();
  std::vector<sighting> out;
  out.reserve(rows->rows());
  for (std::size_t r = 0; r < rows->rows(); ++r) {
    const auto time = [&](std::size_t column) {
      const auto v = rows->at(r, column);
      return v.is_null() ? std::nullopt : std::optional(time_of_ms(v.integer()));
    };
    out.push_back({std::string(rows->at(r, 0).text()),
                   std::string(rows->at(r, 1).text()),
                   {rows->at(r, 2).real(), rows->at(r, 3).real()},
                   time(4),
                   static_cast<unsigned>(rows->at(r, 5).integer()),
                   time(6)});
  }
  co_return out;
}

/// The sightings of a tile become its children's: each where it is, or nearest to where it is.
void divide_sightings(ports::batch& b, const tile_view& parent, const std::array<std::int64_t, 4>& children) {
  const auto middle = quarters(*parent.bounds)[3];
  const char* where[] = {"lon < ? AND lat < ?", "lon >= ? AND lat < ?", "lon < ? AND lat >= ?",
                         "lon >= ? AND lat >= ?"};
  for (std::size_t i = 0; i < 4; ++i) {
    b.push_back({.sql = std::string("UPDATE geo_tile_events SET tile_key = ?, missed = 0, missing_since = NULL "
                                    "WHERE tile_key = ? AND ") +
                        where[i],
                 .parameters = ports::table::row(children[i], parent.key, middle.west, middle.south)});
  }
}

}  // namespace

awaitable<result<void>> tile_repository::finish(const ports::call_context& context, const leased_tile& tile,
                                                tile_outcome outcome, sighting_changes changes) {
  const auto becomes = outcome.retire ? tile_state::retired : tile_state::polling;
  ports::batch b;
  b.push_back(record(tile.view, std::move(outcome), becomes));
  add_sightings(b, db_->sql_dialect(), tile.view.key, changes);
  co_return co_await run(context, *db_, std::move(b));
}

awaitable<result<void>> tile_repository::remember(const ports::call_context& context, const leased_tile& tile,
                                                  std::string memory) {
  ports::batch b;
  b.push_back({.sql = "UPDATE geo_tiles SET memory = ? WHERE tile_key = ? AND fence = ? AND owner = ?",
               .parameters = ports::table::row(memory, tile.view.key, tile.view.fence, tile.view.owner),
               .expected_rows = 1});
  co_return co_await run(context, *db_, std::move(b));
}

awaitable<result<void>> tile_repository::split(const ports::call_context& context, const leased_tile& tile,
                                               tile_outcome outcome, sighting_changes changes) {
  const tile_view& parent = tile.view;
  if (!parent.bounds) co_return error{errc::invalid, "tile " + parent.tile + " has no bounds to split"};
  const auto boxes = quarters(*parent.bounds);
  const timestamp polled = outcome.polled;
  outcome.next_poll = std::max(polled, outcome.not_before);
  std::array<std::int64_t, 4> keys{};
  ports::batch b;
  tile_view child;
  child.feed = parent.feed;
  child.source = parent.source;
  child.parent = parent.tile;
  child.level = parent.level + 1;
  child.cap = parent.cap;
  child.interval = outcome.interval;
  b.push_back(record(parent, std::move(outcome), tile_state::split));
  add_sightings(b, db_->sql_dialect(), parent.key, changes);
  for (unsigned i = 0; i < 4; ++i) {
    child.key = keys[i] = new_tile_key();
    child.tile = child_name(parent, i);
    child.bounds = boxes[i];
    b.push_back(insert_tile(db_->sql_dialect(), child, polled, false));
  }
  // What has been postponed meanwhile is the parent's, as it is recorded.
  b.push_back({.sql = "UPDATE geo_tiles SET next_poll = (SELECT p.next_poll FROM (SELECT next_poll FROM geo_tiles "
                      "WHERE tile_key = ?) p) WHERE tile_key IN (?, ?, ?, ?)",
               .parameters = ports::table::row(parent.key, keys[0], keys[1], keys[2], keys[3])});
  divide_sightings(b, parent, keys);
  co_return co_await run(context, *db_, std::move(b));
}

awaitable<result<bool>> tile_repository::merge(const ports::call_context& context, std::span<const tile_view> seen,
                                               timestamp now, timestamp not_before) {
  const bool free = seen.size() == 4 && std::all_of(seen.begin(), seen.end(), [&](const tile_view& t) {
                      return t.state == tile_state::polling && t.level > 0 && t.feed == seen[0].feed &&
                             t.parent == seen[0].parent && (!t.leased_until || *t.leased_until <= now);
                    });
  if (!free) co_return false;
  const auto rows = co_await db_->query(context,
                                        {.sql = "SELECT tile_key FROM geo_tiles WHERE feed = ? AND tile = ?",
                                         .parameters = ports::table::row(seen[0].feed, seen[0].parent)},
                                        primary);
  if (!rows) co_return rows.error();
  if (rows->rows() != 1) co_return false;
  const std::int64_t parent = rows->at(0, 0).integer();

  std::map<std::pair<std::string, std::string>, sighting> together;
  ports::batch b;
  b.push_back({.sql = "DELETE FROM geo_tiles WHERE tile_key = ? AND fence = ? AND state = 0",
               .parameters = ports::table(2),
               .expected_rows = 1});
  ports::statement forget{.sql = "DELETE FROM geo_tile_events WHERE tile_key = ?", .parameters = ports::table(1)};
  for (const auto& t : seen) {
    b[0].parameters.add(t.key);
    b[0].parameters.add(t.fence);
    forget.parameters.add(t.key);
    auto held = co_await read_sightings(context, *db_, t.key);
    if (!held) co_return held.error();
    for (auto& s : *held) {
      s.missed = 0;
      s.missing_since.reset();
      together.emplace(std::pair(s.source, s.id), std::move(s));
    }
  }
  b.push_back(
      {.sql = "UPDATE geo_tiles SET state = 0, capped = 0, failures = 0, quiet_polls = 0, last_error = '', "
              "memory = '', interval_ms = ?, next_poll = CASE WHEN next_poll > ? THEN next_poll ELSE ? END "
              "WHERE tile_key = ? AND state = 1",
       .parameters = ports::table::row(static_cast<std::int64_t>(seen[0].interval.count()),
                                       ms_of(std::max(now, not_before)), ms_of(std::max(now, not_before)), parent),
       .expected_rows = 1});
  b.push_back(std::move(forget));
  sighting_changes moved;
  for (auto& [name, s] : together) moved.put.push_back(std::move(s));
  add_sightings(b, db_->sql_dialect(), parent, moved);
  const auto done = co_await run(context, *db_, std::move(b));
  if (done) co_return true;
  if (done.error() == errc::conflict) co_return false;
  co_return done.error();
}

awaitable<result<std::vector<sighting>>> tile_repository::sightings(const ports::call_context& context,
                                                                    const leased_tile& tile) {
  co_return co_await read_sightings(context, *db_, tile.view.key);
}

awaitable<result<std::vector<sighting>>> tile_repository::absent_everywhere(const ports::call_context& context,
                                                                            const leased_tile& tile,
                                                                            std::vector<sighting> missing,
                                                                            unsigned after, timestamp now) {
  const std::int64_t late = ms_of(now - std::chrono::minutes(10));
  std::map<std::string, std::vector<std::string>> ids;
  for (const auto& s : missing) ids[s.source].push_back(s.id);
  std::set<std::pair<std::string, std::string>> vouched;
  for (const auto& [source, names] : ids) {
    for (std::size_t from = 0; from < names.size();) {
      ports::statement s;
      const std::size_t size = names_padded(names, from);
      s.sql =
          "SELECT e.id FROM " + rows_by_name(db_->sql_dialect(), "geo_tile_events", "id", size) +
          " JOIN geo_tiles t ON t.tile_key = e.tile_key WHERE e.tile_key <> ? AND e.missed < ? AND t.state = 0 AND " +
          std::string(alive_tile);
      s.parameters = ports::table(size + 5);
      s.parameters.add(source);
      add_names(s.parameters, names, from);
      s.parameters.add(tile.view.key);
      s.parameters.add(static_cast<std::int64_t>(after));
      s.parameters.add(late);
      s.parameters.add(ms_of(now));
      const auto rows = co_await db_->query(context, std::move(s), primary);
      if (!rows) co_return rows.error();
      for (std::size_t r = 0; r < rows->rows(); ++r) vouched.emplace(source, std::string(rows->at(r, 0).text()));
    }
  }
  const auto others = co_await db_->query(
      context,
      {.sql = "SELECT t.west, t.south, t.east, t.north, t.last_complete FROM geo_tiles t WHERE t.source = ? AND "
              "t.state = 0 AND t.tile_key <> ? AND " +
              std::string(alive_tile),
       .parameters = ports::table::row(tile.view.source, tile.view.key, late, ms_of(now))},
      primary);
  if (!others) co_return others.error();
  std::erase_if(missing, [&](const sighting& s) {
    if (vouched.contains({s.source, s.id})) return true;
    for (std::size_t r = 0; r < others->rows(); ++r) {
      const auto v = [&](std::size_t column) { return others->at(r, column); };
      const bool covers = v(0).is_null() || contains(box{v(0).real(), v(1).real(), v(2).real(), v(3).real()}, s.at);
      const bool knows = !v(4).is_null() && (!s.missing_since || v(4).integer() >= ms_of(*s.missing_since));
      if (covers && !knows) return true;
    }
    return false;
  });
  co_return missing;
}

}  // namespace distsys::domain::geo
