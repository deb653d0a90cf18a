#include "role.hpp"

#include "distsys/app/command.hpp"
#include "distsys/foundation/json.hpp"
#include "progress.hpp"
#include "report.hpp"
#include "runner.hpp"

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace distsys::roles::loadgen {
namespace {

using app::kind;
using app::option;

constexpr std::string_view schemes[] = {"http", "https"};
constexpr std::string_view arrivals[] = {"constant", "poisson"};
constexpr std::string_view scenarios[] = {"url", "events"};
constexpr std::string_view distributions[] = {"zipf", "normal", "uniform"};

template <class T>
std::string wrong(const result<T>& parsed) {
  return parsed ? std::string() : parsed.error().detail;
}

std::string valid_target(std::string_view text) {
  plan unused;
  return wrong(add_url(unused, text));
}

std::string valid_header(std::string_view text) { return wrong(parse_header(text)); }
std::string valid_center(std::string_view text) { return wrong(parse_center(text)); }

constexpr option options[] = {
    option{"target", kind::url, "", "a URL to ask; with --scenario=events the server's"}
        .as_repeatable()
        .one_of(schemes)
        .checked_by(&valid_target),
    option{"targets", kind::path, "", "a file of URLs, one a line"}.checked_by(&app::readable_file),
    option{"connections", kind::integer, "10", "how many connections"}.with_shorthand('c').between(1, 1e6),
    option{"requests", kind::integer, "", "how many requests, failed ones too"}.with_shorthand('n').between(1, 1e15),
    option{"duration", kind::duration, "10s", "for how long; the default without --requests"}.at_least(0.001),
    option{"rate", kind::real, "0", "open loop: requests a second, however slow the answers; 0 means closed loop"}
        .between(0, 1e7),
    option{"arrivals", kind::text, "constant", "open loop: evenly spaced, or a Poisson process"}.one_of(arrivals),
    option{"header", kind::text, "", "a header line to send: 'Name: value'"}
        .with_shorthand('H')
        .as_repeatable()
        .as_secret()
        .checked_by(&valid_header),
    option{"method", kind::text, "GET", "the method; POST where a body is given"}.with_shorthand('X'),
    option{"body", kind::path, "", "a file to send as the body"}.checked_by(&app::readable_file),
    option{"data", kind::text, "", "a text to send as the body"},
    option{"timeout", kind::duration, "10s", "how long a connection or an answer may take"}.at_least(0.001),
    option{"insecure", kind::flag, "false", "do not verify the server's certificate"}.with_shorthand('k'),
    option{"no-keepalive", kind::flag, "false", "a connection for each request"},
    option{"json", kind::flag, "false", "the summary as JSON"},
    option{"quiet", kind::flag, "false", "no progress line"},
    option{"seed", kind::integer, "1", "of everything random: the same seed, the same load"}.between(0, 9e15),
    option{"scenario", kind::text, "url", "ask the URLs, or a cache for the events of areas"}.one_of(scenarios),
    option{"keys", kind::text, "zipf", "events: how areas are drawn"}.one_of(distributions),
    option{"zipf-exponent", kind::real, "1.3", "events: the exponent of Zipf's law"}.between(0.01, 20),
    option{"areas", kind::integer, "1000", "events: how many areas"}.between(1, 1e6),
    option{"area-radius", kind::real, "2", "events: radius of an area in km"}.between(0.001, 20000),
    option{"center", kind::text, "-33.45,-70.66", "events: latitude and longitude around which the areas lie"}
        .checked_by(&valid_center),
    option{"spread", kind::real, "15", "events: how far from there, in km"}.between(0, 5000),
};

void write_out(const report& r, const plan& p) {
  const std::string text =
      p.json ? boost::json::serialize(as_json(r, p)) + "\n" : as_text(r, p, ::isatty(STDOUT_FILENO) == 1);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

class loadgen_service : public app::service {
 public:
  explicit loadgen_service(app::role_context& context) : context_(context) {}

  awaitable<result<void>> start() override {
    auto p = make_plan(context_);
    if (!p) co_return p.error();
    runner_ = std::make_unique<runner>(context_.loops(), std::move(*p));
    co_return co_await runner_->prepare();
  }

  // The work is a task of its own, so that a cancelled run() cannot end it before its summary is written.
  awaitable<result<void>> run() override {
    work_.spawn(context_.loops().loop(0), measure());
    co_await work_.wait();
    co_return result<void>{};
  }

  // A stop is an early end: what was done so far is still reported.
  awaitable<void> drain(runtime::deadline limit) override {
    if (runner_) runner_->interrupt();
    co_await work_.wait_until(limit);
  }

  awaitable<void> stop() override {
    if (runner_) runner_->interrupt();
    co_await work_.wait();
  }

  int exit_code() const override { return exit_code_; }

 private:
  awaitable<void> measure() {
    const plan& p = runner_->what();
    const report r = co_await runner_->run(!p.quiet && terminal_listens());
    write_out(r, p);
    if (r.counts.good == 0 && !r.interrupted) exit_code_ = app::exit_failed;
  }

  app::role_context& context_;
  runtime::task_group work_;
  std::unique_ptr<runner> runner_;
  int exit_code_ = app::exit_ok;
};

result<void> check(const app::role_context& context) {
  const auto p = make_plan(context);
  return p ? result<void>{} : p.error();
}

std::unique_ptr<app::service> make(app::role_context& context) { return std::make_unique<loadgen_service>(context); }

}  // namespace

const app::role_info role{.name = "loadgen",
                          .summary = "loads an HTTP server and measures it",
                          .options = options,
                          .make = &make,
                          .part_of_all = false,
                          .check = &check};

}  // namespace distsys::roles::loadgen
