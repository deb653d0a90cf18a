#include "source_http.hpp"

#include "schedule.hpp"

#include "distsys/foundation/json.hpp"
#include "distsys/foundation/text.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace distsys::roles::scraper {
namespace {

namespace geo = domain::geo;

std::string number(double v) {
  std::string out;
  json::append_number(out, v);
  return out;
}

std::string without_query(const std::string& text) { return text.substr(0, text.find_first_of("?#")); }

bool speaks_to(const source_header& h, std::string_view name, std::string_view host) {
  return equal_ignoring_case(h.source, name) || (!host.empty() && equal_ignoring_case(h.source, host));
}

/// RFC 9110, 5.6.2; with a letter in it, for "HOST:7301: Name: value" has a port where a name should be.
bool header_name(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return std::any_of(text.begin(), text.end(), letter) && std::all_of(text.begin(), text.end(), [&](char c) {
           return letter(c) || (c >= '0' && c <= '9') ||
                  std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
         });
}

/// "example.org-1f0c83a2": FNV-1a of the path and the query, secrets masked, so that neither the name nor the hash
/// tells of them and a new key is not a new source.
std::string default_name(const url& address, const std::string& host) {
  const std::string shown = address.masked();
  const auto from = shown.find_first_of("/?", shown.find("://") + 3);
  std::uint32_t hash = 2166136261u;
  for (const char c : from == std::string::npos ? "/" : shown.substr(from))
    hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  std::string out = host.substr(0, 54);
  for (char& c : out)
    if (!plain_name(std::string_view(&c, 1))) c = '_';  // the colons of IPv6
  out += '-';
  for (int shift = 28; shift >= 0; shift -= 4) out += "0123456789abcdef"[hash >> shift & 15];
  return out;
}

/// FNV-1a, 64 bits, in hexadecimal.
std::string hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const unsigned char c : text) hash = (hash ^ c) * 0x100000001b3u;
  std::string out;
  for (int shift = 60; shift >= 0; shift -= 4) out += "0123456789abcdef"[hash >> shift & 15];
  return out;
}

std::string joined(const std::vector<watched_area>& areas) {
  std::string out;
  for (const auto& a : areas) out += (out.empty() ? "" : "+") + a.text;
  return out.empty() ? "everywhere" : out;
}

struct usgs_query {
  std::string endpoint = "https://earthquake.usgs.gov/fdsnws/event/1/query";
  double min_magnitude = 0;
  bool has_magnitude = false;
  std::int64_t hours = 24;
  std::int64_t cap = 20'000;  // the service's own: it refuses to answer more

  /// https://earthquake.usgs.gov/fdsnws/event/1/: times without a zone are UTC.
  std::string url(const std::string& where, runtime::timestamp t) const {
    // To the minute, so that a question asked again soon is the same question (and its ETag holds).
    const auto since = std::chrono::floor<std::chrono::minutes>(t - std::chrono::hours(hours));
    std::string out = endpoint + "?format=geojson&orderby=time&includedeleted=true&starttime=";
    out += format_time(std::chrono::time_point_cast<std::chrono::milliseconds>(since)).substr(0, 19);
    out += "&limit=" + std::to_string(cap);
    if (has_magnitude) out += "&minmagnitude=" + number(min_magnitude);
    return out + where;
  }
};

