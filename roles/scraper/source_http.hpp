// The feeds that are fetched: `usgs:`, `geojson+https://…`, `georss+https://…`, each asked by area where it can be.
#pragma once

#include "feed.hpp"
#include "site_visitor.hpp"

#include "distsys/foundation/url.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace distsys::roles::scraper {

/// "SOURCE: Name: value": a header for one source, by its name or its host (an IPv6 address in brackets), without a
/// port; the value may be a secret.
struct source_header {
  std::string source, name, value;
};
/// errc::invalid; never says the value.
result<source_header> parse_source_header(std::string_view text);

/// The headers of a source, by its name and its host.
std::vector<std::pair<std::string, std::string>> headers_for(const std::vector<source_header>& all,
                                                             std::string_view name, std::string_view host);

/// A name after '#': 1 to 64 letters a-z, digits, '-', '_', '.'.
bool plain_name(std::string_view text);

/// One URL, asked with what is remembered of its last answer (ETag, Last-Modified).
class http_feed final : public feed {
 public:
  struct options {
    std::string name;    // "usgs", "waze", a host
    std::string source;  // of its events
    feed_identity identity;
    std::function<std::string(runtime::timestamp)> url;  // at the time of asking
    std::vector<watched_area> only;
    std::vector<std::pair<std::string, std::string>> headers;
    std::shared_ptr<const domain::geo::mapping> mapping;  // of its answers; none: by content
    std::string area = "everywhere";
    std::optional<domain::geo::box> where;
    /// The URL that asks for a box instead; empty: the source does not answer by area.
    std::function<std::string(runtime::timestamp, const domain::geo::box&)> url_of_box;
    std::size_t cap = 0;
    std::string counted;           // as in answer
    std::chrono::hours window{0};  // only what began within it is asked for; 0: all
  };
  http_feed(std::shared_ptr<site_visitor> visitor, options o) : visitor_(std::move(visitor)), options_(std::move(o)) {}

  const std::string& name() const override { return options_.name; }
  feed_identity identity() const override { return options_.identity; }
  std::string area() const override { return options_.area; }
  std::optional<domain::geo::box> where() const override { return options_.where; }
  std::size_t cap() const override { return options_.cap; }
  std::unique_ptr<feed> part(const domain::geo::box& b) const override;
  std::string memory() const override;
  void recall(std::string_view text) override;
  awaitable<poll_result> ask() override;
  void stored() override;
  void released() override { held_ = {}; }

 private:
  struct validators {
    std::string url;  // a hash of it, for it may hold a key
    std::string etag, last_modified;
  };
  std::shared_ptr<site_visitor> visitor_;
  const options options_;
  gate::pass held_;
  validators known_, fresh_;
};

/// The feeds of one source: one for each area where the source answers by area, else one. errc::invalid.
///
/// - `usgs:?min_magnitude=2.5&hours=24&cap=20000&endpoint=URL`: FDSN event queries by circle or box, deleted events
///   included, at most `cap` of them.
/// - `geojson+https://…[#NAME]`: fetched as it is; events outside the areas are left out. Without #NAME its name is the
///   host and a hash of path and query (without what is secret), so that it is the same each time.
/// - `georss+https://…[#NAME]`: asked once for each area's box, by adding `top`, `bottom`, `left` and `right`; without
///   areas as it is. Without #NAME it is "waze", however many there are: one world, whose ids mean the same.
/// #NAME names the source (its events, metrics, recordings, dead letters and headers).
result<std::vector<std::unique_ptr<feed>>> make_http_feeds(const url& address, const std::vector<watched_area>& areas,
                                                           const std::vector<source_header>& headers,
                                                           const std::shared_ptr<site_visitor>& visitor);

/// errc::invalid when two feeds that are not of one world have the same name (it says both), or when a header is for no
/// feed (it says its SOURCE, never its value, and the sources that there are).
result<void> check_feeds(const std::vector<std::unique_ptr<feed>>& all, const std::vector<source_header>& headers);

}  // namespace distsys::roles::scraper
