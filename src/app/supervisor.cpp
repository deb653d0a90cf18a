#include "src/app/supervisor.hpp"

#include "distsys/foundation/log.hpp"
#include "distsys/foundation/metrics.hpp"
#include "distsys/foundation/version.hpp"
#include "src/app/help.hpp"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <ranges>

namespace distsys::app {
namespace {

using namespace std::chrono_literals;
using timer = asio::basic_waitable_timer<runtime::steady_clock, asio::wait_traits<runtime::steady_clock>, executor>;

constexpr auto probe_period = 1s;
constexpr auto backend_period = 2s;
constexpr auto ping_limit = 1500ms;
constexpr auto end_grace = 10s;  // beyond the drain deadline, for what does not end when cancelled

error from_exception() {
  try {
    throw;
  } catch (const failure& f) {
    return f.reason();
  } catch (const std::exception& e) {
    return {errc::internal, e.what()};
  } catch (...) {
    return {errc::internal, "an unknown exception"};
  }
}

}  // namespace

struct supervisor::event {
  explicit event(executor where) : wake(where, runtime::deadline::max()) {}
  void signal() { wake.cancel(); }
  template <class Condition>
  awaitable<void> until(Condition holds) {
    while (!holds()) co_await wake.async_wait(use_tuple);
  }
  timer wake;
};

int exit_code_of(errc code) noexcept {
  switch (code) {
    case errc::invalid:
      return exit_config;
    case errc::internal:
    case errc::corrupt:
      return exit_bug;
    default:
      return exit_unavailable;
  }
}

supervisor::supervisor(const schema& keys, const inputs& from, configuration c, shared_state& shared, signals& s,
                       service_manager& manager)
    : keys_(keys),
      from_(from),
      shared_(shared),
      signals_(s),
      manager_(manager),
      process_(std::move(c.process)),
      probe_(shared.loops, background_, probe_period),
      changed_(std::make_shared<event>(shared.loops.loop(0))) {
  for (auto& role : c.roles) members_.emplace_back(std::move(role), process_, shared_).ctx.be_patient();
  metrics::get_gauge("distsys_build_info", "What runs; always 1.", {{"version", version()}, {"commit", git_hash()}})
      .set(1);
}

void supervisor::request_stop(std::string why) {
  if (stop_requested_) return;
  stop_requested_ = true;
  log::info("stopping", {{"reason", why}});
  changed_->signal();
}

void supervisor::fail(std::string_view what, std::string_view role, const error& e) {
  log::error(what, {{"role", role}, {"error", name(e.code)}, {"detail", e.detail}});
  if (exit_code_ == exit_ok) exit_code_ = exit_code_of(e.code);
  failed_ = true;
  changed_->signal();
}

// Backends are opened before a role is made, so that everything wrong with their URLs is told at once.
bool supervisor::make() {
  for (auto& m : members_) {
    for (const auto& e : m.ctx.open_all()) fail("a backend cannot be opened", m.info->name, e);
  }
  if (failed_) return false;
  for (auto& m : members_) {
    try {
      m.made = m.info->make(m.ctx);
    } catch (...) {
      fail("the role cannot be made", m.info->name, from_exception());
    }
  }
  return !failed_;
}

awaitable<void> supervisor::start_all() {
  co_await asio::this_coro::throw_if_cancelled(false);
  for (auto& m : members_) {
    result<void> outcome;
    try {
      outcome = co_await m.made->start();
    } catch (...) {
      outcome = from_exception();
    }
    if (outcome) {
      m.started = true;
    } else if (outcome.error().code != errc::cancelled) {
      fail("the role cannot start", m.info->name, outcome.error());
    }
    if (!outcome || stop_requested_) break;
  }
  start_done_ = true;
  changed_->signal();
}

awaitable<void> supervisor::run_one(member& m) {
  co_await asio::this_coro::throw_if_cancelled(false);
  result<void> outcome;
  try {
    outcome = co_await m.made->run();
  } catch (...) {
    outcome = from_exception();
  }
  m.running = false;
  if (!outcome && outcome.error().code != errc::cancelled) fail("the role failed", m.info->name, outcome.error());
  changed_->signal();
}

bool supervisor::is_running() const {
  return std::any_of(members_.begin(), members_.end(), [](const member& m) { return m.running; });
}

void supervisor::announce() {
  std::string roles;
  for (const auto& m : members_) roles.append(roles.empty() ? "" : ",").append(m.info->name);
  for (const auto& m : members_) {
    for (const auto& address : m.made->addresses())
      log::info("serving", {{"role", m.info->name}, {"address", address}});
  }
  log::info("started", {{"roles", roles},
                        {"operations", operations_->address()},
                        {"data_dir", shared_.data_dir.string()},
                        {"threads", shared_.loops.size()},
                        {"version", version()},
                        {"commit", git_hash()}});
  manager_.notify("READY=1\nSTATUS=" + roles + "; operations " + operations_->address());
}

awaitable<void> supervisor::start_and_watch() {
  if (!make()) co_return;
  std::vector<const live_settings*> shown{&process_};
  for (auto& m : members_) shown.push_back(&m.current);
  operations_.emplace(shared_, probe_, std::move(shown), version_json(keys_));
  context process(process_, process_, shared_);
  const auto listening = co_await operations_->listen(process.endpoint("operations"), process.given("operations"));
  if (!listening) {
    fail("the operations port cannot be opened", "", listening.error());
    co_return;
  }
  background_.spawn(shared_.loops.loop(0), watch_backends());
  if (manager_.watchdog()) background_.spawn(shared_.loops.loop(0), feed_watchdog());

  starting_.spawn(shared_.loops.loop(0), start_all());
  co_await changed_->until([this] { return start_done_ || stop_requested_; });
  if (!start_done_) {
    // A start may hang where nothing can be cancelled (name resolution): the end has a limit from here on.
    signals_.end_by(
        std::chrono::duration_cast<std::chrono::milliseconds>(process_duration("drain-timeout") + end_grace));
    starting_.cancel();
  }
  co_await starting_.wait();
  if (failed_ || stop_requested_) co_return;

  for (auto& m : members_) {
    m.running = true;
    running_.spawn(shared_.loops.loop(0), run_one(m));
  }
  for (const auto& m : members_) {
    for (auto& address : m.made->addresses()) operations_->link(m.info->name, std::move(address));
  }
  operations_->set_phase(phase::ready);
  announce();
  co_await changed_->until([this] { return stop_requested_ || failed_ || !is_running(); });
}

awaitable<int> supervisor::run() {
  co_await start_and_watch();
  co_await stop_all();
  co_return exit_code_;
}

std::chrono::microseconds supervisor::process_duration(std::string_view name) const {
  return std::get<std::chrono::microseconds>(process_.get()->find(name)->values.front());
}

awaitable<void> supervisor::drain_one(member& m, runtime::deadline limit) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await m.made->drain(limit);
}

