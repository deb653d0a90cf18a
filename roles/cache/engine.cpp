#include "engine.hpp"

#include <algorithm>
#include <utility>

namespace distsys::roles::cache {
namespace {

answer_desk::settings desk_settings(const engine_settings& s) {
  const auto told = std::min(s.max_age, s.lifetimes.ttl);
  return {
      .told = {told, s.lifetimes.stale_if_error}, .ttl = s.lifetimes.ttl, .stale_if_error = s.lifetimes.stale_if_error};
}

template <class Layer>
void add_gauges(std::vector<metrics::observed_gauge>& to, std::string_view name, const Layer& layer) {
  const metrics::labels labels{{"layer", name}};
  to.emplace_back("distsys_cache_entries", "Entries kept, by layer", labels,
                  [&layer] { return static_cast<double>(layer.totals().entries); });
  to.emplace_back("distsys_cache_bytes", "Bytes of the entries kept, by layer", labels,
                  [&layer] { return static_cast<double>(layer.totals().bytes); });
  to.emplace_back("distsys_cache_evictions", "Entries that made room for others since the start, by layer", labels,
                  [&layer] { return static_cast<double>(layer.totals().statistics.evictions); });
  to.emplace_back("distsys_cache_invalidations", "Entries that changes have dropped since the start, by layer", labels,
                  [&layer] { return static_cast<double>(layer.dropped()); });
}

std::unique_ptr<shared_cells> shared_layer(std::shared_ptr<ports::kv_store> store, runtime::task_group& loads,
                                           std::size_t cell_events) {
  if (!store || !store->shared_between_processes()) return nullptr;
  return std::make_unique<shared_cells>(std::move(store), loads, cell_events);
}

}  // namespace

engine::engine(std::shared_ptr<ports::database> database, unsigned loops, const engine_settings& s,
               std::shared_ptr<ports::kv_store> store)
    : events(std::move(database)),
      packer("cache-gzip", s.max_packing),
      long_loads(s.long_loads, s.max_waiting_loads),
      cells(s.max_bytes / 2, s.lifetimes, s.eviction),
      shared(shared_layer(std::move(store), loads, s.cell_events)),
      loader(events, slots, fresh, cells, shared.get(), loads, {.cell_events = s.cell_events}),
      answers(s.max_bytes / 2, s.lifetimes.stale_if_error, loops, s.eviction),
      areas(events, slots, fresh, loader, long_loads),
      desk(answers, slots, fresh, loads, packer, desk_settings(s)),
      streams(s.max_streams, s.max_streams_an_address) {
  add_gauges(gauges_, "answers", answers);
  add_gauges(gauges_, "cells", cells);
  gauges_.emplace_back("distsys_cache_slots", "Quads that something kept depends on", metrics::labels{},
                       [this] { return static_cast<double>(slots.size()); });
  gauges_.emplace_back("distsys_cache_waiting_loads", "Long loads that wait for their turn at the database",
                       metrics::labels{}, [this] { return static_cast<double>(long_loads.waiting()); });
  if (shared)
    gauges_.emplace_back("distsys_cache_shared_waiting", "Cells that wait to be stored where processes share them",
                         metrics::labels{}, [this] { return static_cast<double>(shared->waiting()); });
  gauges_.emplace_back("distsys_cache_streams", "Event streams open", metrics::labels{},
                       [this] { return static_cast<double>(streams.streams()); });
}

engine::dropped engine::sweep() { return {cells.sweep(), answers.sweep()}; }

// What is shared is forgotten first: else a load could take an old cell from there under a watch taken after the touch.
// Loads under way lose, and nobody joins them.
engine::dropped engine::purge(const std::vector<domain::geo::quad>& quads) {
  if (shared) shared->forget();
  slots.end_fills();
  slots.touch(quads);
  return sweep();
}

engine::dropped engine::purge() {
  if (shared) shared->forget();
  slots.end_fills();
  slots.clear();
  return sweep();
}

// An answer outlives its cells, and what is asked of the database directly has none. What is being read was kept
// before the layers are looked through, or loses.
engine::dropped engine::purge(const std::string& source) {
  if (shared) shared->forget();
  slots.end_fills();
  const auto found = answers.all_if([&source](const answer& a) { return a.may_tell_of(source); });
  std::vector<const slot_table::watch*> watches;
  watches.reserve(found.size());
  for (const shared_answer& a : found) watches.push_back(&a->watch);
  slots.touch(watches);
  return purge(cells.quads_if([&source](const cell& c) {
    const auto names = c.split() ? std::span<const std::string>() : c.rows->sources();
    return std::find(names.begin(), names.end(), source) != names.end();
  }));
}

awaitable<void> engine::stop() {
  loads.cancel();
  co_await loads.wait();
}

}  // namespace distsys::roles::cache
