#include "role.hpp"

#include "compare.hpp"
#include "distsys/app/command.hpp"
#include "distsys/foundation/log.hpp"
#include "find_max.hpp"
#include "options.hpp"
#include "output.hpp"
#include "plan.hpp"
#include "progress.hpp"
#include "report.hpp"
#include "runner.hpp"

#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

namespace distsys::roles::loadgen {
namespace {

/// Either one run, or a search of many.
class loadgen_service : public app::service {
 public:
  explicit loadgen_service(app::role_context& context) : context_(context) {}

  awaitable<result<void>> start() override {
    if (!context_.texts("compare").empty()) co_return check_compared(context_.texts("compare"));
    auto p = make_plan(context_);
    if (!p) co_return p.error();
    if (p->find_max) {
      finder_ = std::make_unique<max_finder>(context_.loops(), std::move(*p));
      co_return co_await finder_->prepare();
    }
    runner_ = std::make_unique<runner>(context_.loops(), std::move(*p));
    co_return co_await runner_->prepare();
  }

  // The work is a task of its own, so that a cancelled run() cannot end it before its summary is written.
  awaitable<result<void>> run() override {
    work_.spawn(context_.loops().loop(0), finder_ ? search() : runner_ ? measure() : compare());
    co_await work_.wait();
    co_return result<void>{};
  }

  // A stop is an early end: what was done so far is still reported.
  awaitable<void> drain(runtime::deadline limit) override {
    interrupt();
    co_await work_.wait_until(limit);
  }

  awaitable<void> stop() override {
    interrupt();
    co_await work_.wait();
  }

  int exit_code() const override { return exit_code_; }

 private:
  void interrupt() noexcept {
    if (runner_) runner_->interrupt();
    if (finder_) finder_->interrupt();
  }

  awaitable<void> measure() {
    const plan& p = runner_->what();
    const report r = co_await runner_->run(!p.quiet && terminal_listens());
    conclude(r, p);
  }

  awaitable<void> search() {
    const plan& p = finder_->what();
    const bool to_stdout = !p.json;
    const report r = co_await finder_->run(!p.quiet && terminal_listens(), [to_stdout](const search_step& s) {
      write_to(to_stdout ? stdout : stderr, step_line(s));
    });
    conclude(r, p);
    if (r.search->rate <= 0) exit_code_ = app::exit_failed;
  }

  void conclude(report r, const plan& p) {
    r.judge_thresholds(p);
    if (auto written = write_all(r, p, ::isatty(STDOUT_FILENO) == 1); !written) fail(written.error());
    if (r.counts.good == 0 && !r.interrupted) exit_code_ = app::exit_failed;
    if (r.failed()) exit_code_ = app::exit_failed;
  }

  awaitable<void> compare() {
    auto done = compare_files(context_.texts("compare"), context_.text("report"), ::isatty(STDOUT_FILENO) == 1);
    if (!done) fail(done.error());
    co_return;
  }

  void fail(const error& e) {
    log::error(e.detail);
    exit_code_ = app::exit_failed;
  }

  app::role_context& context_;
  runtime::task_group work_;
  std::unique_ptr<runner> runner_;
  std::unique_ptr<max_finder> finder_;
  int exit_code_ = app::exit_ok;
};

result<void> check(const app::role_context& context) {
  if (!context.texts("compare").empty()) return check_compared(context.texts("compare"));
  const auto p = make_plan(context);
  return p ? result<void>{} : p.error();
}

std::unique_ptr<app::service> make(app::role_context& context) { return std::make_unique<loadgen_service>(context); }

}  // namespace

const app::role_info role{.name = "loadgen",
                          .summary = "loads an HTTP server and measures it",
                          .options = option_table,
                          .make = &make,
                          .part_of_all = false,
                          .check = &check};

}  // namespace distsys::roles::loadgen
