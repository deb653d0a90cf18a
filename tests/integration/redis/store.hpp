// What the cases about Redis share: a store by its URL.
#pragma once

#include "distsys/ports/driver.hpp"
#include "distsys/runtime/runtime.hpp"

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <variant>

namespace distsys::tests {

inline std::shared_ptr<ports::kv_store> open_store(runtime::runtime& loops, const std::string& address) {
  const auto parsed = url::parse(address).value();
  for (const ports::driver& d : ports::drivers()) {
    const auto* open = std::get_if<ports::open_function<ports::kv_store>>(&d.open);
    if (open && d.scheme == parsed.scheme())
      return (*open)(parsed, {loops, std::filesystem::temp_directory_path()}).value();
  }
  throw std::runtime_error("no driver");
}

inline awaitable<bool> close_store(ports::kv_store& store) {
  co_await store.close();
  co_return true;
}

}  // namespace distsys::tests