result<usgs_query> read_usgs(const url& address) {
  constexpr std::string_view known[] = {"min_magnitude", "hours", "cap", "endpoint"};
  if (auto ok = address.check_parameters(known); !ok) return ok.error();
  if (!address.host().empty() || !address.path().empty()) {
    return error{errc::invalid, address.masked() + ": write usgs:?min_magnitude=N&hours=N"};
  }
  usgs_query q;
  if (const auto text = address.parameter("min_magnitude")) {
    const auto magnitude = parse_real(*text);
    if (!magnitude || *magnitude < -5 || *magnitude > 10) {
      return error{errc::invalid, address.masked() + ": min_magnitude is a number from -5 to 10"};
    }
    q.min_magnitude = *magnitude;
    q.has_magnitude = true;
  }
  if (const auto text = address.parameter("hours")) {
    const auto hours = parse_integer(*text);
    if (!hours || *hours < 1 || *hours > 8784) {
      return error{errc::invalid, address.masked() + ": hours is a number from 1 to 8784"};
    }
    q.hours = *hours;
  }
  if (const auto text = address.parameter("cap")) {
    const auto cap = parse_integer(*text);
    if (!cap || *cap < 1 || *cap > 20'000) {
      return error{errc::invalid, address.masked() + ": cap is a number from 1 to 20000"};
    }
    q.cap = *cap;
  }
  if (const auto text = address.parameter("endpoint")) {
    const auto site = site_url::parse(*text);
    if (!site) return error{errc::invalid, address.masked() + ": endpoint: " + site.error().detail};
    q.endpoint = without_query(std::string(*text));
  }
  return q;
}

std::string usgs_box(const geo::box& b) {
  return "&minlatitude=" + number(b.south) + "&maxlatitude=" + number(b.north) + "&minlongitude=" + number(b.west) +
         "&maxlongitude=" + number(b.east);
}

/// One question of a source that answers by area.
struct question {
  std::string text;  // what is added to the URL
  std::string area;
  std::optional<geo::box> where;
  std::vector<watched_area> only;
};

/// The name of the nth box of an area: there are two where it crosses the antimeridian.
std::string box_name(const watched_area& area, std::size_t n) {
  return n == 0 ? area.text : area.text + "#" + std::to_string(n + 1);
}

std::vector<question> usgs_places(const std::vector<watched_area>& areas) {
  std::vector<question> out;
  for (const auto& area : areas) {
    const auto boxes = area.boxes();
    if (const auto* c = std::get_if<geo::circle>(&area.shape)) {
      out.push_back({"&latitude=" + number(c->center.lat) + "&longitude=" + number(c->center.lon) +
                         "&maxradiuskm=" + number(c->radius_m / 1000),
                     area.text,
                     boxes.size() == 1 ? std::optional(boxes[0]) : std::nullopt,
                     {area}});
      continue;
    }
    for (std::size_t n = 0; n < boxes.size(); ++n) out.push_back({usgs_box(boxes[n]), box_name(area, n), boxes[n], {}});
  }
  if (out.empty()) out.push_back({"", "everywhere", geo::box{}, {}});  // the whole earth
  return out;
}

using feeds = std::vector<std::unique_ptr<feed>>;

result<feeds> make_usgs(const url& address, const std::vector<watched_area>& areas,
                        const std::vector<source_header>& headers, const std::shared_ptr<site_visitor>& visitor) {
  const auto query = read_usgs(address);
  if (!query) return query.error();
  const auto site = site_url::parse(query->endpoint);
  if (!site) return site.error();
  feeds out;
  for (const auto& place : usgs_places(areas)) {
    http_feed::options o;
    o.name = o.source = "usgs";
    o.identity = {address.masked(), site->host, "usgs"};
    o.url = [q = *query, where = place.text](runtime::timestamp t) { return q.url(where, t); };
    o.url_of_box = [q = *query](runtime::timestamp t, const geo::box& b) { return q.url(usgs_box(b), t); };
    o.headers = headers_for(headers, o.name, site->host);
    o.area = place.area;
    o.where = place.where;
    o.only = place.only;
    o.cap = static_cast<std::size_t>(query->cap);
    o.window = std::chrono::hours(query->hours);
    out.push_back(std::make_unique<http_feed>(visitor, std::move(o)));
  }
  return out;
}

constexpr std::size_t georss_cap = 200;  // alerts in one answer of the live map

/// The live map's window.
std::string georss_box(const std::string& base, const geo::box& b) {
  return base + (base.find('?') == std::string::npos ? "?" : "&") + "top=" + number(b.north) +
         "&bottom=" + number(b.south) + "&left=" + number(b.west) + "&right=" + number(b.east);
}

