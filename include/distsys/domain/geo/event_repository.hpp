// Geographic events in a SQL database: idempotent writing with a change history, and reading by area.
#pragma once

#include "distsys/domain/geo/cell.hpp"
#include "distsys/domain/geo/event.hpp"
#include "distsys/foundation/error.hpp"
#include "distsys/ports/database.hpp"

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
  std::size_t limit = 1000;
  std::string cursor;  // from a page; of the same query
};

struct event_page {
  std::vector<std::string> features;     // GeoJSON Feature texts as stored
  std::optional<std::uint64_t> matched;  // exact; nothing when counting would scan more than 100,000 rows
  std::string next_cursor;               // empty: no more
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

struct store_outcome {
  std::size_t added = 0, changed = 0, unchanged = 0, older = 0, ended = 0;
  store_outcome& operator+=(const store_outcome& o) noexcept;
};

/// Every member may be called on any loop. Durable when it returns.
class event_repository {
 public:
  explicit event_repository(std::shared_ptr<ports::database> db);

  static std::span<const ports::migration> migrations();

  /// New events are added, changed ones updated, unchanged ones not written; an observation older than what is known
  /// of an event changes nothing of it. Each change is in the history, in the same transaction. Several processes may
  /// store at once.
  awaitable<result<store_outcome>> store(const ports::call_context& context, observation seen);

  /// Marks events as ended, as their source said at `observed`.
  awaitable<result<store_outcome>> end(const ports::call_context& context, std::string source,
                                       std::vector<std::string> ids, timestamp observed);

  /// Keeps refused records (by content: the same one twice is one) and documents, at most 100,000, oldest dropped.
  awaitable<result<void>> keep_refused(const ports::call_context& context, std::string source, timestamp observed,
                                       std::vector<refusal> refused);

  /// What is neither ended nor expired now. errc::invalid for a cursor that is not of this query.
  awaitable<result<event_page>> find(const ports::call_context& context, event_query query);

  /// errc::not_found. Aliases find it too.
  awaitable<result<event_history>> find_one(const ports::call_context& context, std::string source, std::string id);

  /// Changes with a sequence above `after`, in order.
  awaitable<result<std::vector<change>>> changes_after(const ports::call_context& context, std::int64_t after,
                                                       std::size_t limit);
  awaitable<result<std::int64_t>> last_sequence(const ports::call_context& context);

  /// Active events, by kind.
  awaitable<result<std::vector<std::pair<std::string, std::uint64_t>>>> count_by_kind(
      const ports::call_context& context);

  ports::database& database() noexcept { return *db_; }

 private:
  std::shared_ptr<ports::database> db_;
};

}  // namespace distsys::domain::geo
