#include "tile_poller.hpp"

#include "schedule.hpp"

#include "distsys/foundation/log.hpp"
#include "distsys/runtime/clock.hpp"
#include "distsys/runtime/random.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

namespace distsys::roles::scraper {
namespace {

namespace geo = domain::geo;

constexpr auto patience = std::chrono::seconds(30);

std::string hash_of(std::string_view text) {  // FNV-1a
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const unsigned char c : text) hash = (hash ^ c) * 0x100000001b3u;
  std::string out;
  for (int shift = 60; shift >= 0; shift -= 4) out += "0123456789abcdef"[hash >> shift & 15];
  return out;
}

}  // namespace

geo::tile_view tile_of(const feed& f, std::optional<std::size_t> cap) {
  constexpr std::size_t longest_name = 200;
  geo::tile_view t;
  t.source = f.name();
  t.tile = f.area().size() <= longest_name ? f.area() : hash_of(f.area());
  t.feed = t.source + "@" + hash_of(f.identity().address + "\n" + f.area());
  t.bounds = f.where();
  t.cap = cap.value_or(f.cap());
  return t;
}

/// What is gathered between a question and its conclusion.
struct tile_poller::poll_state {
  root_tile& root;
  geo::leased_tile tile;
  feed* source;
  geo::tile_outcome outcome;
  geo::sighting_changes sightings;
  std::vector<presence> present;
  std::size_t refused = 0;  // records, or without a position
  std::chrono::milliseconds at_least{0};
  bool whole_site = false;
};

template <class Call>
auto tile_poller::patiently(Call call) -> decltype(call(std::declval<const ports::call_context&>())) {
  for (unsigned attempt = 1;; ++attempt) {
    const auto context = ports::call_context::within(patience);
    auto done = co_await call(context);
    // A conflict means that the lease is lost: repeating cannot bring it back.
    if (done || done.error() == errc::conflict || !co_await ingest_.pause(done.error(), attempt)) co_return done;
  }
}

awaitable<result<void>> tile_poller::poll(root_tile* root, geo::leased_tile tile) {
  std::unique_ptr<feed> part;
  if (tile.view.level > 0 && tile.view.bounds) part = root->source->part(*tile.view.bounds);
  poll_state s{*root, std::move(tile), part ? part.get() : root->source.get(), {}, {}, {}, {}, {}, false};
  const auto& was = s.tile.view;
  s.source->recall(s.tile.memory);
  s.outcome.polled = runtime::now();
  s.outcome.interval = was.interval;
  s.outcome.quiet_polls = was.quiet_polls;

  poll_result p = co_await s.source->ask();
  s.at_least = p.wait_at_least;
  s.whole_site = p.whole_site;
  result<void> done;
  if (p.said) {
    done = co_await take(s, std::move(*p.said));
  } else if (!p.failed) {
    done = co_await take_unchanged(s);
  } else if (*p.failed == errc::cancelled) {
    done = *p.failed;
  } else {
    log::warn("a source did not answer",
              {{"source", s.source->name()}, {"tile", was.tile}, {"error", p.failed->what()}});
    counts_.failed(s.source->name(), p.failed->what());
    s.outcome.error = p.failed->what();
  }
  if (done) done = co_await conclude(s);
  s.source->released();
  if (!done && done.error() == errc::conflict) {
    log::info("a tile was taken over", {{"source", was.source}, {"tile", was.tile}});
    co_return result<void>{};
  }
  co_return done;
}

awaitable<result<void>> tile_poller::take(poll_state& s, answer a) {
  const auto since = a.since;
  auto prepared = co_await ingest_.prepare(s.source->name(), std::move(a));
  if (!prepared) co_return prepared.error();
  if (!*prepared) {
    s.outcome.error = "the document was refused";
    co_return result<void>{};
  }
  decoded& content = **prepared;
  auto& o = s.outcome;
  o.answered = true;
  o.count = content.records;
  o.capped = is_capped(content.records, s.tile.view.cap);
  // What was refused may be an event that is known.
  s.refused = content.seen.refused.size() + content.unplaced;
  o.complete = !o.capped && content.seen.refused.empty();
  s.present = presences_of(content.seen.events);
  std::vector<std::pair<std::string, std::string>> ended;
  for (const auto& [source, ids] : content.ended)
    for (const auto& id : ids) ended.emplace_back(source, id);
  answer_reach reach{content.seen.observed, o.complete, since};
  for (auto& id : content.unplaced_names) reach.placeless.emplace_back(content.source, std::move(id));
  const auto stored = co_await ingest_.store(s.source->name(), std::move(content));
  if (!stored) co_return stored.error();
  o.changes = stored->added + stored->changed + stored->ended;
  s.source->stored();
  o.memory = s.source->memory();
  if (options_.absent_after == 0 || s.source->tells_ends()) co_return result<void>{};
  auto known = co_await patiently([&](const ports::call_context& c) { return tiles_.sightings(c, s.tile); });
  if (!known) co_return known.error();
  auto plan = plan_absences(*known, s.present, ended, reach, options_.absent_after);
  const auto over = co_await end_absent(s, plan, reach.observed);
  if (!over) co_return over.error();
  o.changes += *over;
  s.sightings = std::move(plan.changes);
  co_return result<void>{};
}

