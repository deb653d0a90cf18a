// tile_repository's schedule: adding, leasing, listing. tile_outcomes.cpp has what a poll changes.
#include "distsys/domain/geo/tile_repository.hpp"

#include "named_rows.hpp"
#include "tile_rows.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <tuple>

namespace distsys::domain::geo {
namespace {

constexpr int most_attempts = 8;
constexpr auto longest_lease = std::chrono::hours(1);
constexpr auto longest_patience = std::chrono::hours(24);  // that a source may ask for
constexpr ports::read_options primary{.primary = true};

std::int64_t lease_end(const claim_terms& terms) { return ms_of(terms.now + terms.lease); }

/// Up to `most` tiles of the group's feeds that may be claimed, those due longest first.
awaitable<result<std::vector<leased_tile>>> find_free(const ports::call_context& context, ports::database& db,
                                                      const std::vector<std::string>& feeds, std::size_t most,
                                                      claim_terms terms) {
  std::vector<leased_tile> found;
  for (std::size_t from = 0; from < feeds.size();) {
    ports::statement s;
    const std::string in = marks(names_padded(feeds, from));
    s.parameters = ports::table(names_padded(feeds, from) + 4);
    add_names(s.parameters, feeds, from);
    s.sql = "SELECT " + std::string(tile_columns) + " FROM geo_tiles WHERE feed IN " + in +
            " AND state = 0 AND next_poll <= ? AND lease_until <= ? AND (last_poll IS NULL OR last_poll < ?) "
            "ORDER BY next_poll LIMIT ?";
    s.parameters.add(terms.early ? std::numeric_limits<std::int64_t>::max() : ms_of(terms.now));
    s.parameters.add(ms_of(terms.now));
    s.parameters.add(ms_of(terms.asked_before));
    s.parameters.add(static_cast<std::int64_t>(most));
    const auto rows = co_await db.query(context, std::move(s), primary);
    if (!rows) co_return rows.error();
    for (std::size_t r = 0; r < rows->rows(); ++r) found.push_back(tile_of(*rows, r));
  }
  // Of several statements, each with its own first.
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.view.next_poll < b.view.next_poll; });
  if (found.size() > most) found.erase(found.begin() + static_cast<std::ptrdiff_t>(most), found.end());
  co_return found;
}

/// By the clock of the machine that the database runs on.
awaitable<result<timestamp>> database_now(const ports::call_context& context, ports::database& db) {
  static constexpr ports::per_dialect select{
      .sqlite = "SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
      .postgres = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
      .mysql = "SELECT CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED)"};
  const auto rows = co_await db.query(context, {.sql = std::string(select(db.sql_dialect()))}, primary);
  if (!rows) co_return rows.error();
  co_return time_of_ms(rows->at(0, 0).integer());
}

ports::statement lease(std::vector<leased_tile>& tiles, const std::string& owner, std::int64_t until) {
  ports::statement s;
  s.sql =
      "UPDATE geo_tiles SET owner = ?, lease_until = ?, fence = fence + 1 "
      "WHERE tile_key = ? AND fence = ? AND state = 0";
  s.parameters = ports::table(4);
  s.expected_rows = 1;
  for (auto& t : tiles) {
    s.parameters.add(owner);
    s.parameters.add(until);
    s.parameters.add(t.view.key);
    s.parameters.add(t.view.fence);
    ++t.view.fence;
    t.view.owner = owner;
    t.view.leased_until = time_of_ms(until);
  }
  return s;
}

}  // namespace

tile_repository::tile_repository(std::shared_ptr<ports::database> db) : db_(std::move(db)) {}

awaitable<result<void>> tile_repository::add(const ports::call_context& context, tile_view root, timestamp now,
                                             bounds_of_interval bounds) {
  root.key = new_tile_key();
  const std::int64_t least = bounds.least.count(), most = bounds.most.count();
  ports::batch b;
  b.push_back(insert_tile(db_->sql_dialect(), root, now, true));
  b.push_back({.sql = "UPDATE geo_tiles SET registered = ?, cap = ? WHERE feed = ? AND tile = ?",
               .parameters = ports::table::row(ms_of(now), static_cast<std::int64_t>(root.cap), root.feed, root.tile)});
  b.push_back({.sql = "UPDATE geo_tiles SET cap = ? WHERE feed = ? AND cap <> ?",
               .parameters = ports::table::row(static_cast<std::int64_t>(root.cap), root.feed,
                                               static_cast<std::int64_t>(root.cap))});
  b.push_back({.sql = "UPDATE geo_tiles SET state = 0, memory = '', next_poll = ?, failures = 0, last_error = '' "
                      "WHERE feed = ? AND tile = ? AND state = 2",
               .parameters = ports::table::row(ms_of(now), root.feed, root.tile)});
  b.push_back({.sql = "UPDATE geo_tiles SET interval_ms = ? WHERE feed = ? AND interval_ms < ?",
               .parameters = ports::table::row(least, root.feed, least)});
  b.push_back({.sql = "UPDATE geo_tiles SET interval_ms = ? WHERE feed = ? AND interval_ms > ?",
               .parameters = ports::table::row(most, root.feed, most)});
  b.push_back({.sql = "UPDATE geo_tiles SET next_poll = ? WHERE feed = ? AND state = 0 AND "
                      "((failures = 0 AND next_poll > ?) OR next_poll > ?)",
               .parameters =
                   ports::table::row(ms_of(now) + most, root.feed, ms_of(now) + most, ms_of(now + longest_patience))});
  b.push_back({.sql = "UPDATE geo_tiles SET owner = '', lease_until = 0 WHERE feed = ? AND lease_until > ?",
               .parameters = ports::table::row(root.feed, ms_of(now + longest_lease))});
  const auto done = co_await db_->execute(context, std::move(b));
  if (!done) co_return done.error();
  co_return result<void>{};
}

