// From a document to stored events: decoded on a lane, recorded if asked, stored in bounded batches, ended where the
// source says so, and what is bad kept with its reason.
#pragma once

#include "feed.hpp"
#include "recording.hpp"
#include "tally.hpp"

#include "distsys/domain/geo/event_repository.hpp"
#include "distsys/runtime/blocking_lane.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace distsys::roles::scraper {

/// A document, decoded: what goes on, and what its source says is over.
struct decoded {
  domain::geo::observation seen;
  std::map<std::string, std::vector<std::string>> ended;  // ids by source
  std::string source;                                     // the answer's; empty: as the document says
  std::size_t skipped = 0;                                // records that a mapping leaves out
  std::size_t unplaced = 0;                               // of them for want of a position
  std::vector<std::string> unplaced_names;                // their ids, and other ids, of `source`
  std::size_t records = 0;                                // that count against the source's cap
};

/// The most records of one live answer: more are a fault, and would hold the loop for long.
inline constexpr std::size_t most_records = 100'000;
/// How far a live source's clock may be ahead of ours.
inline constexpr std::chrono::minutes most_ahead{5};

/// What was observed by the clock of a source that is more than `most_ahead` in advance becomes observed then: else
/// nothing newer could change those events. True when it was.
bool bound_time(decoded& content, domain::geo::timestamp now);

/// Decodes, as the answer's mapping says where it has one, moves what has the status "deleted" to `ended`, leaves out
/// what is outside the answer's areas. errc::invalid says in one line why the document is refused as a whole. Pure.
result<decoded> decode_answer(const answer& a);

/// The document as it may be recorded: without personal data; nothing when it is not JSON.
std::optional<std::string> recordable(const std::string& document);

class ingest {
 public:
  struct options {
    bool once = false;  // gives up on a database that stays away
    std::size_t batch = 2000;
  };
  ingest(domain::geo::event_repository& events, std::shared_ptr<runtime::blocking_lane> lane,
         std::optional<recorder> recording, tally& counts, options o);

  /// Decodes and records. Nothing: the document is refused, which is counted, logged and kept. errc::cancelled; other
  /// errors end the role.
  awaitable<result<std::optional<decoded>>> prepare(std::string feed, answer a);

  /// Stores all that is good and keeps what is not. Waits and repeats while the database is away; errc::cancelled;
  /// other errors end the role.
  awaitable<result<domain::geo::store_outcome>> store(std::string feed, decoded content);

  /// Marks events as ended, with the same patience.
  awaitable<result<domain::geo::store_outcome>> end(std::string feed, std::string source, std::vector<std::string> ids,
                                                    domain::geo::timestamp observed);

  /// The same, and what became of each id, in their order.
  awaitable<result<std::vector<domain::geo::verdict>>> end_absent(std::string feed, std::string source,
                                                                  std::vector<std::string> ids,
                                                                  domain::geo::timestamp observed);

  /// Sleeps before attempt `attempt` of something with the database is repeated; false when it is not worth it.
  awaitable<bool> pause(error why, unsigned attempt);

 private:
  struct work {
    decoded content;
    std::optional<error> recording_failed;
    bool from_future = false;
  };
  awaitable<result<void>> keep(std::string feed, domain::geo::timestamp observed,
                               std::vector<domain::geo::refusal> refused);
  awaitable<result<void>> refuse(std::string feed, std::shared_ptr<const answer> a, error why);

  domain::geo::event_repository& events_;
  std::shared_ptr<runtime::blocking_lane> lane_;
  std::shared_ptr<recorder> recording_;
  tally& counts_;
  const options options_;
};

}  // namespace distsys::roles::scraper
