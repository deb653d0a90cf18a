#include "purge.hpp"

#include "distsys/foundation/json.hpp"
#include "distsys/foundation/log.hpp"

#include <array>
#include <utility>
#include <vector>

namespace distsys::roles::cache {
namespace {

using net::http_request;
using net::http_response;
namespace geo = domain::geo;

constexpr std::size_t max_body = 4096;

result<purge_request> read_box(const json::value& v) {
  error wrong{errc::invalid, "bbox: four numbers are expected, west,south,east,north in degrees"};
  const json::array* a = v.if_array();
  if (a == nullptr || a->size() != 4) return wrong;
  std::array<double, 4> n{};
  for (std::size_t i = 0; i < 4; ++i) {
    if (!(*a)[i].is_number()) return wrong;
    n[i] = (*a)[i].to_number<double>();
  }
  const geo::box b{n[0], n[1], n[2], n[3]};
  if (!geo::valid({b.west, b.south}) || !geo::valid({b.east, b.north}) || b.south > b.north) return wrong;
  return purge_request(geo::area(b));
}

}  // namespace

result<purge_request> read_purge(std::string_view body) {
  const auto v = json::parse(body, max_body);
  if (!v) return v.error();
  const json::object* o = v->if_object();
  if (o == nullptr || o->size() != 1) {
    return error{errc::invalid,
                 R"(one of {"all":true}, {"bbox":[w,s,e,n]}, {"cell":"w…"}, {"source":"…"} is expected)"};
  }
  const std::string_view name = o->begin()->key();
  const json::value& what = o->begin()->value();
  if (name == "all" && what.is_bool() && what.get_bool()) return purge_request(everything{});
  if (name == "bbox") return read_box(what);
  if (name == "cell" && what.is_string()) {
    const auto q = geo::quad::parse(what.get_string());
    if (!q) return error{errc::invalid, "cell: not the name of one, such as w0312"};
    return purge_request(*q);
  }
  if (name == "source" && what.is_string() && !what.get_string().empty()) {
    return purge_request(std::string(what.get_string()));
  }
  return error{errc::invalid, "neither all (true), bbox, cell nor source, or of the wrong type"};
}

void purge_handler::add_routes(net::router& routes) {
  routes.post("/purge", [this](http_request& r) { return purge(r); },
              {.max_body = max_body, .admit = who_.admission(scope::cache_purge)});
}

awaitable<http_response> purge_handler::purge(http_request& request) {
  net::query_parameters none(request.query);
  if (const auto ok = none.finish(); !ok) co_return http_response::from_error(ok.error());
  const auto what = read_purge(request.body);
  if (!what) co_return http_response::from_error(what.error());
  const auto done = co_await drop(*what);
  if (!done) co_return http_response::from_error(done.error());
  const engine::dropped gone = *done;
  log::info("purged", {{"by", request.user}, {"cells", gone.cells}, {"answers", gone.answers}});
  const json::object body{{"cells", gone.cells}, {"answers", gone.answers}};
  co_return http_response::json(body).header("Cache-Control", "no-store");
}

awaitable<result<engine::dropped>> purge_handler::drop(purge_request what) {
  // To look at all that is kept, or to free it, takes its time, which a loop does not have.
  co_return co_await lane_.run([this, what = std::move(what)]() -> result<engine::dropped> {
    if (const auto* source = std::get_if<std::string>(&what)) {
      counts_.forget();
      return engine_.purge(*source);
    }
    if (const auto* where = std::get_if<geo::area>(&what)) return engine_.purge(geo::cover_quads(*where, 64));
    if (const auto* cell = std::get_if<geo::quad>(&what)) return engine_.purge(std::vector{*cell});
    return engine_.purge();
  });
}

}  // namespace distsys::roles::cache
