#include "src/app/context.hpp"

#include "distsys/foundation/log.hpp"

#include <algorithm>
#include <stdexcept>

namespace distsys::app {
namespace {

constexpr auto migration_limit = std::chrono::minutes(10);

constexpr auto retry_period = std::chrono::seconds(1);

bool may_pass(errc code) noexcept {
  return code == errc::unavailable || code == errc::timeout || code == errc::overloaded || code == errc::indeterminate;
}

[[noreturn]] void misused(std::string_view option, const char* why) {
  throw std::logic_error("option '" + std::string(option) + "' " + why);
}

}  // namespace

std::shared_ptr<const settings> live_settings::get() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

std::vector<std::string> live_settings::reload(const settings& newer) {
  const std::lock_guard lock(mutex_);
  settings changed = *current_;
  auto kept = changed.reload(newer);
  current_ = std::make_shared<const settings>(std::move(changed));
  return kept;
}

setting context::find(std::string_view option, std::initializer_list<kind> kinds) const {
  const auto own = own_.get();
  const auto* s = own->find(option);
  if (s == nullptr) {
    const auto process = process_.get();
    const auto* shared = process->find(option);
    if (shared == nullptr) misused(option, "is not declared");
    if (kinds.size() != 0 && std::find(kinds.begin(), kinds.end(), shared->declared->type) == kinds.end())
      misused(option, "is of another type");
    return *shared;
  }
  if (kinds.size() != 0 && std::find(kinds.begin(), kinds.end(), s->declared->type) == kinds.end())
    misused(option, "is of another type");
  return *s;
}

template <class T>
T context::single(std::string_view option, std::initializer_list<kind> kinds) const {
  const auto s = find(option, kinds);
  if (s.declared->repeatable) misused(option, "is a list");
  return s.values.empty() ? T{} : std::get<T>(s.values.front());
}

bool context::given(std::string_view option) const { return find(option, {}).given(); }
bool context::flag(std::string_view option) const { return single<bool>(option, {kind::flag}); }
std::int64_t context::integer(std::string_view option) const { return single<std::int64_t>(option, {kind::integer}); }
double context::real(std::string_view option) const { return single<double>(option, {kind::real}); }
std::uint64_t context::size(std::string_view option) const { return single<std::uint64_t>(option, {kind::size}); }

std::chrono::microseconds context::duration(std::string_view option) const {
  return single<std::chrono::microseconds>(option, {kind::duration});
}

std::string context::text(std::string_view option) const {
  return single<std::string>(option, {kind::text, kind::path});
}

std::vector<std::string> context::texts(std::string_view option) const {
  const auto s = find(option, {kind::text, kind::path});
  std::vector<std::string> out;
  for (const auto& v : s.values) out.push_back(std::get<std::string>(v));
  return out;
}

app::endpoint context::endpoint(std::string_view option) const {
  auto e = single<app::endpoint>(option, {kind::endpoint});
  if (e.host.empty()) e.host = text("host");
  return e;
}

std::optional<url> context::address(std::string_view option) const {
  const auto s = find(option, {kind::url});
  if (s.declared->repeatable) misused(option, "is a list");
  if (s.values.empty()) return std::nullopt;
  return std::get<url>(s.values.front());
}

std::vector<url> context::addresses(std::string_view option) const {
  std::vector<url> out;
  for (const auto& v : find(option, {kind::url}).values) out.push_back(std::get<url>(v));
  return out;
}

result<backends::object> context::open(std::string_view option, kind port) {
  const auto s = find(option, {port});
  const std::string user = std::string(role()) + "." + std::string(option);
  if (s.values.empty()) return error{errc::invalid, user + ": no address is given"};
  auto address = std::get<url>(s.values.front());
  if (const auto* password = own_.get()->find(std::string(option) + "-password");
      password != nullptr && password->given() && address.has_authority())
    address = address.with_credentials(address.user(), std::get<std::string>(password->values.front()));
  return shared_.backends.open(port, address, user, !s.declared->optional);
}

template <class Port>
std::shared_ptr<Port> context::opened(std::string_view option, kind port) {
  auto o = open(option, port);
  if (!o) throw failure(o.error());
  return std::get<std::shared_ptr<Port>>(*std::move(o));
}

std::shared_ptr<ports::database> context::database(std::string_view option) {
  return opened<ports::database>(option, kind::url_database);
}

std::shared_ptr<ports::kv_store> context::kv_store(std::string_view option) {
  return opened<ports::kv_store>(option, kind::url_kv_store);
}

std::shared_ptr<ports::http_client> context::http_client(std::string_view option) {
  return opened<ports::http_client>(option, kind::url_http_client);
}

std::vector<error> context::open_all() {
  std::vector<error> failed;
  for (const auto& s : own_.get()->all()) {
    if (!is_backend(s.declared->type) || s.values.empty()) continue;
    if (auto o = open(s.declared->name, s.declared->type); !o) failed.push_back(o.error());
  }
  return failed;
}

net::http_server_options context::http_server(std::string_view listen_option) const {
  const auto where = endpoint(listen_option);
  const auto ms = [&](std::string_view name) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration(name));
  };
  net::http_server_options o;
  o.role = std::string(role());
  o.host = where.host;
  o.port = where.port;
  o.tls = {text("tls-certificate"), text("tls-key")};
  o.limits.max_header_bytes = size("http-max-header");
  o.limits.max_target_bytes = size("http-max-target");
  o.limits.header_deadline = ms("http-header-deadline");
  o.limits.body_deadline = ms("http-body-deadline");
  o.limits.write_deadline = ms("http-write-deadline");
  o.limits.idle_timeout = ms("http-idle-timeout");
  o.limits.max_connections = static_cast<std::size_t>(integer("http-max-connections"));
  o.limits.max_in_flight = static_cast<std::size_t>(integer("http-max-in-flight"));
  o.limits.max_in_flight_bytes = size("http-max-in-flight-bytes");
  o.trusted_proxies = texts("trusted-proxies");
  o.cors_origins = texts("cors-origin");
  o.rate_limit = real("rate-limit");
  o.rate_burst = real("rate-burst");
  o.access_log = flag("access-log");
  return o;
}

awaitable<result<void>> context::migrate(ports::database& db, std::span<const ports::migration> migrations) {
  const bool apply = text("migrate") == "auto";
  for (bool told = false;; told = true) {
    const auto limit = ports::call_context::within(migration_limit);
    const auto outcome =
        apply ? co_await db.migrate(limit, migrations) : co_await db.check_migrations(limit, migrations);
    if (outcome || !patient_ || !may_pass(outcome.error().code)) co_return outcome;
    if (!told) log::warn("waiting for a database", {{"role", role()}, {"detail", outcome.error().what()}});
    if (!co_await runtime::sleep_for(retry_period)) co_return error{errc::cancelled};
  }
}

void context::add_operations_page(std::string name, net::handler handle) {
  shared_.pages.emplace_back(std::move(name), std::move(handle));
}

void context::add_readiness(std::string name, std::function<std::string()> check) {
  shared_.checks.push_back({std::string(role()) + "." + std::move(name), std::move(check)});
}

}  // namespace distsys::app
