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
      retire_(prepared("UPDATE geo_events SET id = ?, cell = ?, expires = ?, observed = ?, revision = revision + 1 "
                       "WHERE event_key = ? AND revision = ?",
                       6)),
      move_aliases_(prepared("UPDATE geo_event_aliases SET event_key = ? WHERE event_key = ?", 2)),
      insert_(prepared("INSERT INTO geo_events (event_key, source, id, kind, severity, cell, lon, lat, since, expires, "
                       "observed, content, feature, revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
                       13)),
      appeared_(prepared("INSERT INTO geo_event_changes (event_key, kind, observed, recorded, cell, lon, lat) "
                         "VALUES (?, ?, ?, ?, ?, ?, ?)",
                         7)),
      changed_(prepared("INSERT INTO geo_event_changes (event_key, kind, observed, recorded, cell, lon, lat, "
                        "previous_lon, previous_lat, previous_feature) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, "
                        "(SELECT feature FROM geo_events WHERE event_key = ?))",
                        10)),
      update_(prepared("UPDATE geo_events SET id = ?, kind = ?, severity = ?, cell = ?, lon = ?, lat = ?, since = ?, "
                       "expires = ?, observed = ?, content = ?, feature = ?, revision = revision + 1 "
                       "WHERE event_key = ? AND revision = ?",
                       13)),
      finish_(prepared("UPDATE geo_events SET cell = -1 - cell, expires = ?, observed = ?, revision = revision + 1 "
                       "WHERE event_key = ? AND revision = ? AND cell >= 0",
                       4)),
      alias_(prepared(put_alias(d), 3)) {
  retire_.expected_rows = 1;
  update_.expected_rows = 1;
  finish_.expected_rows = 1;
}

void change_plan::add(const prepared_event& e) {
  const std::int64_t key = next_key();
  insert_.parameters.add(key);
  insert_.parameters.add(e.what->source);
  add_content(insert_.parameters, e);
  note(appeared_, key, change_kind::appeared, observed_, e.what->at);
  add_aliases(*e.what, key);
  ++outcome.added;
}

void change_plan::change(const prepared_event& e, const known_event& known) {
  const position& at = e.what->at;
  note(changed_, known.key, known.ended ? change_kind::appeared : change_kind::changed, observed_, at);
  const bool moved = at != known.at;
  changed_.parameters.add(moved ? std::optional(known.at.lon) : std::nullopt);
  changed_.parameters.add(moved ? std::optional(known.at.lat) : std::nullopt);
  changed_.parameters.add(known.key);
  add_content(update_.parameters, e);
  update_.parameters.add(known.key);
  update_.parameters.add(known.revision);
  if (known.id != e.what->id) add_alias(e.what->source, known.id, known.key);
  add_aliases(*e.what, known.key);
  ++(known.ended ? outcome.added : outcome.changed);
}

void change_plan::end(const known_event& known) {
  note(appeared_, known.key, change_kind::ended, observed_, known.at);
  finish_.parameters.add(observed_);
  finish_.parameters.add(observed_);
  finish_.parameters.add(known.key);
  finish_.parameters.add(known.revision);
  ++outcome.ended;
}

void change_plan::merge(const known_event& other, const std::string& source, const known_event& kept) {
  const std::int64_t at = std::max(observed_, other.observed);  // an event's history ascends
  if (!other.ended) note(appeared_, other.key, change_kind::ended, at, other.at);
  // The id is free for the event that is kept; no source can give this one.
  retire_.parameters.add(retired_mark + std::to_string(other.key));
  retire_.parameters.add(std::int64_t{-1} - cell_of(other.at));
  retire_.parameters.add(at);
  retire_.parameters.add(at);
  retire_.parameters.add(other.key);
  retire_.parameters.add(other.revision);
  move_aliases_.parameters.add(kept.key);
  move_aliases_.parameters.add(other.key);
  add_alias(source, other.id, kept.key);
}

void change_plan::add_names(const event& e, const known_event& known) {
  if (e.id != known.id) add_alias(e.source, e.id, known.key);
  for (const auto& a : e.aliases)
    if (a != known.id) add_alias(e.source, a, known.key);
}

bool change_plan::empty() const noexcept {
  return appeared_.parameters.empty() && changed_.parameters.empty() && retire_.parameters.empty() &&
         alias_.parameters.empty();
}

ports::batch change_plan::take() {
  ports::batch b;
  b.push_back({.sql = "UPDATE geo_writers SET batches = batches + 1 WHERE writer = 1"});
  // The history before the update: it copies the text that the update replaces. Ids are freed before others take them.
  for (auto* s : {&retire_, &move_aliases_, &insert_, &appeared_, &changed_, &update_, &finish_, &alias_})
    if (!s->parameters.empty()) b.push_back(std::move(*s));
  return b;
}

void change_plan::note(ports::statement& to, std::int64_t key, change_kind kind, std::int64_t observed,
                       const position& at) {
  auto& t = to.parameters;
  t.add(key);
  t.add(static_cast<std::int64_t>(kind));
  t.add(observed);
  t.add(recorded_);
  t.add(cell_of(at));
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

void change_plan::add_alias(std::string_view source, std::string_view alias, std::int64_t key) {
  alias_.parameters.add(source);
  alias_.parameters.add(alias);
  alias_.parameters.add(key);
}

void change_plan::add_aliases(const event& e, std::int64_t key) {
  for (const auto& a : e.aliases)
    if (a != e.id) add_alias(e.source, a, key);
}

}  // namespace distsys::domain::geo
