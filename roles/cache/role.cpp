#include "role.hpp"

#include "cache_service.hpp"

#include <array>

namespace distsys::roles::cache {
namespace {

using app::kind;
using app::option;

std::string valid_tile_url(std::string_view text) {
  if (check({std::string(text), ""})) return {};
  return "not https://HOST/…{z}/{x}/{y}…, where HOST may begin with {s}.";
}

constexpr std::array options{
    option{"listen", kind::endpoint, ":5000", "HTTP address"},
    option{"database", kind::url_database, "sqlite:geo.db", "where events are stored"},
    option{"ttl", kind::duration, "1s", "longest age of an answer whose changes were not heard of; 0s keeps none"},
    option{"cache-size", kind::size, "64MiB", "memory for answers"},
    option{"max-streams", kind::integer, "1000", "event streams open at once"}.between(0, 100'000),
    option{"max-streams-per-address", kind::integer, "100", "event streams open at once to one client address"}.between(
        1, 100'000),
    option{"tile-url", kind::text, "", "a tile server for the map: https://HOST/{z}/{x}/{y}.png"}.checked_by(
        &valid_tile_url),
    option{"tile-attribution", kind::text, "", "whom the map's tiles are owed to"},
};

std::unique_ptr<app::service> make(app::role_context& context) {
  cache_settings s;
  s.ttl = context.duration("ttl");
  s.max_bytes = context.size("cache-size");
  s.max_streams = static_cast<std::size_t>(context.integer("max-streams"));
  s.max_streams_an_address = static_cast<std::size_t>(context.integer("max-streams-per-address"));
  s.page = {context.text("tile-url"), context.text("tile-attribution")};
  if (const auto ok = check(s.page); !ok) throw failure(ok.error());
  return std::make_unique<cache_service>(context, s);
}

constexpr app::role_migrations kept[] = {{"database", &domain::geo::event_repository::migrations},
                                         {"database", &domain::geo::tile_repository::migrations}};

}  // namespace

const app::role_info role{.name = "cache",
                          .summary = "serves geographic events from memory, else from the database, and a live map",
                          .options = options,
                          .make = &make,
                          .part_of_all = true,
                          .migrations = kept};

}  // namespace distsys::roles::cache
