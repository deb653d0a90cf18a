// The routes and helpers that the tests of the server share.
#pragma once

#include "distsys/runtime/clock.hpp"
#include "server_fixture.hpp"

#include <zlib.h>

#include <catch2/catch.hpp>

#include <atomic>

namespace distsys::net::test {

using namespace std::chrono_literals;

inline awaitable<http_response> echo(http_request& r) { co_return http_response::text(std::string(r.body)); }
inline awaitable<http_response> target(http_request& r) { co_return http_response::text(std::string(r.query)); }
inline awaitable<http_response> broken(http_request& /*r*/) {
  throw std::runtime_error("a bug");
  co_return http_response();
}
inline awaitable<http_response> tagged(http_request& /*r*/) {
  co_return http_response::text(std::string(5000, 'x')).header("ETag", "\"v1\"");
}
inline awaitable<http_response> injected(http_request& /*r*/) {
  co_return http_response::text("x").header("X-Note", "a\r\nSet-Cookie: b");
}
inline awaitable<http_response> who(http_request& r) {
  co_return http_response::text(r.client.to_string() + (r.secure ? " secure " : " plain ") + std::string(r.user) + " " +
                                std::string(r.request_id) + " " + std::string(r.traceparent));
}
inline const std::string large(3u << 20, 'y');
inline awaitable<http_response> big(http_request& /*r*/) {
  co_return http_response::shared({nullptr, large}, "application/octet-stream");
}

/// Holds requests until the test lets them go.
struct gate {
  std::atomic<int> waiting{0};
  std::atomic<bool> open{false};
};
inline awaitable<http_response> wait_at(std::shared_ptr<gate> g) {
  ++g->waiting;
  while (!g->open) co_await runtime::sleep_for(2ms);
  co_return http_response::text("through");
}
inline handler at(std::shared_ptr<gate> g) {
  return [g](http_request& /*r*/) { return wait_at(g); };
}

struct stream_log {
  std::atomic<int> ended{0};
  std::atomic<int> last{0};  // errc of the write that failed
  std::atomic<bool> flood{false};
};
inline awaitable<void> produce(std::shared_ptr<stream_log> log, body_stream& to) {
  const std::string block(64u << 10, 'z');
  for (int i = 0;; ++i) {
    const auto written = co_await to.write(log->flood ? block : "data: " + std::to_string(i) + "\n\n");
    if (!written) {
      log->last = static_cast<int>(written.error().code);
      break;
    }
    if (!log->flood && !co_await runtime::sleep_for(i == 0 ? 1ms : 10s)) break;
  }
  ++log->ended;
}
inline awaitable<http_response> stream(std::shared_ptr<stream_log> log) {
  co_return http_response::event_stream([log](body_stream& to) { return produce(log, to); });
}
inline handler streaming(std::shared_ptr<stream_log> log) {
  return [log](http_request& /*r*/) { return stream(log); };
}

inline constexpr asset files[] = {
    {"index.html", "<!doctype html><title>x</title>"},
    {"app.js",
     "// long enough to be worth it "
     "....................................................................................................."
     "....................................................................................................."
     "....................................................................................................."
     "....................................................................................................."
     "....................................................................................................."
     "....................................................................................................."
     "....................................................................................................."
     "....................................................................................................."
     "....................................................................................................."
     "....................................................................................................."
     "\nlet x = 1;"}};

inline router routes() {
  router r;
  r.post("/echo", echo);
  r.post("/small", echo, {.max_body = 10});
  r.get("/target", target);
  r.get("/broken", broken);
  r.get("/tagged", tagged);
  r.get("/injected", injected);
  r.get("/who", who);
  r.get("/big", big);
  r.assets("/static", files);
  return r;
}

inline void eventually(const std::function<bool()>& holds) {
  const auto until = std::chrono::steady_clock::now() + 10s;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) throw std::runtime_error("it did not come to hold");
    std::this_thread::sleep_for(2ms);
  }
}

inline std::string gunzip(const std::string& bytes) {
  z_stream z{};
  REQUIRE(inflateInit2(&z, 15 + 16) == Z_OK);
  std::string out(1u << 20, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  REQUIRE(inflate(&z, Z_FINISH) == Z_STREAM_END);
  out.resize(z.total_out);
  inflateEnd(&z);
  return out;
}

inline http_server_options quick() {
  http_server_options o;
  o.limits.header_deadline = o.limits.body_deadline = o.limits.write_deadline = 200ms;
  return o;
}

}  // namespace distsys::net::test
