#include "options.hpp"

#include "distsys/foundation/text.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace distsys::adapters::redis {
namespace {

constexpr std::uint16_t server_port = 6379, sentinel_port = 26379;

error invalid(std::string what) { return {errc::invalid, "redis: " + std::move(what)}; }

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

template <class T>
result<void> read_number(const url& address, std::string_view name, T& out, std::int64_t low, std::int64_t high) {
  const auto text = address.parameter(name);
  if (!text) return {};
  const auto value = parse_integer(*text);
  if (!value || *value < low || *value > high)
    return invalid(std::string(name) + ": a number from " + std::to_string(low) + " to " + std::to_string(high));
  out = static_cast<T>(*value);
  return {};
}

result<void> read_duration(const url& address, std::string_view name, std::chrono::milliseconds& out) {
  const auto text = address.parameter(name);
  if (!text) return {};
  const auto value = parse_duration(*text);
  if (!value || *value < std::chrono::milliseconds(10) || *value > std::chrono::hours(1))
    return invalid(std::string(name) + ": a duration from 10ms to 1h");
  out = std::chrono::ceil<std::chrono::milliseconds>(*value);
  return {};
}

result<void> read_numbers(const url& address, options& o) {
  if (auto ok = read_number(address, "db", o.database, 0, 1'000'000); !ok) return ok;
  if (auto ok = read_number(address, "connections", o.connections, 1, 64); !ok) return ok;
  if (auto ok = read_duration(address, "connect_timeout", o.connect_timeout); !ok) return ok;
  return read_duration(address, "timeout", o.timeout);
}

// The path is the database number ("/2"), or, where no host is named, the path of a socket.
result<void> read_path(const url& address, options& o) {
  const std::string_view path = address.path();
  if (path.empty() || path == "/") return {};
  if (is_number(path.substr(1)) && path.front() == '/') {
    const auto number = parse_integer(path.substr(1));
    if (!number || *number > 1'000'000) return invalid("a database number of at most 1000000");
    if (address.parameter("db")) return invalid("the database is named twice, in the path and by db=");
    o.database = static_cast<std::uint32_t>(*number);
    return {};
  }
  if (!o.servers.empty())
    return invalid("the path is a database number (redis://host:6379/0), or a socket where no host is named");
  if (o.tls) return invalid("TLS over a Unix socket");
  if (path.front() != '/' || path.size() > 100) return invalid("the path of a socket is absolute, at most 100 bytes");
  o.socket = path;
  return {};
}

result<void> read_tls(const url& address, options& o) {
  o.tls = address.scheme() == "rediss";
  const auto ca = address.parameter("ca"), verify = address.parameter("verify");
  if (!o.tls && (ca || verify)) return invalid("ca= and verify= are for rediss:");
  if (ca) o.ca = *ca;
  if (!verify || *verify == "full") return {};
  if (*verify != "none") return invalid("verify=full or verify=none");
  o.verify = false;
  return {};
}

result<void> read_sentinel(const url& address, options& o) {
  const auto name = address.parameter("sentinel");
  o.sentinel = name.value_or("");
  o.sentinel_user = address.parameter("sentinel_user").value_or("");
  o.sentinel_password = address.parameter("sentinel_password").value_or("");
  if (name && name->empty()) return invalid("sentinel= needs the name of the master");
  if (!name && !(o.sentinel_user.empty() && o.sentinel_password.empty()))
    return invalid("sentinel_user= and sentinel_password= need sentinel=NAME");
  if (name && o.servers.empty()) return invalid("sentinel= needs the sentinels' hosts");
  if (!name && o.servers.size() > 1) return invalid("several hosts are sentinels: name their master by sentinel=NAME");
  return {};
}

}  // namespace

std::string format(const server_address& a) {
  const bool v6 = a.host.find(':') != std::string::npos;
  return (v6 ? "[" + a.host + "]" : a.host) + ":" + std::to_string(a.port);
}

result<options> options::parse(const url& address) {
  static constexpr std::array<std::string_view, 9> known{
      "db",     "connections", "connect_timeout", "timeout",          "ca",
      "verify", "sentinel",    "sentinel_user",   "sentinel_password"};
  if (auto ok = address.check_parameters(known); !ok) return ok.error();
  options o;
  const std::uint16_t default_port = address.parameter("sentinel") ? sentinel_port : server_port;
  for (const url_host& h : address.hosts()) {
    if (h.name.empty()) return invalid("a port without a host");
    o.servers.push_back({h.name, h.port.value_or(default_port)});
  }
  o.user = address.user();
  o.password = address.password();
  if (!o.user.empty() && o.password.empty()) return invalid("a user without a password");
  if (auto ok = read_tls(address, o); !ok) return ok.error();
  if (auto ok = read_sentinel(address, o); !ok) return ok.error();
  if (auto ok = read_path(address, o); !ok) return ok.error();
  if (auto ok = read_numbers(address, o); !ok) return ok.error();
  if (o.servers.empty() && o.socket.empty()) o.servers.push_back({"127.0.0.1", server_port});
  return o;
}

std::string options::describe() const {
  if (!socket.empty()) return socket;
  std::string list;
  for (const auto& s : servers) list.append(list.empty() ? "" : ",").append(format(s));
  return sentinel.empty() ? list : sentinel + " of " + list;
}

}  // namespace distsys::adapters::redis
