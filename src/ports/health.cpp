#include "distsys/ports/health.hpp"

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

}  // namespace

call_monitor::call_monitor(std::string_view port, std::string driver) : port_(port), driver_(std::move(driver)) {}
call_monitor::~call_monitor() = default;

call_monitor::operation call_monitor::make_operation(std::string_view name) const {
  operation made{&metrics::get_histogram("distsys_backend_call_duration_seconds", "Calls to backends, by duration.",
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

call_monitor::call::call(call_monitor& monitor, const operation& op) noexcept
    : monitor_(&monitor), operation_(&op), started_(runtime::steady_now()) {}

void call_monitor::call::count(const error* failure) noexcept {
  auto code = static_cast<std::size_t>(failure ? failure->code : errc{});
  if (code > static_cast<std::size_t>(errc::internal)) code = static_cast<std::size_t>(errc::internal);
  operation_->outcomes[code]->add();
}

void call_monitor::call::done(const error* failure) noexcept {
  count(failure);
  operation_->duration->observe(std::chrono::duration<double>(runtime::steady_now() - started_).count());
  monitor_->observe(failure);
}

void call_monitor::call::refused(const error& reason) noexcept { count(&reason); }

result<void> call_monitor::check_deadline(const call_context& context) {
  if (context.expired()) return error{errc::timeout, "the deadline had passed before the call"};
  return {};
}

health_state call_monitor::health() const {
  if (healthy_.load(std::memory_order_acquire)) return {};
  const std::lock_guard lock(mutex_);
  return {healthy_.load(std::memory_order_relaxed), detail_};
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
