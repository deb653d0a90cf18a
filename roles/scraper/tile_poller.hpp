// One poll of one leased tile, from the question to the recorded outcome; and the playing of a recording.
#pragma once

#include "absence.hpp"
#include "feed.hpp"
#include "gate.hpp"
#include "ingest.hpp"
#include "tally.hpp"
#include "tile_plan.hpp"

#include "distsys/domain/geo/tile_repository.hpp"
#include "distsys/runtime/task_group.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace distsys::roles::scraper {

/// A feed as it is configured, and what its tiles have in common.
struct root_tile {
  std::unique_ptr<feed> source;
  domain::geo::tile_view view;  // as it is added: feed, tile, source, bounds, cap
  interval_bounds interval;
  gate storing{1};                                 // the answers of a recording are stored in their order
  const domain::geo::claim_group* site = nullptr;  // all feeds of its host; outlives this
};

/// "waze@0123456789abcdef": the name of a source, and a hash of its address and area.
domain::geo::tile_view tile_of(const feed& f, std::optional<std::size_t> cap);

/// Used on the scraper's loop. Each member answers an error only for what ends the role; errc::cancelled: nothing was
/// recorded, and the lease is still held.
class tile_poller {
 public:
  struct options {
    unsigned absent_after = 3;  // complete polls without an event until it is over; 0: never
    std::chrono::milliseconds longest_backoff{600'000};
    bool once = false;
  };
  tile_poller(domain::geo::tile_repository& tiles, ingest& store, tally& counts, options o)
      : tiles_(tiles), ingest_(store), counts_(counts), options_(o) {}

  /// Asks a live source and gives the lease back.
  awaitable<result<void>> poll(root_tile* root, domain::geo::leased_tile tile);

  /// Plays a recording from where it was left, until its end, a failure, or `*lost`. Answers are stored by tasks of
  /// `others`, on `loop`, while the next is read.
  awaitable<result<void>> play(root_tile* root, domain::geo::leased_tile tile, std::shared_ptr<const bool> lost,
                               runtime::task_group* others, executor loop);

 private:
  struct poll_state;
  awaitable<result<void>> take(poll_state& s, answer a);
  awaitable<result<void>> take_unchanged(poll_state& s);
  awaitable<result<std::size_t>> end_absent(poll_state& s, absence_plan& plan, domain::geo::timestamp observed);
  awaitable<result<void>> conclude(poll_state& s);
  awaitable<result<void>> leave_alone(const root_tile& root, domain::geo::timestamp until);
  awaitable<result<bool>> divide(poll_state& s);
  awaitable<result<void>> join_siblings(poll_state& s);
  awaitable<void> store_recorded(root_tile* root, domain::geo::leased_tile tile, decoded content, std::string place,
                                 gate::pass held, std::shared_ptr<std::optional<error>> broken);

  /// Repeats a call to the database as long as it is away.
  template <class Call>
  auto patiently(Call call) -> decltype(call(std::declval<const ports::call_context&>()));

  domain::geo::tile_repository& tiles_;
  ingest& ingest_;
  tally& counts_;
  const options options_;
  std::map<const domain::geo::claim_group*, domain::geo::timestamp> alone_;  // sites, until when
};

}  // namespace distsys::roles::scraper
