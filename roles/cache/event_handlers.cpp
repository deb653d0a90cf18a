#include "event_handlers.hpp"

#include "distsys/net/gzip.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace distsys::roles::cache {
namespace {

using namespace std::chrono_literals;
using net::http_request;
using net::http_response;

constexpr std::size_t max_waiters = 10'000;  // of one load
constexpr auto load_limit = 10s;
constexpr std::size_t pack_here = 32u << 10;  // a third of a millisecond: what is longer must not hold up a loop

metrics::counter& counter_of(std::string_view outcome) {
  return metrics::get_counter("distsys_cache_requests_total", "Requests for areas of events, by how they were answered",
                              {{"outcome", outcome}});
}

std::int64_t whole_seconds(std::chrono::steady_clock::duration d) {
  return std::chrono::duration_cast<std::chrono::seconds>(d).count();
}

// `cache_status` is RFC 9211's.
http_response deliver(const shared_answer& a, time_point now, std::string cache_status) {
  http_response r = http_response::prepared({a, a->body, a->gzip.bytes()}, a->head);
  r.headers.reserve(2);
  r.headers.emplace_back("Age", std::to_string(std::max<std::int64_t>(0, whole_seconds(now - a->filled))));
  r.headers.emplace_back("Cache-Status", std::move(cache_status));
  return r;
}

std::string hit_status(const answer& a, time_point now) {
  return "distsys; hit; ttl=" + std::to_string(whole_seconds(a.expires - now));
}

// The field is looked for only until the form is there.
bool wants_packing(const http_request& request, const answer& a) {
  return a.gzip.absent() && a.body.size() >= net::gzip_minimum && net::accepts_gzip(request.header("accept-encoding"));
}

}  // namespace

event_handlers::event_handlers(domain::geo::event_repository& events, answer_cache& answers, runtime::task_group& loads,
                               runtime::blocking_lane& packer)
    : events_(events),
      answers_(answers),
      packer_(packer),
      flights_(loads, max_waiters),
      hits_(counter_of("hit")),
      misses_(counter_of("miss")),
      coalesced_(counter_of("coalesced")),
      refused_(counter_of("refused")),
      failures_(counter_of("failure")),
      packed_(metrics::get_counter("distsys_cache_compressions_total", "Answers compressed, each once", {})) {}

request_counts event_handlers::counts() const noexcept {
  return {hits_.value(), misses_.value(), coalesced_.value(), refused_.value(), failures_.value()};
}

awaitable<http_response> event_handlers::area(http_request& request) {
  const time_point now = runtime::steady_now();
  shared_answer found = answers_.find_spelling(request.query, now);
  if (!found) {
    auto wanted = read_event_request(request.query);
    if (!wanted) {
      refused_.add();
      co_return http_response::from_error(wanted.error());
    }
    found = answers_.find(wanted->key, now);
    if (!found) co_return co_await miss(request, std::move(*wanted));
    answers_.remember_spelling(request.query, found);
  }
  hits_.add();
  if (wants_packing(request, *found)) co_await pack(found);
  co_return deliver(found, now, hit_status(*found, now));
}

awaitable<http_response> event_handlers::miss(http_request& request, event_request wanted) {
  // A load that began before a change was announced may not have seen it: it is not joined after that.
  std::string flight = wanted.key + '@' + std::to_string(answers_.epoch());
  const bool stale = answers_.announced();
  auto got = co_await flights_.run(std::move(flight), [this, wanted] { return load(wanted); }, request.deadline);
  const bool collapsed = !got.led || (got.value && !got.value->read);
  (collapsed ? coalesced_ : misses_).add();
  if (!got.value) {
    if (got.value.error() == errc::invalid) {
      refused_.add();
    } else {
      failures_.add();
    }
    co_return http_response::from_error(got.value.error());
  }
  if (got.value->stored) answers_.remember_spelling(request.query, got.value->what);
  if (wants_packing(request, *got.value->what)) co_await pack(got.value->what);
  std::string status = stale ? "distsys; fwd=stale" : "distsys; fwd=miss";
  if (collapsed) {
    status += "; collapsed";
  } else if (got.value->stored) {
    status += "; stored";
  }
  co_return deliver(got.value->what, runtime::steady_now(), std::move(status));
}

awaitable<result<event_handlers::loaded>> event_handlers::load(event_request wanted) {
  // Between the miss and this load another may have ended.
  if (auto kept = answers_.find(wanted.key, runtime::steady_now())) co_return loaded{std::move(kept), true, false};
  const std::uint64_t begun = answers_.begin_fill();
  auto fresh = std::make_shared<answer>();
  fresh->key = std::move(wanted.key);
  fresh->where = wanted.query.where;
  fresh->sources = wanted.query.sources;
  fresh->filled = runtime::steady_now();
  fresh->expires = fresh->filled + answers_.ttl();
  const ports::call_context context = ports::call_context::within(load_limit);
  const auto page = co_await events_.find(context, std::move(wanted.query));
  if (!page) co_return page.error();
  fresh->body = collection_of(*page);
  fresh->head = head_of(fresh->body, answers_.ttl());
  const bool stored = answers_.fill(begun, fresh);
  co_return loaded{std::move(fresh), stored};
}

// Whoever comes while another makes the form does not wait for it: the plain one is there.
awaitable<void> event_handlers::pack(shared_answer a) {
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

awaitable<http_response> event_handlers::one(http_request& request) {
  net::query_parameters none(request.query);
  if (const auto ok = none.finish(); !ok) co_return http_response::from_error(ok.error());
  const ports::call_context context{.deadline = request.deadline, .trace = std::string(request.traceparent)};
  const auto history = co_await events_.find_one(context, std::string(request.path_parameter("source")),
                                                 std::string(request.path_parameter("id")));
  if (!history) co_return http_response::from_error(history.error());
  std::string body = feature_with_history(*history);
  std::string tag = etag_of(body);
  // Used once, so that the server compresses it as it does every text.
  http_response r = http_response::bytes(std::move(body), "application/geo+json");
  r.header("ETag", std::move(tag));
  r.header("Cache-Control", "no-cache");
  r.header("Age", "0");
  r.header("Cache-Status", "distsys; fwd=bypass");
  co_return r;
}

}  // namespace distsys::roles::cache
