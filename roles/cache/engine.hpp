// What the handlers of this role share: the layers of the cache from answers to the database, and what keeps them true.
#pragma once

#include "answer_cache.hpp"
#include "answer_desk.hpp"
#include "area_maker.hpp"
#include "cell_cache.hpp"
#include "cell_loader.hpp"
#include "freshness.hpp"
#include "load_gate.hpp"
#include "shared_cells.hpp"
#include "slots.hpp"
#include "stream_hub.hpp"

#include "distsys/domain/geo/event_repository.hpp"
#include "distsys/foundation/metrics.hpp"
#include "distsys/runtime/blocking_lane.hpp"
#include "distsys/runtime/task_group.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace distsys::roles::cache {

struct engine_settings {
  cell_lifetimes lifetimes{std::chrono::minutes(10), std::chrono::seconds(30), std::chrono::minutes(10)};
  std::chrono::steady_clock::duration max_age = std::chrono::seconds(1);
  std::size_t max_bytes = 64u << 20;  // half for cells, half for answers
  std::size_t cell_events = 1000;
  std::size_t max_streams = 1000, max_streams_an_address = 100;
  std::size_t long_loads = 1, max_waiting_loads = 64;  // direct, of the past, counts: beyond it 503
  std::size_t max_packing = 16;                        // answers that wait to be compressed; more are sent plain
  caching::eviction eviction = caching::default_eviction;
};

/// Its parts are for any loop. An endpoint is a function that adds its routes and takes this; what it reads, it reads
/// under a watch of `slots`, and it answers through `desk`.
struct engine {
  /// `store`: where cells are shared with other processes; null, or a store of this process alone: nowhere.
  engine(std::shared_ptr<ports::database> database, unsigned loops, const engine_settings& s,
         std::shared_ptr<ports::kv_store> store = nullptr);

  struct dropped {
    std::size_t cells = 0, answers = 0;
  };
  /// Forgets what is kept of the quads; of everything. Here and below: what is being read now is not kept.
  dropped purge(const std::vector<domain::geo::quad>& quads);
  dropped purge();
  /// Forgets what holds events of a source, and may: it looks at every answer that is kept (a second for some 2 GiB).
  dropped purge(const std::string& source);

  /// Ends what is under way. Before it is destroyed.
  awaitable<void> stop();

  domain::geo::event_repository events;
  runtime::task_group loads;
  runtime::blocking_lane packer;
  slot_table slots;
  freshness fresh;
  load_gate long_loads;
  cell_cache cells;
  const std::unique_ptr<shared_cells> shared;  // null: there is no second layer
  cell_loader loader;
  answer_cache answers;
  area_maker areas;
  answer_desk desk;
  stream_hub streams;

 private:
  dropped sweep();
  std::vector<metrics::observed_gauge> gauges_;
};

}  // namespace distsys::roles::cache
