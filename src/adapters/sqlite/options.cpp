#include "options.hpp"

#include "distsys/foundation/text.hpp"

#include <array>
#include <string>
#include <string_view>

namespace distsys::adapters::sqlite {

namespace {

error refuse(std::string_view parameter, std::string_view value, std::string_view expected) {
  return {errc::invalid,
          "sqlite: " + std::string(parameter) + "=" + std::string(value) + ": expected " + std::string(expected)};
}

result<void> read_count(const url& address, std::string_view name, std::int64_t low, std::int64_t high, auto& out) {
  const auto text = address.parameter(name);
  if (!text) return {};
  const auto n = parse_integer(*text);
  if (!n || *n < low || *n > high)
    return refuse(name, *text, "a number from " + std::to_string(low) + " to " + std::to_string(high));
  out = static_cast<std::remove_reference_t<decltype(out)>>(*n);
  return {};
}

result<void> read_size(const url& address, std::string_view name, std::uint64_t low, std::uint64_t& out) {
  const auto text = address.parameter(name);
  if (!text) return {};
  const auto n = parse_size(*text);
  if (!n || *n < low) return refuse(name, *text, "a size of at least " + std::to_string(low) + " bytes, like 64MiB");
  out = *n;
  return {};
}

}  // namespace

result<options> parse_options(const url& address, const std::filesystem::path& data_dir) {
  static constexpr std::array<std::string_view, 7> known{"readers",  "cache",      "synchronous",      "queue",
                                                         "max_size", "checkpoint", "transaction_limit"};
  if (auto ok = address.check_parameters(known); !ok) return ok.error();
  if (!address.host().empty() || address.port())
    return error{errc::invalid, "sqlite: a file of this machine is expected (sqlite:geo.db, sqlite:/var/lib/geo.db)"};
  if (!address.path().empty() && address.path().back() == '/')
    return error{errc::invalid,
                 "sqlite: " + address.path() + " is a folder; a file's name is expected (sqlite:geo.db)"};
  if (address.path().find('\0') != std::string::npos) return error{errc::invalid, "sqlite: a NUL in the file's name"};

  options o;
  o.file = (data_dir / (address.path().empty() ? "distsys.db" : address.path())).lexically_normal();
  if (const auto text = address.parameter("synchronous")) {
    if (*text != "full" && *text != "normal") return refuse("synchronous", *text, "full or normal");
    o.full_sync = *text == "full";
  }
  if (const auto text = address.parameter("transaction_limit")) {
    const auto limit = parse_duration(*text);
    if (!limit || *limit < std::chrono::milliseconds(1) || *limit > std::chrono::minutes(10))
      return refuse("transaction_limit", *text, "a duration from 1ms to 10m");
    o.transaction_limit = std::chrono::ceil<std::chrono::milliseconds>(*limit);
  }
  for (const auto& read :
       {read_count(address, "readers", 1, 64, o.readers), read_count(address, "queue", 1, 1'000'000, o.queue),
        read_size(address, "max_size", 64u << 10, o.max_bytes), read_size(address, "cache", 1u << 20, o.cache_bytes),
        read_size(address, "checkpoint", 64u << 10, o.checkpoint_bytes)})
    if (!read) return read.error();
  return o;
}

}  // namespace distsys::adapters::sqlite
