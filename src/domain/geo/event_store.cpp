// event_repository's writing half: read what is known, compare, write the difference in one batch.
#include "distsys/domain/geo/event_repository.hpp"
#include "distsys/domain/geo/history_partitions.hpp"

#include "change_plan.hpp"
#include "hash.hpp"
#include "known_events.hpp"
#include "record.hpp"
#include "resolve.hpp"

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

using verdicts = std::vector<verdict>;

/// What becomes of one event, by what is known of it.
verdict plan_event(change_plan& plan, const prepared_event& ready, const resolved_event* known, std::int64_t observed) {
  if (known == nullptr) {
    plan.add(ready);
    return verdict::added;
  }
  const known_event& kept = known->kept;
  for (const auto& m : known->merged) plan.merge(m, ready.what->source, kept);
  if (ready.content == kept.content && !kept.ended && observed >= kept.observed) {
    if (!known->names_known) plan.add_names(*ready.what, kept);
    ++plan.outcome.unchanged;
    return verdict::unchanged;
  }
  if (supersedes(ready, kept, observed)) {
    plan.change(ready, kept);
    return kept.ended ? verdict::added : verdict::changed;
  }
  if (!known->names_known) plan.add_names(*ready.what, kept);
  ++plan.outcome.older;
  return verdict::older;
}

struct planned {
  change_plan plan;
  verdicts each;  // of the part's events
};

/// What storing the part means, by what is known now.
awaitable<result<planned>> make_plan(const ports::call_context& context, ports::database& db, const part& p,
                                     timestamp seen_at, const present_ids& present) {
  std::map<std::string_view, std::vector<asked_event>> sources;
  for (std::size_t i = 0; i < p.events.size(); ++i)
    sources[p.events[i]->source].push_back({p.events[i], p.contents[i]});
  std::map<std::string_view, resolved_events> known;
  for (const auto& [source, events] : sources) {
    auto found = co_await resolve(context, db, std::string(source), events, present.at(source));
    if (!found) co_return found.error();
    known.emplace(source, std::move(*found));
  }

  const std::int64_t observed = ms(seen_at);
  planned out{change_plan(db.sql_dialect(), seen_at, runtime::now()), {}};
  for (std::size_t i = 0; i < p.events.size(); ++i) {
    const event& e = *p.events[i];
    const auto& of_source = known.at(e.source);
    const auto hit = of_source.find(e.id);
    const resolved_event* same = hit == of_source.end() ? nullptr : &hit->second;
    const std::int64_t first_seen = same == nullptr ? observed : same->kept.since;
    out.each.push_back(
        plan_event(out.plan, {&e, p.features[i], p.contents[i], since_of(e, first_seen)}, same, observed));
  }
  co_return out;
}

