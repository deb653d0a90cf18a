// event_repository's writing half: read what is known, compare, write the difference in one batch.
#include <algorithm>
#include <atomic>
#include <limits>
#include <map>
#include <unordered_set>

#include "distsys/domain/geo/event_repository.hpp"
#include "distsys/runtime/random.hpp"
#include "hash.hpp"
#include "known_events.hpp"
#include "record.hpp"

namespace distsys::domain::geo {
namespace {

constexpr std::size_t part_size = 4096;  // events a transaction: others get their turn, and memory stays bounded
constexpr int max_attempts = 16;
constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

std::int64_t ms(timestamp t) noexcept { return t.time_since_epoch().count(); }

/// Ascending, unique in this process and very likely in the world: 41 bits of milliseconds since 2020, then 22 of
/// chance, which counts up. A clash with another process is errc::already_exists and leads to another try.
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

std::int64_t since_of(const event& e, std::int64_t first_seen) {
  return e.updated ? ms(*e.updated) : e.started ? ms(*e.started) : first_seen;
}

/// An event with all that is stored of it.
struct prepared {
  const event* what;
  std::string_view feature;
  std::int64_t content, since;
};

/// Does this observation, made no earlier than the known one, count over it?
bool supersedes(const prepared& p, const known_event& known, std::int64_t observed) {
  if (observed != known.observed) return observed > known.observed;
  if (known.ended) return false;
  if (p.since != known.since) return p.since > known.since;
  return static_cast<std::uint64_t>(p.content) > static_cast<std::uint64_t>(known.content);
}

}  // namespace

/// The statements of one transaction, filled event by event.
struct event_repository::plan {
  plan(ports::dialect d, std::int64_t observed_, std::int64_t recorded_) : observed(observed_), recorded(recorded_) {
    static constexpr ports::per_dialect put_alias{
        .sqlite =
            "INSERT INTO geo_event_aliases (source, alias, event_key) VALUES (?, ?, ?) "
            "ON CONFLICT (source, alias) DO UPDATE SET event_key = excluded.event_key",
        .postgres = "",
        .mysql =
            "INSERT INTO geo_event_aliases (source, alias, event_key) VALUES (?, ?, ?) "
            "ON DUPLICATE KEY UPDATE event_key = VALUES(event_key)"};
    alias.sql = put_alias(d);
  }

  void add(const prepared& p) {
    const event& e = *p.what;
    const std::int64_t key = next_key();
    auto& t = insert.parameters;
    t.add(key);
    t.add(e.source);
    t.add(e.id);
    t.add(e.kind);
    t.add(e.severity);
    t.add(cell_of(e.at));
    t.add(e.at.lon);
    t.add(e.at.lat);
    t.add(p.since);
    t.add(e.expires ? ms(*e.expires) : never);
    t.add(observed);
    t.add(p.content);
    t.add(p.feature);
    note(appeared, key, change_kind::appeared, e.at);
    add_aliases(e, key);
    ++outcome.added;
  }

  void change(const prepared& p, const known_event& known) {
    const event& e = *p.what;
    const auto kind = known.ended ? change_kind::appeared : change_kind::changed;
    note(changed, known.key, kind, e.at);
    auto& c = changed.parameters;
    if (e.at == known.at) {
      c.add(nullptr);
      c.add(nullptr);
    } else {
      c.add(known.at.lon);
      c.add(known.at.lat);
    }
    c.add(known.key);
    auto& t = update.parameters;
    t.add(e.id);
    t.add(e.kind);
    t.add(e.severity);
    t.add(cell_of(e.at));
    t.add(e.at.lon);
    t.add(e.at.lat);
    t.add(p.since);
    t.add(e.expires ? ms(*e.expires) : never);
    t.add(observed);
    t.add(p.content);
    t.add(p.feature);
    t.add(known.key);
    t.add(known.revision);
    add_aliases(e, known.key);
    ++(known.ended ? outcome.added : outcome.changed);
  }

  void end(const known_event& known) {
    note(appeared, known.key, change_kind::ended, known.at);
    auto& t = finish.parameters;
    t.add(observed);
    t.add(known.key);
    t.add(known.revision);
    ++outcome.ended;
  }

  bool empty() const noexcept { return appeared.parameters.empty() && changed.parameters.empty(); }

