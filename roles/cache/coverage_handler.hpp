// Answers `GET /coverage` from the tiles that the scrapers of this database keep.
#pragma once

#include "distsys/domain/geo/tile_repository.hpp"
#include "distsys/net/http_message.hpp"
#include "distsys/runtime/clock.hpp"

#include <memory>
#include <mutex>
#include <string>

namespace distsys::roles::cache {

/// Any loop. Must outlive its requests.
class coverage_handler {
 public:
  explicit coverage_handler(std::shared_ptr<ports::database> db);

  domain::geo::tile_repository& tiles() noexcept { return tiles_; }

  /// GeoJSON, read at most once a second. Parameters are refused: 400.
  awaitable<net::http_response> all(net::http_request& request);

 private:
  awaitable<result<std::shared_ptr<const std::string>>> text(ports::call_context context);

  domain::geo::tile_repository tiles_;
  std::mutex mutex_;
  std::shared_ptr<const std::string> kept_;
  runtime::steady_clock::time_point until_{};
};

}  // namespace distsys::roles::cache
