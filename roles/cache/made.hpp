// What an answer is made of before it is kept, and how much of it came from where.
#pragma once

#include "answer.hpp"
#include "cell_loader.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace distsys::roles::cache {

/// What the Cache-Status of an answer says of how it was made.
enum class provenance : std::uint8_t {
  cells,       // from kept cells alone
  late_cells,  // from kept cells alone, some past their time
  shared,      // from cells alone, some of which another process has read
  partial,     // some cells were read
  database,    // all was read
  joined,      // read by somebody else's load
  direct       // read without cells
};

struct made {
  std::string body;
  std::string_view content_type = "application/geo+json";  // static
  slot_table::watch watch;                                 // taken before anything was read
  time_point filled;                                       // when the oldest part was read
  time_point fresh_until = time_point::max();              // of the part that ends first; max: a TTL from now
  std::int64_t next_expiry = domain::geo::event_rows::never;
  provenance how = provenance::direct;
  bool without_shared = false;  // the database was asked because the shared store does not answer
};

/// Makes one answer.
struct maker {
  /// Called once for all who want it at the same time; the coroutine must own what it uses.
  std::function<awaitable<result<made>>(trust)> make;
  /// From what is kept and believed, on the caller's loop, without waiting; nothing when that does not do. May be null.
  std::function<std::optional<made>(executor)> at_once;
};

}  // namespace distsys::roles::cache