  ports::batch take() {
    ports::batch b;
    b.push_back({.sql = "UPDATE geo_writers SET batches = batches + 1 WHERE writer = 1"});
    // The history first: it copies the text that the update replaces.
    for (auto* s : {&insert, &appeared, &changed, &update, &finish, &alias})
      if (!s->parameters.empty()) b.push_back(std::move(*s));
    return b;
  }

  store_outcome outcome;
  std::int64_t observed, recorded;

 private:
  void note(ports::statement& to, std::int64_t key, change_kind kind, const position& at) {
    auto& t = to.parameters;
    t.add(key);
    t.add(static_cast<std::int64_t>(kind));
    t.add(observed);
    t.add(recorded);
    t.add(at.lon);
    t.add(at.lat);
  }

  void add_aliases(const event& e, std::int64_t key) {
    for (const auto& a : e.aliases) {
      if (a == e.id) continue;
      alias.parameters.add(e.source);
      alias.parameters.add(a);
      alias.parameters.add(key);
    }
  }

  ports::statement insert{.sql =
                              "INSERT INTO geo_events (event_key, source, id, kind, severity, cell, lon, lat, since, "
                              "expires, observed, revision, content, feature) "
                              "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?)",
                          .parameters = ports::table(13)};
  ports::statement appeared{.sql =
                                "INSERT INTO geo_event_changes (event_key, kind, observed, recorded, lon, lat) "
                                "VALUES (?, ?, ?, ?, ?, ?)",
                            .parameters = ports::table(6)};
  ports::statement changed{.sql =
                               "INSERT INTO geo_event_changes (event_key, kind, observed, recorded, lon, lat, "
                               "previous_lon, previous_lat, previous_feature) VALUES (?, ?, ?, ?, ?, ?, ?, ?, "
                               "(SELECT feature FROM geo_events WHERE event_key = ?))",
                           .parameters = ports::table(9)};
  ports::statement update{.sql =
                              "UPDATE geo_events SET id = ?, kind = ?, severity = ?, cell = ?, lon = ?, lat = ?, "
                              "since = ?, expires = ?, observed = ?, revision = revision + 1, content = ?, "
                              "feature = ? WHERE event_key = ? AND revision = ?",
                          .parameters = ports::table(13),
                          .expected_rows = 1};
  ports::statement finish{.sql =
                              "UPDATE geo_events SET cell = -1 - cell, observed = ?, revision = revision + 1 "
                              "WHERE event_key = ? AND revision = ? AND cell >= 0",
                          .parameters = ports::table(3),
                          .expected_rows = 1};
  ports::statement alias{.parameters = ports::table(3)};
};

namespace {

using grouped = std::map<std::string, std::vector<const event*>>;

/// Adds to `known` those events that are known under another id: an alias that the source gave before, or the id that
/// was the event's own until now.
awaitable<result<void>> find_renamed(const ports::call_context& context, ports::database& db, const std::string& source,
                                     const std::vector<const event*>& events, known_events& known) {
  std::unordered_set<std::string> present;
  for (const auto* e : events) present.insert(e->id);
  std::vector<std::string> names;
  for (const auto* e : events) {
    if (known.contains(e->id)) continue;
    names.push_back(e->id);
    for (const auto& a : e->aliases)
      if (!present.contains(a)) names.push_back(a);
  }
  if (names.empty()) co_return result<void>{};
  auto by_alias = co_await read_known_by_alias(context, db, source, names);
  if (!by_alias) co_return by_alias.error();
  known_events by_id;
  if (std::any_of(events.begin(), events.end(), [](const auto* e) { return !e->aliases.empty(); })) {
    auto found = co_await read_known(context, db, source, names);
    if (!found) co_return found.error();
    by_id = std::move(*found);
  }

  std::unordered_set<std::int64_t> taken;  // one row is one event
  for (const auto& [id, k] : known) taken.insert(k.key);
  for (const auto* e : events) {
    if (known.contains(e->id)) continue;
    std::vector<std::string> candidates{e->id};
    candidates.insert(candidates.end(), e->aliases.begin(), e->aliases.end());
    for (const auto& name : candidates) {
      if (name != e->id && present.contains(name)) continue;
      auto hit = by_id.find(name);
      if (hit == by_id.end()) {
        hit = by_alias->find(name);
        if (hit == by_alias->end()) continue;
      }
      if (!taken.insert(hit->second.key).second) continue;
      known.emplace(e->id, hit->second);
      break;
    }
  }
  co_return result<void>{};
}

}  // namespace

event_repository::event_repository(std::shared_ptr<ports::database> db) : db_(std::move(db)) {}

store_outcome& store_outcome::operator+=(const store_outcome& o) noexcept {
  added += o.added;
  changed += o.changed;
  unchanged += o.unchanged;
  older += o.older;
  ended += o.ended;
  return *this;
}

awaitable<result<void>> event_repository::commit(const ports::call_context& context, ports::batch b) {
  const auto done = co_await db_->execute(context, std::move(b));
  if (!done) co_return done.error();
  // A lost wake-up only delays: listeners also look from time to time.
  co_await db_->notify(context, std::string(channel));
  co_return result<void>{};
}

awaitable<result<store_outcome>> event_repository::store(const ports::call_context& context, observation seen) {
  codec::fold_duplicates(seen);
  store_outcome total;
  for (std::size_t begin = 0; begin < seen.events.size(); begin += part_size) {
    const auto part = std::span(seen.events).subspan(begin, std::min(part_size, seen.events.size() - begin));
    const auto outcome = co_await store_part(context, seen, part);
    if (!outcome) co_return outcome.error();
    total += *outcome;
  }
  co_return total;
}

awaitable<result<store_outcome>> event_repository::store_part(const ports::call_context& context,
                                                              const observation& seen, std::span<const event> events) {
  grouped sources;
  for (const auto& e : events) sources[e.source].push_back(&e);
  const std::int64_t observed = ms(seen.observed);
  std::vector<std::string> features;
  features.reserve(events.size());
  for (const auto& e : events) features.push_back(to_feature(e));

  for (int attempt = 1;; ++attempt) {
    plan p(db_->sql_dialect(), observed, ms(runtime::now()));
    for (const auto& [source, list] : sources) {
      std::vector<std::string> ids;
      ids.reserve(list.size());
      for (const auto* e : list) ids.push_back(e->id);
      auto known = co_await read_known(context, *db_, source, std::move(ids));
      if (!known) co_return known.error();
      if (const auto done = co_await find_renamed(context, *db_, source, list, *known); !done) co_return done.error();
      for (const auto* e : list) {
        const std::string_view feature = features[static_cast<std::size_t>(e - events.data())];
        const auto content = static_cast<std::int64_t>(hash64(feature));
        const auto hit = known->find(e->id);
        const prepared ready{e, feature, content, since_of(*e, hit == known->end() ? observed : hit->second.since)};
        if (hit == known->end())
          p.add(ready);
        else if (content == hit->second.content && !hit->second.ended && observed >= hit->second.observed)
          ++p.outcome.unchanged;
        else if (supersedes(ready, hit->second, observed))
          p.change(ready, hit->second);
        else
          ++p.outcome.older;
      }
    }
    if (p.empty()) co_return p.outcome;
    const auto done = co_await commit(context, p.take());
    if (done) co_return p.outcome;
    const auto code = done.error().code;
    if ((code != errc::conflict && code != errc::already_exists) || attempt == max_attempts) co_return done.error();
  }
}

awaitable<result<store_outcome>> event_repository::end(const ports::call_context& context, std::string source,
                                                       std::vector<std::string> ids, timestamp observed) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  for (int attempt = 1;; ++attempt) {
    plan p(db_->sql_dialect(), ms(observed), ms(runtime::now()));
    const auto known = co_await read_known(context, *db_, source, ids);
    if (!known) co_return known.error();
    for (const auto& id : ids) {
      const auto hit = known->find(id);
      if (hit == known->end()) continue;
      if (hit->second.ended)
        ++p.outcome.unchanged;
      else if (ms(observed) < hit->second.observed)
        ++p.outcome.older;
      else
        p.end(hit->second);
    }
    if (p.empty()) co_return p.outcome;
    const auto done = co_await commit(context, p.take());
    if (done) co_return p.outcome;
    if (done.error().code != errc::conflict || attempt == max_attempts) co_return done.error();
  }
}

}  // namespace distsys::domain::geo
