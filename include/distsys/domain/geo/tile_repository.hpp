// The durable schedule of a scraper: a row for each tile of each feed, leased to one process at a time, and which
// events each tile was seen to hold.
//
// Two tables (src/domain/geo/tile_migrations.cpp), component "geo_tiles". Times are the processes' clocks: a lease
// must be longer than they differ.
#pragma once

#include "distsys/domain/geo/tile.hpp"
#include "distsys/foundation/error.hpp"
#include "distsys/ports/database.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace distsys::domain::geo {

/// A tile that one process holds for a while.
struct leased_tile {
  tile_view view;
  std::string memory;  // what its feed remembers (an ETag, a recording's place), as it wrote it
};

/// Tiles of one site: `most` of them may be polled at once.
struct claim_group {
  std::vector<std::string> feeds;
  std::size_t most = 1;
};

/// When a tile may be claimed. The default: when its time has come.
struct claim_terms {
  timestamp now{};
  std::chrono::milliseconds lease{30'000};
  bool early = false;                         // whatever its next poll says
  timestamp asked_before = timestamp::max();  // only those last asked before this
};

/// An event that a tile was seen to hold.
struct sighting {
  std::string source, id;
  position at;
  std::optional<timestamp> started;
  unsigned missed = 0;                     // complete polls in a row without it
  std::optional<timestamp> missing_since;  // the first of them
};

/// What a poll changes of a tile's sightings.
struct sighting_changes {
  std::vector<sighting> put;   // new ones, and known ones with other `missed` or position
  std::vector<sighting> drop;  // ended, or no longer of interest
  bool empty() const noexcept { return put.empty() && drop.empty(); }
};

/// The outcome of one poll.
struct tile_outcome {
  timestamp polled{};
  bool answered = false;  // good, also when nothing had changed
  bool complete = false;  // and below the cap
  bool capped = false;
  std::optional<std::size_t> count;  // records; nothing: as before
  std::size_t changes = 0;
  std::string error;  // when not answered
  unsigned failures = 0, quiet_polls = 0;
  std::chrono::milliseconds interval{0};
  timestamp next_poll{};              // later where postpone() has said so since the tile was leased
  timestamp not_before{};             // nor are the children of a split due
  std::optional<std::string> memory;  // nothing: as before
  bool retire = false;
};

/// Every member may be called on any loop. Durable when it returns. Errors as of the database port.
class tile_repository {
 public:
  explicit tile_repository(std::shared_ptr<ports::database> db);

  static std::span<const ports::migration> migrations();

  struct bounds_of_interval {
    std::chrono::milliseconds least{0}, most{0};
  };
  /// Adds a tile that is not there; a retired one begins again. What is there keeps its schedule and its children,
  /// within the bounds: an interval outside of them is moved inside, and no tile that answers waits longer than `most`.
  /// What a clock that was wrong has left is mended, too: a lease of more than an hour, a wait of more than a day.
  awaitable<result<void>> add(const ports::call_context& context, tile_view root, timestamp now,
                              bounds_of_interval bounds);

  /// Leases up to `most` free tiles of each group, those due longest first. Atomic: no tile is held twice. Fewer are
  /// taken when other processes are quicker.
  awaitable<result<std::vector<leased_tile>>> claim(const ports::call_context& context, std::vector<claim_group> groups,
                                                    std::string owner, claim_terms terms);
  /// When the next tile of these feeds can be claimed, by the same terms; nothing: never, none is polling.
  awaitable<result<std::optional<timestamp>>> next_claim(const ports::call_context& context,
                                                         std::vector<std::string> feeds, claim_terms terms);

  /// Extends every lease of the owner; answers the keys of the tiles that it still holds.
  awaitable<result<std::vector<std::int64_t>>> renew(const ports::call_context& context, std::string owner,
                                                     timestamp until);
  /// Gives back every lease of an owner: at a stop, or of one that is known to be dead. Schedules stay as they are.
  awaitable<result<std::size_t>> release(const ports::call_context& context, std::string owner);
  /// No tile of these feeds is due before `until`, whoever asks: their site wants to be left alone. Leases stay as they
  /// are, and what is recorded under them keeps to it.
  awaitable<result<void>> postpone(const ports::call_context& context, std::vector<std::string> feeds, timestamp until);
  /// Who holds leases.
  awaitable<result<std::vector<std::string>>> owners(const ports::call_context& context);

  /// Records an outcome and gives the lease back. errc::conflict when the lease was lost: then nothing is recorded.
  awaitable<result<void>> finish(const ports::call_context& context, const leased_tile& tile, tile_outcome outcome,
                                 sighting_changes changes = {});
  /// What a feed remembers, between two answers of one lease. errc::conflict when the lease was lost.
  awaitable<result<void>> remember(const ports::call_context& context, const leased_tile& tile, std::string memory);
  /// As finish(), and four children, due at once, stand in for the tile. Its sightings become theirs, by position.
  awaitable<result<void>> split(const ports::call_context& context, const leased_tile& tile, tile_outcome outcome,
                                sighting_changes changes);
  /// The four tiles that share a parent; fewer when some of them are split.
  awaitable<result<std::vector<tile_view>>> children(const ports::call_context& context, std::string feed,
                                                     std::string parent);
  /// The parent is polled again, due at once or at `not_before`, and its four children are gone. False when they are
  /// not four that are polling, unleased, and unchanged since `seen` was read.
  awaitable<result<bool>> merge(const ports::call_context& context, std::span<const tile_view> seen, timestamp now,
                                timestamp not_before = {});

  /// All tiles, by source, feed and name; of all feeds, or of these.
  awaitable<result<std::vector<tile_view>>> list(const ports::call_context& context,
                                                 std::vector<std::string> feeds = {});

  awaitable<result<std::vector<sighting>>> sightings(const ports::call_context& context, const leased_tile& tile);
  /// Which of these missing events no other tile can vouch for: no other one holds a sighting missed less than `after`
  /// times, and each other one of the source that covers the place has answered completely since. Tiles that nobody
  /// polls any more count for nothing.
  awaitable<result<std::vector<sighting>>> absent_everywhere(const ports::call_context& context,
                                                             const leased_tile& tile, std::vector<sighting> missing,
                                                             unsigned after, timestamp now);

  /// Deletes what belongs to feeds that nobody has asked for so long, and its sightings: by `now`, or by the database's
  /// own clock where that is behind, so that a process whose clock is ahead forgets nothing that others poll.
  awaitable<result<std::size_t>> forget(const ports::call_context& context, timestamp now,
                                        std::chrono::milliseconds unasked_for);

 private:
  std::shared_ptr<ports::database> db_;
};

}  // namespace distsys::domain::geo
