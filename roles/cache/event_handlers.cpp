#include "event_handlers.hpp"

#include <memory>
#include <utility>

namespace distsys::roles::cache {

using net::http_request;
using net::http_response;

void event_handlers::add_routes(net::router& routes) {
  routes.get("/events", [this](http_request& r) { return area(r); });
  // An id may hold slashes: encoded ones are part of a segment, plain ones are the rest of the path.
  routes.get("/events/{source}/{id}", [this](http_request& r) { return one(r); });
  routes.get("/events/{source}/{id*}", [this](http_request& r) { return one(r); });
}

awaitable<http_response> event_handlers::area(http_request& request) {
  const time_point now = runtime::steady_now();
  const shared_answer found = engine_.desk.find_spelling(request.query, now);
  if (!found) co_return co_await parsed(request);
  if (answer_desk::wants_packing(request, *found)) co_await engine_.desk.pack(found);
  co_return engine_.desk.deliver_hit(found, now);
}

awaitable<http_response> event_handlers::parsed(http_request& request) {
  auto wanted = read_event_request(request.query);
  if (!wanted) co_return engine_.desk.refuse(wanted.error());
  const auto query = std::make_shared<const domain::geo::event_query>(std::move(wanted->query));
  area_maker& areas = engine_.areas;
  maker make{.make = [&areas, query](trust how) { return areas.make(*query, how); },
             .at_once = [&areas, query](executor here) { return areas.make_at_once(*query, here); }};
  co_return co_await engine_.desk.serve(request, request.query, std::move(wanted->key), std::move(make));
}

awaitable<http_response> event_handlers::one(http_request& request) {
  net::query_parameters none(request.query);
  if (const auto ok = none.finish(); !ok) co_return http_response::from_error(ok.error());
  const ports::call_context context{.deadline = request.deadline, .trace = std::string(request.traceparent)};
  const auto history = co_await engine_.events.find_one(context, std::string(request.path_parameter("source")),
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
