// What is asked again and again: one place of a source. The one interface behind which every kind of source stands.
#pragma once

#include "areas.hpp"

#include "distsys/domain/geo/event.hpp"
#include "distsys/domain/geo/mapping.hpp"
#include "distsys/foundation/error.hpp"
#include "distsys/runtime/awaitable.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::roles::scraper {

/// What a source said, once: a document, as it came.
struct answer {
  std::string origin;                              // for messages: a file, a URL without secrets
  std::string source;                              // the events' source; empty: as the document says
  std::optional<domain::geo::timestamp> observed;  // used where the document itself does not say
  std::string document;
  std::vector<watched_area> only;                       // events elsewhere are left out; empty: all are kept
  bool stamped = false;                                 // true: `observed` is known, not the time of asking
  bool recorded = false;                                // of a recording, which may be of any size and time
  bool trusted_own = false;                             // features of this system keep their source, whichever it is
  std::shared_ptr<const domain::geo::mapping> mapping;  // how to read it; none: by content
  std::optional<std::size_t> records;           // as the source counts them against its cap; nothing: those below
  std::string counted;                          // only ids that begin so count against the cap; empty: every record
  std::optional<domain::geo::timestamp> since;  // only what began after this was asked for
};

struct poll_result {
  std::optional<answer> said;                     // nothing: unchanged, failed, or at the end
  std::optional<error> failed;                    // cancelled too
  std::chrono::milliseconds wait_at_least{0};     // the source asked for that much patience
  bool whole_site = false;                        // and means every question to its host
  std::optional<std::chrono::milliseconds> wait;  // overrides the schedule
  bool finished = false;                          // there will be nothing more

  static poll_result failure(error e) {
    poll_result p;
    p.failed = std::move(e);
    return p;
  }
};

/// Who a feed is, for what is checked when the scraper starts.
struct feed_identity {
  std::string address;  // as configured, without secrets
  std::string host;     // where a header may go; empty: nowhere
  std::string world;    // feeds may have one name only if this is the same too, for then one id is one thing to both;
                        // empty: with no other feed
};

/// Used by one coroutine at a time, on the scraper's loop.
class feed {
 public:
  virtual ~feed() = default;
  /// Label of metrics, logs and the summary: bounded, no secret.
  virtual const std::string& name() const = 0;
  virtual feed_identity identity() const { return {name() + ":", "", name()}; }
  /// True for a recording, which has an end; false for what is live.
  virtual bool recorded() const { return false; }
  /// The time between two polls unless the user gave one; nothing: the default.
  virtual std::optional<std::chrono::milliseconds> own_interval() const { return std::nullopt; }
  /// Where it asks, as the user wrote it: with the address it says what is asked, the same in every process.
  virtual std::string area() const { return "everywhere"; }
  /// The box around what it asks for; nothing: it does not ask by area.
  virtual std::optional<domain::geo::box> where() const { return std::nullopt; }
  /// The most records that one answer holds; 0: no limit is known.
  virtual std::size_t cap() const { return 0; }
  /// The same question for a part of its area; nullptr: it cannot be divided. Independent of this one.
  virtual std::unique_ptr<feed> part(const domain::geo::box&) const { return nullptr; }
  /// The source says itself what has ended, so that absence says nothing.
  virtual bool tells_ends() const { return false; }
  /// What is worth remembering of the last stored answer over a restart, without secrets; recall() is given it before
  /// the next question.
  virtual std::string memory() const { return {}; }
  virtual void recall(std::string_view) {}
  virtual awaitable<poll_result> ask() = 0;
  /// The last answer is stored: what was remembered of it (an ETag) may be used.
  virtual void stored() {}
  /// The last answer has been dealt with, one way or another: what it held (a place in flight) is free.
  virtual void released() {}
};

}  // namespace distsys::roles::scraper
