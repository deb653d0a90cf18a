#include "answer_desk.hpp"

#include "distsys/foundation/text.hpp"
#include "distsys/net/gzip.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace distsys::roles::cache {
namespace {

using namespace std::chrono_literals;
using net::http_request;
using net::http_response;

constexpr auto gate_limit = 50ms;     // for the follower of the log to apply what has been announced
constexpr auto pause_when_down = 1s;  // between attempts at a database that fails, while there is something to serve
constexpr std::size_t pack_here = 32u << 10;  // a third of a millisecond: what is longer must not hold up a loop

metrics::counter& counter_of(std::string_view outcome) {
  return metrics::get_counter("distsys_cache_requests_total", "Requests for events, by how they were answered",
                              {{"outcome", outcome}});
}

std::int64_t whole_seconds(std::chrono::steady_clock::duration d) {
  return std::chrono::duration_cast<std::chrono::seconds>(d).count();
}

std::string hit_status(time_point until, time_point now, std::string_view detail) {
  std::string s = "distsys; hit; ttl=" + std::to_string(whole_seconds(until - now));
  if (!detail.empty()) s.append("; detail=").append(detail);
  return s;
}

std::string_view forward_of(provenance how, trust asked) {
  if (asked == trust::doubted) return "distsys; fwd=stale";
  return how == provenance::partial ? "distsys; fwd=partial" : "distsys; fwd=miss";
}

/// Without asking the database.
bool from_cells(provenance how) {
  return how == provenance::cells || how == provenance::late_cells || how == provenance::shared;
}

std::string_view detail_of(provenance how) {
  return how == provenance::cells ? "cells" : how == provenance::shared ? "shared" : "stale-while-revalidate";
}

/// Is it the database that failed, rather than the question or the asker?
bool failed(const error& e) {
  return e.code != errc::invalid && e.code != errc::cancelled && e.code != errc::not_found && e.code != errc::too_large;
}

/// A 503 that says when to come again, whatever it was that failed.
http_response try_again(const error& why) {
  const bool says = why.code == errc::unavailable || why.code == errc::overloaded;
  return http_response::from_error(says ? why : error{errc::unavailable, "changes are not known yet: " + why.detail});
}

bool only_if_cached(const http_request& request) {
  for (const std::string_view directive : split(request.header("cache-control"), ','))
    if (equal_ignoring_case(trim(directive), "only-if-cached")) return true;
  return false;
}

}  // namespace

answer_desk::answer_desk(answer_cache& answers, const slot_table& slots, freshness& fresh, runtime::task_group& loads,
                         runtime::blocking_lane& packer, const settings& s)
    : answers_(answers),
      slots_(slots),
      fresh_(fresh),
      packer_(packer),
      settings_(s),
      flights_(loads, s.max_waiters),
      hits_(counter_of("hit")),
      misses_(counter_of("miss")),
      coalesced_(counter_of("coalesced")),
      stale_(counter_of("stale")),
      refused_(counter_of("refused")),
      failures_(counter_of("failure")),
      prepared_(metrics::get_counter("distsys_cache_prepared_hits_total", "Hits that were bytes already", {})),
      packed_(metrics::get_counter("distsys_cache_compressions_total", "Answers compressed, each once", {})) {}

request_counts answer_desk::counts() const noexcept {
  return {hits_.value(),    misses_.value(),   coalesced_.value(), stale_.value(),
          refused_.value(), failures_.value(), prepared_.value()};
}

http_response answer_desk::refuse(const error& e) {
  refused_.add();
  return http_response::from_error(e);
}

shared_answer answer_desk::find_spelling(std::string_view spelling, time_point now) {
  if (!fresh_.believed(now)) return nullptr;
  shared_answer a = answers_.find_spelling(spelling, now);
  if (!a) return nullptr;
  prepared_.add();
  hits_.add();
  return a;
}

http_response answer_desk::deliver_hit(const shared_answer& a, time_point now) const {
  return deliver(a, now, hit_status(a->expires, now, {}));
}

// The field is looked for only until the form is there.
bool answer_desk::wants_packing(const http_request& request, const answer& a) {
  return a.gzip.absent() && a.body.size() >= net::gzip_minimum && net::accepts_gzip(request.header("accept-encoding"));
}

