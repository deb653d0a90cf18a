#include "scraper_service.hpp"

#include "schedule.hpp"

#include "distsys/foundation/log.hpp"
#include "distsys/runtime/clock.hpp"
#include "distsys/runtime/random.hpp"

#include <boost/asio/this_coro.hpp>

#include <cstdio>

namespace distsys::roles::scraper {
namespace {

result<std::optional<recorder>> open_recorder(const std::string& directory) {
  if (directory.empty()) return std::optional<recorder>();
  auto opened = recorder::open(directory);
  if (!opened) return opened.error();
  return std::optional<recorder>(std::move(*opened));
}

}  // namespace

scraper_service::scraper_service(app::role_context& context, scraper_settings settings,
                                 std::vector<std::unique_ptr<feed>> feeds, std::shared_ptr<runtime::blocking_lane> lane)
    : context_(context),
      settings_(std::move(settings)),
      feeds_(std::move(feeds)),
      lane_(std::move(lane)),
      events_(context.database("database")),
      loop_(context.loops().next_loop()) {}

awaitable<result<void>> scraper_service::start() {
  auto recording = co_await lane_->run([directory = settings_.record] { return open_recorder(directory); });
  if (!recording) co_return recording.error();
  auto migrated = co_await context_.migrate(events_.database(), domain::geo::event_repository::migrations());
  if (!migrated) co_return migrated.error();
  ingest::options o;
  o.once = settings_.once;
  ingest_ = std::make_unique<ingest>(events_, lane_, std::move(*recording), counts_, o);
  co_return result<void>{};
}

awaitable<result<void>> scraper_service::run() {
  co_await asio::this_coro::throw_if_cancelled(false);
  started_ = runtime::steady_now();
  for (const auto& f : feeds_) followers_.spawn(loop_, follow(*f));
  co_await followers_.wait();
  const bool cancelled = (co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none;
  if (cancelled) {
    followers_.cancel();
    co_await asio::this_coro::reset_cancellation_state();
    co_await followers_.wait();
    co_return result<void>{};
  }
  if (settings_.once) {
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(runtime::steady_now() - started_);
    const std::string text = counts_.summary(took);
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
    if (!broken_ && counts_.all_failed()) co_return error{errc::unavailable, "every source failed"};
  }
  if (broken_) co_return *broken_;
  co_return result<void>{};
}

awaitable<void> scraper_service::drain(runtime::deadline limit) {
  followers_.cancel();
  co_await followers_.wait_until(limit);
}

awaitable<void> scraper_service::stop() {
  followers_.cancel();
  co_await followers_.wait();
}

void scraper_service::break_off(error why) {
  if (!broken_) broken_ = std::move(why);
  followers_.cancel();
}

awaitable<bool> scraper_service::ask_once(feed& f, poll_result& p) {
  p = co_await f.ask();
  if (p.failed) {
    if (*p.failed == errc::cancelled) co_return false;
    log::warn("a source did not answer", {{"source", f.name()}, {"error", p.failed->what()}});
    counts_.failed(f.name(), p.failed->what());
  } else if (!p.said) {
    counts_.count_answer(f.name(), answer_outcome::not_modified);
  } else {
    auto taken = co_await ingest_->take(f.name(), std::move(*p.said));
    if (!taken) {
      if (!(taken.error() == errc::cancelled)) break_off(taken.error());
      co_return false;
    }
    f.stored();
  }
  co_return !p.finished;
}

awaitable<void> scraper_service::follow(feed& f) {
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto interval = settings_.interval.value_or(f.own_interval().value_or(settings_.default_interval));
  schedule when(interval, settings_.longest_backoff);
  for (;;) {
    poll_result p;
    const bool more = co_await ask_once(f, p);
    f.released();
    if (!more || (settings_.once && (!f.recorded() || p.failed))) co_return;
    const auto regular = when.next(!p.failed, p.wait_at_least, runtime::thread_random());
    const auto delay = p.wait.value_or(regular);
    if (delay.count() > 0 && !co_await runtime::sleep_for(delay)) co_return;
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) co_return;
  }
}

}  // namespace distsys::roles::scraper
