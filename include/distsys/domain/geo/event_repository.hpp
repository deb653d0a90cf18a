// Geographic events in a SQL database: idempotent writing with a change history, and reading by area.
//
// Tables (src/domain/geo/migrations.cpp): geo_events holds each event as it last was, its feature as the bytes
// that are served; geo_event_changes is the history, in the order of commits; geo_event_aliases finds an event by its
// other ids; geo_dead_letters keeps what was refused.
#pragma once

#include "distsys/domain/geo/cell.hpp"
#include "distsys/domain/geo/event.hpp"
#include "distsys/domain/geo/event_rows.hpp"
#include "distsys/domain/geo/quad.hpp"
#include "distsys/foundation/error.hpp"
#include "distsys/ports/database.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace distsys::domain::geo {

struct event_query {
  area where;
  std::vector<std::string> kinds, sources;  // empty: any
  std::optional<timestamp> since;           // updated (else started, else first seen) at or after
  std::optional<int> min_severity;
  std::size_t limit = 1000;     // 1 … 10,000
  std::string cursor;           // from a page; of the same query (the limit may differ)
  std::optional<timestamp> at;  // what was active then, as it was then; else what is now
};

/// errc::invalid says what is wrong with the query; its cursor is not looked at.
result<void> check(const event_query& q);

struct event_page {
  std::vector<std::string> features;  // GeoJSON Feature texts as stored
  std::optional<std::uint64_t>
      matched;              // exact; nothing when more than 100,000 lie on the area's edge, or of the history
  std::string next_cursor;  // empty: no more
  bool one_moment = false;  // one statement has read all of it: no change lies between its parts
};

/// How many match, by kind, ascending.
struct kinds_read {
  std::vector<std::pair<std::string, std::uint64_t>> counts;
  bool one_moment = false;  // as of event_page
};

enum class change_kind { appeared, changed, ended };
std::string_view name(change_kind k) noexcept;

struct change {
  std::int64_t sequence = 0;  // ascending; the order in which one process learns of them
  change_kind kind = change_kind::appeared;
  std::string source, id;
  timestamp observed{};              // when the source said so
  timestamp recorded{};              // when it was stored
  position at;                       // after the change
  std::optional<position> previous;  // where it was, when it moved
  std::string feature;               // as it became; of an ended event: as it last was
};

struct event_history {
  std::string feature;
  bool ended = false;
  std::vector<change> changes;  // oldest first
};

/// Where the log is touched: a change without its texts.
struct change_touch {
  std::int64_t sequence = 0;
  position at;
  std::optional<position> previous;  // where it was, when it moved
};

/// Events of quads, as of one moment.
struct quads_read {
  std::vector<std::shared_ptr<const event_rows>> cells;
  std::int64_t sequence = 0;  // the last change of that moment
};

struct quad_count {
  quad where;
  std::string kind;
  std::uint64_t count = 0;
};

/// Of one tile.
struct quad_counts {
  std::vector<quad_count> counts;                // ascending by quad and kind; none of them 0
  std::int64_t next_expiry = event_rows::never;  // the least of all that is counted, ms since 1970
};

/// What became of an event of an observation.
enum class verdict { added, changed, unchanged, older };
std::string_view name(verdict v) noexcept;

/// Of the history: from `first` up to but not including `past`.
struct sequence_range {
  std::int64_t first = 0, past = 0;
};

/// What is no longer kept. The epoch keeps all of its sort.
struct retention {
  std::string source;          // empty: of any
  timestamp ended_before{};    // events that ended before, with all that is known of them
  timestamp expired_before{};  // events that expired before, and did not change since
  timestamp history_before{};  // what had been replaced by then: the history stays exact from then on; dead letters
  timestamp orphans_before{};  // changes recorded before whose event is gone; where no source is named
  std::vector<sequence_range> left;  // of the history: history_partitions will see to it
};

/// Every event of an observation is counted in one of the first four. An event that had ended and is seen again is
/// added.
struct store_outcome {
  std::size_t added = 0, changed = 0, unchanged = 0, older = 0, ended = 0;
  store_outcome& operator+=(const store_outcome& o) noexcept;
};

/// Every member may be called on any loop. Durable when it returns.
class event_repository {
 public:
  explicit event_repository(std::shared_ptr<ports::database> db);

  static std::span<const ports::migration> migrations();

  /// What the database's listeners are woken with after each commit of changes.
  static constexpr std::string_view channel = "geo_events";

  /// New events are added, changed ones (whose feature text differs) updated, unchanged ones not written; an
  /// observation older than the one that last changed an event changes nothing of it. Of two observations of the same
  /// time the one with the later `updated` counts, else the one with the greater content hash, so that the order of
  /// arrival never matters. Ids that aliases link are one event, whatever arrived first: an unknown id with a known
  /// alias is the known event under a new name, and of two known events that prove to be one the older ends
  /// (src/domain/geo/README.md). Each change is in the history, in the same transaction. Several processes may store at
  /// once. A large observation is committed in parts: after an error some may be stored, and storing it again completes
  /// it.
  awaitable<result<store_outcome>> store(const ports::call_context& context, observation seen);

