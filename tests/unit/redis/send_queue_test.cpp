#include "send_queue.hpp"
#include "tests/support/catch.hpp"

#include <boost/asio/buffer.hpp>

#include <algorithm>
#include <chrono>
#include <deque>
#include <string>
#include <vector>

using namespace distsys;
using namespace distsys::adapters::redis;

namespace {

constexpr std::size_t mebibyte = 1u << 20;

std::shared_ptr<request> call(std::size_t bytes, runtime::deadline until = runtime::deadline::max()) {
  command c(3);
  c.add("SET").add("k").add({}, std::make_shared<const std::string>(bytes, 'v'));
  auto r = std::make_shared<request>(std::move(c), expected::status("OK"), until, effect::repeatable, 64);
  r->wait([] {});
  return r;
}

}  // namespace

TEST_CASE("a queue's bytes are those that wait and those that are being written", "[redis]") {
  const auto figures = std::make_shared<loop_figures>();
  send_queue queue(figures);
  const auto large = call(60 * mebibyte);
  const std::size_t size = large->commands.bytes();
  for (int i = 0; i < 4; ++i) queue.push(call(60 * mebibyte));
  CHECK(queue.bytes() == 4 * size);
  CHECK_FALSE(queue.has_room_for(*large));

  std::deque<std::shared_ptr<request>> sent;
  const auto writing = queue.next(sent);
  REQUIRE(writing);
  CHECK(sent.size() == 1);  // a write takes a few megabytes, but one call at the least
  CHECK(sent.front()->commands.bytes() == 0);
  CHECK(queue.calls() == 3);
  CHECK(queue.bytes() == 4 * size);  // the write holds them
  CHECK_FALSE(queue.has_room_for(*large));
  queue.written(*writing);
  CHECK(queue.bytes() == 3 * size);
  CHECK(queue.has_room_for(*large));
  CHECK(figures->bytes == static_cast<std::int64_t>(3 * size));
}

TEST_CASE("what is small is written together", "[redis]") {
  send_queue queue(std::make_shared<loop_figures>());
  for (int i = 0; i < 100; ++i) queue.push(call(10));
  std::deque<std::shared_ptr<request>> sent;
  const auto writing = queue.next(sent);
  REQUIRE(writing);
  CHECK(sent.size() == 100);
  CHECK(queue.next(sent) == nullptr);
  CHECK(asio::buffer_size(writing->buffers) == queue.bytes());
}

TEST_CASE("a call that ends before it is written gives its bytes back at once, and is not written", "[redis]") {
  send_queue queue(std::make_shared<loop_figures>());
  const auto now = runtime::steady_now();
  const auto late = call(mebibyte, now), cancelled = call(mebibyte), kept = call(10, now + std::chrono::hours(1));
  for (const auto& r : {late, cancelled, kept}) queue.push(r);
  cancelled->fail(errc::cancelled);
  CHECK(queue.calls() == 2);
  CHECK(queue.bytes() == late->commands.bytes() + kept->commands.bytes());
  CHECK(queue.expire(now, errc::timeout) == kept->until);
  const auto ended = late->take();
  REQUIRE(!ended);
  CHECK(ended.error() == errc::timeout);
  CHECK(queue.calls() == 1);
  CHECK(queue.bytes() == kept->commands.bytes());
  CHECK(late->commands.bytes() == 0);

  std::deque<std::shared_ptr<request>> sent;
  REQUIRE(queue.next(sent));
  REQUIRE(sent.size() == 1);
  CHECK(sent.front() == kept);
}

TEST_CASE("calls that have ended do not pile up in the queue", "[redis]") {
  send_queue queue(std::make_shared<loop_figures>());
  const auto kept = call(10);
  queue.push(kept);
  std::vector<std::weak_ptr<request>> ended;
  ended.reserve(1000);
  for (int i = 0; i < 1000; ++i) {
    const auto r = call(10);
    ended.emplace_back(r);
    queue.push(r);
    r->fail(errc::cancelled);
  }
  CHECK(queue.calls() == 1);
  CHECK(queue.bytes() == kept->commands.bytes());
  CHECK(std::ranges::count_if(ended, [](const auto& weak) { return !weak.expired(); }) < 10);
  CHECK(queue.take().size() == 1);
  CHECK(queue.bytes() == 0);
}
