#include "distsys/ports/health.hpp"

#include "circuit_breaker.hpp"
#include "distsys/foundation/log.hpp"
#include "distsys/ports/call_observer.hpp"
#include "retry_budget.hpp"

#include <chrono>
#include <utility>

namespace distsys::ports {

namespace {

enum class verdict { works, broken, silent };

verdict judge(const error* failure) noexcept {
  if (!failure) return verdict::works;
  switch (failure->code) {
    case errc::unavailable:
    case errc::indeterminate:
    case errc::timeout:
    case errc::corrupt:
    case errc::no_space:
      return verdict::broken;
    case errc::cancelled:
    case errc::overloaded:
      return verdict::silent;
    default:
      return verdict::works;
  }
}

std::atomic<call_observer> observer{nullptr};

}  // namespace

void observe_calls(call_observer told) noexcept { observer.store(told, std::memory_order_relaxed); }

/// What stands between the port and a backend across a network.
struct call_monitor::guard {
  circuit_breaker breaker;
  retry_budget budget{runtime::steady_now()};
  metrics::gauge& state;
  metrics::counter &openings, &retried, &no_budget;
  std::mutex showing;
  double shown = 0;

  guard(std::string_view port, std::string_view driver, const resilience& policy)
      : breaker(policy, runtime::thread_random()()),
        state(metrics::get_gauge("distsys_backend_breaker_state",
                                 "Circuit breakers of backends: 0 closed, 1 half-open, 2 open.",
                                 {{"port", port}, {"driver", driver}})),
        openings(metrics::get_counter("distsys_backend_breaker_openings_total",
                                      "How often a backend's circuit breaker opened.",
                                      {{"port", port}, {"driver", driver}})),
        retried(retries(port, driver, "retried")),
        no_budget(retries(port, driver, "no_budget")) {}
  ~guard() { state.add(-shown); }
  guard(const guard&) = delete;
  guard& operator=(const guard&) = delete;

  static metrics::counter& retries(std::string_view port, std::string_view driver, std::string_view outcome) {
    return metrics::get_counter("distsys_backend_retries_total",
                                "Failed calls to backends that were, or for want of budget were not, tried again.",
                                {{"port", port}, {"driver", driver}, {"outcome", outcome}});
  }

  void show() noexcept {
    const std::lock_guard lock(showing);
    const double now = static_cast<double>(breaker.current());
    state.add(now - std::exchange(shown, now));
  }

