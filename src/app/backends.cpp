#include "src/app/backends.hpp"

#include "src/app/value.hpp"

#include <algorithm>
#include <ranges>

namespace distsys::app {
namespace {

// The text of a URL does not hold credentials that came by another key.
std::string identity(kind port, const url& address) {
  return std::string(port_name(port)) + '\n' + address.text() + '\n' + address.user() + '\n' + address.password();
}

struct opener {
  const url& address;
  const ports::driver_environment& environment;

  template <class Port>
  result<backends::object> operator()(ports::open_function<Port> open) const {
    auto opened = open(address, environment);
    if (!opened) return opened.error();
    return backends::object{*std::move(opened)};
  }
};

}  // namespace

std::string_view port_name(kind port) noexcept {
  switch (port) {
    case kind::url_kv_store:
      return "kv_store";
    case kind::url_database:
      return "database";
    case kind::url_http_client:
      return "http_client";
    default:
      return "";
  }
}

backends::backends(std::span<const ports::driver> drivers, ports::driver_environment environment)
    : drivers_(drivers), environment_(std::move(environment)) {}

result<backends::object> backends::open(kind port, const url& address, std::string_view user, bool needed) {
  const std::lock_guard lock(mutex_);
  const auto key = identity(port, address);
  const auto known = std::find_if(entries_.begin(), entries_.end(), [&](const entry& e) { return e.key == key; });
  if (known != entries_.end()) {
    if (std::find(known->users.begin(), known->users.end(), user) == known->users.end())
      known->users.emplace_back(user);
    known->needed = known->needed || needed;
    return known->opened;
  }
  const auto driver = std::find_if(drivers_.begin(), drivers_.end(), [&](const ports::driver& d) {
    return d.scheme == address.scheme() && serves(d, port);
  });
  if (driver == drivers_.end())
    return error{errc::invalid, std::string(user) + ": no driver for '" + address.scheme() + ":'"};
  auto opened = std::visit(opener{address, environment_}, driver->open);
  if (!opened) return error{opened.error().code, std::string(user) + ": " + opened.error().detail};
  entries_.push_back({port, key, address.masked(), *opened, {std::string(user)}, needed});
  return opened;
}

std::vector<const backends::entry*> backends::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<const entry*> out;
  for (const auto& e : entries_) out.push_back(&e);
  return out;
}

awaitable<void> backends::close() {
  const auto opened = all();
  for (const auto* e : std::views::reverse(opened)) {
    if (const auto* kv = std::get_if<0>(&e->opened)) co_await (*kv)->close();
    if (const auto* db = std::get_if<1>(&e->opened)) co_await (*db)->close();
    if (const auto* http = std::get_if<2>(&e->opened)) co_await (*http)->close();
  }
}

ports::health_state health(const backends::entry& e) {
  if (const auto* kv = std::get_if<0>(&e.opened)) return (*kv)->health();
  if (const auto* db = std::get_if<1>(&e.opened)) return (*db)->health();
  return {};
}

awaitable<result<void>> ping(const backends::entry& e, ports::call_context context) {
  if (const auto* kv = std::get_if<0>(&e.opened)) co_return co_await (*kv)->ping(context);
  if (const auto* db = std::get_if<1>(&e.opened)) co_return co_await (*db)->ping(context);
  co_return result<void>{};
}

}  // namespace distsys::app
