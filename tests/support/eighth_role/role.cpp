#include "tests/support/eighth_role/role.hpp"

#include <boost/asio/this_coro.hpp>

#include <iostream>
#include <stdexcept>

namespace distsys::roles::eighth {
namespace {

using app::kind;

constexpr std::string_view failures[] = {"none", "start", "run", "exception"};

constexpr app::option options[] = {
    {"listen", kind::endpoint, ":5008", "HTTP address"},
    {"database", kind::url_database, "sqlite:eighth.db", "where visits are kept"},
    {"greeting", kind::text, "hello from the eighth", "what to say"},
    app::option{"mood", kind::text, "calm", "shown by /mood"}.as_reloadable(),
    app::option{"token", kind::text, "", "of no use, and a secret"}.as_secret(),
    {"hold", kind::duration, "0s", "how long an answer takes"},
    {"unready", kind::flag, "false", "never be ready"},
    {"stubborn", kind::flag, "false", "take no notice of the drain deadline"},
    {"once", kind::flag, "false", "greet on standard output, and end"},
    app::option{"fail", kind::text, "none", "where to fail"}.one_of(failures),
};

constexpr ports::migration migrations[] = {
    {"eighth", 1, {"CREATE TABLE eighth_visits (at INTEGER NOT NULL);", "", ""}}};
std::span<const ports::migration> list() { return migrations; }
constexpr app::role_migrations kept[] = {{"database", &list}};

struct shared {
  app::role_context& context;
  std::shared_ptr<ports::database> visits;
};

awaitable<net::http_response> greet(shared s, net::http_request&) {
  if (const auto hold = s.context.duration("hold"); hold.count() > 0) co_await runtime::sleep_for(hold);
  ports::statement visit{"INSERT INTO eighth_visits (at) VALUES (?)",
                         ports::table::row(runtime::now().time_since_epoch().count()), 1};
  ports::batch one;
  one.push_back(std::move(visit));
  const auto kept_it = co_await s.visits->execute(ports::call_context::within(std::chrono::seconds(5)), std::move(one));
  if (!kept_it) co_return net::http_response::from_error(kept_it.error());
  co_return net::http_response::text(s.context.text("greeting") + "\n");
}

awaitable<net::http_response> mood(shared s, net::http_request&) {
  co_return net::http_response::text(s.context.text("mood"));
}

class eighth_service final : public app::service {
 public:
  explicit eighth_service(app::role_context& context)
      : context_(context), visits_(context.database("database")), server_(context.loops(), http(), routes()) {
    context.add_operations_page("eighth", [s = here()](net::http_request& r) { return mood(s, r); });
    context.add_readiness("mood", [&context] { return std::string(context.flag("unready") ? "not in the mood" : ""); });
  }

  awaitable<result<void>> start() override {
    if (context_.text("fail") == "start") co_return error{errc::unavailable, "asked to fail"};
    if (context_.text("fail") == "exception") throw std::runtime_error("asked to throw");
    if (const auto done = co_await context_.migrate(*visits_, migrations); !done) co_return done.error();
    co_return co_await server_.listen();
  }

  awaitable<result<void>> run() override {
    if (context_.text("fail") == "run") co_return error{errc::unavailable, "asked to fail"};
    if (context_.flag("once")) {
      std::cout << context_.text("greeting") << std::endl;
      co_return result<void>{};
    }
    while (co_await runtime::sleep_for(std::chrono::hours(1))) continue;
    co_return result<void>{};
  }

  awaitable<void> drain(runtime::deadline limit) override {
    if (context_.flag("stubborn")) co_await runtime::sleep_for(std::chrono::hours(1));
    co_await server_.drain(limit);
  }

  awaitable<void> stop() override { co_await server_.close(); }

  std::vector<std::string> addresses() const override {
    return {"http://127.0.0.1:" + std::to_string(server_.port()) + "/"};
  }

 private:
  net::http_server_options http() const { return context_.http_server("listen"); }
  shared here() const { return {context_, visits_}; }
  net::router routes() const {
    net::router r;
    r.get("/", [s = here()](net::http_request& request) { return greet(s, request); });
    return r;
  }

  app::role_context& context_;
  std::shared_ptr<ports::database> visits_;
  net::http_server server_;
};

std::unique_ptr<app::service> make(app::role_context& context) { return std::make_unique<eighth_service>(context); }

}  // namespace

const app::role_info role{.name = "eighth",
                          .summary = "greets, for tests",
                          .options = options,
                          .make = &make,
                          .part_of_all = false,
                          .migrations = kept};

}  // namespace distsys::roles::eighth