  std::string next_try() const {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(breaker.next_try() - runtime::steady_now());
    return left.count() > 0 ? "in " + std::to_string(left.count()) + " ms" : "now";
  }
};

call_monitor::call_monitor(std::string_view port, std::string driver, const resilience& policy)
    : port_(port), driver_(std::move(driver)), policy_(policy) {
  if (policy.failures_until_open > 0 || policy.more_tries > 0)
    guard_ = std::make_unique<guard>(port_, driver_, policy_);
}

call_monitor::~call_monitor() = default;

call_monitor::operation call_monitor::make_operation(std::string_view name) const {
  operation made{name,
                 &metrics::get_histogram("distsys_backend_call_duration_seconds", "Calls to backends, by duration.",
                                         {{"port", port_}, {"driver", driver_}, {"operation", name}}),
                 {}};
  for (std::size_t i = 0; i < made.outcomes.size(); ++i) {
    if (i > static_cast<std::size_t>(errc::internal)) break;
    const std::string_view outcome = i == 0 ? "success" : distsys::name(static_cast<errc>(i));
    made.outcomes[i] =
        &metrics::get_counter("distsys_backend_calls_total", "Calls to backends, by outcome.",
                              {{"port", port_}, {"driver", driver_}, {"operation", name}, {"outcome", outcome}});
  }
  return made;
}

call_monitor::call::call(call_monitor& monitor, const operation& op, const call_context& context) noexcept
    : monitor_(&monitor), operation_(&op), context_(&context), started_(runtime::steady_now()), try_began_(started_) {}

result<void> call_monitor::call::enter(urgency how) {
  using ticket = circuit_breaker::ticket;
  if (auto* g = monitor_->guard_.get()) {
    // The time of the call's start will do, but not after a retry's pause.
    if (tries_ > 0) try_began_ = runtime::steady_now();
    const auto now = try_began_;
    const auto got = how == urgency::probe ? g->breaker.admit_always(now) : g->breaker.admit(now);
    if (got == ticket::refused) return error{errc::unavailable, monitor_->driver_ + ": " + monitor_->health().detail};
    if (tries_ == 0) g->budget.count_call();
    probing_ = got == ticket::probe;
    if (probing_) g->show();
  }
  entered_ = true;
  return {};
}

// False when the outcome is of a call from before the breaker opened.
bool call_monitor::call::settle(const error* failure) noexcept {
  using effect = circuit_breaker::effect;
  auto* g = monitor_->guard_.get();
  if (!g || !entered_) return true;
  entered_ = false;
  const auto admitted = probing_ ? circuit_breaker::ticket::probe : circuit_breaker::ticket::pass;
  const auto came = g->breaker.settle(admitted, failure, try_began_, failure ? runtime::steady_now() : try_began_);
  if (came == effect::stray) return false;
  if (probing_ || came != effect::counted) g->show();
  if (came == effect::opened) {
    g->openings.add();
    log::warn("a backend's circuit breaker opened",
              {{"port", monitor_->port_}, {"driver", monitor_->driver_}, {"failure", failure->what()}});
  } else if (came == effect::closed) {
    log::info("a backend's circuit breaker closed", {{"port", monitor_->port_}, {"driver", monitor_->driver_}});
  }
  return true;
}

std::optional<std::chrono::milliseconds> call_monitor::call::pause_before_retry(const error& failure) {
  if (failure.code != errc::unavailable || last_try()) return std::nullopt;
  const bool counts = settle(&failure);
  if (counts) monitor_->observe(&failure);
  ++tries_;
  auto& g = *monitor_->guard_;
  const auto now = runtime::steady_now();
  const double longest = static_cast<double>((monitor_->policy_.first_backoff * (1u << (tries_ - 1))).count());
  const auto pause =
      std::chrono::milliseconds(1 + static_cast<std::int64_t>(runtime::thread_random().uniform() * longest));
  if (g.breaker.current() != circuit_breaker::state::closed || context_->deadline - now <= pause) return std::nullopt;
  const bool affordable = g.budget.take(now);
  (affordable ? g.retried : g.no_budget).add();
  if (!affordable) return std::nullopt;
  return pause;
}

void call_monitor::call::count(const error* failure) noexcept {
  auto code = static_cast<std::size_t>(failure ? failure->code : errc{});
  if (code > static_cast<std::size_t>(errc::internal)) code = static_cast<std::size_t>(errc::internal);
  operation_->outcomes[code]->add();
  if (const auto told = observer.load(std::memory_order_relaxed))
    told({monitor_->port_, monitor_->driver_, operation_->name, context_->trace, runtime::steady_now() - started_,
          failure, tries_ + (entered_ ? 1 : 0)});
}

void call_monitor::call::done(const error* failure) noexcept {
  count(failure);
  operation_->duration->observe(std::chrono::duration<double>(runtime::steady_now() - started_).count());
  if (settle(failure)) monitor_->observe(failure);
}

void call_monitor::call::refused(const error& reason) noexcept { count(&reason); }

result<void> call_monitor::check_deadline(const call_context& context) {
  if (context.expired()) return error{errc::timeout, "the deadline had passed before the call"};
  return {};
}

health_state call_monitor::health() const {
  const bool closed = !guard_ || guard_->breaker.current() == circuit_breaker::state::closed;
  if (closed && healthy_.load(std::memory_order_acquire)) return {};
  const std::lock_guard lock(mutex_);
  if (closed) return {healthy_.load(std::memory_order_relaxed), detail_};
  return {false, "breaker open, next try " + guard_->next_try() + "; last failure: " + detail_, true};
}

void call_monitor::observe(const error* failure) noexcept {
  const verdict v = judge(failure);
  if (v == verdict::silent || (v == verdict::works && healthy_.load(std::memory_order_relaxed))) return;
  const std::lock_guard lock(mutex_);
  if (v == verdict::works) {
    detail_.clear();
  } else {
    detail_ = failure->what();
  }
  healthy_.store(v == verdict::works, std::memory_order_release);
}

}  // namespace distsys::ports
