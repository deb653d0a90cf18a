#include "src/app/call_log.hpp"

#include "distsys/foundation/log.hpp"
#include "distsys/ports/call_observer.hpp"

#include <exception>

namespace distsys::app {
namespace {

void log_call(const ports::observed_call& call) noexcept {
  if (call.trace.empty() || !log::enabled(log::level::debug)) return;
  try {
    const std::chrono::duration<double, std::milli> took = call.duration;
    log::debug("backend call", {{"port", call.port},
                                {"driver", call.driver},
                                {"operation", call.operation},
                                {"outcome", call.failure ? call.failure->what() : std::string("success")},
                                {"tries", call.tries},
                                {"duration_ms", took.count()},
                                {"traceparent", call.trace}});
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): a line without room is lost, not the call
  }
}

}  // namespace

void log_backend_calls() noexcept { ports::observe_calls(&log_call); }

}  // namespace distsys::app
