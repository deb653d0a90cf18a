#include "roles/cache/event_handlers.hpp"

#include "distsys/runtime/runtime.hpp"

#include <zlib.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <string>

using namespace distsys;
using namespace distsys::roles::cache;
using namespace std::chrono_literals;

namespace {

/// A database that is down.
class broken_database : public ports::database {
 public:
  explicit broken_database(errc code) : database("broken"), code_(code) {}

  ports::dialect sql_dialect() const noexcept override { return ports::dialect::sqlite; }
  awaitable<void> close() override { co_return; }
  std::atomic<int> queries{0};

 private:
  awaitable<result<ports::batch_outcome>> do_execute(const ports::call_context&, ports::batch) override {
    co_return error{code_};
  }
  awaitable<result<ports::table>> do_query(const ports::call_context&, ports::statement, ports::read_options) override {
    ++queries;
    co_await runtime::sleep_for(20ms);  // long enough for callers to meet
    co_return error{code_, "nobody answers"};
  }
  awaitable<result<std::unique_ptr<ports::transaction>>> do_begin(const ports::call_context&) override {
    co_return error{code_};
  }
  awaitable<result<std::uint64_t>> do_bulk_load(const ports::call_context&, std::string, std::vector<std::string>,
                                                ports::table) override {
    co_return error{code_};
  }
  awaitable<result<void>> do_migrate(const ports::call_context&, std::span<const ports::migration>) override {
    co_return error{code_};
  }
  awaitable<result<void>> do_check_migrations(const ports::call_context&, std::span<const ports::migration>) override {
    co_return error{code_};
  }
  awaitable<result<void>> do_ping(const ports::call_context&) override { co_return error{code_}; }
  awaitable<result<void>> do_notify(const ports::call_context&, std::string) override { co_return error{code_}; }
  std::unique_ptr<ports::change_listener> do_listen(std::string) override { return nullptr; }

  const errc code_;
};

std::string header_of(const net::http_response& r, std::string_view name) {
  for (const auto& [key, value] : r.headers)
    if (key == name) return value;
  return {};
}

awaitable<void> ask(event_handlers& handlers, std::string query, std::vector<net::http_response>& answers) {
  net::http_request request;
  request.query = query;
  request.deadline = runtime::steady_now() + 10s;
  answers.push_back(co_await handlers.area(request));
}

awaitable<void> ask_together(event_handlers& handlers, runtime::task_group& loads, runtime::runtime& loops, int callers,
                             std::vector<net::http_response>& answers) {
  {
    runtime::task_group asking;
    for (int i = 0; i < callers; ++i) asking.spawn(loops.loop(0), ask(handlers, "bbox=0,0,1,1", answers));
    co_await asking.wait();
    co_await loads.wait();
  }
  loops.stop();
}

std::vector<net::http_response> answers_of(const std::shared_ptr<broken_database>& db, int callers) {
  runtime::runtime loops(1);
  engine e(db, 1, {});
  e.fresh.settle({}, 0, runtime::steady_now());
  runtime::task_group main;
  event_handlers handlers(e);
  std::vector<net::http_response> got;
  main.spawn(loops.loop(0), ask_together(handlers, e.loads, loops, callers, got));
  loops.run();
  CHECK(e.answers.totals().entries == 0);
  CHECK(e.cells.totals().entries == 0);
  return got;
}

}  // namespace

TEST_CASE("a database that is down is 503 with Retry-After, for everyone who waited, from one query") {
  const auto db = std::make_shared<broken_database>(errc::unavailable);
  const auto answers = answers_of(db, 20);
  REQUIRE(answers.size() == 20);
  for (const net::http_response& r : answers) {
    CHECK(r.status == 503);
    CHECK_FALSE(header_of(r, "Retry-After").empty());
  }
  CHECK(db->queries == 1);
}

TEST_CASE("a database that is too slow is 504, and its details stay inside when it is broken") {
  CHECK(answers_of(std::make_shared<broken_database>(errc::timeout), 1).front().status == 504);
  const auto internal = answers_of(std::make_shared<broken_database>(errc::internal), 1);
  CHECK(internal.front().status == 500);
  CHECK(std::get<std::string>(internal.front().body).find("nobody answers") == std::string::npos);
}

