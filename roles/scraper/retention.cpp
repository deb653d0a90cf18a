#include "retention.hpp"

#include "distsys/foundation/log.hpp"
#include "distsys/foundation/text.hpp"
#include "distsys/runtime/clock.hpp"
#include "distsys/runtime/random.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace distsys::roles::scraper {
namespace {

using namespace std::chrono_literals;
namespace geo = domain::geo;

constexpr std::size_t rows_at_once = 500;  // a few milliseconds of the writer
constexpr auto breath = 20ms;              // for other writers, between two transactions
constexpr auto limit = 30s;
constexpr auto long_limit = 10min;  // a partition is read once, or copied
constexpr std::chrono::microseconds default_age = std::chrono::hours(30 * 24);

struct one_age {
  std::string source;
  std::chrono::microseconds age;
};

result<one_age> read(std::string_view text) {
  one_age a;
  if (const auto equals = text.rfind('='); equals != std::string_view::npos) {
    a.source = trim(text.substr(0, equals));
    if (a.source.empty()) return error{errc::invalid, "a source is missing before '='"};
    text.remove_prefix(equals + 1);
  }
  const auto age = parse_duration(trim(text));
  if (!age) return age.error();
  if (age->count() != 0 && *age < 1s) return error{errc::invalid, "an age is at least 1s, or 0s for ever"};
  a.age = *age;
  return a;
}

/// The epoch: for ever.
geo::timestamp before(const ages& by_source, const std::string& source, geo::timestamp now) {
  auto at = by_source.find(source);
  if (at == by_source.end()) at = by_source.find("");
  if (at == by_source.end() || at->second.count() == 0) return {};
  return now - std::chrono::duration_cast<std::chrono::milliseconds>(at->second);
}

/// The earliest of all sources, and the latest: what is older than that is not kept for its age alone.
std::pair<geo::timestamp, geo::timestamp> before_of_all(const ages& by_source, geo::timestamp now) {
  geo::timestamp earliest = now, latest{};
  for (const auto& [source, age] : by_source) {
    earliest = std::min(earliest, before(by_source, source, now));
    latest = std::max(latest, before(by_source, source, now));
  }
  return {earliest, latest};
}

}  // namespace

result<ages> parse_ages(std::span<const std::string> texts) {
  ages all;
  for (const std::string& text : texts) {
    if (text.empty()) continue;
    auto a = read(text);
    if (!a) return a.error();
    if (!all.emplace(a->source, a->age).second) {
      return error{errc::invalid, a->source.empty() ? "the age of all sources is said twice"
                                                    : "the age of '" + a->source + "' is said twice"};
    }
  }
  all.try_emplace("", default_age);
  return all;
}

std::string valid_age(std::string_view text) {
  const auto a = read(text);
  return a ? std::string() : a.error().detail;
}

retention::retention(geo::event_repository& events, retention_settings settings)
    : events_(events),
      settings_(std::move(settings)),
      history_(events.database(), settings_.changes_a_partition),
      deleted_(metrics::get_counter("distsys_scraper_pruned_rows_total",
                                    "Rows deleted because they were older than their retention")) {}

awaitable<void> retention::run() {
  co_await asio::this_coro::throw_if_cancelled(false);
  bool failing = false;
  for (;;) {
    const auto swept = co_await sweep();
    if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none) co_return;
    if (!swept && !failing) log::warn("old events cannot be deleted", {{"error", swept.error().what()}});
    if (swept && *swept > 0) log::info("old events are deleted", {{"rows", *swept}});
    failing = !swept;
    // Several processes drift apart instead of meeting each time.
    const auto pause = std::chrono::duration<double>(settings_.period) * runtime::thread_random().uniform(0.8, 1.2);
    if (!co_await runtime::sleep_for(std::chrono::duration_cast<std::chrono::steady_clock::duration>(pause))) co_return;
  }
}

awaitable<result<std::size_t>> retention::sweep() {
  const auto sources = co_await events_.sources(ports::call_context::within(limit));
  if (!sources) co_return sources.error();
  const geo::timestamp now = runtime::now();
  std::vector<geo::history_horizon> horizons;
  horizons.reserve(sources->size());
  for (const std::string& source : *sources) horizons.push_back({source, before(settings_.history, source, now)});
  const auto left = co_await partitions_left(horizons);
  const auto rows = co_await prune_rows(horizons, left, now);
  // Files go without a walk over their rows: also where that did not come to an end.
  const std::size_t with_files = co_await compact(horizons);
  if (!rows) co_return rows.error();
  co_return *rows + with_files;
}

awaitable<result<std::size_t>> retention::prune_rows(std::span<const geo::history_horizon> horizons,
                                                     const std::vector<geo::sequence_range>& left, geo::timestamp now) {
  std::size_t total = 0;
  for (const auto& [source, history_before] : horizons) {
    geo::retention what{.source = source, .history_before = history_before, .left = left};
    what.ended_before = what.expired_before = before(settings_.events, source, now);
    const auto deleted = co_await prune_all(what);
    if (!deleted) co_return deleted.error();
    total += *deleted;
  }
  // What belongs to no event any more, whatever its source was.
  const auto [history_before, orphans_before] = before_of_all(settings_.history, now);
  const auto rest =
      co_await prune_all({.history_before = history_before, .orphans_before = orphans_before, .left = left});
  if (!rest) co_return rest.error();
  co_return total + *rest;
}

awaitable<result<std::size_t>> retention::prune_all(geo::retention what) {
  std::size_t total = 0;
  for (;;) {
    const auto deleted = co_await events_.prune(ports::call_context::within(limit), what, rows_at_once);
    if (!deleted) co_return deleted.error();
    deleted_.add(*deleted);
    total += *deleted;
    if (*deleted == 0 || !co_await runtime::sleep_for(breath)) co_return total;
  }
}

/// Opens the next partition when it is time, and looks which are better left alone: none when that fails.
awaitable<std::vector<geo::sequence_range>> retention::partitions_left(std::span<const geo::history_horizon> horizons) {
  const auto opened = co_await history_.open_next(ports::call_context::within(long_limit));
  if (!opened) tell(opened.error());
  auto left = co_await history_.left(ports::call_context::within(limit), horizons);
  if (left) co_return *std::move(left);
  tell(left.error());
  co_return std::vector<geo::sequence_range>();
}

/// All that is old: how many rows went with their files.
awaitable<std::size_t> retention::compact(std::span<const geo::history_horizon> horizons) {
  std::size_t total = 0;
  for (;;) {
    const auto done = co_await history_.compact(ports::call_context::within(long_limit), horizons);
    if (!done) tell(done.error());
    if (!done || !*done) co_return total;
    log::info("a part of the history is compacted",
              {{"up_to", (*done)->range.past}, {"dropped", (*done)->dropped}, {"kept", (*done)->kept}});
    deleted_.add((*done)->dropped);
    total += (*done)->dropped;
  }
}

void retention::tell(const error& why) {
  if (why == errc::cancelled) return;
  // Another process is at it, or a long question: the next time will do.
  if (why == errc::conflict)
    log::debug("the history's partitions are busy", {{"error", why.what()}});
  else if (!std::exchange(told_, true))
    log::warn("the history's partitions cannot be changed; its rows are deleted one by one", {{"error", why.what()}});
}

}  // namespace distsys::roles::scraper
