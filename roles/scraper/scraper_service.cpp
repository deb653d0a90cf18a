#include "scraper_service.hpp"

#include "lease_owner.hpp"
#include "scraper_page.hpp"
#include "tile_metrics.hpp"

#include "distsys/foundation/log.hpp"
#include "distsys/runtime/clock.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <cstdio>

namespace distsys::roles::scraper {
namespace {

using std::chrono::milliseconds;

constexpr auto patience = std::chrono::seconds(30);
constexpr milliseconds longest_doze{1000};  // another process may have split or given back a tile meanwhile
constexpr milliseconds shortest_doze{20};   // after a race for a tile that was lost
constexpr auto keep_forgotten = std::chrono::hours(24 * 7);

result<std::optional<recorder>> open_recorder(const std::string& directory) {
  if (directory.empty()) return std::optional<recorder>();
  auto opened = recorder::open(directory);
  if (!opened) return opened.error();
  return std::optional<recorder>(std::move(*opened));
}

ports::call_context soon() { return ports::call_context::within(patience); }

awaitable<bool> is_cancelled() {
  co_return (co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none;
}

interval_bounds bounds_of(const feed& f, const scraper_settings& s) {
  const auto own = f.own_interval();
  interval_bounds out;
  out.first = s.interval.value_or(own.value_or(s.default_interval));
  // A source that knows its own pace keeps it, unless it is told to adapt.
  const bool fixed = own || f.recorded();
  out.least = s.least_interval.value_or(fixed ? out.first : std::max(out.first / 2, milliseconds(1)));
  out.most = std::max(out.least, s.most_interval.value_or(fixed ? out.first : out.first * 4));
  out.first = std::clamp(out.first, out.least, out.most);
  return out;
}

}  // namespace

scraper_service::scraper_service(app::role_context& context, scraper_settings settings,
                                 std::vector<std::unique_ptr<feed>> feeds, std::shared_ptr<runtime::blocking_lane> lane)
    : context_(context),
      settings_(std::move(settings)),
      lane_(std::move(lane)),
      events_(context.database("database")),
      tiles_(context.database("database")),
      retention_(events_, settings_.retained),
      loop_(context.loops().next_loop()),
      owner_(make_lease_owner()),
      bell_(loop_) {
  adopt(std::move(feeds));
  add_scraper_page(context, tiles_);
}

void scraper_service::adopt(std::vector<std::unique_ptr<feed>> feeds) {
  for (auto& f : feeds) {
    const auto cap = settings_.caps.find(f->name());
    auto root = std::make_unique<root_tile>();
    root->view = tile_of(*f, cap == settings_.caps.end() ? std::nullopt : std::optional(cap->second));
    root->interval = bounds_of(*f, settings_);
    root->view.interval = root->interval.first;
    const std::string key = root->view.feed, host = f->identity().host;
    root->source = std::move(f);
    if (!roots_.emplace(key, std::move(root)).second) continue;  // the same question twice
    auto& group = groups_[host.empty() ? key : host];
    group.feeds.push_back(key);
    group.most = host.empty() ? 1 : settings_.in_flight;
    roots_.at(key)->site = &group;
    feeds_.push_back(key);
  }
}

awaitable<result<void>> scraper_service::start() {
  auto recording = co_await lane_->run([directory = settings_.record] { return open_recorder(directory); });
  if (!recording) co_return recording.error();
  for (const auto list : {domain::geo::event_repository::migrations(), domain::geo::tile_repository::migrations()}) {
    auto migrated = co_await context_.migrate(events_.database(), list);
    if (!migrated) co_return migrated.error();
  }
  ingest::options o;
  o.once = settings_.polls.once;
  ingest_ = std::make_unique<ingest>(events_, lane_, std::move(*recording), counts_, o);
  poller_ = std::make_unique<tile_poller>(tiles_, *ingest_, counts_, settings_.polls);
  co_return result<void>{};
}

awaitable<result<void>> scraper_service::run() {
  co_await asio::this_coro::throw_if_cancelled(false);
  started_ = runtime::steady_now();
  polls_.spawn(loop_, keep_polling());
  keepers_.spawn(loop_, keep_leases());
  keepers_.spawn(loop_, report());
  if (!settings_.polls.once) keepers_.spawn(loop_, retention_.run());
  co_await polls_.wait();
  const bool cancelled = co_await is_cancelled();
  if (cancelled) {
    polls_.cancel();
    co_await asio::this_coro::reset_cancellation_state();
    co_await polls_.wait();
  }
  keepers_.cancel();
  co_await keepers_.wait();
  if (cancelled) co_return result<void>{};
  if (settings_.polls.once) {
    const auto took = std::chrono::duration_cast<milliseconds>(runtime::steady_now() - started_);
    const std::string text = counts_.summary(took);
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
    if (counts_.all_failed()) exit_code_ = 1;
  }
  if (broken_) co_return *broken_;
  co_return result<void>{};
}

awaitable<void> scraper_service::drain(runtime::deadline limit) {
  polls_.cancel();
  co_await polls_.wait_until(limit);
}

awaitable<void> scraper_service::stop() {
  polls_.cancel();
  keepers_.cancel();
  co_await polls_.wait();
  co_await keepers_.wait();
  if (!poller_) co_return;
  // What was not finished is due at once, for whoever comes next. Without it the leases run out.
  const auto released = co_await tiles_.release(ports::call_context::within(std::chrono::seconds(2)), owner_);
  if (!released) log::warn("tiles could not be given back", {{"error", released.error().what()}});
}

void scraper_service::break_off(error why) {
  if (why == errc::cancelled) return;
  if (!broken_) broken_ = std::move(why);
  polls_.cancel();
}

domain::geo::claim_terms scraper_service::terms() const {
  domain::geo::claim_terms t{.now = runtime::now(), .lease = settings_.lease};
  if (settings_.polls.once) {
    t.early = true;
    t.asked_before = began_;
  }
  return t;
}

std::vector<domain::geo::claim_group> scraper_service::free_groups() const {
  std::map<std::string, std::size_t> busy;
  for (const auto& [key, h] : held_) ++busy[h.group];
  std::vector<domain::geo::claim_group> out;
  for (const auto& [name, group] : groups_) {
    const auto taken = busy.find(name);
    const std::size_t used = taken == busy.end() ? 0 : taken->second;
    if (used < group.most) out.push_back({group.feeds, group.most - used});
  }
  return out;
}

void scraper_service::wake() {
  rung_ = true;
  bell_.cancel();
}

awaitable<bool> scraper_service::doze(milliseconds longest) {
  if (!rung_) {
    bell_.expires_after(longest);
    co_await bell_.async_wait(use_tuple);
  }
  rung_ = false;
  co_return !co_await is_cancelled();
}

bool scraper_service::clock_went_back() {
  const auto offset = std::chrono::duration_cast<milliseconds>(runtime::now().time_since_epoch()) -
                      std::chrono::duration_cast<milliseconds>(runtime::steady_now().time_since_epoch());
  const bool back = offset < clock_offset_ - std::chrono::seconds(5);
  clock_offset_ = offset;
  return back;
}

awaitable<result<void>> scraper_service::add_tiles() {
  for (const auto& [key, root] : roots_) {
    auto view = root->view;
    view.next_poll = runtime::now();
    const auto added =
        co_await tiles_.add(soon(), std::move(view), runtime::now(), {root->interval.least, root->interval.most});
    if (!added) co_return added.error();
  }
  const auto gone = co_await tiles_.forget(soon(), runtime::now(), keep_forgotten);
  if (!gone) co_return gone.error();
  if (*gone > 0) log::info("tiles that nobody polls are forgotten", {{"tiles", *gone}});
  co_return co_await release_dead();
}

awaitable<result<void>> scraper_service::release_dead() {
  const auto owners = co_await tiles_.owners(soon());
  if (!owners) co_return owners.error();
  for (const auto& owner : *owners) {
    if (!is_dead(owner)) continue;
    const auto freed = co_await tiles_.release(soon(), owner);
    if (!freed) co_return freed.error();
    if (*freed > 0) log::info("a dead scraper's tiles are taken over", {{"owner", owner}, {"tiles", *freed}});
  }
  co_return result<void>{};
}

awaitable<result<void>> scraper_service::take_due() {
  auto groups = free_groups();
  if (groups.empty()) co_return result<void>{};
  auto claimed = co_await tiles_.claim(soon(), std::move(groups), owner_, terms());
  if (!claimed) co_return claimed.error();
  for (auto& tile : *claimed) {
    const auto root = roots_.find(tile.view.feed);
    const std::string host = root->second->source->identity().host;
    if (held_.contains(tile.view.key)) {
      // Its lease ran out under a poll of ours (the database was away): all begin anew, and that one records nothing.
      for (auto& [key, h] : held_) *h.lost = true;
      const auto freed = co_await tiles_.release(soon(), owner_);
      co_return freed ? result<void>{} : result<void>(freed.error());
    }
    auto& h = held_[tile.view.key];
    h.feed = tile.view.feed;
    h.group = host.empty() ? tile.view.feed : host;
    polls_.spawn(loop_, poll(std::move(tile), h.lost));
  }
  co_return result<void>{};
}

awaitable<void> scraper_service::poll(domain::geo::leased_tile tile, std::shared_ptr<bool> lost) {
  co_await asio::this_coro::throw_if_cancelled(false);
  root_tile* root = roots_.at(tile.view.feed).get();
  const auto key = tile.view.key;
  const auto done = root->source->recorded()
                        ? co_await poller_->play(root, std::move(tile), std::move(lost), &polls_, loop_)
                        : co_await poller_->poll(root, std::move(tile));
  held_.erase(key);
  if (!done) break_off(done.error());
  wake();
}

/// How long nothing will be due; nothing is less than zero: for ever.
awaitable<result<milliseconds>> scraper_service::time_to_next() {
  std::vector<std::string> feeds;
  for (const auto& group : free_groups()) feeds.insert(feeds.end(), group.feeds.begin(), group.feeds.end());
  if (feeds.empty()) co_return longest_doze;
  const auto next = co_await tiles_.next_claim(soon(), std::move(feeds), terms());
  if (!next) co_return next.error();
  if (!*next) co_return held_.empty() ? milliseconds(-1) : longest_doze;
  co_return std::clamp(milliseconds(**next - runtime::now()), shortest_doze, longest_doze);
}

/// A live source never runs out of polls; a recording, and one round of all, come to an end.
bool scraper_service::polls_for_ever() const {
  return !settings_.polls.once &&
         std::any_of(roots_.begin(), roots_.end(), [](const auto& r) { return !r.second->source->recorded(); });
}

awaitable<void> scraper_service::keep_polling() {
  co_await asio::this_coro::throw_if_cancelled(false);
  began_ = runtime::now();
  bool added = false;
  clock_went_back();
  for (unsigned failures = 0;;) {
    added = added && !clock_went_back();
    auto done = added ? result<void>{} : co_await add_tiles();
    added = added || done.has_value();
    if (done) done = co_await take_due();
    result<milliseconds> wait = milliseconds(0);
    if (done) wait = co_await time_to_next();
    if (!done || !wait) {
      const error why = done ? wait.error() : done.error();
      if (why == errc::cancelled) co_return;
      if (!co_await ingest_->pause(why, ++failures)) co_return break_off(why);
      continue;
    }
    failures = 0;
    if (wait->count() < 0 && !broken_ && polls_for_ever()) {
      // A process whose clock is far ahead took them for forgotten.
      log::warn("the tiles are gone; they are added again", {});
      added = false;
      wait = longest_doze;
    }
    if (wait->count() < 0 || broken_ || !co_await doze(*wait)) co_return;
  }
}

awaitable<void> scraper_service::keep_leases() {
  co_await asio::this_coro::throw_if_cancelled(false);
  auto next_renewal = runtime::steady_now() + settings_.lease / 3;
  while (co_await runtime::sleep_for(std::min<milliseconds>(longest_doze, settings_.lease / 3))) {
    // A process of this machine that died is seen at once; one of another machine when its leases run out.
    if (const auto ok = co_await release_dead(); !ok && ok.error() == errc::cancelled) co_return;
    if (runtime::steady_now() < next_renewal || held_.empty()) continue;
    next_renewal = runtime::steady_now() + settings_.lease / 3;
    std::vector<std::int64_t> before;
    before.reserve(held_.size());
    for (const auto& [key, h] : held_) before.push_back(key);
    const auto kept = co_await tiles_.renew(soon(), owner_, runtime::now() + settings_.lease);
    if (!kept) continue;  // the database is away; it is tried again soon
    for (const auto key : before) {
      const auto h = held_.find(key);
      if (h != held_.end() && std::find(kept->begin(), kept->end(), key) == kept->end()) *h->second.lost = true;
    }
  }
}

awaitable<void> scraper_service::report() {
  co_await asio::this_coro::throw_if_cancelled(false);
  tile_metrics figures;
  do {
    const auto all = co_await tiles_.list(soon(), feeds_);
    if (all) figures.show(*all, runtime::now());
  } while (co_await runtime::sleep_for(std::chrono::seconds(5)));
}

}  // namespace distsys::roles::scraper
