// Fans changes out to the open event streams: one reader of the change log, a bounded queue a stream.
#pragma once

#include "event_request.hpp"
#include "stream_places.hpp"

#include "distsys/caching/wakeup.hpp"
#include "distsys/domain/geo/event_repository.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::roles::cache {

/// A change as the streams see it, shared by all of them.
struct stream_event {
  domain::geo::change what;
  std::string kind;  // of the event: "jam"
};
using shared_event = std::shared_ptr<const stream_event>;

shared_event make_stream_event(domain::geo::change c);

/// What a stream of this filter calls the change: an event that moves into its box appears, one that moves out ends.
/// Nothing when it does not concern the stream.
std::optional<domain::geo::change_kind> seen_through(const stream_filter& filter, const stream_event& e) noexcept;

/// The Server-Sent Event of a change: `id` is its sequence, `data` the Feature.
void append_message(std::string& out, domain::geo::change_kind as, const domain::geo::change& c);

class stream_hub;

/// One stream's place in the hub; gone with its last owner. take() and wait() on the stream's loop.
class subscription {
 public:
  subscription(stream_filter filter, executor where, stream_places::place place);
  subscription(const subscription&) = delete;
  subscription& operator=(const subscription&) = delete;

  /// Changes up to this one were over when it subscribed: read them from the log.
  std::int64_t since() const noexcept { return since_; }
  const stream_filter& filter() const noexcept { return filter_; }

  struct batch {
    std::vector<shared_event> events;
    std::optional<std::int64_t> reset;  // the log has gone back to there; the events come after it
    bool dropped = false;               // it was too slow: some are missing, and nothing more comes
  };
  batch take();
  /// True when there is something to take; false at `limit` or when cancelled.
  awaitable<bool> wait(runtime::deadline limit) { return wake_->wait(limit); }

 private:
  friend class stream_hub;
  void offer(const shared_event& e);
  void reset(std::int64_t sequence);

  const stream_filter filter_;
  const std::shared_ptr<caching::wakeup> wake_;
  const stream_places::place place_;
  std::int64_t since_ = 0;
  std::mutex mutex_;
  std::deque<shared_event> queue_;
  std::size_t queued_bytes_ = 0;  // of the features in it
  bool dropped_ = false;
  std::optional<std::int64_t> reset_;
};

/// Any loop.
class stream_hub {
 public:
  stream_hub(std::size_t max_streams, std::size_t max_an_address) : places_(max_streams, max_an_address) {}

  struct outcome {
    stream_places::full why = stream_places::full::no;
    std::shared_ptr<subscription> taken;  // null when it is full
  };
  /// `where` is the stream's loop, `client` who reads it.
  outcome subscribe(stream_filter filter, executor where, const asio::ip::address& client);

  /// The last change that streams have been told, or need not be.
  std::int64_t told() const;
  /// Changes up to `through`; those that have been told are left out.
  void publish(std::vector<domain::geo::change> changes, std::int64_t through);
  /// Instead of publishing up to there, when there is nobody to publish to: false when there is.
  bool skip_to(std::int64_t sequence);
  /// The log has gone back: what streams have been told of is no more, and they are told so.
  void go_back_to(std::int64_t sequence);
  std::size_t streams() const { return places_.taken(); }

 private:
  stream_places places_;
  mutable std::mutex mutex_;
  std::int64_t sequence_ = 0;
  std::vector<std::weak_ptr<subscription>> subscribers_;
};

}  // namespace distsys::roles::cache
