#include "role.hpp"

#include "areas.hpp"
#include "scraper_service.hpp"
#include "source_http.hpp"
#include "source_mapped.hpp"
#include "source_replay.hpp"
#include "source_sim.hpp"

#include "distsys/foundation/text.hpp"
#include "distsys/foundation/version.hpp"

#include <algorithm>
#include <array>

namespace distsys::roles::scraper {
namespace {

using app::kind;
using app::option;

constexpr std::array<std::string_view, 9> schemes{"sim",          "usgs",         "geojson+https",
                                                  "geojson+http", "georss+https", "georss+http",
                                                  "mapped+https", "mapped+http",  "replay"};

template <class T>
std::string wrong(const result<T>& parsed) {
  return parsed ? std::string() : parsed.error().detail;
}

// Making a feed asks and reads nothing.
std::string valid_source(std::string_view text) {
  const auto address = url::parse(text);
  if (!address) return wrong(address);
  if (address->scheme() == "sim") return wrong(make_sim_feed(*address));
  if (address->scheme() == "replay") return wrong(make_replay_feed(*address, false, 0, nullptr));
  if (address->scheme().starts_with("mapped")) return wrong(check_mapped_address(*address));
  return wrong(make_http_feeds(*address, {}, {}, nullptr));
}

std::string valid_area(std::string_view text) { return wrong(parse_area(text)); }
/// "NAME=200"
result<std::pair<std::string, std::size_t>> parse_cap(std::string_view text) {
  const auto equals = text.find('=');
  const auto n = parse_integer(equals == std::string_view::npos ? std::string_view() : text.substr(equals + 1));
  if (equals == 0 || !n || *n < 0) return error{errc::invalid, "a cap is written NAME=N, N from 0 (none)"};
  return std::pair(std::string(text.substr(0, equals)), static_cast<std::size_t>(*n));
}

std::string valid_cap(std::string_view text) { return wrong(parse_cap(text)); }
std::string valid_header(std::string_view text) { return wrong(parse_source_header(text)); }

constexpr double shortest = 0.001;  // seconds: waits are counted in milliseconds

constexpr std::array options{
    option{"source", kind::url,
           "sim:", "what to fetch: sim: usgs: geojson+https: georss+https: mapped+https: replay:DIR"}
        .as_repeatable()
        .one_of(schemes)
        .checked_by(&valid_source),
    option{"mapping", kind::text, "", "how a mapped+https: source is read: [NAME=]FILE (config/mappings)"}
        .as_repeatable(),
    option{"area", kind::text, "", "where: LAT/LON/RADIUS, WEST/SOUTH/EAST/NORTH, PLACE or PLACE/RADIUS"}
        .as_repeatable()
        .checked_by(&valid_area),
    option{"database", kind::url_database, "sqlite:geo.db", "where events are stored"},
    option{"http-client", kind::url_http_client, "http:", "how the world's servers are reached"},
    option{"interval", kind::duration, "60s", "time between two polls of one tile at first (sim: 1s unless given)"}
        .at_least(shortest),
    option{"min-interval", kind::duration, "", "where much changes, polls come this often (half of interval)"}.at_least(
        shortest),
    option{"max-interval", kind::duration, "", "where nothing changes, this seldom (four times interval)"}.at_least(
        shortest),
    option{"lease", kind::duration, "30s", "how long a tile is held for one process; of a dead one it moves after that"}
        .between(1, 3600),
    option{"cap", kind::text, "", "NAME=N: the most records in an answer of a source; at it a tile splits in four"}
        .as_repeatable()
        .checked_by(&valid_cap),
    option{"absent-after", kind::integer, "3", "complete polls without an event after which it is over; 0: never"}
        .between(0, 1000),
    option{"max-backoff", kind::duration, "10m", "longest wait after failures in a row"}.at_least(shortest),
    option{"timeout", kind::duration, "30s", "for one answer, redirects included"}.at_least(shortest),
    option{"in-flight", kind::integer, "2", "requests at once to one host"}.between(1, 64),
    option{"max-body", kind::size, "32MiB", "longest answer, decompressed"},
    option{"robots", kind::flag, "true", "heed robots.txt (RFC 9309)"},
    option{"contact", kind::text, "", "a URL or address for the User-Agent, so that sites can reach you"},
    option{"header", kind::text, "", "a header for one source: 'SOURCE: Name: value'"}
        .as_repeatable()
        .as_secret()
        .checked_by(&valid_header),
    option{"proxy", kind::text, "", "http://HOST:PORT through which to fetch"},
    option{"allow-private-addresses", kind::flag, "false", "let sources be on private or loopback addresses"},
    option{"record", kind::path, "", "write each answer to this directory, to be replayed"},
    option{"retention", kind::text, "30d", "how long ended and expired events are kept: AGE, SOURCE=AGE; 0s: for ever"}
        .as_repeatable()
        .checked_by(&valid_age),
    option{"history", kind::text, "30d", "how long what changed of other events is kept: AGE, SOURCE=AGE; 0s: for ever"}
        .as_repeatable()
        .checked_by(&valid_age),
    option{"once", kind::flag, "false", "ask everything once (a replay: to its end), print a summary, exit"},
};

[[noreturn]] void refuse(std::string text) { throw failure({errc::invalid, std::move(text)}); }

template <class T>
T checked(result<T> value) {
  if (!value) refuse(value.error().detail);
  return std::move(*value);
}

std::chrono::milliseconds milliseconds_of(const app::role_context& context, std::string_view name) {
  const auto value = std::chrono::duration_cast<std::chrono::milliseconds>(context.duration(name));
  if (value.count() <= 0) refuse("--scraper." + std::string(name) + " must be at least 1ms");
  return value;
}

visit_options read_visit_options(const app::role_context& context) {
  visit_options v;
  v.user_agent = "distsys/" + std::string(version());
  if (const auto contact = context.text("contact"); !contact.empty()) v.user_agent += " (+" + contact + ")";
  v.timeout = milliseconds_of(context, "timeout");
  v.in_flight = static_cast<unsigned>(context.integer("in-flight"));
  v.max_body = context.size("max-body");
  v.heed_robots = context.flag("robots");
  v.allow_private_addresses = context.flag("allow-private-addresses");
  v.proxy = context.text("proxy");
  return v;
}

constexpr std::size_t most_feeds = 10'000;

// Asks and reads nothing: what they will ask and read with may be left out.
std::vector<std::unique_ptr<feed>> make_feeds(const app::role_context& context,
                                              const std::shared_ptr<site_visitor>& visitor,
                                              const std::shared_ptr<runtime::blocking_lane>& lane) {
  std::vector<watched_area> areas;
  for (const auto& text : context.texts("area"))
    if (!text.empty()) areas.push_back(checked(parse_area(text)));
  std::vector<source_header> headers;
  for (const auto& text : context.texts("header"))
    if (!text.empty()) headers.push_back(checked(parse_source_header(text)));
  const auto mappings = checked(mapping_set::load(context.texts("mapping")));
  std::vector<std::unique_ptr<feed>> feeds;
  for (const auto& address : context.addresses("source")) {
    if (address.scheme() == "sim") {
      feeds.push_back(checked(make_sim_feed(address)));
    } else if (address.scheme() == "replay") {
      feeds.push_back(
          checked(make_replay_feed(address, context.flag("once"), context.size("max-body"), lane, mappings)));
    } else if (address.scheme().starts_with("mapped")) {
      for (auto& f : checked(make_mapped_feeds(address, mappings, areas, headers, visitor)))
        feeds.push_back(std::move(f));
    } else {
      for (auto& f : checked(make_http_feeds(address, areas, headers, visitor))) feeds.push_back(std::move(f));
    }
  }
  if (feeds.size() > most_feeds) refuse("too many sources times areas");
  // Feeds that share a name would overwrite each other's events, and a header for nobody is a mistake.
  if (const auto ok = check_feeds(feeds, headers); !ok) throw failure(ok.error());
  return feeds;
}

result<void> check(const app::role_context& context) {
  try {
    make_feeds(context, nullptr, nullptr);
    checked(parse_ages(context.texts("retention")));
    checked(parse_ages(context.texts("history")));
    if (context.given("min-interval") && context.given("max-interval") &&
        context.duration("min-interval") > context.duration("max-interval"))
      return error{errc::invalid, "--scraper.min-interval is longer than --scraper.max-interval"};
    return {};
  } catch (const failure& f) {
    return f.reason();
  }
}

/// What a recording tells is old on the day it is played: its default is for ever.
ages read_ages(const app::role_context& context, std::string_view name) {
  const auto sources = context.addresses("source");
  const bool played = std::any_of(sources.begin(), sources.end(), [](const url& u) { return u.scheme() == "replay"; });
  if (played && !context.given(name)) return {{"", std::chrono::microseconds(0)}};
  return checked(parse_ages(context.texts(name)));
}

std::unique_ptr<app::service> make(app::role_context& context) {
  const auto lane = std::make_shared<runtime::blocking_lane>("scraper", most_feeds);  // jobs are one a feed
  const auto visitor = std::make_shared<site_visitor>(context.http_client("http-client"), read_visit_options(context));
  scraper_settings s;
  if (context.given("interval")) s.interval = milliseconds_of(context, "interval");
  s.default_interval = milliseconds_of(context, "interval");
  if (context.given("min-interval")) s.least_interval = milliseconds_of(context, "min-interval");
  if (context.given("max-interval")) s.most_interval = milliseconds_of(context, "max-interval");
  s.lease = milliseconds_of(context, "lease");
  for (const auto& text : context.texts("cap"))
    if (!text.empty()) s.caps.insert(checked(parse_cap(text)));
  s.in_flight = static_cast<unsigned>(context.integer("in-flight"));
  s.polls.absent_after = static_cast<unsigned>(context.integer("absent-after"));
  s.polls.longest_backoff = milliseconds_of(context, "max-backoff");
  s.polls.once = context.flag("once");
  s.record = context.text("record");
  s.retained.events = read_ages(context, "retention");
  s.retained.history = read_ages(context, "history");
  return std::make_unique<scraper_service>(context, std::move(s), make_feeds(context, visitor, lane), lane);
}

constexpr app::role_migrations kept[] = {{"database", &domain::geo::event_repository::migrations},
                                         {"database", &domain::geo::tile_repository::migrations}};

}  // namespace

const app::role_info role{.name = "scraper",
                          .summary = "fetches geographic events from their sources and stores them",
                          .options = options,
                          .make = &make,
                          .part_of_all = true,
                          .migrations = kept,
                          .check = &check};

}  // namespace distsys::roles::scraper
