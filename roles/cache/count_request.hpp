// What a client asks of /events/count.
#pragma once

#include "distsys/domain/geo/event_repository.hpp"
#include "distsys/domain/geo/quad.hpp"
#include "distsys/foundation/error.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::roles::cache {

inline constexpr std::size_t max_counted_cells = 4096;

struct count_request {
  domain::geo::event_query query;
  bool by_cell = false;                  // else by kind
  unsigned level = 0;                    // of the cells
  std::vector<domain::geo::quad> cells;  // that touch the area, ascending
  std::string key;                       // equal for requests that mean the same
};

/// An area as for /events, but not the nearest; `by=kind` (when left out, too) with the filters `kind=`, `source=`,
/// `since=`, `min_severity=` and `at=`, or `by=cell&level=` (0 … 24) with `kind=`. errc::invalid names every parameter
/// that is wrong or unknown; for more than 4,096 cells the finest level that has fewer.
result<count_request> read_count_request(std::string_view encoded_query);

}  // namespace distsys::roles::cache