namespace {

constexpr std::string_view box = "bbox=0,0,1,1";

std::string geojson(std::size_t bytes) {
  std::string out = R"({"type":"FeatureCollection","features":[)";
  for (int i = 0; out.size() < bytes; ++i)
    out += R"({"type":"Feature","geometry":{"type":"Point","coordinates":[)" + std::to_string(i) + ",1]}},";
  out.resize(bytes, ' ');
  return out;
}

std::string unpacked(std::string_view packed, std::size_t bytes) {
  std::string out(bytes, '\0');
  z_stream z{};
  REQUIRE(inflateInit2(&z, 15 + 16) == Z_OK);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  z.avail_in = static_cast<uInt>(packed.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  CHECK(inflate(&z, Z_FINISH) == Z_STREAM_END);
  inflateEnd(&z);
  return out;
}

/// A cache of two loops that keeps one answer, and what its hits are given.
struct kept_answer {
  runtime::runtime loops{2};
  engine e;
  answer_cache& answers = e.answers;
  runtime::blocking_lane& packer = e.packer;
  runtime::task_group main;
  event_handlers handlers{e};
  std::mutex mutex;
  std::vector<net::shared_body> got;

  kept_answer(std::size_t bytes, std::size_t lane_limit)
      : e(std::make_shared<broken_database>(errc::internal), 2, {.max_bytes = 32 << 20, .max_packing = lane_limit}) {
    e.fresh.settle({}, 0, runtime::steady_now());
    auto wanted = read_event_request(box);
    auto a = std::make_shared<answer>();
    a->key = wanted->key;
    a->watch = e.slots.take(cover_of(wanted->query.where));
    a->body = geojson(bytes);
    a->head = head_of(a->body, {60s, 0s});
    a->filled = runtime::steady_now();
    a->renew = a->expires = a->filled + 60s;
    REQUIRE(answers.keep(a, a->filled));
  }

  awaitable<void> hit(std::string_view coding) {
    const net::header_field fields[] = {{"Accept-Encoding", coding}};
    net::http_request request;
    request.query = box;
    request.headers = fields;
    request.deadline = runtime::steady_now() + 10s;
    const net::http_response r = co_await handlers.area(request);
    const std::scoped_lock lock(mutex);
    got.push_back(std::get<net::shared_body>(r.body));
  }

  awaitable<void> hits(int callers, std::string_view coding) {
    runtime::task_group asking;
    for (int i = 0; i < callers; ++i) asking.spawn(loops.loop(static_cast<unsigned>(i) % 2), hit(coding));
    co_await asking.wait();
  }

  void run(awaitable<void> what) {
    main.spawn(loops.loop(0), stop_after(std::move(what)));
    loops.run();
  }
  awaitable<void> stop_after(awaitable<void> what) {
    co_await std::move(what);
    loops.stop();
  }
};

awaitable<void> many_then_one(kept_answer& k) {
  co_await k.hits(40, "gzip");
  co_await k.hits(1, "gzip");
}

awaitable<void> refused_then_taken(kept_answer& k) {
  // The lane's thread is held, and its queue of one is filled: there is no room for a third job.
  std::promise<void> held, go_on;
  k.packer.post([&] {
    held.set_value();
    go_on.get_future().wait();
  });
  held.get_future().wait();
  k.packer.post([] {});
  co_await k.hits(1, "gzip");
  go_on.set_value();
  while (k.packer.queued() != 0) co_await runtime::sleep_for(1ms);
  co_await k.hits(1, "gzip");
}

std::uint64_t compressions() { return metrics::get_counter("distsys_cache_compressions_total", "").value(); }

}  // namespace

TEST_CASE("hits at once compress an answer once, and none of them waits for another's work") {
  const std::size_t bytes = GENERATE(std::size_t{20'000}, std::size_t{900'000});  // on the loop; on the lane
  const std::uint64_t before = compressions();
  kept_answer k(bytes, 16);
  const std::size_t accounted = k.answers.totals().bytes;
  k.run(many_then_one(k));
  REQUIRE(k.got.size() == 41);
  CHECK(compressions() == before + 1);
  const std::string_view form = k.got.back().gzip_bytes;
  REQUIRE_FALSE(form.empty());
  CHECK(unpacked(form, bytes) == k.got.back().bytes);
  for (const net::shared_body& b : k.got) {
    CHECK(b.bytes.size() == bytes);
    CHECK((b.gzip_bytes.empty() || b.gzip_bytes.data() == form.data()));
  }
  // The form was accounted for before it was there.
  CHECK(accounted >= bytes + form.size());
  CHECK(k.answers.totals().bytes == accounted);
  // What is being sent outlives the entry.
  k.e.purge();
  CHECK(unpacked(form, bytes) == k.got.back().bytes);
}

TEST_CASE("nothing is compressed that nobody takes, or that is too short") {
  const std::uint64_t before = compressions();
  const bool taken = GENERATE(false, true);
  kept_answer k(taken ? 1000 : 50'000, 16);
  k.run(k.hits(10, taken ? "gzip" : "gzip;q=0, identity"));
  for (const net::shared_body& b : k.got) CHECK(b.gzip_bytes.empty());
  CHECK(compressions() == before);
}

TEST_CASE("while the lane is full answers are sent plain, and compressed later") {
  kept_answer k(900'000, 1);
  k.run(refused_then_taken(k));
  REQUIRE(k.got.size() == 2);
  CHECK(k.got[0].gzip_bytes.empty());
  CHECK_FALSE(k.got[1].gzip_bytes.empty());
}
