// What a run is to do: the options, checked and made into bytes to send.
#pragma once

#include "arrivals.hpp"
#include "condition.hpp"
#include "delay.hpp"
#include "distsys/app/role.hpp"
#include "distsys/foundation/error.hpp"
#include "distsys/runtime/keys.hpp"
#include "distsys/runtime/random.hpp"
#include "request_template.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
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
  std::vector<std::string> targets;                // "/events?lat=1", encoded; {key} stands in some
  std::vector<std::string> requests;               // one a target, ready to send
  std::vector<request_template> templates;         // one a target, when a key is to be filled in
};

/// How keys are drawn, for areas and for {key}.
struct key_settings {
  runtime::key_distribution how = runtime::key_distribution::zipf;
  bool hot_spot = false;  // moving, instead of a distribution
  double exponent = 1.3;
  std::uint64_t count = 1000;
  std::shared_ptr<const std::vector<std::string>> file;  // instead of drawing: these in turn
  std::string name = "zipf";
};

/// The areas that the scenario `events` asks for.
struct area_settings {
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
  std::optional<area_settings> areas;                // set: the scenario `events`
  std::vector<std::pair<double, double>> hot_spots;  // latitude, longitude: the centres of the areas
  key_settings keys;
  bool keyed = false;                                          // {key} stands in a URL or the body
  std::shared_ptr<const std::vector<std::uint32_t>> replayed;  // of a log: which request each arrival is

  unsigned connections = 10;
  std::optional<std::uint64_t> requests;
  std::optional<std::chrono::nanoseconds> duration;
  std::chrono::nanoseconds warm_up{};
  arrival_plan arrivals;             // empty: closed loop
  std::optional<delay> think;        // closed loop: between an answer and the next request
  std::uint64_t session_length = 0;  // requests a session; 0: a session is the whole run
  std::optional<std::chrono::nanoseconds> expected_interval;
  std::chrono::nanoseconds spin{};  // the end of each wait that is not slept
  std::chrono::nanoseconds timeout{};
  bool verify_certificate = true;
  bool keep_alive = true;
  std::uint64_t seed = 0;

  std::optional<condition> find_max;
  std::chrono::nanoseconds find_max_time{};
  std::string find_max_process = "constant";
  double first_rate = 0;  // where the search begins
  std::vector<condition> fail_if;
  std::chrono::nanoseconds max_send_lag = std::chrono::milliseconds(1);  // over it, at p99, a run is invalid

  bool json = false;
  bool quiet = false;
  std::string hdr_file, report_file, save_file;  // empty: none
  std::vector<std::string> notes;                // what the user should know of the input

  bool open() const noexcept { return !arrivals.empty(); }
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
/// Path and query of a URL or a target as written; what may not stand in a request line is encoded.
std::string request_target(std::string_view text);
/// Replaces every origin's targets by areas around the centre, the same for the same seed: circles, or one target for
/// viewports.
void draw_areas(plan& p);
/// Makes every origin's requests from its targets.
void make_requests(plan& p);
/// Replaces every origin's requests by those of a log.
void make_replay(plan& p, const std::vector<std::pair<std::string, std::string>>& logged);

/// For the option's check: what is wrong with the name of a distribution; empty when nothing is.
std::string wrong_with_keys(std::string_view text);
/// Text of a file of at most `largest` bytes; errc::invalid and errc::too_large name it.
result<std::string> read_file(const std::string& path, std::size_t largest);

}  // namespace distsys::roles::loadgen