awaitable<http_response> answer_desk::hit(http_request& request, shared_answer a, time_point now, std::string status) {
  hits_.add();
  if (wants_packing(request, *a)) co_await pack(a);
  co_return deliver(a, now, std::move(status));
}

awaitable<trust> answer_desk::gate(runtime::deadline limit) {
  const time_point now = runtime::steady_now();
  if (fresh_.believed(now)) co_return trust::believed;
  const bool caught_up = co_await fresh_.catch_up(std::min(limit, now + gate_limit));
  co_return caught_up&& fresh_.lately(runtime::steady_now()) ? trust::believed : trust::doubted;
}

awaitable<http_response> answer_desk::serve(http_request& request, std::string_view spelling, std::string key,
                                            maker make) {
  // A load that began before this was announced may not have seen it: it is not joined. Nor is one of before a purge.
  const std::uint64_t announced = fresh_.announced(), fills = slots_.fills();
  const trust how = co_await gate(request.deadline);
  const time_point now = runtime::steady_now();
  if (how == trust::believed) {
    if (auto a = answers_.find(key, now)) {
      answers_.remember_spelling(spelling, a);
      prepared_.add();
      std::string status = hit_status(a->expires, now, {});
      co_return co_await hit(request, std::move(a), now, std::move(status));
    }
  }
  if (how == trust::believed && make.at_once && settings_.ttl > settings_.ttl.zero()) {
    const executor here = co_await asio::this_coro::executor;
    if (auto m = make.at_once(here))
      co_return co_await deliver_loaded(request, spelling, keep(std::move(key), std::move(*m)), how, true);
  }
  if (only_if_cached(request)) co_return co_await serve_kept_only(request, key, make, how);
  // Where a change is announced the database is asked all the same: it may be back.
  const bool down = now.time_since_epoch().count() < down_until_.load(std::memory_order_relaxed) && !late(how);
  if (down)
    if (auto stale = co_await serve_stale(request, key, make, how)) co_return std::move(*stale);

  std::string flight = key + (how == trust::doubted ? '!' : '@');
  flight.append(std::to_string(announced)).append("@").append(std::to_string(fills));
  auto got = co_await flights_.run(
      std::move(flight), [this, key, make, how] { return load(key, make, how); }, request.deadline);
  if (got.value) co_return co_await deliver_loaded(request, spelling, *got.value, how, got.led);
  const error& why = got.value.error();
  if (failed(why))
    if (auto stale = co_await serve_stale(request, key, make, how)) co_return std::move(*stale);
  (failed(why) ? failures_ : refused_).add();
  co_return failed(why) && late(how) ? try_again(why) : http_response::from_error(why);
}

awaitable<http_response> answer_desk::deliver_loaded(http_request& request, std::string_view spelling, loaded l,
                                                     trust how, bool led) {
  if (l.stored) answers_.remember_spelling(spelling, l.what);
  const time_point now = runtime::steady_now();
  if (l.found) prepared_.add();
  if (l.found || from_cells(l.how)) {
    const std::string_view detail = l.found ? "" : detail_of(l.how);
    co_return co_await hit(request, l.what, now, hit_status(l.what->expires, now, detail));
  }
  const bool collapsed = !led || l.how == provenance::joined;
  (collapsed ? coalesced_ : misses_).add();
  if (wants_packing(request, *l.what)) co_await pack(l.what);
  std::string status(forward_of(l.how, how));
  if (collapsed) {
    status += "; collapsed";
  } else if (l.stored) {
    status += "; stored";
  }
  if (l.how == provenance::direct && settings_.ttl > settings_.ttl.zero()) status += "; detail=direct";
  if (l.without_shared) status += "; detail=kv-store-unavailable";
  co_return deliver(l.what, now, std::move(status));
}

awaitable<result<answer_desk::loaded>> answer_desk::load(std::string key, maker make, trust how) {
  // Between the miss and this load another may have ended.
  if (how == trust::believed)
    if (auto kept = answers_.find(key, runtime::steady_now()))
      co_return loaded{std::move(kept), provenance::cells, true, true};
  auto m = co_await make.make(how);
  if (!m) {
    // One question that takes too long says nothing of the others while the log is read.
    const time_point now = runtime::steady_now();
    if (m.error() == errc::unavailable || (m.error() == errc::timeout && !fresh_.lately(now)))
      down_until_.store((now + pause_when_down).time_since_epoch().count(), std::memory_order_relaxed);
    co_return m.error();
  }
  co_return keep(std::move(key), std::move(*m));
}

