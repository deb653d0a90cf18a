#include "plan.hpp"

#include "distsys/foundation/text.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <tuple>

namespace distsys::roles::loadgen {
namespace {

constexpr std::size_t largest_body = 64u << 20;

result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return error{errc::invalid, "cannot read the file " + path};
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (in.bad()) return error{errc::invalid, "cannot read the file " + path};
  if (text.size() > largest_body) return error{errc::too_large, "the file " + path + " is over 64 MiB"};
  return text;
}

result<void> add_url_file(plan& p, const std::string& path) {
  auto text = read_file(path);
  if (!text) return text.error();
  std::size_t number = 0;
  for (const std::string_view raw : split(*text, '\n')) {
    ++number;
    const std::string_view line = trim(raw);
    if (line.empty() || line.front() == '#') continue;
    if (auto added = add_url(p, line); !added)
      return error{errc::invalid, path + ":" + std::to_string(number) + ": " + added.error().detail};
  }
  return {};
}

result<void> read_targets(plan& p, const app::role_context& s) {
  for (const url& u : s.addresses("target")) {
    if (auto added = add_url(p, u.text()); !added) return added;
  }
  if (s.given("targets")) {
    if (auto added = add_url_file(p, s.text("targets")); !added) return added;
  }
  if (p.origins.empty()) return error{errc::invalid, "loadgen needs --target URL or --targets FILE"};
  return {};
}

result<void> read_request(plan& p, const app::role_context& s) {
  for (const std::string& text : s.texts("header")) {
    auto header = parse_header(text);
    if (!header) return header.error();
    p.headers.push_back(std::move(*header));
  }
  if (s.given("data") && s.given("body")) return error{errc::invalid, "--data and --body exclude each other"};
  if (s.given("data")) p.body = s.text("data");
  if (s.given("body")) {
    auto bytes = read_file(s.text("body"));
    if (!bytes) return bytes.error();
    p.body = std::move(*bytes);
  }
  p.method = s.given("method") ? s.text("method") : p.body.empty() ? "GET" : "POST";
  const bool token = std::all_of(p.method.begin(), p.method.end(),
                                 [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-'; });
  if (p.method.empty() || !token || p.method == "CONNECT")
    return error{errc::invalid, "--method: '" + p.method + "' is not a method that can be sent"};
  return {};
}

result<void> read_load(plan& p, const app::role_context& s) {
  p.connections = static_cast<unsigned>(s.integer("connections"));
  if (s.given("requests")) p.requests = static_cast<std::uint64_t>(s.integer("requests"));
  if (s.given("duration") || !p.requests) p.duration = s.duration("duration");
  if (p.duration && p.duration->count() <= 0) return error{errc::invalid, "--duration must be more than 0"};
  p.rate = s.real("rate");
  p.poisson = s.text("arrivals") == "poisson";
  if (p.poisson && p.rate <= 0) return error{errc::invalid, "--arrivals=poisson needs --rate"};
  p.timeout = s.duration("timeout");
  if (p.timeout.count() <= 0) return error{errc::invalid, "--timeout must be more than 0"};
  p.verify_certificate = !s.flag("insecure");
  p.keep_alive = !s.flag("no-keepalive");
  p.json = s.flag("json");
  p.quiet = s.flag("quiet");
  p.seed = static_cast<std::uint64_t>(s.integer("seed"));
  if (p.connections < p.origins.size())
    return error{errc::invalid,
                 "--connections is less than the number of servers (" + std::to_string(p.origins.size()) + ")"};
  return {};
}

result<area_settings> read_areas(const app::role_context& s) {
  area_settings a;
  const std::string keys = s.text("keys");
  a.keys = keys == "zipf"     ? runtime::key_distribution::zipf
           : keys == "normal" ? runtime::key_distribution::normal
                              : runtime::key_distribution::uniform;
  a.zipf_exponent = s.real("zipf-exponent");
  a.count = static_cast<std::uint64_t>(s.integer("areas"));
  a.radius_km = s.real("area-radius");
  a.spread_km = s.real("spread");
  const auto center = parse_center(s.text("center"));
  if (!center) return center.error();
  std::tie(a.center_lat, a.center_lon) = *center;
  return a;
}

}  // namespace

result<std::pair<double, double>> parse_center(std::string_view text) {
  const auto parts = split(text, ',');
  const auto lat = parts.size() == 2 ? parse_real(trim(parts[0])) : result<double>(errc::invalid);
  const auto lon = parts.size() == 2 ? parse_real(trim(parts[1])) : result<double>(errc::invalid);
  if (!lat || !lon || *lat < -90 || *lat > 90 || *lon < -180 || *lon > 180)
    return error{errc::invalid, "'" + std::string(text) + "' is not LATITUDE,LONGITUDE"};
  return std::pair{*lat, *lon};
}

result<plan> make_plan(const app::role_context& settings) {
  plan p;
  for (auto* read : {&read_targets, &read_request, &read_load}) {
    if (auto done = read(p, settings); !done) return done.error();
  }
  if (settings.text("scenario") == "events") {
    auto areas = read_areas(settings);
    if (!areas) return areas.error();
    p.areas = *areas;
    draw_areas(p, *areas);
  }
  make_requests(p);
  return p;
}

}  // namespace distsys::roles::loadgen
