// The backends of the process, opened by URL: equal URLs are one object.
#pragma once

#include "distsys/app/option.hpp"
#include "distsys/ports/driver.hpp"

#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace distsys::app {

class backends {
 public:
  using object = std::variant<std::shared_ptr<ports::kv_store>, std::shared_ptr<ports::database>,
                              std::shared_ptr<ports::http_client>>;
  struct entry {
    kind port;
    std::string key;      // equal for equal URLs and credentials; holds secrets
    std::string address;  // masked
    object opened;
    std::vector<std::string> users;  // "cache.database"
    bool needed = false;             // by one of them: the others do without it, worse
  };

  backends(std::span<const ports::driver> drivers, ports::driver_environment environment);

  /// Errors are the driver's, with the user's name before them. Any thread.
  result<object> open(kind port, const url& address, std::string_view user, bool needed = true);

  /// Those that are open, in the order in which they were opened. Their addresses are stable.
  std::vector<const entry*> all() const;
  /// In reverse order. Once, after the last user is gone.
  awaitable<void> close();

 private:
  std::span<const ports::driver> drivers_;
  ports::driver_environment environment_;
  mutable std::mutex mutex_;
  std::deque<entry> entries_;
};

std::string_view port_name(kind port) noexcept;
/// What the last call told; always healthy for what is no backend of ours (the world's servers).
ports::health_state health(const backends::entry& e);
awaitable<result<void>> ping(const backends::entry& e, ports::call_context context);

}  // namespace distsys::app
