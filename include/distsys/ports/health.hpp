// What a port knows of its backend from the calls that went through it: metrics, the last failure for /readyz, and
// whether it is worth asking at all.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/foundation/metrics.hpp"
#include "distsys/ports/call_context.hpp"
#include "distsys/ports/resilience.hpp"
#include "distsys/runtime/clock.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace distsys::ports {

struct health_state {
  bool healthy = true;        // the last call that tells something about the backend succeeded
  std::string detail;         // the last failure while unhealthy
  bool breaker_open = false;  // calls are refused, but for one that tries
};

/// `unavailable`, `indeterminate`, `timeout`, `corrupt` and `no_space` speak against the backend; `cancelled` and
/// `overloaded` say nothing; every other answer shows that it works.
///
/// Observes and guards the calls of one port to one backend. Metrics, all with {port,driver}:
/// `distsys_backend_call_duration_seconds{operation}`, `distsys_backend_calls_total{operation,outcome}`; with a breaker
/// `distsys_backend_breaker_state` (0 closed, 1 half-open, 2 open; added up over the backends of one driver) and
/// `distsys_backend_breaker_openings_total`; with retries `distsys_backend_retries_total{outcome="retried|no_budget"}`.
/// Any thread.
class call_monitor {
 public:
  call_monitor(std::string_view port, std::string driver, const resilience& policy = {});
  ~call_monitor();

  /// One kind of call, looked up once and kept by the port.
  struct operation {
    std::string_view name;  // a literal
    metrics::histogram* duration;
    std::array<metrics::counter*, 16> outcomes;  // by errc; 0 is success
  };
  operation make_operation(std::string_view name) const;

  enum class urgency { ordinary, probe };  // a probe goes through an open breaker

  /// Measures one call: construct before, done() after. The context must live until then.
  class call {
   public:
    call(call_monitor& monitor, const operation& op, const call_context& context) noexcept;
    /// errc::unavailable when the breaker does not let it through.
    result<void> enter(urgency how);
    /// After a try of an idempotent call that failed: how long to wait for the next, or nothing when it was the last.
    std::optional<std::chrono::milliseconds> pause_before_retry(const error& failure);
    void done(const error* failure) noexcept;
    /// Counts a call that never reached the backend, and so says nothing about it.
    void refused(const error& reason) noexcept;

    bool last_try() const noexcept { return tries_ >= monitor_->policy_.more_tries; }

   private:
    void count(const error* failure) noexcept;
    bool settle(const error* failure) noexcept;
    call_monitor* monitor_;
    const operation* operation_;
    const call_context* context_;
    runtime::steady_clock::time_point started_, try_began_;
    std::uint32_t tries_ = 0;  // that have failed, before the present one
    bool entered_ = false, probing_ = false;
  };

  const std::string& driver() const noexcept { return driver_; }
  /// errc::timeout when the context's deadline has passed: the backend need not be asked.
  static result<void> check_deadline(const call_context& context);
  health_state health() const;

 private:
  struct guard;
  void observe(const error* failure) noexcept;
  std::string port_, driver_;
  resilience policy_;
  std::unique_ptr<guard> guard_;  // none without a policy
  std::atomic<bool> healthy_{true};
  mutable std::mutex mutex_;
  std::string detail_;
};

}  // namespace distsys::ports
