// The http_client port on libcurl's multi socket interface.
#pragma once

#include "multi.hpp"
#include "transfer.hpp"

#include "distsys/ports/driver.hpp"
#include "distsys/ports/http_client.hpp"
#include "distsys/runtime/task_group.hpp"

#include <array>
#include <memory>
#include <vector>

namespace distsys::adapters::curl {

struct client_settings {
  multi_limits limits;  // of each loop
  transfer_settings transfers;
};

/// State is per loop, so any loop may call. Connections are kept and reused per loop; those that were allowed to reach
/// private addresses are never used by a request that is not.
class curl_http_client final : public ports::http_client {
 public:
  curl_http_client(std::string driver_name, runtime::runtime& loops, client_settings settings);

  /// Closes the idle connections; no call may be under way.
  awaitable<void> close() override;

 private:
  awaitable<result<ports::incoming_response>> do_send(const ports::call_context& context,
                                                      ports::outgoing_request request) override;
  static awaitable<void> drop(std::shared_ptr<multi> m);
  std::shared_ptr<multi> multi_of_this_loop(executor loop, bool trusted);

  const client_settings settings_;
  runtime::task_group closing_;
  std::vector<std::array<std::shared_ptr<multi>, 2>> multis_;  // by loop; each touched on its loop only
};

}  // namespace distsys::adapters::curl
