#include "options.hpp"

#include "distsys/foundation/text.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace distsys::adapters::postgres {

namespace {

constexpr std::array<std::string_view, 11> of_libpq{"sslmode",          "sslrootcert",     "sslcert",
                                                    "sslkey",           "sslcrl",          "ssl_min_protocol_version",
                                                    "sslsni",           "channel_binding", "target_session_attrs",
                                                    "application_name", "options"};
constexpr std::array<std::string_view, 7> own{
    "host", "port", "readers", "writers", "queue", "connect_timeout", "transaction_limit"};

error refuse(std::string_view parameter, std::string_view value, std::string_view expected) {
  return {errc::invalid,
          "postgres: " + std::string(parameter) + "=" + std::string(value) + ": expected " + std::string(expected)};
}

result<void> read_count(const url& address, std::string_view name, std::int64_t high, std::size_t& out) {
  const auto text = address.parameter(name);
  if (!text) return {};
  const auto n = parse_integer(*text);
  if (!n || *n < 1 || *n > high) return refuse(name, *text, "a number from 1 to " + std::to_string(high));
  out = static_cast<std::size_t>(*n);
  return {};
}

result<void> read_duration(const url& address, std::string_view name, std::chrono::milliseconds& out) {
  const auto text = address.parameter(name);
  if (!text) return {};
  const auto d = parse_duration(*text);
  if (!d || *d < std::chrono::milliseconds(1) || *d > std::chrono::minutes(10))
    return refuse(name, *text, "a duration from 1ms to 10m");
  out = std::chrono::ceil<std::chrono::milliseconds>(*d);
  return {};
}

result<void> read_word(const url& address, std::string_view name, std::initializer_list<std::string_view> allowed) {
  const auto text = address.parameter(name);
  if (!text || std::ranges::find(allowed, *text) != allowed.end()) return {};
  std::string list;
  for (const auto word : allowed) list += (list.empty() ? "" : ", ") + std::string(word);
  return refuse(name, *text, "one of " + list);
}

/// Of the authority, or the folder of a Unix socket.
result<std::vector<endpoint>> read_hosts(const url& address) {
  const auto folder = address.parameter("host");
  if (folder && !address.hosts().empty()) return error{errc::invalid, "postgres: two hosts: of the URL, and host="};
  if (folder && !folder->starts_with('/')) return refuse("host", *folder, "the folder of a Unix socket");
  const std::string_view port = address.parameter("port").value_or("5432");
  if (const auto n = parse_integer(port); !n || *n < 1 || *n > 65535)
    return refuse("port", port, "a number from 1 to 65535");
  std::vector<endpoint> hosts;
  for (const url_host& h : address.hosts())
    hosts.push_back({h.name.empty() ? "localhost" : h.name, h.port ? std::to_string(*h.port) : std::string(port)});
  if (hosts.empty()) hosts.push_back({std::string(folder.value_or("localhost")), std::string(port)});
  return hosts;
}

/// Of several servers one can be written to. A replica may lag behind what was acknowledged: no call goes to one.
result<void> choose_primary(const url& address, options& o) {
  if (o.hosts.size() < 2) return {};
  const auto wanted = address.parameter("target_session_attrs");
  if (!wanted) o.passed.emplace_back("target_session_attrs", "read-write");
  if (wanted == "any")
    return refuse("target_session_attrs", *wanted, "read-write or primary where there are several hosts");
  return {};
}

std::string label_of(const options& o) {
  std::string text;
  for (const endpoint& e : o.hosts) text += (text.empty() ? "" : ",") + e.host + ":" + e.port;
  return text + "/" + o.database;
}

}  // namespace

result<options> parse_options(const url& address) {
  std::vector<std::string_view> known(own.begin(), own.end());
  known.insert(known.end(), of_libpq.begin(), of_libpq.end());
  if (auto ok = address.check_parameters(known); !ok) return ok.error();

  options o;
  auto hosts = read_hosts(address);
  if (!hosts) return hosts.error();
  o.hosts = *std::move(hosts);
  o.user = address.user();
  o.password = address.password();
  o.database = address.path().starts_with('/') ? address.path().substr(1) : address.path();
  if (o.database.empty()) o.database = o.user.empty() ? "postgres" : o.user;
  if (o.database.find('/') != std::string::npos)
    return error{errc::invalid, "postgres: the path names one database (postgres://host/geo)"};
  for (const auto name : of_libpq)
    if (const auto value = address.parameter(name)) o.passed.emplace_back(name, *value);
  o.label = label_of(o);
  for (const auto& read :
       {read_count(address, "readers", 64, o.readers), read_count(address, "writers", 64, o.writers),
        read_count(address, "queue", 1'000'000, o.queue), read_duration(address, "connect_timeout", o.connect_timeout),
        read_duration(address, "transaction_limit", o.transaction_limit),
        read_word(address, "sslmode", {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}),
        read_word(address, "target_session_attrs", {"any", "read-write", "primary"})})
    if (!read) return read.error();
  if (auto ok = choose_primary(address, o); !ok) return ok.error();
  return o;
}

}  // namespace distsys::adapters::postgres
