// event_repository's writing half: read what is known, compare, write the difference in one batch.
#include "distsys/domain/geo/event_repository.hpp"

#include "change_plan.hpp"
#include "hash.hpp"
#include "known_events.hpp"
#include "record.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>

#include <algorithm>
#include <map>
#include <unordered_set>

namespace distsys::domain::geo {
namespace {

constexpr std::size_t part_size = 4096;  // events a transaction: others get their turn, and memory stays bounded
constexpr int max_attempts = 16;

std::int64_t ms(timestamp t) noexcept { return t.time_since_epoch().count(); }

std::int64_t since_of(const event& e, std::int64_t first_seen) {
  return e.updated ? ms(*e.updated) : e.started ? ms(*e.started) : first_seen;
}

/// Does this observation, made no earlier than the known one, count over it?
bool supersedes(const prepared_event& e, const known_event& known, std::int64_t observed) {
  if (observed != known.observed) return observed > known.observed;
  if (known.ended) return false;
  if (e.since != known.since) return e.since > known.since;
  return static_cast<std::uint64_t>(e.content) > static_cast<std::uint64_t>(known.content);
}

/// The ids of an observation, by source. Refers to its events.
using present_ids = std::map<std::string_view, std::unordered_set<std::string_view>>;

/// Events that are stored together, and their features.
struct part {
  std::vector<const event*> events;
  std::vector<std::string> features;
  std::vector<std::int64_t> contents;
};

/// Has the source given other ids to any event yet?
awaitable<result<bool>> has_aliases(const ports::call_context& context, ports::database& db, std::string source) {
  const auto rows = co_await db.query(context,
                                      {.sql = "SELECT event_key FROM geo_event_aliases WHERE source = ? LIMIT 1",
                                       .parameters = ports::table::row(source)},
                                      {.primary = true});
  if (!rows) co_return rows.error();
  co_return rows->rows() > 0;
}

/// Adds to `known` the events that are known under another id: an alias given before, or an id that is an alias now. An
/// event whose id the observation holds is that event and no other.
awaitable<result<void>> find_renamed(const ports::call_context& context, ports::database& db, std::string source,
                                     const std::vector<const event*>& events,
                                     const std::unordered_set<std::string_view>& present, known_events& known) {
  std::vector<std::string> names;
  bool some_have_aliases = false;
  for (const auto* e : events) {
    if (known.contains(e->id)) continue;
    names.push_back(e->id);
    some_have_aliases = some_have_aliases || !e->aliases.empty();
    for (const auto& a : e->aliases)
      if (!present.contains(a)) names.push_back(a);
  }
  if (names.empty()) co_return result<void>{};
  known_events other;
  if (some_have_aliases) {
    auto by_id = co_await read_known(context, db, source, names);
    if (!by_id) co_return by_id.error();
    other.merge(*by_id);
  }
  const auto given = co_await has_aliases(context, db, source);
  if (!given) co_return given.error();
  if (*given) {
    auto by_alias = co_await read_known_by_alias(context, db, source, names);
    if (!by_alias) co_return by_alias.error();
    other.merge(*by_alias);
  }

  std::unordered_set<std::int64_t> taken;  // one row is one event
  for (const auto* e : events) {
    if (known.contains(e->id)) continue;
    std::vector<std::string_view> candidates{e->id};
    candidates.insert(candidates.end(), e->aliases.begin(), e->aliases.end());
    for (const auto name : candidates) {
      const auto hit = other.find(std::string(name));
      if (hit == other.end() || present.contains(hit->second.id) || !taken.insert(hit->second.key).second) continue;
      known.emplace(e->id, hit->second);
      break;
    }
  }
  co_return result<void>{};
}

/// What storing the part means, by what is known now.
awaitable<result<change_plan>> make_plan(const ports::call_context& context, ports::database& db, const part& p,
                                         timestamp seen_at, const present_ids& present) {
  std::map<std::string_view, std::vector<const event*>> sources;
  for (const auto* e : p.events) sources[e->source].push_back(e);
  std::map<std::string_view, known_events> known;
  for (const auto& [source, events] : sources) {
    std::vector<std::string> ids;
    ids.reserve(events.size());
    for (const auto* e : events) ids.push_back(e->id);
    auto found = co_await read_known(context, db, std::string(source), std::move(ids));
    if (!found) co_return found.error();
    const auto done = co_await find_renamed(context, db, std::string(source), events, present.at(source), *found);
    if (!done) co_return done.error();
    known.emplace(source, std::move(*found));
  }

  const std::int64_t observed = ms(seen_at);
  change_plan plan(db.sql_dialect(), seen_at, runtime::now());
  for (std::size_t i = 0; i < p.events.size(); ++i) {
    const event& e = *p.events[i];
    const auto& of_source = known.at(e.source);
    const auto hit = of_source.find(e.id);
    const bool is_new = hit == of_source.end();
    const prepared_event ready{&e, p.features[i], p.contents[i], since_of(e, is_new ? observed : hit->second.since)};
    if (is_new)
      plan.add(ready);
    else if (ready.content == hit->second.content && !hit->second.ended && observed >= hit->second.observed)
      ++plan.outcome.unchanged;
    else if (supersedes(ready, hit->second, observed))
      plan.change(ready, hit->second);
    else
      ++plan.outcome.older;
  }
  co_return plan;
}

struct ready_part {
  part what;
  std::optional<change_plan> plan;
};

awaitable<result<ready_part>> prepare(const ports::call_context& context, ports::database& db,
                                      std::span<const event> events, timestamp observed, const present_ids& present) {
  ready_part r;
  r.what.events.reserve(events.size());
  for (const auto& e : events) {
    r.what.events.push_back(&e);
    r.what.features.push_back(to_feature(e));
    r.what.contents.push_back(static_cast<std::int64_t>(hash64(r.what.features.back())));
  }
  auto plan = co_await make_plan(context, db, r.what, observed, present);
  if (!plan) co_return plan.error();
  r.plan.emplace(std::move(*plan));
  co_return r;
}

awaitable<result<void>> commit(const ports::call_context& context, ports::database& db, ports::batch b) {
  const auto done = co_await db.execute(context, std::move(b));
  if (!done) co_return done.error();
  // A lost wake-up only delays: listeners also look from time to time.
  co_await db.notify(context, std::string(event_repository::channel));
  co_return result<void>{};
}

/// Writes a plan, and makes another as long as other writers are quicker.
awaitable<result<store_outcome>> write(const ports::call_context& context, ports::database& db, ready_part& r,
                                       timestamp observed, const present_ids& present) {
  for (int attempt = 1;; ++attempt) {
    if (r.plan->empty()) co_return r.plan->outcome;
    const auto done = co_await commit(context, db, r.plan->take());
    if (done) co_return r.plan->outcome;
    const auto code = done.error().code;
    if ((code != errc::conflict && code != errc::already_exists) || attempt == max_attempts) co_return done.error();
    auto again = co_await make_plan(context, db, r.what, observed, present);
    if (!again) co_return again.error();
    r.plan.emplace(std::move(*again));
  }
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

std::string_view name(verdict v) noexcept {
  switch (v) {
    case verdict::added:
      return "added";
    case verdict::changed:
      return "changed";
    case verdict::unchanged:
      return "unchanged";
    case verdict::older:
      return "older";
  }
  return "unknown";
}

awaitable<result<store_outcome>> event_repository::store(const ports::call_context& context, observation seen) {
  using namespace asio::experimental::awaitable_operators;
  codec::fold_duplicates(seen);
  store_outcome total;
  const std::span<const event> events(seen.events);
  if (events.empty()) co_return total;
  present_ids present;
  for (const auto& e : events) present[e.source].insert(e.id);
  const std::size_t parts = (events.size() + part_size - 1) / part_size;
  const std::size_t size = (events.size() + parts - 1) / parts;
  const auto nth = [&](std::size_t i) { return events.subspan(i * size, std::min(size, events.size() - i * size)); };

  // While one part is written the next is prepared. Their events differ, so neither changes what the other knows.
  auto current = co_await prepare(context, *db_, nth(0), seen.observed, present);
  for (std::size_t i = 1; i * size < events.size(); ++i) {
    if (!current) co_return current.error();
    auto [written, next] = co_await (write(context, *db_, *current, seen.observed, present) &&
                                     prepare(context, *db_, nth(i), seen.observed, present));
    if (!written) co_return written.error();
    total += *written;
    current = std::move(next);
  }
  if (!current) co_return current.error();
  const auto last = co_await write(context, *db_, *current, seen.observed, present);
  if (!last) co_return last.error();
  total += *last;
  co_return total;
}

awaitable<result<store_outcome>> event_repository::end(const ports::call_context& context, std::string source,
                                                       std::vector<std::string> ids, timestamp observed) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  for (int attempt = 1;; ++attempt) {
    change_plan plan(db_->sql_dialect(), observed, runtime::now());
    const auto known = co_await read_known(context, *db_, source, ids);
    if (!known) co_return known.error();
    for (const auto& id : ids) {
      const auto hit = known->find(id);
      if (hit == known->end()) continue;
      if (hit->second.ended)
        ++plan.outcome.unchanged;
      else if (ms(observed) < hit->second.observed)
        ++plan.outcome.older;
      else
        plan.end(hit->second);
    }
    if (plan.empty()) co_return plan.outcome;
    const auto done = co_await commit(context, *db_, plan.take());
    if (done) co_return plan.outcome;
    if (done.error().code != errc::conflict || attempt == max_attempts) co_return done.error();
  }
}

awaitable<result<std::vector<verdict>>> event_repository::store_each(const ports::call_context&, observation) {
  co_return error{errc::internal, "not yet"};
}
awaitable<result<std::size_t>> event_repository::prune(const ports::call_context&, retention, std::size_t) {
  co_return error{errc::internal, "not yet"};
}
awaitable<result<std::vector<std::pair<std::string, std::uint64_t>>>> event_repository::count_kinds(
    const ports::call_context&, event_query) {
  co_return error{errc::internal, "not yet"};
}

}  // namespace distsys::domain::geo