awaitable<result<std::vector<leased_tile>>> tile_repository::claim(const ports::call_context& context,
                                                                   std::vector<claim_group> groups, std::string owner,
                                                                   claim_terms terms) {
  for (int attempt = 1;; ++attempt) {
    std::vector<leased_tile> found;
    for (const auto& group : groups) {
      auto free = co_await find_free(context, *db_, group.feeds, group.most, terms);
      if (!free) co_return free.error();
      std::move(free->begin(), free->end(), std::back_inserter(found));
    }
    if (found.empty()) co_return found;
    // In one order everywhere, so that two claims never wait for each other's rows.
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.view.key < b.view.key; });
    ports::batch b;
    b.push_back(lease(found, owner, lease_end(terms)));
    const auto done = co_await db_->execute(context, std::move(b));
    if (done) co_return found;
    // Another process was quicker with one of them: what is free now?
    if (!(done.error() == errc::conflict)) co_return done.error();
    if (attempt == most_attempts) co_return std::vector<leased_tile>{};
  }
}

awaitable<result<std::optional<timestamp>>> tile_repository::next_claim(const ports::call_context& context,
                                                                        std::vector<std::string> feeds,
                                                                        claim_terms terms) {
  std::optional<timestamp> out;
  for (std::size_t from = 0; from < feeds.size();) {
    ports::statement s;
    const std::string in = marks(names_padded(feeds, from));
    s.parameters = ports::table(names_padded(feeds, from) + 1);
    add_names(s.parameters, feeds, from);
    s.sql =
        std::string(terms.early ? "SELECT MIN(lease_until)"
                                : "SELECT MIN(CASE WHEN lease_until > next_poll THEN lease_until ELSE next_poll END)") +
        " FROM geo_tiles WHERE feed IN " + in + " AND state = 0 AND (last_poll IS NULL OR last_poll < ?)";
    s.parameters.add(ms_of(terms.asked_before));
    const auto rows = co_await db_->query(context, std::move(s), primary);
    if (!rows) co_return rows.error();
    if (rows->rows() == 0 || rows->at(0, 0).is_null()) continue;
    const timestamp t = time_of_ms(rows->at(0, 0).integer());
    out = out ? std::min(*out, t) : t;
  }
  co_return out;
}

awaitable<result<std::vector<std::int64_t>>> tile_repository::renew(const ports::call_context& context,
                                                                    std::string owner, timestamp until) {
  ports::batch b;
  b.push_back({.sql = "UPDATE geo_tiles SET lease_until = ? WHERE owner = ?",
               .parameters = ports::table::row(ms_of(until), owner)});
  const auto done = co_await db_->execute(context, std::move(b));
  if (!done) co_return done.error();
  const auto rows = co_await db_->query(
      context, {.sql = "SELECT tile_key FROM geo_tiles WHERE owner = ?", .parameters = ports::table::row(owner)},
      primary);
  if (!rows) co_return rows.error();
  std::vector<std::int64_t> keys;
  keys.reserve(rows->rows());
  for (std::size_t r = 0; r < rows->rows(); ++r) keys.push_back(rows->at(r, 0).integer());
  co_return keys;
}

awaitable<result<std::size_t>> tile_repository::release(const ports::call_context& context, std::string owner) {
  if (owner.empty()) co_return std::size_t{0};
  ports::batch b;
  b.push_back({.sql = "UPDATE geo_tiles SET owner = '', lease_until = 0 WHERE owner = ?",
               .parameters = ports::table::row(owner)});
  const auto done = co_await db_->execute(context, std::move(b));
  if (!done) co_return done.error();
  co_return static_cast<std::size_t>(done->affected.at(0));
}

