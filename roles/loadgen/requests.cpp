// Of plan.hpp: URLs, headers and areas made into the bytes of requests.
#include "distsys/foundation/text.hpp"
#include "distsys/foundation/version.hpp"
#include "plan.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>

namespace distsys::roles::loadgen {
namespace {

constexpr double km_a_degree = 111.195;  // of latitude, on a sphere of 6,371.0088 km

bool is_token_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool has_header(const plan& p, std::string_view name) {
  return std::any_of(p.headers.begin(), p.headers.end(),
                     [&](const auto& h) { return equal_ignoring_case(h.first, name); });
}

// From the version to the last header; the length of the body follows.
std::string header_lines(const plan& p, const origin& o) {
  std::string r = " HTTP/1.1\r\n";
  if (!has_header(p, "host")) r += "Host: " + o.authority + "\r\n";
  if (!has_header(p, "user-agent")) r += "User-Agent: distsys-loadgen/" + std::string(version()) + "\r\n";
  for (const auto& [name, value] : p.headers) r += name + ": " + value + "\r\n";
  if (!p.keep_alive && !has_header(p, "connection")) r += "Connection: close\r\n";
  return r;
}

request_template make_template(const plan& p, const origin& o, std::string_view method, std::string_view target) {
  const bool expects_body = method == "POST" || method == "PUT" || method == "PATCH";
  const std::string_view body = expects_body || method == p.method ? std::string_view(p.body) : "";
  return {method, target, header_lines(p, o), body, !body.empty() || expects_body};
}

// The path that a scenario's or a log's targets are appended to.
std::string base_of(const origin& o) {
  std::string base = o.targets.front();
  base = base.substr(0, base.find('?'));
  while (base.ends_with('/')) base.pop_back();
  return base;
}

}  // namespace

std::string request_target(std::string_view text) {
  std::string_view rest = text;
  if (!text.starts_with('/')) {
    const std::size_t scheme = text.find("://");
    const std::size_t authority = scheme == std::string_view::npos ? 0 : scheme + 3;
    rest = text.substr(std::min(text.find_first_of("/?#", authority), text.size()));
  }
  rest = rest.substr(0, rest.find('#'));
  std::string out;
  if (!rest.starts_with('/')) out += '/';
  for (const char c : rest) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7f) {
      out += c;
    } else {
      char escaped[4];
      std::snprintf(escaped, sizeof escaped, "%%%02X", byte);
      out += escaped;
    }
  }
  return out;
}

result<void> add_url(plan& p, std::string_view text) {
  auto parsed = url::parse(text);
  if (!parsed) return parsed.error();
  const url& u = *parsed;
  if (u.scheme() != "http" && u.scheme() != "https")
    return error{errc::invalid, "target " + u.masked() + ": the scheme must be http or https"};
  const bool host = std::all_of(u.host().begin(), u.host().end(), [](char c) { return is_token_byte(c) || c == ':'; });
  if (u.host().empty() || !host) return error{errc::invalid, "target " + u.masked() + " has no host that can be asked"};
  if (!u.user().empty() || !u.password().empty())
    return error{errc::invalid, "target " + u.masked() + ": give credentials by --header, not in the URL"};
  const bool tls = u.scheme() == "https";
  const std::uint16_t usual = tls ? 443 : 80;
  const std::uint16_t port = u.port().value_or(usual);
  auto known = std::find_if(p.origins.begin(), p.origins.end(), [&](const origin& o) {
    return o.tls == tls && o.port == port && equal_ignoring_case(o.host, u.host());
  });
  if (known == p.origins.end()) {
    origin o;
    o.host = u.host();
    o.port = port;
    o.tls = tls;
    o.authority = o.host.find(':') == std::string::npos ? o.host : "[" + o.host + "]";
    if (port != usual) o.authority += ":" + std::to_string(port);
    known = p.origins.insert(p.origins.end(), std::move(o));
  }
  known->targets.push_back(request_target(text));
  p.urls.push_back(u.masked());
  return {};
}

result<std::pair<std::string, std::string>> parse_header(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  // The value may be a secret: the message names the header only.
  if (colon == std::string_view::npos) return error{errc::invalid, "a --header has no colon"};
  if (name.empty() || !std::all_of(name.begin(), name.end(), is_token_byte))
    return error{errc::invalid, "a --header's name is not a token (RFC 9110)"};
  const std::string_view value = trim(text.substr(colon + 1));
  const bool printable = std::all_of(value.begin(), value.end(), [](char c) {
    return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  });
  if (!printable) return error{errc::invalid, "--header " + std::string(name) + ": a control character in the value"};
  if (equal_ignoring_case(name, "transfer-encoding") || equal_ignoring_case(name, "content-length"))
    return error{errc::invalid, "--header " + std::string(name) + ": the framing is the generator's"};
  return std::pair{std::string(name), std::string(value)};
}

void draw_areas(plan& p) {
  const area_settings& areas = *p.areas;
  runtime::random r(p.seed);  // the same areas for every server
  p.hot_spots.clear();
  p.hot_spots.reserve(areas.count);
  for (std::uint64_t i = 0; i < areas.count; ++i) {
    const double away = areas.spread_km * std::sqrt(r.uniform());  // even over the disc
    const double bearing = 2 * std::numbers::pi * r.uniform();
    const double lat = std::clamp(areas.center_lat + away * std::cos(bearing) / km_a_degree, -90.0, 90.0);
    const double narrowing = std::max(0.01, std::cos(lat * std::numbers::pi / 180));
    const double lon = areas.center_lon + away * std::sin(bearing) / (km_a_degree * narrowing);
    p.hot_spots.emplace_back(lat, std::remainder(lon, 360.0));
  }
  for (origin& o : p.origins) {
    const std::string base = base_of(o);
    o.targets.clear();
    if (p.keys.hot_spot) {
      o.targets.push_back(base + "/events?bbox=" + std::string(key_mark));
      continue;
    }
    for (const auto& [lat, lon] : p.hot_spots) {
      char text[96];
      std::snprintf(text, sizeof text, "/events?lat=%.5f&lon=%.5f&radius=%g", lat, lon, areas.radius_km);
      o.targets.push_back(base + text);
    }
  }
}

void make_requests(plan& p) {
  const bool keyed = p.keyed || (p.areas && p.keys.hot_spot);
  for (origin& o : p.origins) {
    o.requests.clear();
    o.templates.clear();
    o.requests.reserve(o.targets.size());
    for (const std::string& t : o.targets) {
      const auto form = make_template(p, o, p.method, t);
      form.fill(keyed ? "0" : key_mark, o.requests.emplace_back());
      if (keyed) o.templates.push_back(form);
    }
  }
}

void make_replay(plan& p, const std::vector<std::pair<std::string, std::string>>& logged) {
  for (origin& o : p.origins) {
    const std::string base = base_of(o);
    o.targets.clear();
    o.requests.clear();
    o.requests.reserve(logged.size());
    for (const auto& [method, target] : logged)
      make_template(p, o, method, base + request_target(target)).fill(key_mark, o.requests.emplace_back());
  }
}

}  // namespace distsys::roles::loadgen
