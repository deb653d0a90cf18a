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
      lane_(std::move(lane)),
      events_(context.database("database")),
      loop_(context.loops().next_loop()) {
  for (auto& f : feeds) {
    feeds_.push_back(std::make_unique<followed>());
    feeds_.back()->source = std::move(f);
  }
}

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
  for (const auto& f : feeds_) followers_.spawn(loop_, follow(f.get()));
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
    if (counts_.all_failed()) exit_code_ = 1;
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

awaitable<void> scraper_service::store(followed* f, decoded content, gate::pass held) {
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto stored = co_await ingest_->store(f->source->name(), std::move(content));
  if (stored) {
    f->source->stored();
  } else if (!(stored.error() == errc::cancelled)) {
    break_off(stored.error());
  }
}

awaitable<bool> scraper_service::take(followed* f, answer a) {
  auto prepared = co_await ingest_->prepare(f->source->name(), std::move(a));
  if (!prepared) {
    if (!(prepared.error() == errc::cancelled)) break_off(prepared.error());
    co_return false;
  }
  std::optional<decoded>& content = *prepared;
  if (!content) co_return true;
  auto alone = co_await f->storing.enter();
  if (!alone) co_return false;
  if (f->source->recorded()) {
    followers_.spawn(loop_, store(f, std::move(*content), std::move(alone)));
  } else {
    co_await store(f, std::move(*content), std::move(alone));
  }
  co_return !broken_;
}

awaitable<void> scraper_service::follow(followed* f) {
  co_await asio::this_coro::throw_if_cancelled(false);
  feed& source = *f->source;
  const auto interval = settings_.interval.value_or(source.own_interval().value_or(settings_.default_interval));
  schedule when(interval, settings_.longest_backoff);
  for (;;) {
    poll_result p = co_await source.ask();
    bool going = true;
    if (p.said) {
      going = co_await take(f, std::move(*p.said));
    } else if (!p.failed) {
      counts_.count_answer(source.name(), answer_outcome::not_modified);
    } else if (*p.failed == errc::cancelled) {
      going = false;
    } else {
      log::warn("a source did not answer", {{"source", source.name()}, {"error", p.failed->what()}});
      counts_.failed(source.name(), p.failed->what());
    }
    source.released();
    // A recording that cannot be listed says no time to wait; one file of it that cannot be read does.
    const bool enough = settings_.once && (!source.recorded() || (p.failed && !p.wait));
    if (!going || p.finished || enough) co_return;
    const auto regular = when.next(!p.failed, p.wait_at_least, runtime::thread_random());
    const auto delay = p.wait.value_or(regular);
    if (delay.count() > 0 && !co_await runtime::sleep_for(delay)) co_return;
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) co_return;
  }
}

}  // namespace distsys::roles::scraper