/// One question a box; without areas the URL as it is.
std::vector<question> georss_places(const std::string& base, const std::vector<watched_area>& areas) {
  std::vector<question> out;
  for (const auto& area : areas) {
    const auto boxes = area.boxes();
    for (std::size_t n = 0; n < boxes.size(); ++n)
      out.push_back({georss_box(base, boxes[n]), box_name(area, n), boxes[n], {}});
  }
  if (out.empty()) out.push_back({base, "everywhere", std::nullopt, {}});
  return out;
}

/// A document fetched as it is, of which the areas are kept.
question whole_document(const std::string& base, const std::vector<watched_area>& areas) {
  question q{base, joined(areas), std::nullopt, areas};
  if (areas.size() == 1 && areas[0].boxes().size() == 1) q.where = areas[0].boxes()[0];
  return q;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> headers_for(const std::vector<source_header>& all,
                                                             std::string_view name, std::string_view host) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& h : all)
    if (speaks_to(h, name, host)) out.emplace_back(h.name, h.value);
  return out;
}

bool plain_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

result<source_header> parse_source_header(std::string_view text) {
  const bool v6 = text.starts_with('[');
  const auto first = text.find(':', v6 ? text.find(']') : 0);
  const auto second = first == std::string_view::npos ? first : text.find(':', first + 1);
  if (second == std::string_view::npos) return error{errc::invalid, "a header is written 'SOURCE: Name: value'"};
  const auto source = v6 ? text.substr(1, text.find(']') - 1) : text.substr(0, first);
  source_header out{std::string(trim(source)), std::string(trim(text.substr(first + 1, second - first - 1))),
                    std::string(trim(text.substr(second + 1)))};
  if (out.source.empty() || !header_name(out.name)) {
    return error{errc::invalid,
                 "a header is written 'SOURCE: Name: value', where SOURCE is the name of a source or its host, not a "
                 "URL nor with a port"};
  }
  return out;
}

awaitable<poll_result> http_feed::ask() {
  const auto t = runtime::now();
  const std::string url = options_.url(t);
  auto headers = options_.headers;
  headers.emplace_back("Accept", "application/geo+json, application/json;q=0.9, */*;q=0.1");
  const std::string hash = hash_of(url);
  if (known_.url == hash && !known_.etag.empty()) headers.emplace_back("If-None-Match", known_.etag);
  if (known_.url == hash && !known_.last_modified.empty()) {
    headers.emplace_back("If-Modified-Since", known_.last_modified);
  }
  auto said = co_await visitor_->get(url, std::move(headers), held_);
  poll_result p;
  if (!said) {
    p.failed = said.error();
    p.wait_at_least = visitor_->patience(url);
    p.whole_site = p.wait_at_least.count() > 0;
    co_return p;
  }
  if (const auto patience = said->header("retry-after")) {
    p.wait_at_least = parse_retry_after(*patience, t).value_or(std::chrono::milliseconds(0));
  }
  if (said->status == 304) co_return p;
  if (said->status != 200) {
    const bool for_now = said->status >= 500 || said->status == 429;
    p.whole_site = for_now && p.wait_at_least.count() > 0;
    p.failed = error{for_now ? errc::unavailable : errc::invalid,
                     without_query(url) + ": status " + std::to_string(said->status)};
    co_return p;
  }
  fresh_ = {hash, std::string(said->header("etag").value_or("")),
            std::string(said->header("last-modified").value_or(""))};
  answer a;
  a.origin = without_query(url);
  a.source = options_.source;
  a.observed = t;
  a.document = std::move(said->body);
  a.only = options_.only;
  a.mapping = options_.mapping;
  a.counted = options_.counted;
  if (options_.window.count() > 0) a.since = t - options_.window;
  p.said = std::move(a);
  co_return p;
}

void http_feed::stored() { known_ = fresh_; }

