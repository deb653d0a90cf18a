#include "site_visitor.hpp"

#include "schedule.hpp"

#include "distsys/foundation/text.hpp"
#include "distsys/foundation/url.hpp"

#include <algorithm>

namespace distsys::roles::scraper {
namespace {

constexpr std::size_t max_robots = 1u << 20;
constexpr auto keep_rules = std::chrono::hours(24);  // RFC 9309, 2.4

std::chrono::milliseconds left(runtime::deadline until) {
  const auto now = runtime::steady_now();
  // Up: who waits so long comes after it.
  return until <= now ? std::chrono::milliseconds(0) : std::chrono::ceil<std::chrono::milliseconds>(until - now);
}

}  // namespace

result<site_url> site_url::parse(std::string_view text) {
  const auto parsed = url::parse(text);
  if (!parsed) return parsed.error();
  if ((parsed->scheme() != "http" && parsed->scheme() != "https") || parsed->host().empty()) {
    return error{errc::invalid, parsed->masked() + ": an http or https URL with a host is needed"};
  }
  site_url out;
  out.host = lower(parsed->host());
  const bool v6 = out.host.find(':') != std::string::npos;
  const unsigned standard = parsed->scheme() == "https" ? 443 : 80;
  out.origin = parsed->scheme() + "://" + (v6 ? "[" + out.host + "]" : out.host) + ":" +
               std::to_string(parsed->port().value_or(static_cast<std::uint16_t>(standard)));
  const std::string_view rest = text.substr(text.find("://") + 3);
  const auto slash = rest.find_first_of("/?#");
  if (slash != std::string_view::npos) out.target = rest.substr(slash, rest.find('#') - slash);
  if (!out.target.starts_with('/')) out.target.insert(0, "/");
  return out;
}

site_visitor::site_visitor(std::shared_ptr<ports::http_client> client, visit_options options)
    : client_(std::move(client)), options_(std::move(options)) {}

site_visitor::host_state& site_visitor::host_of(const site_url& u) {
  auto& host = hosts_[u.origin];
  if (!host) {
    auto& alone_until = alone_until_.try_emplace(u.host, runtime::deadline::min()).first->second;
    host = std::make_unique<host_state>(options_.in_flight, alone_until);
  }
  return *host;
}

awaitable<result<ports::incoming_response>> site_visitor::send(
    std::string url, std::size_t max_body, std::vector<std::pair<std::string, std::string>> headers) {
  ports::outgoing_request request;
  request.url = std::move(url);
  request.headers = std::move(headers);
  request.headers.emplace_back("User-Agent", options_.user_agent);
  request.max_body = max_body;
  request.allow_private_addresses = options_.allow_private_addresses;
  request.proxy = options_.proxy;
  const auto context = ports::call_context::within(options_.timeout);
  co_return co_await client_->send(context, std::move(request));
}

void site_visitor::heed_retry_after(const ports::incoming_response& said, host_state& host) {
  if (said.status != 429 && said.status < 500) return;
  const auto header = said.header("retry-after");
  const auto patience = header ? parse_retry_after(*header, runtime::now()) : std::nullopt;
  if (patience) host.alone_until = std::max(host.alone_until, runtime::steady_now() + *patience);
}

std::chrono::milliseconds site_visitor::patience(std::string_view url) const {
  const auto site = site_url::parse(url);
  const auto until = site ? alone_until_.find(site->host) : alone_until_.end();
  return until == alone_until_.end() ? std::chrono::milliseconds(0) : left(until->second);
}

result<void> site_visitor::may_ask(const site_url& u, const host_state& host) {
  const auto alone = left(host.alone_until);
  if (alone.count() == 0) return {};
  return error{errc::unavailable, u.host + " asked to be left alone for " +
                                      std::to_string((alone.count() + 999) / 1000) + " s more (Retry-After)"};
}

awaitable<result<void>> site_visitor::refresh_rules(const site_url& u, host_state& host) {
  if (!options_.heed_robots || runtime::steady_now() < host.rules_until) co_return result<void>{};
  const auto alone = co_await host.one_robots.enter();
  if (!alone) co_return error{errc::cancelled};
  if (runtime::steady_now() < host.rules_until) co_return result<void>{};
  if (auto ok = may_ask(u, host); !ok) co_return ok.error();
  const auto said = co_await send(u.origin + "/robots.txt", max_robots, {});
  if (!said && said.error() == errc::too_large) {
    co_return error{errc::permission_denied, u.origin + "/robots.txt is too long to be understood"};
  }
  if (!said) co_return error{said.error().code, "robots.txt: " + said.error().detail};
  heed_retry_after(*said, host);
  // RFC 9309, 2.3.1: no such file forbids nothing; a server that fails forbids everything.
  if (said->status >= 200 && said->status < 300) {
    host.rules = robots::parse(said->body, "distsys");
  } else if (said->status >= 400 && said->status < 500 && said->status != 429) {
    host.rules = robots::allow_all();
  } else {
    co_return error{errc::unavailable, u.origin + "/robots.txt: status " + std::to_string(said->status)};
  }
  host.rules_until = runtime::steady_now() + keep_rules;
  co_return result<void>{};
}

awaitable<result<ports::incoming_response>> site_visitor::get(std::string url,
                                                              std::vector<std::pair<std::string, std::string>> headers,
                                                              gate::pass& held) {
  const auto site = site_url::parse(url);
  if (!site) co_return site.error();
  auto& host = host_of(*site);
  held = co_await host.places.enter();
  if (!held) co_return error{errc::cancelled};
  if (auto ok = co_await refresh_rules(*site, host); !ok) co_return ok.error();
  // The last thing before it: while this waited, another question may have been told so.
  if (auto ok = may_ask(*site, host); !ok) co_return ok.error();
  if (options_.heed_robots && !host.rules.allows(site->target)) {
    co_return error{errc::permission_denied, site->origin + "/robots.txt forbids " +
                                                 site->target.substr(0, site->target.find('?')) +
                                                 " to robots (--scraper.robots=false to fetch it all the same)"};
  }
  auto said = co_await send(std::move(url), options_.max_body, std::move(headers));
  if (said) heed_retry_after(*said, host);
  co_return said;
}

}  // namespace distsys::roles::scraper