answer_desk::loaded answer_desk::keep(std::string key, made m) {
  const time_point now = runtime::steady_now();
  const provenance from = m.how;
  const bool without_shared = m.without_shared;
  shared_answer a = answer_of(std::move(key), std::move(m), now);
  const bool stored = settings_.ttl > settings_.ttl.zero() && answers_.keep(a, now);
  return {std::move(a), from, stored, false, without_shared};
}

shared_answer answer_desk::answer_of(std::string key, made m, time_point now) const {
  auto a = std::make_shared<answer>();
  a->key = std::move(key);
  a->head = head_of(m.body, settings_.told, m.content_type);
  a->body = std::move(m.body);
  if (a->body.capacity() - a->body.size() > a->body.size() / 16) a->body.shrink_to_fit();
  a->watch = std::move(m.watch);
  a->filled = m.filled;
  a->expires = m.fresh_until == time_point::max() ? now + settings_.ttl : m.fresh_until;
  a->renew = a->expires - settings_.ttl / 20;
  a->next_expiry = m.next_expiry;
  return a;
}

awaitable<http_response> answer_desk::serve_kept_only(http_request& request, const std::string& key, const maker& make,
                                                      trust how) {
  auto m = how == trust::believed ? co_await make.make(trust::kept_only)
                                  : result<made>(error{errc::not_found, "changes have been announced"});
  if (m) {
    const time_point now = runtime::steady_now();
    auto a = answer_of(key, std::move(*m), now);
    std::string status = hit_status(a->expires, now, "cells");
    co_return co_await hit(request, std::move(a), now, std::move(status));
  }
  if (m.error() == errc::invalid) co_return refuse(m.error());
  auto r = http_response::problem(504, "Gateway Timeout", "not kept, and the request said only-if-cached");
  co_return std::move(r).header("Cache-Status", "distsys; detail=only-if-cached");
}

// Changes are announced that the follower of the log has not applied, though it reads the log.
bool answer_desk::late(trust how) const { return how == trust::doubted && fresh_.lately(runtime::steady_now()); }

// What is kept may be older than a write that was acknowledged here.
bool answer_desk::outdated(trust how) const { return late(how) && !fresh_.knows_own(); }

// The database does not answer: what no change is known to have touched is better than nothing, for a while.
awaitable<std::optional<http_response>> answer_desk::serve_stale(http_request& request, const std::string& key,
                                                                 const maker& make, trust how) {
  if (outdated(how)) co_return std::nullopt;
  const time_point now = runtime::steady_now();
  shared_answer a = answers_.find_stale(key, now);
  if (a && now >= std::min(a->expires, fresh_.confirmed()) + settings_.stale_if_error) a.reset();
  if (!a) {
    auto m = co_await make.make(trust::stale);
    if (!m) co_return std::nullopt;
    a = answer_of(key, std::move(*m), now);
  }
  stale_.add();
  if (wants_packing(request, *a)) co_await pack(a);
  co_return deliver(a, now, hit_status(std::min(a->expires, fresh_.confirmed()), now, "stale-if-error"));
}

// Age is how long it has not been known to be true: while the log is followed that is no time at all.
http_response answer_desk::deliver(const shared_answer& a, time_point now, std::string cache_status) const {
  http_response r = http_response::prepared({a, a->body, a->gzip.bytes()}, a->head);
  r.headers.reserve(2);
  const auto age = whole_seconds(now - std::max(a->filled, fresh_.confirmed()));
  r.headers.emplace_back("Age", std::to_string(std::max<std::int64_t>(0, age)));
  r.headers.emplace_back("Cache-Status", std::move(cache_status));
  return r;
}

// Whoever comes while another makes the form does not wait for it: the plain one is there.
awaitable<void> answer_desk::pack(shared_answer a) {
  if (!a->gzip.claim()) co_return;
  const auto make = [a]() -> result<void> {
    a->gzip.make(a->body);
    return {};
  };
  const auto made = a->body.size() <= pack_here ? make() : co_await packer_.run(make);
  if (made) {
    packed_.add();
  } else {
    a->gzip.give_up();  // the lane is full: the next one tries again
  }
}

}  // namespace distsys::roles::cache