awaitable<result<void>> tile_repository::postpone(const ports::call_context& context, std::vector<std::string> feeds,
                                                  timestamp until) {
  ports::batch b;
  for (std::size_t from = 0; from < feeds.size();) {
    ports::statement s;
    const std::string in = marks(names_padded(feeds, from));
    s.parameters = ports::table(names_padded(feeds, from) + 2);
    s.parameters.add(ms_of(until));
    add_names(s.parameters, feeds, from);
    s.sql = "UPDATE geo_tiles SET next_poll = ? WHERE feed IN " + in + " AND state <> 2 AND next_poll < ?";
    s.parameters.add(ms_of(until));
    b.push_back(std::move(s));
  }
  if (b.empty()) co_return result<void>{};
  const auto done = co_await db_->execute(context, std::move(b));
  if (!done) co_return done.error();
  co_return result<void>{};
}

awaitable<result<std::vector<std::string>>> tile_repository::owners(const ports::call_context& context) {
  const auto rows =
      co_await db_->query(context, {.sql = "SELECT DISTINCT owner FROM geo_tiles WHERE owner > ''"}, primary);
  if (!rows) co_return rows.error();
  std::vector<std::string> out;
  out.reserve(rows->rows());
  for (std::size_t r = 0; r < rows->rows(); ++r) out.emplace_back(rows->at(r, 0).text());
  co_return out;
}

awaitable<result<std::vector<tile_view>>> tile_repository::children(const ports::call_context& context,
                                                                    std::string feed, std::string parent) {
  const auto rows = co_await db_->query(
      context,
      {.sql = "SELECT " + std::string(tile_columns) +
              " FROM geo_tiles WHERE feed = ? AND parent = ? AND state = 0 AND level > 0 ORDER BY tile",
       .parameters = ports::table::row(feed, parent)},
      primary);
  if (!rows) co_return rows.error();
  std::vector<tile_view> out;
  out.reserve(rows->rows());
  for (std::size_t r = 0; r < rows->rows(); ++r) out.push_back(tile_of(*rows, r).view);
  co_return out;
}

awaitable<result<std::vector<tile_view>>> tile_repository::list(const ports::call_context& context,
                                                                std::vector<std::string> feeds) {
  std::vector<tile_view> out;
  const bool all = feeds.empty();
  for (std::size_t from = 0; from < feeds.size() || all;) {
    ports::statement s;
    s.sql = "SELECT " + std::string(tile_columns) + " FROM geo_tiles";
    if (!all) {
      s.parameters = ports::table(names_padded(feeds, from));
      s.sql += " WHERE feed IN " + marks(names_padded(feeds, from));
      add_names(s.parameters, feeds, from);
    }
    const auto rows = co_await db_->query(context, std::move(s));
    if (!rows) co_return rows.error();
    for (std::size_t r = 0; r < rows->rows(); ++r) out.push_back(tile_of(*rows, r).view);
    if (all) break;
  }
  std::sort(out.begin(), out.end(), [](const tile_view& a, const tile_view& b) {
    return std::tie(a.source, a.feed, a.tile) < std::tie(b.source, b.feed, b.tile);
  });
  co_return out;
}

awaitable<result<std::size_t>> tile_repository::forget(const ports::call_context& context, timestamp now,
                                                       std::chrono::milliseconds unasked_for) {
  const auto theirs = co_await database_now(context, *db_);
  if (!theirs) co_return theirs.error();
  const std::int64_t t = ms_of(std::min(now, *theirs) - unasked_for);
  const auto rows = co_await db_->query(
      context,
      {.sql = "SELECT feed FROM geo_tiles GROUP BY feed HAVING MAX(next_poll) < ? AND MAX(lease_until) < ? AND "
              "MAX(registered) < ?",
       .parameters = ports::table::row(t, t, t)},
      primary);
  if (!rows) co_return rows.error();
  std::size_t gone = 0;
  for (std::size_t r = 0; r < rows->rows(); ++r) {
    const std::string feed(rows->at(r, 0).text());
    ports::batch b;
    b.push_back({.sql = "DELETE FROM geo_tile_events WHERE tile_key IN (SELECT tile_key FROM geo_tiles WHERE feed = ?)",
                 .parameters = ports::table::row(feed)});
    // A process that names the tile again meanwhile keeps it.
    b.push_back({.sql = "DELETE FROM geo_tiles WHERE feed = ? AND level = 0 AND registered < ?",
                 .parameters = ports::table::row(feed, t),
                 .expected_rows = 1});
    b.push_back({.sql = "DELETE FROM geo_tiles WHERE feed = ?", .parameters = ports::table::row(feed)});
    const auto done = co_await db_->execute(context, std::move(b));
    if (done)
      gone += done->affected.at(1) + done->affected.at(2);
    else if (!(done.error() == errc::conflict))
      co_return done.error();
  }
  co_return gone;
}

}  // namespace distsys::domain::geo
