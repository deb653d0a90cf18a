#include "coverage_handler.hpp"

#include "answer.hpp"
#include "coverage.hpp"

#include <chrono>
#include <utility>

namespace distsys::roles::cache {
namespace {

using namespace std::chrono_literals;

constexpr auto kept_for = 1s;

}  // namespace

coverage_handler::coverage_handler(std::shared_ptr<ports::database> db) : tiles_(std::move(db)) {}

awaitable<net::http_response> coverage_handler::all(net::http_request& request) {
  const net::query_parameters none(request.query);
  if (const auto ok = none.finish(); !ok) co_return net::http_response::from_error(ok.error());
  const auto found = co_await text({.deadline = request.deadline, .trace = std::string(request.traceparent)});
  if (!found) co_return net::http_response::from_error(found.error());
  net::http_response r = net::http_response::bytes(**found, "application/geo+json");
  r.header("ETag", etag_of(**found));
  r.header("Cache-Control", "no-cache");
  co_return r;
}

awaitable<result<std::shared_ptr<const std::string>>> coverage_handler::text(ports::call_context context) {
  {
    const std::scoped_lock lock(mutex_);
    if (kept_ && runtime::steady_now() < until_) co_return kept_;
    until_ = runtime::steady_now() + kept_for;  // those that come meanwhile get what is kept
  }
  const auto tiles = co_await tiles_.list(context);
  if (!tiles) co_return tiles.error();
  auto fresh = std::make_shared<const std::string>(coverage_text(*tiles, runtime::now()));
  const std::scoped_lock lock(mutex_);
  kept_ = fresh;
  co_return fresh;
}

}  // namespace distsys::roles::cache
