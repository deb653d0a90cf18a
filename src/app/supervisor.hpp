// Starts the chosen roles in order, watches them, and stops them in two phases.
#pragma once

#include "src/app/configuration.hpp"
#include "src/app/context.hpp"
#include "src/app/loop_probe.hpp"
#include "src/app/operations.hpp"
#include "src/app/process.hpp"
#include "src/app/signals.hpp"

#include <deque>
#include <memory>
#include <optional>
#include <string>

namespace distsys::app {

/// The exit code that tells a failed start or a failed service (service.hpp).
int exit_code_of(errc code) noexcept;

/// Everything happens on loop 0.
class supervisor {
 public:
  supervisor(const schema& keys, const inputs& from, configuration c, shared_state& shared, signals& s,
             service_manager& manager);

  /// The whole life of the roles; the process's exit code.
  awaitable<int> run();

  /// On loop 0.
  void request_stop(std::string why);
  void reload();

 private:
  struct member {
    member(settings s, live_settings& process, shared_state& shared)
        : info(s.of().role), current(std::move(s)), ctx(current, process, shared) {}
    const role_info* info;
    live_settings current;
    context ctx;
    std::unique_ptr<service> made;
    bool started = false;
    bool running = false;
  };
  /// Waited for and signalled on loop 0.
  struct event;

  bool make();
  awaitable<void> start_all();
  awaitable<void> run_one(member& m);
  awaitable<void> drain_one(member& m, runtime::deadline limit);
  awaitable<void> start_and_watch();
  awaitable<void> stop_all();
  awaitable<void> drain_all();
  awaitable<void> watch_backends();
  awaitable<void> feed_watchdog();
  void announce();
  void fail(std::string_view what, std::string_view role, const error& e);
  bool is_running() const;
  std::chrono::microseconds process_duration(std::string_view name) const;

  const schema& keys_;
  const inputs& from_;
  shared_state& shared_;
  signals& signals_;
  service_manager& manager_;
  live_settings process_;
  std::deque<member> members_;
  runtime::task_group background_, starting_, running_;
  loop_probe probe_;
  std::optional<operations> operations_;
  std::shared_ptr<event> changed_;
  bool start_done_ = false;
  bool stop_requested_ = false;
  bool failed_ = false;
  int exit_code_ = 0;
};

}  // namespace distsys::app
