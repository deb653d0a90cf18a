#include "tile_rows.hpp"

#include "distsys/runtime/random.hpp"

#include <algorithm>

namespace distsys::domain::geo {
namespace {

constexpr std::string_view insert_columns =
    "INTO geo_tiles (tile_key, feed, tile, source, parent, level, west, south, east, north, state, interval_ms, "
    "next_poll, last_count, last_changes, cap, capped, failures, complete_polls, quiet_polls, registered, owner, "
    "lease_until, fence, last_error, memory) VALUES "
    "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, 0, 0, ?, 0, 0, 0, 0, ?, '', 0, 0, '', '')";

std::optional<timestamp> time_or_none(const ports::value_view& v) {
  return v.is_null() ? std::nullopt : std::optional(time_of_ms(v.integer()));
}

}  // namespace

leased_tile tile_of(const ports::table& rows, std::size_t row) {
  std::size_t column = 0;
  const auto next = [&] { return rows.at(row, column++); };
  leased_tile out;
  tile_view& t = out.view;
  t.key = next().integer();
  t.fence = next().integer();
  t.feed = next().text();
  t.tile = next().text();
  t.source = next().text();
  t.parent = next().text();
  t.level = static_cast<unsigned>(next().integer());
  const auto west = next(), south = next(), east = next(), north = next();
  if (!west.is_null()) t.bounds = box{west.real(), south.real(), east.real(), north.real()};
  t.state = static_cast<tile_state>(next().integer());
  t.interval = std::chrono::milliseconds(next().integer());
  t.next_poll = time_of_ms(next().integer());
  t.last_poll = time_or_none(next());
  t.last_answer = time_or_none(next());
  t.last_complete = time_or_none(next());
  t.last_count = static_cast<std::size_t>(next().integer());
  t.last_changes = static_cast<std::size_t>(next().integer());
  t.cap = static_cast<std::size_t>(next().integer());
  t.capped = next().integer() != 0;
  t.failures = static_cast<unsigned>(next().integer());
  t.complete_polls = static_cast<std::uint64_t>(next().integer());
  t.quiet_polls = static_cast<unsigned>(next().integer());
  t.owner = next().text();
  if (const auto until = next().integer(); until > 0) t.leased_until = time_of_ms(until);
  t.last_error = next().text();
  out.memory = next().text();
  return out;
}

ports::statement insert_tile(ports::dialect d, const tile_view& t, timestamp now, bool unless_there) {
  ports::statement s;
  const bool mysql = d == ports::dialect::mysql;
  s.sql = (unless_there && mysql ? "INSERT IGNORE " : "INSERT ") + std::string(insert_columns);
  if (unless_there && !mysql) s.sql += " ON CONFLICT (feed, tile) DO NOTHING";
  const auto side = [&t](double box::* which) { return t.bounds ? std::optional((*t.bounds).*which) : std::nullopt; };
  s.parameters = ports::table::row(t.key, t.feed, t.tile, t.source, t.parent, static_cast<std::int64_t>(t.level),
                                   side(&box::west), side(&box::south), side(&box::east), side(&box::north),
                                   static_cast<std::int64_t>(t.interval.count()), ms_of(t.next_poll),
                                   static_cast<std::int64_t>(t.cap), ms_of(now));
  return s;
}

std::int64_t new_tile_key() { return static_cast<std::int64_t>(runtime::thread_random()() >> 2); }

}  // namespace distsys::domain::geo
