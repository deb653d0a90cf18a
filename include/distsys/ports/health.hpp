// What a port knows of its backend from the calls that went through it: metrics, and the last failure for /readyz.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/foundation/metrics.hpp"
#include "distsys/ports/call_context.hpp"
#include "distsys/runtime/clock.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace distsys::ports {

struct health_state {
  bool healthy = true;  // the last call that tells something about the backend succeeded
  std::string detail;   // the last failure while unhealthy
};

/// `unavailable`, `indeterminate`, `timeout`, `corrupt` and `no_space` speak against the backend; `cancelled` and
/// `overloaded` say nothing; every other answer shows that it works.
///
/// Observes the calls of one port to one backend: `distsys_backend_call_duration_seconds{port,driver,operation}`,
/// `distsys_backend_calls_total{port,driver,operation,outcome}`. Any thread.
class call_monitor {
 public:
  call_monitor(std::string_view port, std::string driver);
  ~call_monitor();

  /// One kind of call, looked up once and kept by the port.
  struct operation {
    metrics::histogram* duration;
    std::array<metrics::counter*, 16> outcomes;  // by errc; 0 is success
  };
  operation make_operation(std::string_view name) const;

  /// Measures one call: construct before, done() after.
  class call {
   public:
    call(call_monitor& monitor, const operation& op) noexcept;
    void done(const error* failure) noexcept;
    /// Counts a call that never reached the backend, and so says nothing about it.
    void refused(const error& reason) noexcept;

   private:
    void count(const error* failure) noexcept;
    call_monitor* monitor_;
    const operation* operation_;
    runtime::steady_clock::time_point started_;
  };

  const std::string& driver() const noexcept { return driver_; }
  /// errc::timeout when the context's deadline has passed: the backend need not be asked.
  static result<void> check_deadline(const call_context& context);
  health_state health() const;

 private:
  void observe(const error* failure) noexcept;
  std::string port_, driver_;
  std::atomic<bool> healthy_{true};
  mutable std::mutex mutex_;
  std::string detail_;
};

}  // namespace distsys::ports
