#include "role.hpp"

#include "cache_service.hpp"

#include "distsys/caching/eviction.hpp"

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
    option{"kv-store", kind::url_kv_store,
           "memory:", "where caches of one database share what they read; memory: nowhere"}
        .as_optional(),
    option{"ttl", kind::duration, "10m", "how long what is kept lives when no change drops it; 0s keeps nothing"},
    option{"stale-while-revalidate", kind::duration, "30s", "beyond the ttl: served while it is read anew"},
    option{"stale-if-error", kind::duration, "10m", "beyond the ttl: served while the database does not answer"},
    option{"max-age", kind::duration, "1s",
           "how long browsers and proxies may keep an answer: they hear of no changes"},
    option{"cache-size", kind::size, "64MiB", "memory for cells and answers, half each"},
    option{"eviction", kind::text, caching::name_of(caching::default_eviction), "what makes room in full memory"}
        .one_of(caching::eviction_names),
    option{"cell-events", kind::integer, "1000", "events of a cell; one with more is kept as its four quarters"}
        .between(1, 10'000),
    option{"max-streams", kind::integer, "1000", "event streams open at once"}.between(0, 100'000),
    option{"max-streams-per-address", kind::integer, "100", "event streams open at once to one client address"}.between(
        1, 100'000),
    option{"token", kind::text, "", "who may write: NAME=TOKEN, or NAME=TOKEN:SCOPE,SCOPE"}
        .as_repeatable()
        .as_secret()
        .checked_by(&valid_token),
    option{"tile-url", kind::text, "", "a tile server for the map: https://HOST/{z}/{x}/{y}.png"}.checked_by(
        &valid_tile_url),
    option{"tile-attribution", kind::text, "", "whom the map's tiles are owed to"},
};

std::unique_ptr<app::service> make(app::role_context& context) {
  cache_settings s;
  s.kept.lifetimes = {context.duration("ttl"), context.duration("stale-while-revalidate"),
                      context.duration("stale-if-error")};
  s.kept.max_age = context.duration("max-age");
  s.kept.max_bytes = context.size("cache-size");
  s.kept.eviction = caching::parse_eviction(context.text("eviction")).value_or(caching::default_eviction);
  s.kept.cell_events = static_cast<std::size_t>(context.integer("cell-events"));
  s.kept.max_streams = static_cast<std::size_t>(context.integer("max-streams"));
  s.kept.max_streams_an_address = static_cast<std::size_t>(context.integer("max-streams-per-address"));
  auto writers = access_list::parse(context.texts("token"));
  if (!writers) throw failure(writers.error());
  s.writers = std::move(*writers);
  s.page = {context.text("tile-url"), context.text("tile-attribution")};
  if (const auto ok = check(s.page); !ok) throw failure(ok.error());
  return std::make_unique<cache_service>(context, s);
}

result<void> check_together(const app::role_context& context) {
  const auto writers = access_list::parse(context.texts("token"));
  if (!writers) return writers.error();
  return {};
}

constexpr app::role_migrations kept[] = {{"database", &domain::geo::event_repository::migrations},
                                         {"database", &domain::geo::tile_repository::migrations}};

}  // namespace

const app::role_info role{.name = "cache",
                          .summary = "serves geographic events from memory, else from the database, and a live map",
                          .options = options,
                          .make = &make,
                          .part_of_all = true,
                          .migrations = kept,
                          .check = &check_together};

}  // namespace distsys::roles::cache
