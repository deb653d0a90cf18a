#include "cell_loader.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <exception>
#include <iterator>
#include <new>
#include <utility>

namespace distsys::roles::cache {
namespace {

namespace geo = domain::geo;
using namespace std::chrono_literals;

constexpr auto load_limit = 10s;
constexpr unsigned hot_uses = 2;        // asked for again since it was read: worth reading before its time is over
constexpr int refresh_ahead_part = 10;  // in the last tenth of its time

metrics::counter& cell_counter(std::string_view outcome) {
  return metrics::get_counter("distsys_cache_cells_total",
                              "Cells that requests were answered from, by where they came from",
                              {{"outcome", outcome}});
}

}  // namespace

/// One caller's wait for all its flights.
struct cell_loader::ticket {
  explicit ticket(executor here) : wake(std::make_shared<caching::wakeup>(here)) {}
  std::shared_ptr<caching::wakeup> wake;
  std::atomic<std::size_t> left{0};
};

struct cell_loader::flight {
  geo::quad where;
  slot_table::watch watch;
  std::uint64_t announced = 0;                   // before the read began, and what it reads knows of
  bool asks_shared = false;                      // what it finds may be as old as what the follower has applied
  bool without_shared = false;                   // it has asked, and was not answered
  std::vector<std::shared_ptr<ticket>> waiters;  // of the mutex, as is what follows
  std::optional<result<shared_cell>> landed;
};

cell_loader::cell_loader(geo::event_repository& events, slot_table& slots, const freshness& fresh, cell_cache& cells,
                         shared_cells* shared, runtime::task_group& loads, const limits& l)
    : events_(events),
      slots_(slots),
      fresh_(fresh),
      cells_(cells),
      shared_(shared),
      loads_(loads),
      limits_(l),
      hits_(cell_counter("hit")),
      negative_(cell_counter("negative")),
      parent_(cell_counter("parent")),
      stale_(cell_counter("stale")),
      shared_hits_(cell_counter("shared")),
      misses_(cell_counter("miss")),
      coalesced_(cell_counter("coalesced")),
      splits_(cell_counter("split")),
      refreshes_(
          metrics::get_counter("distsys_cache_refreshes_total", "Cells read anew before or after their time", {})),
      queries_(metrics::get_counter("distsys_cache_database_queries_total",
                                    "Reads of the database, by what they are for", {{"for", "cells"}})) {}

cell_counts cell_loader::counts() const noexcept {
  return {hits_.value(),   negative_.value(),  parent_.value(), stale_.value(),     shared_hits_.value(),
          misses_.value(), coalesced_.value(), splits_.value(), refreshes_.value(), queries_.value()};
}

cell_loader::found cell_loader::peek(const geo::quad& q, time_point now) const {
  const auto usable = [&](const shared_cell& c) {
    return c && now < c->fresh_until + cells_.lifetimes().stale_while_revalidate;
  };
  if (auto c = cells_.peek(q, now); usable(c)) {
    const origin how = now < c->fresh_until ? origin::cell : origin::stale;
    return {q, std::move(c), how};
  }
  if (auto c = cells_.peek_parent(q, now); usable(c)) return {q, std::move(c), origin::parent};
  return {q, nullptr, origin::loaded};
}

std::optional<cell_loader::found> cell_loader::kept(const geo::quad& q, trust how, time_point now) {
  const auto& life = cells_.lifetimes();
  const auto usable = [&](const shared_cell& c) {
    if (!c || (how == trust::doubted && !c->split())) return false;
    if (how != trust::stale) return now < c->fresh_until + life.stale_while_revalidate;
    return now < std::min(c->fresh_until, fresh_.confirmed()) + life.stale_if_error;
  };
  if (auto c = cells_.find(q, now); usable(c)) {
    const bool late = now >= c->fresh_until || how == trust::stale;
    return found{q, std::move(c), late ? origin::stale : origin::cell};
  }
  if (auto c = cells_.find_parent(q, now); usable(c)) return found{q, std::move(c), origin::parent};
  return std::nullopt;
}

// Whoever joins a load must not be given less than it could have read itself.
bool cell_loader::joinable(const flight& f, trust how, std::uint64_t announced) const noexcept {
  if ((f.asks_shared && how == trust::doubted) || !f.watch.current()) return false;
  return f.announced >= announced || (how == trust::believed && f.watch.valid());
}

cell_loader::shared_flight cell_loader::begin(const geo::quad& q, std::uint64_t announced, bool ask_shared) {
  auto f = std::make_shared<flight>();
  f->where = q;
  f->asks_shared = ask_shared;
  // What the shared store has is judged by what the follower has applied, and that may be less than is announced.
  f->announced = ask_shared ? std::min(announced, fresh_.settled()) : announced;
  f->watch = slots_.take(q);
  flights_[q.code()] = f;
  return f;
}

awaitable<result<std::vector<cell_loader::found>>> cell_loader::get(std::vector<geo::quad> quads, trust how,
                                                                    runtime::deadline limit) {
  co_await asio::this_coro::throw_if_cancelled(false);
  const executor here = co_await asio::this_coro::executor;
  const time_point now = runtime::steady_now();
  std::vector<found> all(quads.size());
  std::vector<std::size_t> missing;
  for (std::size_t i = 0; i < quads.size(); ++i) {
    all[i].where = quads[i];
    if (auto k = kept(quads[i], how, now)) {
      all[i] = std::move(*k);
    } else {
      missing.push_back(i);
    }
  }
  if (!missing.empty() && (how == trust::kept_only || how == trust::stale)) {
    co_return error{errc::not_found, "not kept"};
  }
  boarding b = board(all, missing, how, now, std::make_shared<ticket>(here));
  for (const found& f : all)
    if (f.from) used(f, how, now, here);
  if (b.flights.empty()) co_return all;
  coalesced_.add(b.flights.size() - b.begun.size());
  if (!b.begun.empty()) loads_.spawn(here, load(std::move(b.begun)));
  if (b.crowded) co_return error{errc::overloaded, "too many callers wait for one load"};
  const bool woken = co_await b.wait->wake->wait(limit);
  const bool cancelled = !woken && runtime::steady_now() < limit;
  if (const auto ok = collect(all, b.flights, cancelled); !ok) co_return ok.error();
  co_return all;
}

void cell_loader::used(const found& f, trust how, time_point now, executor here) {
  if (f.from->split()) return splits_.add();
  f.from->uses.fetch_add(1, std::memory_order_relaxed);
  (f.how == origin::parent ? parent_ : f.how == origin::stale ? stale_ : hits_).add();
  if (f.from->negative()) negative_.add();
  if (how == trust::believed) refresh_when_due(f.from, now, here);
}

// A seat in the load of each missing quad: one that is under way, or a new one.
cell_loader::boarding cell_loader::board(std::vector<found>& all, const std::vector<std::size_t>& missing, trust how,
                                         time_point now, std::shared_ptr<ticket> wait) {
  boarding b{.wait = std::move(wait)};
  if (missing.empty()) return b;
  const std::uint64_t announced = fresh_.announced();
  const std::scoped_lock lock(mutex_);
  for (const std::size_t i : missing) {
    const auto at = flights_.find(all[i].where.code());
    shared_flight f = at != flights_.end() && joinable(*at->second, how, announced) ? at->second : nullptr;
    if (f) {
      all[i].how = origin::joined;
    } else if (auto k = kept(all[i].where, how, now)) {  // since it was looked for, a load has landed
      all[i] = std::move(*k);
      continue;
    } else {
      f = begin(all[i].where, announced, shared_ && how == trust::believed);
      b.begun.push_back(f);
      all[i].how = origin::loaded;
    }
    b.crowded = b.crowded || f->waiters.size() >= limits_.max_waiters;
    if (!b.crowded) f->waiters.push_back(b.wait);
    b.flights.push_back(std::move(f));
  }
  b.wait->left.store(b.flights.size(), std::memory_order_relaxed);
  return b;
}

result<void> cell_loader::collect(std::vector<found>& all, std::span<const shared_flight> flights, bool cancelled) {
  const std::scoped_lock lock(mutex_);
  std::size_t next = 0;
  for (found& f : all) {
    if (f.from) continue;
    const flight& of = *flights[next++];
    const auto& landed = of.landed;
    if (!landed) return cancelled ? error{errc::cancelled} : error{errc::timeout, "waited for a load under way"};
    if (!*landed) return landed->error();
    f.from = landed->value();
    if (f.from->shared) f.how = origin::shared;
    f.without_shared = of.without_shared;
  }
  return {};
}

void cell_loader::refresh_when_due(const shared_cell& c, time_point now, executor here) {
  const bool late = now >= c->fresh_until;
  const bool ahead = now >= c->fresh_until - cells_.lifetimes().ttl / refresh_ahead_part &&
                     c->uses.load(std::memory_order_relaxed) >= hot_uses;
  if (!(late || ahead) || c->refreshing.exchange(true, std::memory_order_relaxed)) return;
  std::vector<shared_flight> flights;
  {
    const std::scoped_lock lock(mutex_);
    if (flights_.contains(c->where.code())) return c->refreshing.store(false, std::memory_order_relaxed);
    flights.push_back(begin(c->where, fresh_.announced(), false));
  }
  refreshes_.add();
  loads_.spawn(here, refresh(std::move(flights), c));
}

awaitable<void> cell_loader::refresh(std::vector<shared_flight> flights, shared_cell old) {
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto done = co_await guarded_read(flights);
  finish(flights, done);
  // What was read may have lost against a purge of other places: the old cell stays, and is to be read again.
  if (!done || !flights.front()->watch.current()) old->refreshing.store(false, std::memory_order_relaxed);
  if (done && shared_) shared_->offer(*done, co_await asio::this_coro::executor);
}

awaitable<void> cell_loader::load(std::vector<shared_flight> flights) {
  co_await asio::this_coro::throw_if_cancelled(false);
  if (shared_ && flights.front()->asks_shared) {
    std::vector<shared_flight> left;
    try {
      left = co_await left_by_shared(flights);
    } catch (const std::exception&) {
      left = flights;  // of a task nobody catches what is thrown: the database is asked for all
    }
    flights = std::move(left);
  }
  if (flights.empty()) co_return;
  misses_.add(flights.size());
  const auto done = co_await guarded_read(flights);
  finish(flights, done);
  if (done && shared_) shared_->offer(*done, co_await asio::this_coro::executor);
}

// Of a task nobody catches what is thrown: one load fails, not the process.
awaitable<result<std::vector<shared_cell>>> cell_loader::guarded_read(std::span<const shared_flight> flights) {
  try {
    co_return co_await read(flights);
  } catch (const std::bad_alloc&) {
    co_return error{errc::no_space, "out of memory for cells"};
  } catch (const std::exception& e) {
    co_return error{errc::internal, e.what()};
  }
}

// Ends those that another process has read; answers the others.
awaitable<std::vector<cell_loader::shared_flight>> cell_loader::left_by_shared(std::span<const shared_flight> flights) {
  std::vector<geo::quad> quads;
  quads.reserve(flights.size());
  for (const auto& f : flights) quads.push_back(f->where);
  const time_point begun = runtime::steady_now();
  auto images = co_await shared_->get(std::move(quads));
  const bool away = shared_->down();
  std::vector<shared_flight> landed, left;
  std::vector<shared_cell> made;
  const auto given =
      static_cast<std::size_t>(std::ranges::count_if(images, [](const auto& i) { return i.has_value(); }));
  for (std::size_t i = 0; i < flights.size(); ++i) {
    auto c = images[i] ? cell_of(*flights[i], *std::move(images[i]), begun) : nullptr;
    flights[i]->without_shared = !c && away;
    (c ? landed : left).push_back(flights[i]);
    if (c) made.push_back(std::move(c));
  }
  shared_->judged(made.size(), given - made.size());
  shared_hits_.add(made.size());
  if (!made.empty()) finish(landed, std::move(made));
  co_return left;
}

// As if it had been read here, when it was read there. Null when that is too long ago.
shared_cell cell_loader::cell_of(const flight& f, geo::quad_image image, time_point begun) {
  const time_point now = runtime::steady_now();
  const auto age = std::max(std::chrono::milliseconds(0), runtime::now() - image.read);
  if (age > 2 * std::chrono::duration_cast<std::chrono::milliseconds>(cells_.lifetimes().ttl)) return nullptr;
  auto c = cell_of(f, std::move(image.rows), image.sequence, next_load_.fetch_add(1), now - age);
  c->cost = std::chrono::duration_cast<std::chrono::microseconds>(now - begun);
  c->shared = true;
  return now < c->fresh_until ? c : nullptr;
}

awaitable<result<std::vector<shared_cell>>> cell_loader::read(std::span<const shared_flight> flights) {
  std::vector<geo::quad> quads;
  quads.reserve(flights.size());
  for (const auto& f : flights) quads.push_back(f->where);
  queries_.add();
  const time_point begun = runtime::steady_now();
  const ports::call_context context = ports::call_context::within(load_limit);
  auto got = co_await events_.read_quads(context, std::move(quads), limits_.cell_events);
  if (!got && got.error() == errc::too_large) co_return co_await read_less(flights);
  if (!got) co_return got.error();
  const std::uint64_t number = next_load_.fetch_add(1, std::memory_order_relaxed);
  std::vector<shared_cell> made;
  made.reserve(flights.size());
  for (std::size_t i = 0; i < flights.size(); ++i)
    made.push_back(cell_of(*flights[i], std::move(got->cells[i]), got->sequence, number, begun));
  co_return made;
}

// Few events may be many bytes: what one statement cannot hold is read in halves, and one cell that it cannot hold is
// split.
awaitable<result<std::vector<shared_cell>>> cell_loader::read_less(std::span<const shared_flight> flights) {
  if (flights.size() == 1)
    co_return std::vector<shared_cell>{
        cell_of(*flights.front(), nullptr, 0, next_load_.fetch_add(1), runtime::steady_now())};
  const std::size_t half = flights.size() / 2;
  auto all = co_await read(flights.first(half));
  if (!all) co_return all.error();
  auto rest = co_await read(flights.subspan(half));
  if (!rest) co_return rest.error();
  std::move(rest->begin(), rest->end(), std::back_inserter(*all));
  co_return all;
}

/// `rows` null: split.
std::shared_ptr<cell> cell_loader::cell_of(const flight& f, std::shared_ptr<const geo::event_rows> rows,
                                           std::int64_t seen, std::uint64_t load_number, time_point begun) const {
  auto c = std::make_shared<cell>();
  c->where = f.where;
  c->rows = std::move(rows);
  c->seen = seen;
  c->load = load_number;
  if (c->rows) c->watch = f.watch;
  c->filled = begun;
  c->fresh_until = cells_.fresh_until(begun);
  c->cost = std::chrono::duration_cast<std::chrono::microseconds>(runtime::steady_now() - begun);
  return c;
}

void cell_loader::finish(std::span<const shared_flight> flights, const result<std::vector<shared_cell>>& read) {
  try {
    if (read)
      for (const shared_cell& c : *read) cells_.keep(c);
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): it is told, and not kept
  }
  {
    const std::scoped_lock lock(mutex_);
    for (std::size_t i = 0; i < flights.size(); ++i) {
      flight& f = *flights[i];
      f.landed = read ? result<shared_cell>((*read)[i]) : result<shared_cell>(read.error());
      // One that could not be joined any more has been replaced.
      const auto at = flights_.find(f.where.code());
      if (at != flights_.end() && at->second == flights[i]) flights_.erase(at);
    }
  }
  // Nobody finds these flights any more, and so nobody joins them.
  for (const shared_flight& f : flights) {
    for (const auto& w : f->waiters)
      if (w->left.fetch_sub(1, std::memory_order_acq_rel) == 1) w->wake->wake();
    f->waiters.clear();
  }
}

}  // namespace distsys::roles::cache
