// How we visit other people's servers: a few requests at a time, with a name, and not where robots.txt says no.
#pragma once

#include "gate.hpp"
#include "robots.hpp"

#include "distsys/ports/http_client.hpp"
#include "distsys/runtime/clock.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace distsys::roles::scraper {

struct visit_options {
  std::string user_agent;  // "distsys/0.1.0 (+https://example.org/bot)"
  std::chrono::milliseconds timeout{30'000};
  unsigned in_flight = 2;  // a host
  std::size_t max_body = 32u << 20;
  bool heed_robots = true;
  bool allow_private_addresses = false;
  std::string proxy;
};

/// "https://host:port" and the path with its query, of an http or https URL as users write it.
struct site_url {
  std::string origin, host, target;
  static result<site_url> parse(std::string_view text);
};

/// Used on one loop.
class site_visitor {
 public:
  site_visitor(std::shared_ptr<ports::http_client> client, visit_options options);

  /// Takes one of the host's places into `held`, for as long as the caller deals with the answer. Errors as of the
  /// http_client port; permission_denied where robots.txt forbids it; cancelled.
  awaitable<result<ports::incoming_response>> get(std::string url,
                                                  std::vector<std::pair<std::string, std::string>> headers,
                                                  gate::pass& held);

  /// How long the URL's host wants to be left alone (Retry-After of an answer 429 or 5xx): until then get() asks
  /// nothing of it, and answers errc::unavailable. At most a day.
  std::chrono::milliseconds patience(std::string_view url) const;

 private:
  struct host_state {
    host_state(unsigned places, runtime::deadline& alone_until) : places(places), alone_until(alone_until) {}
    gate places;
    gate one_robots{1};  // the file is fetched once, whoever waits for it
    robots rules;
    runtime::deadline rules_until = runtime::deadline::min();
    runtime::deadline& alone_until;
  };
  host_state& host_of(const site_url& u);
  static result<void> may_ask(const site_url& u, const host_state& host);
  static void heed_retry_after(const ports::incoming_response& said, host_state& host);
  awaitable<result<void>> refresh_rules(const site_url& u, host_state& host);
  awaitable<result<ports::incoming_response>> send(std::string url, std::size_t max_body,
                                                   std::vector<std::pair<std::string, std::string>> headers);

  std::shared_ptr<ports::http_client> client_;
  const visit_options options_;
  std::map<std::string, runtime::deadline> alone_until_;      // by host, whatever the port
  std::map<std::string, std::unique_ptr<host_state>> hosts_;  // by origin: as many as the user configured
};

}  // namespace distsys::roles::scraper
