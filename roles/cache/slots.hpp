// Whether what was read from some quads is still true: one mechanism for cells, answers and counts.
#pragma once

#include "distsys/domain/geo/quad.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

namespace distsys::roles::cache {

/// Any thread. Each quad that somebody watches has a slot; a change takes the slots of every quad that holds it out of
/// the table and marks them, so that whoever holds one knows. A watch is taken BEFORE the database is read and asked
/// when what was read is kept and whenever it is served: a fill that raced with a change loses.
class slot_table {
  struct slot {
    std::atomic<bool> touched{false};
  };
  struct counters {
    std::atomic<std::uint64_t> generation{1};  // grows after slots have been touched
    std::atomic<std::uint64_t> fills{0};       // grows when those under way are to lose
  };

 public:
  /// A value; copies watch the same. An empty one, that no table has made, is not valid.
  class watch {
   public:
    watch() = default;
    watch(const watch& other) noexcept;
    watch(watch&& other) noexcept;
    watch& operator=(const watch& other) noexcept;
    watch& operator=(watch&& other) noexcept;
    ~watch() = default;

    /// False for good once a change has touched one of the quads since it was taken. While nothing at all has changed
    /// since it was last asked, this is one comparison.
    bool valid() const noexcept;
    /// end_fills() was not called since it was taken.
    bool current() const noexcept;
    /// Asked once, when what was read is kept.
    bool keepable() const noexcept { return valid() && current(); }
    /// What it holds, its share of the table included.
    std::size_t heap_bytes() const noexcept;
    std::size_t size() const noexcept { return slots_ ? slots_->size() : 0; }

   private:
    friend class slot_table;
    using slots = std::vector<std::shared_ptr<const slot>>;
    const counters* counters_ = nullptr;  // of the table, which outlives its watches
    std::shared_ptr<const slots> slots_;
    std::uint64_t fill_ = 0;                         // `fills` when it was taken
    mutable std::atomic<std::uint64_t> checked_{0};  // the generation at which all slots were untouched
  };

  slot_table();
  slot_table(const slot_table&) = delete;
  slot_table& operator=(const slot_table&) = delete;

  watch take(std::span<const domain::geo::quad> quads);
  watch take(const domain::geo::quad& q) { return take(std::span(&q, 1)); }
  /// One that is valid while all of these are, which this table has made: of their quads, since each was taken. `fill`:
  /// fills() before they were found.
  watch join(std::span<const watch* const> watches, std::uint64_t fill) const;
  std::uint64_t fills() const noexcept { return counters_.fills.load(std::memory_order_acquire); }
  /// What is being read under a watch that was taken before is not kept. What is kept already stays.
  void end_fills() noexcept { counters_.fills.fetch_add(1, std::memory_order_acq_rel); }

  /// A change at `p`: every watched quad that holds it.
  void touch(const domain::geo::position& p);
  /// Every watched quad that shares a position with one of these. O(watched quads).
  void touch(std::span<const domain::geo::quad> quads);
  void touch(const domain::geo::quad& q) { touch(std::span(&q, 1)); }
  /// Every quad that these watch, which this table has made. O(watched quads).
  void touch(std::span<const watch* const> watches);
  /// Everything that is watched.
  void clear();

  /// Watched quads, and those that were and have not been swept yet.
  std::size_t size() const;
  /// Slots that have been touched since the start.
  std::uint64_t touched() const noexcept { return touched_.load(std::memory_order_relaxed); }

 private:
  struct alignas(64) shard {
    mutable std::mutex mutex;
    std::unordered_map<std::uint64_t, std::shared_ptr<slot>> slots;  // by the quad's code
    std::size_t sweep_at = 1024;
  };
  static constexpr std::size_t shard_count = 16;

  shard& shard_of(std::uint64_t code) noexcept;
  std::shared_ptr<const slot> slot_of(std::uint64_t code);
  static void sweep(shard& s);
  template <class Predicate>
  void touch_if(Predicate wanted);

  std::unique_ptr<shard[]> shards_;
  std::atomic<std::uint32_t> levels_{0};  // bit L: some quad of level L is or was watched
  counters counters_;
  std::atomic<std::uint64_t> touched_{0};
};

}  // namespace distsys::roles::cache
