// Which handler answers which path: literal segments, `{name}` for one segment, `{name*}` for the rest.
#pragma once

#include "distsys/foundation/asset.hpp"
#include "distsys/net/http_message.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::net {

/// Runs on the connection's loop. The request outlives the coroutine; the response is moved out.
using handler = std::function<awaitable<http_response>(http_request&)>;

/// Wraps a handler: `return [next](http_request& r) -> …`. Write the coroutine as a function that takes `next` by
/// value or by reference to the stored one, never as a capturing lambda coroutine.
using middleware = std::function<handler(handler next)>;

/// Asked with the head alone, before the body is read: an answer refuses the request. May set request.user.
using admission = std::function<std::optional<http_response>(http_request&)>;

struct route_options {
  std::size_t max_body = 1u << 20;                    // more: 413
  std::chrono::milliseconds handler_timeout{30'000};  // becomes the request's deadline
  bool cors = true;                                   // where the server has CORS on
  admission admit{};                                  // null: everybody
};

/// Filled before the server starts, then only read.
class router {
 public:
  router();
  ~router();
  router(router&&) noexcept;
  router& operator=(router&&) noexcept;

  /// `pattern` is checked here: a bad or doubled one throws std::invalid_argument (a bug). A GET route answers HEAD
  /// too; OPTIONS and 405 with Allow are answered by the router.
  void add(method m, std::string_view pattern, handler h, route_options options = {});
  void get(std::string_view pattern, handler h, route_options o = {}) { add(method::get, pattern, std::move(h), o); }
  void post(std::string_view pattern, handler h, route_options o = {}) { add(method::post, pattern, std::move(h), o); }

  /// Serves embedded files below a prefix, with strong ETags, 304, gzip variants and Cache-Control.
  void assets(std::string_view prefix, std::span<const asset> files);

  struct route {
    std::string pattern;  // label of the metrics: bounded cardinality
    distsys::net::method method;
    handler handle;
    route_options options;
    std::size_t index = 0;  // in order of add(); for tables beside the router
  };
  struct match {
    const route* found = nullptr;
    std::string allow;  // for 405 and OPTIONS: "GET, HEAD, OPTIONS"; empty when no route has this path
  };
  /// Fills request.path_values.
  match find(http_request& request) const;

  /// Wraps the handler of every route added so far; first is outermost.
  void wrap(std::span<const middleware> middlewares);
  std::size_t size() const noexcept { return routes_.size(); }

 private:
  struct node;
  struct search;
  std::unique_ptr<node> root_;
  std::vector<std::unique_ptr<route>> routes_;
};

}  // namespace distsys::net