awaitable<result<void>> tile_poller::take_unchanged(poll_state& s) {
  const auto& was = s.tile.view;
  counts_.count_answer(s.source->name(), answer_outcome::not_modified);
  s.outcome.answered = true;
  s.outcome.capped = was.capped;
  s.outcome.complete = !was.capped && was.last_complete && was.last_complete == was.last_answer;
  if (options_.absent_after == 0 || s.source->tells_ends() || !s.outcome.complete) co_return result<void>{};
  auto known = co_await patiently([&](const ports::call_context& c) { return tiles_.sightings(c, s.tile); });
  if (!known) co_return known.error();
  const answer_reach reach{s.outcome.polled, true, {}};
  auto plan = plan_unchanged(*known, reach, options_.absent_after);
  const auto over = co_await end_absent(s, plan, reach.observed);
  if (!over) co_return over.error();
  s.outcome.changes += *over;
  s.sightings = std::move(plan.changes);
  co_return result<void>{};
}

awaitable<result<std::size_t>> tile_poller::end_absent(poll_state& s, absence_plan& plan, geo::timestamp observed) {
  if (plan.missing.empty()) co_return std::size_t{0};
  const auto absent = co_await patiently([&](const ports::call_context& c) {
    return tiles_.absent_everywhere(c, s.tile, plan.missing, options_.absent_after, runtime::now());
  });
  if (!absent) co_return absent.error();
  // Who has lost the lease must not say what is over: the new holder may have seen it since. The new ETag is remembered
  // with the new sightings, not before them: killed in between, an unchanged answer would never tell of these.
  const auto mine =
      co_await patiently([&](const ports::call_context& c) { return tiles_.remember(c, s.tile, s.tile.memory); });
  if (!mine) co_return mine.error();
  std::map<std::string, std::vector<std::string>> ids;
  for (const auto& e : *absent) ids[e.source].push_back(e.id);
  std::size_t ended = 0;
  std::set<std::pair<std::string_view, std::string_view>> over;
  for (const auto& [source, names] : ids) {
    const auto done = co_await ingest_.end_absent(s.source->name(), source, names, observed);
    if (!done) co_return done.error();
    for (std::size_t i = 0; i < names.size(); ++i) {
      ended += done->at(i) == geo::verdict::changed;
      // What a later observation keeps is still to end: the next poll tries again.
      if (done->at(i) != geo::verdict::older) over.emplace(source, names[i]);
    }
  }
  std::erase_if(plan.changes.put, [&over](const geo::sighting& e) { return over.contains({e.source, e.id}); });
  std::copy_if(absent->begin(), absent->end(), std::back_inserter(plan.changes.drop),
               [&over](const geo::sighting& e) { return over.contains({e.source, e.id}); });
  co_return ended;
}

awaitable<result<bool>> tile_poller::divide(poll_state& s) {
  const auto& t = s.tile.view;
  if (!s.outcome.capped || !may_split(t) || !s.source->part(*t.bounds) ||
      !answers_by_area(s.present, *t.bounds, s.refused)) {
    co_return false;
  }
  const auto all = co_await patiently([&](const ports::call_context& c) { return tiles_.list(c, {t.feed}); });
  if (!all) co_return all.error();
  if (all->size() + 4 > most_tiles_a_feed) co_return false;
  const auto done =
      co_await patiently([&](const ports::call_context& c) { return tiles_.split(c, s.tile, s.outcome, s.sightings); });
  if (!done) co_return done.error();
  log::info("a tile is split", {{"source", t.source}, {"tile", t.tile}, {"records", s.outcome.count.value_or(0)}});
  co_return true;
}

// Every tile of the site waits, those of other processes too, so that none of them knocks in vain. Of those that are
// being asked now each waits when it is done.
awaitable<result<void>> tile_poller::leave_alone(const root_tile& root, geo::timestamp until) {
  auto& known = alone_[root.site];
  known = std::max(known, until);
  const auto done =
      co_await patiently([&](const ports::call_context& c) { return tiles_.postpone(c, root.site->feeds, until); });
  // Another process is moving the same tiles: it may have been told the same, else it will be.
  if (!done && !(done.error() == errc::conflict)) co_return done.error();
  co_return result<void>{};
}

