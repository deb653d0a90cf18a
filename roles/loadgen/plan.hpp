// What a run is to do: the options, checked and made into bytes to send.
#pragma once

#include "distsys/app/role.hpp"
#include "distsys/foundation/error.hpp"
#include "distsys/runtime/keys.hpp"
#include "distsys/runtime/random.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace distsys::roles::loadgen {

/// A server, and what it is asked. A connection serves one origin.
struct origin {
  std::string host;  // without brackets
  std::uint16_t port = 0;
  bool tls = false;
  std::string authority;                           // the Host header
  std::vector<asio::ip::tcp::endpoint> endpoints;  // filled when the run starts
  std::vector<std::string> targets;                // "/events?lat=1", encoded
  std::vector<std::string> requests;               // one a target, ready to send
};

/// The areas that the scenario `events` asks for.
struct area_settings {
  runtime::key_distribution keys = runtime::key_distribution::zipf;
  double zipf_exponent = 1.3;
  std::uint64_t count = 1000;
  double radius_km = 2;
  double center_lat = 0, center_lon = 0;
  double spread_km = 15;
};

struct plan {
  std::vector<origin> origins;
  std::vector<std::string> urls;  // masked, for the report
  std::string method = "GET";
  std::vector<std::pair<std::string, std::string>> headers;  // may hold secrets
  std::string body;
  std::optional<area_settings> areas;  // set: the scenario `events`

  unsigned connections = 10;
  std::optional<std::uint64_t> requests;
  std::optional<std::chrono::nanoseconds> duration;
  double rate = 0;  // requests a second; 0: closed loop
  bool poisson = false;
  std::chrono::nanoseconds timeout{};
  bool verify_certificate = true;
  bool keep_alive = true;
  bool json = false;
  bool quiet = false;
  std::uint64_t seed = 0;

  bool to_head() const { return method == "HEAD"; }
};

/// errc::invalid lists what is wrong with the settings or a file that they name.
result<plan> make_plan(const app::role_context& settings);

/// Adds a URL to the origin that it belongs to; errc::invalid for one that cannot be asked.
result<void> add_url(plan& p, std::string_view text);
/// "Name: value".
result<std::pair<std::string, std::string>> parse_header(std::string_view text);
/// "LATITUDE,LONGITUDE".
result<std::pair<double, double>> parse_center(std::string_view text);
/// Replaces every origin's targets by `count` areas around the centre, the same for the same seed.
void draw_areas(plan& p, const area_settings& areas);
/// Makes every origin's requests from its targets.
void make_requests(plan& p);

}  // namespace distsys::roles::loadgen