std::unique_ptr<feed> http_feed::part(const geo::box& b) const {
  if (!options_.url_of_box) return nullptr;
  options o = options_;
  o.url = [of_box = options_.url_of_box, b](runtime::timestamp t) { return of_box(t, b); };
  o.where = b;
  return std::make_unique<http_feed>(visitor_, std::move(o));
}

std::string http_feed::memory() const {
  if (known_.etag.empty() && known_.last_modified.empty()) return {};
  return boost::json::serialize(
      json::object{{"url", known_.url}, {"etag", known_.etag}, {"last_modified", known_.last_modified}});
}

void http_feed::recall(std::string_view text) {
  known_ = {};
  if (text.empty()) return;
  const auto parsed = json::parse(text);
  const json::object* o = parsed ? parsed->if_object() : nullptr;
  if (o == nullptr) return;
  known_ = {std::string(json::get_string(*o, "url").value_or("")),
            std::string(json::get_string(*o, "etag").value_or("")),
            std::string(json::get_string(*o, "last_modified").value_or(""))};
}

result<feeds> make_http_feeds(const url& address, const std::vector<watched_area>& areas,
                              const std::vector<source_header>& headers, const std::shared_ptr<site_visitor>& visitor) {
  if (address.scheme() == "usgs") return make_usgs(address, areas, headers, visitor);
  const bool georss = address.scheme().starts_with("georss");
  const std::string& text = address.text();
  const auto hash = text.find('#');
  const std::string name = hash == std::string::npos ? std::string() : text.substr(hash + 1);
  if (hash != std::string::npos && !plain_name(name)) {
    return error{errc::invalid, address.masked() + ": the name after '#' has letters a-z, digits, '-', '_', '.'"};
  }
  const auto plus = text.find('+');
  const std::string base = text.substr(plus + 1, hash == std::string::npos ? hash : hash - plus - 1);
  const auto site = site_url::parse(base);
  if (!site) return site.error();

  std::string own = name;
  if (own.empty()) own = georss ? "waze" : default_name(address, site->host);

  feeds out;
  for (const auto& each : georss ? georss_places(base, areas) : std::vector<question>{whole_document(base, areas)}) {
    http_feed::options o;
    o.name = o.source = own;
    o.identity = {address.masked(), site->host, georss ? "georss" : ""};
    o.url = [text = each.text](runtime::timestamp) { return text; };
    o.headers = headers_for(headers, o.name, site->host);
    o.area = each.area;
    o.where = each.where;
    o.only = each.only;
    if (georss) {
      if (each.where) o.url_of_box = [base](runtime::timestamp, const geo::box& b) { return georss_box(base, b); };
      o.cap = georss_cap;
      o.counted = "alert-";
    }
    out.push_back(std::make_unique<http_feed>(visitor, std::move(o)));
  }
  return out;
}

result<void> check_feeds(const feeds& all, const std::vector<source_header>& headers) {
  std::map<std::string, feed_identity> known;
  for (const auto& f : all) {
    const auto identity = f->identity();
    const auto [at, first] = known.emplace(f->name(), identity);
    if (first || (!identity.world.empty() && identity.world == at->second.world)) continue;
    return error{errc::invalid, "the sources " + at->second.address + " and " + identity.address + " are both named '" +
                                    f->name() + "': name one by a #NAME at its end"};
  }
  for (const auto& h : headers) {
    if (std::any_of(all.begin(), all.end(), [&h](const auto& f) {
          const auto host = f->identity().host;
          return !host.empty() && speaks_to(h, f->name(), host);
        })) {
      continue;
    }
    std::set<std::string> names;
    for (const auto& [name, identity] : known)
      if (!identity.host.empty()) names.insert({name, identity.host});
    std::string list;
    for (const auto& name : names) list += (list.empty() ? "" : ", ") + name;
    return error{errc::invalid, "a header is for '" + h.source + "', which is no source that takes one (" +
                                    (list.empty() ? "there is none" : list) + ")"};
  }
  return {};
}

}  // namespace distsys::roles::scraper