  /// The same, and what became of each event, in the observation's order. Of several with one id all get the verdict of
  /// the one that counts.
  awaitable<result<std::vector<verdict>>> store_each(const ports::call_context& context, observation seen);

  /// Marks events as ended, as their source said at `observed`; nothing happens to those unknown, ended, or changed by
  /// a later observation.
  awaitable<result<store_outcome>> end(const ports::call_context& context, std::string source,
                                       std::vector<std::string> ids, timestamp observed);

  /// The same, and what became of each id, in their order: `changed` is one that has ended now, `unchanged` one that
  /// had ended before or is not known, `older` one that a later observation keeps.
  awaitable<result<std::vector<verdict>>> end_each(const ports::call_context& context, std::string source,
                                                   std::vector<std::string> ids, timestamp observed);

  /// Keeps refused records (by content: the same one twice is one) and documents, at most 100,000, oldest dropped. Of a
  /// record only its first 64 KiB; of what is not JSON, and so cannot be cleaned of personal data, only the reason.
  awaitable<result<void>> keep_refused(const ports::call_context& context, std::string source, timestamp observed,
                                       std::vector<refusal> refused);

  /// What is neither ended nor expired now, or was not at `query.at`. errc::invalid for a cursor that is not of this
  /// query.
  awaitable<result<event_page>> find(const ports::call_context& context, event_query query);
  /// The same by one statement that looks at few rows, so that it is quick and of one moment; nothing where that will
  /// not do: where there is much, for the nearest, for a past time, and with filters.
  awaitable<result<std::optional<event_page>>> find_little(const ports::call_context& context,
                                                           const event_query& query);

  /// Active events of each quad, all kinds and sources, as find() would find them; in one statement, so that all are of
  /// one moment. A null pointer: the quad holds more than `most_each` (1 … 10,000). At most 256 quads.
  awaitable<result<quads_read>> read_quads(const ports::call_context& context, std::vector<quad> which,
                                           std::size_t most_each);

  /// Active events of each tile, by its quads of `level` (the tile's own or finer) and by kind. Counted in SQL, in one
  /// statement. At most 256 tiles.
  awaitable<result<std::vector<quad_counts>>> count_quads(const ports::call_context& context, std::vector<quad> tiles,
                                                          unsigned level);

  /// How many match, by kind, exactly. Limit and cursor play no part. Of nearest: its k. errc::too_large when more than
  /// 900,000 lie on the area's edge (of the history: in it).
  awaitable<result<kinds_read>> count_kinds(const ports::call_context& context, event_query query);

  /// errc::not_found. Aliases find it too. At most the last 1,000 changes.
  awaitable<result<event_history>> find_one(const ports::call_context& context, std::string source, std::string id);

  /// Changes with a sequence above `after`, in order.
  awaitable<result<std::vector<change>>> changes_after(const ports::call_context& context, std::int64_t after,
                                                       std::size_t limit);
  /// The same changes without their texts: cheaper.
  awaitable<result<std::vector<change_touch>>> touches_after(const ports::call_context& context, std::int64_t after,
                                                             std::size_t limit);
  awaitable<result<std::int64_t>> last_sequence(const ports::call_context& context);

  /// Whose events are stored, whether active or over; ascending. One short index look-up a source.
  awaitable<result<std::vector<std::string>>> sources(const ports::call_context& context);

  /// Active events, by kind.
  awaitable<result<std::vector<std::pair<std::string, std::uint64_t>>>> count_by_kind(
      const ports::call_context& context);

  /// Deletes at most about `most` rows of what need not be kept, in one short transaction; answers how many: call again
  /// until none is left. The newest change of all stays, so that sequences never restart. What leaves is no change of
  /// what is active, and no change is written.
  awaitable<result<std::size_t>> prune(const ports::call_context& context, retention what, std::size_t most);
  /// Changes after this one are all there; of those up to it prune() may have deleted some.
  awaitable<result<std::int64_t>> pruned_through(const ports::call_context& context);

  /// A name that no other database has, made at the first call and kept with the tables. A copy has the original's.
  awaitable<result<std::string>> identity(const ports::call_context& context);

  ports::database& database() noexcept { return *db_; }

 private:
  awaitable<result<event_page>> find_nearest(const ports::call_context& context, const event_query& query);
  awaitable<result<event_page>> find_within(const ports::call_context& context, const event_query& query);

  std::shared_ptr<ports::database> db_;
  // Where prune() goes on in the history.
  std::shared_ptr<std::atomic<std::int64_t>> history_position_ = std::make_shared<std::atomic<std::int64_t>>(0);
};

}  // namespace distsys::domain::geo
