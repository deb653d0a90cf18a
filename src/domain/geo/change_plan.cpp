#include "change_plan.hpp"

#include "distsys/runtime/random.hpp"

#include <algorithm>
#include <atomic>
#include <limits>

namespace distsys::domain::geo {
namespace {

constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

std::int64_t ms(timestamp t) noexcept { return t.time_since_epoch().count(); }

/// Ascending, unique in this process and very likely in the world: 41 bits of milliseconds since 2020, then 22 of
/// chance, from which it counts up within a millisecond. A clash with another process is errc::already_exists, and
/// leads to another try.
std::int64_t next_key() {
  static constexpr timestamp epoch = std::chrono::sys_days(std::chrono::year{2020} / 1 / 1);
  static std::atomic<std::int64_t> last{0};
  const std::int64_t fresh = std::max<std::int64_t>(ms(runtime::now()) - ms(epoch), 0) << 22 |
                             static_cast<std::int64_t>(runtime::thread_random().below(1u << 22));
  std::int64_t before = last.load(std::memory_order_relaxed);
  std::int64_t key = 0;
  do {
    key = fresh >> 22 > before >> 22 ? fresh : before + 1;
  } while (!last.compare_exchange_weak(before, key, std::memory_order_relaxed));
  return key;
}

constexpr ports::per_dialect put_alias{.sqlite =
                                           "INSERT INTO geo_event_aliases (source, alias, event_key) VALUES (?, ?, ?) "
                                           "ON CONFLICT (source, alias) DO UPDATE SET event_key = excluded.event_key",
                                       .postgres = "",
                                       .mysql =
                                           "INSERT INTO geo_event_aliases (source, alias, event_key) VALUES (?, ?, ?) "
                                           "ON DUPLICATE KEY UPDATE event_key = VALUES(event_key)"};

ports::statement prepared(std::string_view sql, std::size_t parameters) {
  return {.sql = std::string(sql), .parameters = ports::table(parameters)};
}

}  // namespace

change_plan::change_plan(ports::dialect d, timestamp observed, timestamp recorded)
    : observed_(ms(observed)),
      recorded_(ms(recorded)),
      insert_(prepared("INSERT INTO geo_events (event_key, source, id, kind, severity, cell, lon, lat, since, expires, "
                       "observed, content, feature, revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
                       13)),
      appeared_(prepared("INSERT INTO geo_event_changes (event_key, kind, observed, recorded, lon, lat) "
                         "VALUES (?, ?, ?, ?, ?, ?)",
                         6)),
      changed_(prepared("INSERT INTO geo_event_changes (event_key, kind, observed, recorded, lon, lat, previous_lon, "
                        "previous_lat, previous_feature) VALUES (?, ?, ?, ?, ?, ?, ?, ?, "
                        "(SELECT feature FROM geo_events WHERE event_key = ?))",
                        9)),
      update_(prepared("UPDATE geo_events SET id = ?, kind = ?, severity = ?, cell = ?, lon = ?, lat = ?, since = ?, "
                       "expires = ?, observed = ?, content = ?, feature = ?, revision = revision + 1 "
                       "WHERE event_key = ? AND revision = ?",
                       13)),
      finish_(prepared("UPDATE geo_events SET cell = -1 - cell, observed = ?, revision = revision + 1 "
                       "WHERE event_key = ? AND revision = ? AND cell >= 0",
                       3)),
      alias_(prepared(put_alias(d), 3)) {
  update_.expected_rows = 1;
  finish_.expected_rows = 1;
}

void change_plan::add(const prepared_event& e) {
  const std::int64_t key = next_key();
  insert_.parameters.add(key);
  insert_.parameters.add(e.what->source);
  add_content(insert_.parameters, e);
  note(appeared_, key, change_kind::appeared, e.what->at);
  add_aliases(*e.what, key);
  ++outcome.added;
}

void change_plan::change(const prepared_event& e, const known_event& known) {
  const position& at = e.what->at;
  note(changed_, known.key, known.ended ? change_kind::appeared : change_kind::changed, at);
  const bool moved = at != known.at;
  changed_.parameters.add(moved ? std::optional(known.at.lon) : std::nullopt);
  changed_.parameters.add(moved ? std::optional(known.at.lat) : std::nullopt);
  changed_.parameters.add(known.key);
  add_content(update_.parameters, e);
  update_.parameters.add(known.key);
  update_.parameters.add(known.revision);
  add_aliases(*e.what, known.key);
  ++(known.ended ? outcome.added : outcome.changed);
}

void change_plan::end(const known_event& known) {
  note(appeared_, known.key, change_kind::ended, known.at);
  finish_.parameters.add(observed_);
  finish_.parameters.add(known.key);
  finish_.parameters.add(known.revision);
  ++outcome.ended;
}

ports::batch change_plan::take() {
  ports::batch b;
  b.push_back({.sql = "UPDATE geo_writers SET batches = batches + 1 WHERE writer = 1"});
  // The history before the update: it copies the text that the update replaces.
  for (auto* s : {&insert_, &appeared_, &changed_, &update_, &finish_, &alias_})
    if (!s->parameters.empty()) b.push_back(std::move(*s));
  return b;
}

void change_plan::note(ports::statement& to, std::int64_t key, change_kind kind, const position& at) {
  auto& t = to.parameters;
  t.add(key);
  t.add(static_cast<std::int64_t>(kind));
  t.add(observed_);
  t.add(recorded_);
  t.add(at.lon);
  t.add(at.lat);
}

/// The columns from id to feature, in the order of both statements.
void change_plan::add_content(ports::table& to, const prepared_event& e) {
  const event& what = *e.what;
  to.add(what.id);
  to.add(what.kind);
  to.add(what.severity);
  to.add(cell_of(what.at));
  to.add(what.at.lon);
  to.add(what.at.lat);
  to.add(e.since);
  to.add(what.expires ? ms(*what.expires) : never);
  to.add(observed_);
  to.add(e.content);
  to.add(e.feature);
}

void change_plan::add_aliases(const event& e, std::int64_t key) {
  for (const auto& a : e.aliases) {
    if (a == e.id) continue;
    alias_.parameters.add(e.source);
    alias_.parameters.add(a);
    alias_.parameters.add(key);
  }
}

}  // namespace distsys::domain::geo
