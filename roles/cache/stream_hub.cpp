#include "stream_hub.hpp"

#include "distsys/foundation/json.hpp"

#include <algorithm>
#include <utility>

namespace distsys::roles::cache {
namespace {

namespace geo = domain::geo;

constexpr std::size_t max_queued = 2048, max_queued_bytes = 4u << 20;  // of one stream

std::string kind_of(const std::string& feature) {
  const auto parsed = json::parse(feature);
  if (!parsed || !parsed->is_object()) return {};
  const json::object* properties = json::get_object(parsed->get_object(), "properties");
  return properties ? std::string(json::get_string(*properties, "kind").value_or("")) : std::string();
}

}  // namespace

shared_event make_stream_event(geo::change c) {
  std::string kind = kind_of(c.feature);
  return std::make_shared<const stream_event>(stream_event{std::move(c), std::move(kind)});
}

std::optional<geo::change_kind> seen_through(const stream_filter& filter, const stream_event& e) noexcept {
  using enum geo::change_kind;
  if (!filter.wants_source(e.what.source) || !filter.wants_kind(e.kind)) return std::nullopt;
  const bool inside = filter.covers(e.what.at);
  const bool was_inside = filter.covers(e.what.previous.value_or(e.what.at));
  if (e.what.kind != changed) return inside || was_inside ? std::optional(e.what.kind) : std::nullopt;
  if (inside) return was_inside ? changed : appeared;
  return was_inside ? std::optional(ended) : std::nullopt;
}

void append_message(std::string& out, geo::change_kind as, const geo::change& c) {
  out += "id: " + std::to_string(c.sequence) + "\nevent: ";
  out += name(as);
  out += "\ndata: ";
  out += c.feature;  // JSON without line breaks
  out += "\n\n";
}

subscription::subscription(stream_filter filter, executor where, stream_places::place place)
    : filter_(std::move(filter)), wake_(std::make_shared<caching::wakeup>(where)), place_(std::move(place)) {}

subscription::batch subscription::take() {
  constexpr std::size_t max_batch = 64;
  batch b;
  const std::scoped_lock lock(mutex_);
  b.dropped = dropped_;
  b.reset = std::exchange(reset_, std::nullopt);
  const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(std::min(queue_.size(), max_batch));
  b.events.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
  queue_.erase(queue_.begin(), end);
  for (const shared_event& e : b.events) queued_bytes_ -= e->what.feature.size();
  return b;
}

void subscription::offer(const shared_event& e) {
  {
    const std::scoped_lock lock(mutex_);
    if (dropped_) return;
    if (queue_.size() >= max_queued || queued_bytes_ + e->what.feature.size() > max_queued_bytes) {
      dropped_ = true;
      std::deque<shared_event>().swap(queue_);
      queued_bytes_ = 0;
    } else {
      queue_.push_back(e);
      queued_bytes_ += e->what.feature.size();
      if (queue_.size() > 1) return;  // it has been woken for the first
    }
  }
  wake_->wake();
}

void subscription::reset(std::int64_t sequence) {
  {
    const std::scoped_lock lock(mutex_);
    if (dropped_) return;
    queue_.clear();
    queued_bytes_ = 0;
    reset_ = sequence;
  }
  wake_->wake();
}

stream_hub::outcome stream_hub::subscribe(stream_filter filter, executor where, const asio::ip::address& client) {
  auto place = places_.take(client);
  if (place.why != stream_places::full::no) return {place.why, nullptr};
  auto s = std::make_shared<subscription>(std::move(filter), where, std::move(place.taken));
  const std::scoped_lock lock(mutex_);
  s->since_ = sequence_;
  std::erase_if(subscribers_, [](const auto& old) { return old.expired(); });
  subscribers_.push_back(s);
  return {stream_places::full::no, std::move(s)};
}

std::int64_t stream_hub::told() const {
  const std::scoped_lock lock(mutex_);
  return sequence_;
}

bool stream_hub::skip_to(std::int64_t sequence) {
  const std::scoped_lock lock(mutex_);
  if (streams() > 0) return false;
  sequence_ = std::max(sequence_, sequence);
  return true;
}

void stream_hub::go_back_to(std::int64_t sequence) {
  const std::scoped_lock lock(mutex_);
  sequence_ = sequence;
  for (const auto& s : subscribers_)
    if (const auto held = s.lock()) held->reset(sequence);
}

// A stream that was opened after a skip begins after it: what is older is not for it.
void stream_hub::publish(std::vector<geo::change> changes, std::int64_t through) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(changes,
                [this, through](const geo::change& c) { return c.sequence <= sequence_ || c.sequence > through; });
  sequence_ = std::max(sequence_, through);
  if (streams() == 0) return;
  std::vector<std::shared_ptr<subscription>> open;
  for (const auto& s : subscribers_)
    if (auto held = s.lock()) open.push_back(std::move(held));
  for (geo::change& c : changes) {
    const shared_event e = make_stream_event(std::move(c));
    for (const auto& s : open)
      if (seen_through(s->filter(), *e)) s->offer(e);
  }
}

}  // namespace distsys::roles::cache