awaitable<void> supervisor::drain_all() {
  const auto limit = runtime::steady_now() + process_duration("drain-timeout");
  runtime::task_group draining;
  for (auto& m : members_) {
    if (m.started) draining.spawn(shared_.loops.loop(0), drain_one(m, limit));
  }
  if (!co_await draining.wait_until(limit + 500ms)) {
    log::warn("accepted work did not finish before the drain deadline");
    draining.cancel();
    co_await draining.wait();
  }
}

// Readiness turns 503, then the balancers get their delay, then no new work, then what was accepted, then the rest is
// cancelled, then everything is released in reverse order.
awaitable<void> supervisor::stop_all() {
  const bool was_serving = is_running();
  signals_.stopping();
  manager_.notify("STOPPING=1");
  if (operations_) operations_->set_phase(phase::stopping);
  const auto delay = stop_requested_ && was_serving ? process_duration("shutdown-delay") : 0us;
  const auto longest = delay + process_duration("drain-timeout") + end_grace;
  signals_.end_by(std::chrono::duration_cast<std::chrono::milliseconds>(longest));

  if (delay > 0us) co_await runtime::sleep_for(delay);
  co_await drain_all();
  running_.cancel();
  co_await running_.wait();
  for (auto& m : std::views::reverse(members_)) {
    if (m.started) co_await m.made->stop();
    if (m.started && !failed_) exit_code_ = std::max(exit_code_, m.made->exit_code());
    m.made.reset();
  }
  if (operations_) co_await operations_->close(runtime::steady_now() + 1s);
  background_.cancel();
  co_await background_.wait();
  co_await shared_.backends.close();
  log::info("stopped", {{"exit_code", exit_code_}});
}

// A process that is unready gets no requests, so that nothing would ever tell that its backend is back.
awaitable<void> supervisor::watch_backends() {
  co_await asio::this_coro::throw_if_cancelled(false);
  bool first = true;
  do {
    for (const auto* b : shared_.backends.all()) {
      if (first || !health(*b).healthy) (void)co_await ping(*b, ports::call_context::within(ping_limit));
    }
    first = false;
  } while (co_await runtime::sleep_for(backend_period));
}

awaitable<void> supervisor::feed_watchdog() {
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto interval = *manager_.watchdog();
  do {
    if (probe_.silence() < std::max<std::chrono::microseconds>(interval, 2 * probe_period))
      manager_.notify("WATCHDOG=1");
  } while (co_await runtime::sleep_for(interval / 3));
}

void supervisor::reload() {
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(runtime::steady_now().time_since_epoch());
  manager_.notify("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.count()));
  problems found;
  const auto newer = load(keys_, from_, found);
  for (const auto& p : found.found())
    log::error("the configuration is not taken over", {{"where", p.source.where}, {"problem", p.text}});
  if (found.empty()) {
    auto kept = process_.reload(newer.process);
    for (auto& m : members_) {
      for (const auto& s : newer.roles) {
        if (s.of().role != m.info) continue;
        for (auto& name : m.current.reload(s)) kept.push_back(std::move(name));
      }
    }
    for (const auto& name : kept) log::warn("a changed option takes effect at the next start", {{"option", name}});
    const auto current = process_.get();
    log::set_level(*log::parse_level(current->find("log-level")->texts.front()));
    log::info("the configuration was read again", {{"log_level", current->find("log-level")->texts.front()}});
  }
  manager_.notify("READY=1");
}

}  // namespace distsys::app