awaitable<result<void>> tile_poller::conclude(poll_state& s) {
  auto& o = s.outcome;
  const auto& was = s.tile.view;
  const bool below_cap = o.answered && !o.capped;
  const bool first = was.complete_polls == 0 && (!was.last_answer || was.capped);
  if (below_cap && !first) {  // of the first one everything is new
    o.interval = adapted(was.interval, s.root.interval, o.changes, o.count.value_or(was.last_count));
  }
  schedule when(o.interval, options_.longest_backoff, was.failures);
  o.next_poll = runtime::now() + when.next(o.answered, s.at_least, runtime::thread_random());
  o.failures = when.failures();
  result<void> done;
  if (s.root.site != nullptr) {
    if (s.whole_site) done = co_await leave_alone(s.root, runtime::now() + s.at_least);
    if (!done) co_return done.error();
    if (const auto until = alone_.find(s.root.site); until != alone_.end()) o.not_before = until->second;
  }
  o.not_before = std::max(o.not_before, runtime::now() + s.at_least);
  o.next_poll = std::max(o.next_poll, o.not_before);
  const auto divided = co_await divide(s);
  if (!divided) {
    done = divided.error();
  } else if (!*divided) {
    if (was.level > 0) {
      const auto siblings =
          co_await patiently([&](const ports::call_context& c) { return tiles_.children(c, was.feed, was.parent); });
      if (!siblings) co_return siblings.error();
      auto now = *siblings;
      for (auto& t : now)
        if (t.key == was.key) t.last_count = o.count.value_or(was.last_count);
      o.quiet_polls = below_cap && are_quiet(now, was.cap) ? was.quiet_polls + 1 : 0;
    }
    done = co_await patiently([&](const ports::call_context& c) { return tiles_.finish(c, s.tile, o, s.sightings); });
    if (done && o.quiet_polls >= polls_before_merge && !options_.once) done = co_await join_siblings(s);
  }
  co_return done;
}

awaitable<result<void>> tile_poller::join_siblings(poll_state& s) {
  const auto& t = s.tile.view;
  const auto siblings =
      co_await patiently([&](const ports::call_context& c) { return tiles_.children(c, t.feed, t.parent); });
  if (!siblings) co_return siblings.error();
  if (!may_merge(*siblings, t.cap, polls_before_merge)) co_return result<void>{};
  const auto merged = co_await patiently(
      [&](const ports::call_context& c) { return tiles_.merge(c, *siblings, runtime::now(), s.outcome.not_before); });
  if (!merged) co_return merged.error();
  if (*merged) log::info("tiles are merged", {{"source", t.source}, {"tile", t.parent}});
  co_return result<void>{};
}

awaitable<void> tile_poller::store_recorded(root_tile* root, geo::leased_tile tile, decoded content, std::string place,
                                            gate::pass held, std::shared_ptr<std::optional<error>> broken) {
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto stored = co_await ingest_.store(root->source->name(), std::move(content));
  if (!stored) {
    *broken = stored.error();
    co_return;
  }
  const auto noted = co_await patiently([&](const ports::call_context& c) { return tiles_.remember(c, tile, place); });
  if (!noted) *broken = noted.error();
}

awaitable<result<void>> tile_poller::play(root_tile* root, geo::leased_tile tile, std::shared_ptr<const bool> lost,
                                          runtime::task_group* others, executor loop) {
  feed& source = *root->source;
  source.recall(tile.memory);
  const auto broken = std::make_shared<std::optional<error>>();
  schedule when(tile.view.interval, options_.longest_backoff, tile.view.failures);
  geo::tile_outcome o;
  o.interval = tile.view.interval;
  while (!*lost) {
    o.polled = runtime::now();
    poll_result p = co_await source.ask();
    bool failed = p.failed.has_value();
    o.error = failed ? p.failed->what() : std::string();
    if (failed && *p.failed == errc::cancelled) co_return *p.failed;
    if (failed) {
      log::warn("a source did not answer", {{"source", source.name()}, {"error", o.error}});
      counts_.failed(source.name(), o.error);
    }
    if (p.said) {
      std::string place = p.said->origin;
      auto prepared = co_await ingest_.prepare(source.name(), std::move(*p.said));
      if (!prepared) co_return prepared.error();
      auto alone = co_await root->storing.enter();
      if (!alone) co_return error{errc::cancelled};
      if (*broken) break;
      if (*prepared) {
        o.answered = true;
        o.count = o.count.value_or(0) + (*prepared)->records;
        others->spawn(loop,
                      store_recorded(root, tile, std::move(**prepared), std::move(place), std::move(alone), broken));
      }
    }
    o.retire = p.finished;
    // A recording that cannot be listed says no time to wait; one file of it that cannot be read does.
    if (p.finished || (failed && !p.wait)) break;
    const auto delay = p.wait.value_or(when.next(!failed, p.wait_at_least, runtime::thread_random()));
    if (delay.count() > 0 && !co_await runtime::sleep_for(delay)) co_return error{errc::cancelled};
    if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none)
      co_return error{errc::cancelled};
  }
  auto alone = co_await root->storing.enter();  // the last answer is stored, too
  if (!alone) co_return error{errc::cancelled};
  if (*lost || (*broken && **broken == errc::conflict)) {
    log::info("a tile was taken over", {{"source", tile.view.source}, {"tile", tile.view.tile}});
    co_return result<void>{};
  }
  if (*broken) co_return **broken;
  o.complete = o.answered;
  o.next_poll =
      o.polled + (o.error.empty() ? std::chrono::milliseconds(0) : when.next(false, {}, runtime::thread_random()));
  o.failures = when.failures();
  if (o.retire) o.memory.emplace();
  const auto done = co_await patiently([&](const ports::call_context& c) { return tiles_.finish(c, tile, o); });
  if (!done && !(done.error() == errc::conflict)) co_return done.error();
  co_return result<void>{};
}

}  // namespace distsys::roles::scraper
