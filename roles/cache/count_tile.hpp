// The counts of one tile of a grid, and the JSON of counts.
#pragma once

#include "count_request.hpp"
#include "slots.hpp"

#include "distsys/caching/bounded_map.hpp"
#include "distsys/domain/geo/event_repository.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::roles::cache {

/// Immutable once made.
struct count_tile {
  struct entry {
    domain::geo::quad where;
    std::uint32_t kind = 0;  // of kinds
    std::uint64_t count = 0;
  };
  slot_table::watch watch;
  caching::time_point filled, fresh_until;
  std::int64_t seen = 0;                                      // at least the last change that the counts know
  std::int64_t next_expiry = domain::geo::event_rows::never;  // ms since 1970
  std::vector<std::string> kinds;
  std::vector<entry> counts;  // ascending by cell

  std::size_t heap_bytes() const noexcept;
  void take(const domain::geo::quad_counts& counted);
};

using kind_counts = std::map<std::string_view, std::uint64_t>;

/// {"by":"kind","total":N,"counts":{…}}
std::string kinds_json(const kind_counts& counts);
/// {"by":"cell","level":L,"total":N,"cells":[…]}: the cells of the request that hold events of its kinds.
std::string cells_json(const count_request& wanted, std::span<const std::shared_ptr<const count_tile>> tiles);

}  // namespace distsys::roles::cache
