#include "plan.hpp"

#include "distsys/foundation/text.hpp"
#include "plan_load.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <tuple>

namespace distsys::roles::loadgen {
namespace {

constexpr std::size_t largest_body = 64u << 20, largest_key_file = 256u << 20, most_keys = 20'000'000;

constexpr std::array<std::pair<std::string_view, runtime::key_distribution>, 4> distributions{
    {{"zipf", runtime::key_distribution::zipf},
     {"normal", runtime::key_distribution::normal},
     {"uniform", runtime::key_distribution::uniform},
     {"exponential", runtime::key_distribution::exponential}}};

result<void> add_url_file(plan& p, const std::string& path) {
  auto text = read_file(path, largest_body);
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
    auto bytes = read_file(s.text("body"), largest_body);
    if (!bytes) return bytes.error();
    p.body = std::move(*bytes);
  }
  p.method = s.given("method") ? s.text("method") : p.body.empty() ? "GET" : "POST";
  const bool token = std::all_of(p.method.begin(), p.method.end(),
                                 [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-'; });
  if (p.method.empty() || !token || p.method == "CONNECT")
    return error{errc::invalid, "--method: '" + p.method + "' is not a method that can be sent"};
  const auto marked = [](std::string_view text) { return text.find(key_mark) != std::string_view::npos; };
  p.keyed = marked(p.body);
  for (const origin& o : p.origins) p.keyed |= std::any_of(o.targets.begin(), o.targets.end(), marked);
  return {};
}

// What stands in a URL is written so that it can: a key with a space in it would break the request line.
std::string key_of(std::string_view line, bool in_target) {
  if (!in_target) return std::string(line);
  std::string escaped = request_target("/" + std::string(line));
  return escaped.substr(1);
}

result<void> read_key_file(plan& p, const std::string& path) {
  const auto text = read_file(path, largest_key_file);
  if (!text) return text.error();
  auto keys = std::make_shared<std::vector<std::string>>();
  const bool in_target = p.body.find(key_mark) == std::string::npos;
  for (const std::string_view raw : split(*text, '\n')) {
    const std::string_view line = trim(raw);
    if (!line.empty()) keys->push_back(key_of(line, in_target));
    if (keys->size() > most_keys) return error{errc::too_large, path + " is over 20,000,000 keys"};
  }
  if (keys->empty()) return error{errc::invalid, path + " has no key in it"};
  p.keys.file = std::move(keys);
  return {};
}

result<void> read_keys(plan& p, const app::role_context& s) {
  const std::string how = p.keys.name = s.text("keys");
  p.keys.exponent = s.real("zipf-exponent");
  p.keys.count = static_cast<std::uint64_t>(s.integer("key-count"));
  const bool events = s.text("scenario") == "events";
  if (how.starts_with("file:")) {
    if (events) return error{errc::invalid, "--keys=file:PATH is for {key} in a URL, not for --scenario=events"};
    return read_key_file(p, how.substr(5));
  }
  p.keys.hot_spot = how == "hotspot";
  if (p.keys.hot_spot) {
    p.keys.how = runtime::key_distribution::zipf;  // which hot spot is how popular
    return {};
  }
  for (const auto& [name, distribution] : distributions) {
    if (name == how) p.keys.how = distribution;
  }
  return {};
}

result<void> read_areas(plan& p, const app::role_context& s) {
  if (s.text("scenario") != "events") return {};
  if (p.keyed) return error{errc::invalid, "--scenario=events makes its own URLs: {key} has no place in them"};
  area_settings a;
  a.count = static_cast<std::uint64_t>(s.integer("areas"));
  a.radius_km = s.real("area-radius");
  a.spread_km = s.real("spread");
  const auto center = parse_center(s.text("center"));
  if (!center) return center.error();
  std::tie(a.center_lat, a.center_lon) = *center;
  p.areas = a;
  p.keys.count = a.count;
  draw_areas(p);
  return {};
}

}  // namespace

std::string wrong_with_keys(std::string_view text) {
  if (text.starts_with("file:")) return app::readable_file(text.substr(5));
  const bool known = text == "hotspot" || std::any_of(distributions.begin(), distributions.end(),
                                                      [&](const auto& d) { return d.first == text; });
  return known ? "" : "keys are zipf, normal, uniform, exponential, hotspot or file:PATH";
}

result<std::string> read_file(const std::string& path, std::size_t largest) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return error{errc::invalid, "cannot read the file " + path};
  std::string text;
  std::vector<char> part(1u << 20);
  while (in.read(part.data(), static_cast<std::streamsize>(part.size())) || in.gcount() > 0) {
    text.append(part.data(), static_cast<std::size_t>(in.gcount()));
    if (text.size() > largest)
      return error{errc::too_large, "the file " + path + " is over " + std::to_string(largest >> 20) + " MiB"};
  }
  if (in.bad()) return error{errc::invalid, "cannot read the file " + path};
  return text;
}

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
  for (auto* read : {&read_targets, &read_request, &read_keys, &read_areas}) {
    if (auto done = read(p, settings); !done) return done.error();
  }
  if (auto done = read_load(p, settings); !done) return done.error();
  return p;
}

}  // namespace distsys::roles::loadgen