struct ready_part {
  part what;
  std::optional<planned> plan;
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

/// After a commit that failed: nothing when a new plan may succeed, else what the caller is told.
awaitable<result<void>> make_room_for_another(const ports::call_context& context, ports::database& db, error why) {
  if (why == errc::conflict || why == errc::already_exists) co_return result<void>{};
  co_return co_await history_partitions::reopen(context, db, std::move(why));
}

/// Writes a plan, and makes another as long as other writers are quicker.
awaitable<result<void>> write(const ports::call_context& context, ports::database& db, ready_part& r,
                              timestamp observed, const present_ids& present) {
  for (int attempt = 1;; ++attempt) {
    if (r.plan->plan.empty()) co_return result<void>{};
    const auto done = co_await commit(context, db, r.plan->plan.take());
    if (done) co_return result<void>{};
    if (attempt == max_attempts) co_return done.error();
    if (auto ok = co_await make_room_for_another(context, db, done.error()); !ok) co_return ok.error();
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

namespace {

struct stored {
  store_outcome total;
  verdicts each;
};

/// The observation has no duplicates.
awaitable<result<stored>> store_all(const ports::call_context& context, ports::database& db, const observation& seen) {
  using namespace asio::experimental::awaitable_operators;
  stored all;
  const std::span<const event> events(seen.events);
  if (events.empty()) co_return all;
  present_ids present;
  for (const auto& e : events) present[e.source].insert(e.id);
  const std::size_t parts = (events.size() + part_size - 1) / part_size;
  const std::size_t size = (events.size() + parts - 1) / parts;
  const auto nth = [&](std::size_t i) { return events.subspan(i * size, std::min(size, events.size() - i * size)); };
  const auto add = [&all](const ready_part& r) {
    all.total += r.plan->plan.outcome;
    all.each.insert(all.each.end(), r.plan->each.begin(), r.plan->each.end());
  };

  // While one part is written the next is prepared. Their events differ; where the names of one touch what the other
  // knows, its commit is a conflict, and it is planned again.
  auto current = co_await prepare(context, db, nth(0), seen.observed, present);
  for (std::size_t i = 1; i * size < events.size(); ++i) {
    if (!current) co_return current.error();
    auto [written, next] = co_await (write(context, db, *current, seen.observed, present) &&
                                     prepare(context, db, nth(i), seen.observed, present));
    if (!written) co_return written.error();
    add(*current);
    current = std::move(next);
  }
  if (!current) co_return current.error();
  const auto last = co_await write(context, db, *current, seen.observed, present);
  if (!last) co_return last.error();
  add(*current);
  co_return all;
}

}  // namespace

awaitable<result<store_outcome>> event_repository::store(const ports::call_context& context, observation seen) {
  codec::fold_duplicates(seen);
  const auto all = co_await store_all(context, *db_, seen);
  if (!all) co_return all.error();
  co_return all->total;
}

awaitable<result<std::vector<verdict>>> event_repository::store_each(const ports::call_context& context,
                                                                     observation seen) {
  using name_pair = std::pair<std::string, std::string>;
  std::vector<name_pair> asked;
  asked.reserve(seen.events.size());
  for (const auto& e : seen.events) asked.emplace_back(e.source, e.id);
  codec::fold_duplicates(seen);
  const auto all = co_await store_all(context, *db_, seen);
  if (!all) co_return all.error();
  std::map<name_pair, verdict> by_name;
  for (std::size_t i = 0; i < seen.events.size(); ++i)
    by_name.emplace(name_pair(seen.events[i].source, seen.events[i].id), all->each[i]);
  verdicts each;
  each.reserve(asked.size());
  for (const auto& who : asked) each.push_back(by_name.at(who));
  co_return each;
}

namespace {

/// What ending these ids means, by what is known now: `each` gets their verdicts.
awaitable<result<change_plan>> plan_end(const ports::call_context& context, ports::database& db,
                                        const std::string& source, const std::vector<std::string>& ids,
                                        timestamp observed, verdicts& each) {
  change_plan plan(db.sql_dialect(), observed, runtime::now());
  const auto known = co_await read_known(context, db, source, ids);
  if (!known) co_return known.error();
  each.assign(ids.size(), verdict::unchanged);
  std::unordered_set<std::string_view> seen;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto hit = known->find(ids[i]);
    if (hit == known->end()) continue;
    const bool first = seen.insert(ids[i]).second;
    if (hit->second.ended) {
      if (first) ++plan.outcome.unchanged;
      continue;
    }
    const bool older = ms(observed) < hit->second.observed;
    each[i] = older ? verdict::older : verdict::changed;
    if (!first) continue;
    if (older)
      ++plan.outcome.older;
    else
      plan.end(hit->second);
  }
  co_return plan;
}

struct all_ended {
  store_outcome outcome;
  verdicts each;
};

awaitable<result<all_ended>> end_all(const ports::call_context& context, ports::database& db, std::string source,
                                     std::vector<std::string> ids, timestamp observed) {
  for (int attempt = 1;; ++attempt) {
    all_ended all;
    auto plan = co_await plan_end(context, db, source, ids, observed, all.each);
    if (!plan) co_return plan.error();
    all.outcome = plan->outcome;
    if (plan->empty()) co_return all;
    const auto done = co_await commit(context, db, plan->take());
    if (done) co_return all;
    if (attempt == max_attempts) co_return done.error();
    if (auto ok = co_await make_room_for_another(context, db, done.error()); !ok) co_return ok.error();
  }
}

}  // namespace

awaitable<result<store_outcome>> event_repository::end(const ports::call_context& context, std::string source,
                                                       std::vector<std::string> ids, timestamp observed) {
  const auto all = co_await end_all(context, *db_, std::move(source), std::move(ids), observed);
  if (!all) co_return all.error();
  co_return all->outcome;
}

awaitable<result<std::vector<verdict>>> event_repository::end_each(const ports::call_context& context,
                                                                   std::string source, std::vector<std::string> ids,
                                                                   timestamp observed) {
  auto all = co_await end_all(context, *db_, std::move(source), std::move(ids), observed);
  if (!all) co_return all.error();
  co_return std::move(all->each);
}

}  // namespace distsys::domain::geo
