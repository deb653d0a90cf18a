// What the port layer adds to a driver: admission, metrics, health, checks of requests.
#include "distsys/foundation/metrics.hpp"
#include "distsys/ports/http_client.hpp"
#include "distsys/ports/kv_store.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/loops.hpp"

#include <optional>
#include <string>

namespace distsys::ports {

namespace {

using namespace std::chrono_literals;

class scripted_client final : public http_client {
 public:
  scripted_client() : http_client("scripted") {}
  awaitable<void> close() override { co_return; }
  std::optional<error> failure;
  int asked = 0;

 private:
  awaitable<result<incoming_response>> do_send(const call_context&, outgoing_request) override {
    ++asked;
    if (failure) co_return *failure;
    incoming_response answer;
    answer.headers = {{"etag", "\"1\""}};
    co_return answer;
  }
};

struct client_case {
  tests::running_loops loops;
  scripted_client client;

  result<incoming_response> send(outgoing_request r, call_context c = call_context::within(10s)) {
    return loops.run(client.send(c, std::move(r)));
  }
};

outgoing_request to(std::string address) {
  outgoing_request r;
  r.url = std::move(address);
  return r;
}

std::uint64_t counted(std::string_view outcome) {
  return metrics::get_counter(
             "distsys_backend_calls_total", "",
             {{"port", "http_client"}, {"driver", "scripted"}, {"operation", "send"}, {"outcome", outcome}})
      .value();
}

}  // namespace

TEST_CASE("requests that could smuggle a line never reach a driver") {
  client_case t;
  for (const char* wrong : {"ftp://host/", "file:///etc/passwd", "http:host", "", "http://host/\r\nX: y"})
    CHECK(t.send(to(wrong)).error() == errc::invalid);
  auto request = to("HTTP://host/");
  request.method = "GET / HTTP/1.1\r\nX";
  CHECK(t.send(request).error() == errc::invalid);
  for (const auto& header : {std::pair<std::string, std::string>{"X", "a\r\nY: b"},
                             {"X", std::string("a\0b", 3)},
                             {"X Y", "a"},
                             {"", "a"},
                             {"X:", "a"}}) {
    request = to("http://host/");
    request.headers = {header};
    CHECK(t.send(request).error() == errc::invalid);
  }
  CHECK(t.client.asked == 0);
  request = to("https://host/");
  request.headers = {{"Accept", "a, b; q=0.5\t"}};
  const auto answer = t.send(request);
  REQUIRE(answer);
  CHECK(answer->header("etag") == "\"1\"");
  CHECK(!answer->header("date"));
  CHECK(t.client.asked == 1);
}

TEST_CASE("every call is counted by its outcome") {
  client_case t;
  const auto good = counted("success");
  const auto late = counted("timeout");
  const auto refused = counted("invalid");
  CHECK(t.send(to("http://host/")));
  CHECK(!t.send(to("nonsense")));
  CHECK(!t.send(to("http://host/"), {.deadline = runtime::steady_now() - 1s, .trace = {}, .session = {}}));
  CHECK(t.client.asked == 1);
  CHECK(counted("success") == good + 1);
  CHECK(counted("timeout") == late + 1);
  CHECK(counted("invalid") == refused + 1);
}

TEST_CASE("a backend is unhealthy by what speaks against it, and healthy again by an answer") {
  call_monitor monitor("kv_store", "judged");
  const auto operation = monitor.make_operation("get");
  const call_context context;
  const auto observe = [&](std::optional<error> failure) {
    call_monitor::call call(monitor, operation, context);
    call.done(failure ? &*failure : nullptr);
    return monitor.health().healthy;
  };
  for (const errc bad : {errc::unavailable, errc::timeout, errc::corrupt, errc::no_space, errc::indeterminate}) {
    INFO(bad);
    CHECK(observe(std::nullopt));
    CHECK(!observe(error{bad, "why"}));
    CHECK(monitor.health().detail.find("why") != std::string::npos);
    CHECK(!observe(error{errc::cancelled}));  // says nothing
    CHECK(!observe(error{errc::overloaded}));
    CHECK(observe(error{errc::not_found}));
    CHECK(monitor.health().detail.empty());
  }
  for (const errc fine : {errc::conflict, errc::already_exists, errc::invalid, errc::too_large})
    CHECK(observe(error{fine}));
  call_monitor::call call(monitor, operation, context);
  call.refused({errc::timeout, "before the call"});
  CHECK(monitor.health().healthy);
}

namespace {

awaitable<errc> send_cancelled(http_client& client, std::optional<runtime::deadline> wait) {
  co_await asio::this_coro::throw_if_cancelled(false);
  if (wait) (void)co_await runtime::sleep_until(*wait);
  const auto c = call_context::within(10s);
  const auto answer = co_await client.send(c, to("http://host/"));
  co_return answer ? errc{} : answer.error().code;
}

awaitable<void> note(awaitable<errc> work, std::promise<errc>& done) { done.set_value(co_await std::move(work)); }

}  // namespace

TEST_CASE("a cancelled coroutine's call is cancelled without asking the driver") {
  client_case t;
  std::promise<errc> done;
  runtime::task_group group;
  group.spawn(t.loops.get().loop(0), note(send_cancelled(t.client, runtime::deadline::max()), done));
  group.cancel();
  CHECK(done.get_future().get() == errc::cancelled);
  while (group.size() > 0) std::this_thread::yield();
  CHECK(t.client.asked == 0);
}

}  // namespace distsys::ports
