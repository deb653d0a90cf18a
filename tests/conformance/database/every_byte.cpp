// The fault peer strikes at every byte of the server's answers: calls end, nothing crashes, no answer is wrong, and
// what is said of a write is true.
#include "distsys/runtime/random.hpp"
#include "fixture.hpp"

#include <algorithm>
#include <atomic>
#include <iostream>
#include <thread>

/// Fed with nonsense, libpq itself forgets a result now and then (seen once in 3000 strikes, allocated in PQisBusy).
extern "C" const char* __lsan_default_suppressions();  // NOLINT(bugprone-reserved-identifier)
extern "C" const char* __lsan_default_suppressions() { return "leak:PQisBusy\n"; }

namespace distsys::tests {

namespace {

constexpr auto patience = 150ms;  // of a call
const std::string nonsense("#\x00?!\r", 5);

struct tally {
  std::size_t right = 0, failed = 0;
  std::chrono::steady_clock::duration worst_delay{};  // beyond a deadline
  std::vector<std::int64_t> written, not_written;
};

std::int64_t next_id() {
  static std::atomic<std::int64_t> last{0};
  return ++last;
}

/// What a damaged answer may look like: bytes inside a value cannot be checked, but they are the peer's.
bool may_be(std::string_view got, std::string_view right, bool damaged) {
  if (got == right) return true;
  return damaged && got.find_first_of(nonsense) != std::string_view::npos;
}

void note(tally& sum, const call_context& c, bool worked) {
  sum.worst_delay = std::max(sum.worst_delay, runtime::steady_now() - c.deadline);
  ++(worked ? sum.right : sum.failed);
}

/// Writes and reads through the peer; what was wrong, or nothing.
awaitable<result<std::string>> converse(ports::database& db, bool damaged, tally& sum) {
  for (int round = 0; round < 2; ++round) {
    const std::int64_t id = next_id();
    const std::string value = "value of " + std::to_string(id);
    const auto writing = call_context::within(patience);
    batch b{insert_item(id, value), {"UPDATE item SET value = 7 WHERE id = ?", table::row(id), {}}};
    if (round == 1) b.back().expected_rows = 1;
    const auto written = co_await db.execute(writing, std::move(b));
    note(sum, writing, written.has_value());
    if (written) sum.written.push_back(id);
    if (!written && !(written.error() == errc::indeterminate)) sum.not_written.push_back(id);

    const auto reading = call_context::within(patience);
    const auto got = co_await db.query(reading, {"SELECT name FROM item WHERE id = ?", table::row(id), {}});
    note(sum, reading, got.has_value());
    if (got && !damaged && written && got->rows() != 1) co_return "rows " + std::to_string(got->rows());
    if (got && got->rows() == 1 && !may_be(got->at(0, 0).text(), value, damaged))
      co_return "read " + std::string(got->at(0, 0).text());

    const auto counting = call_context::within(patience);
    const auto none = co_await db.query(counting, {"SELECT name FROM item WHERE id = -1", {}, {}});
    note(sum, counting, none.has_value());
    if (none && none->rows() != 0) co_return "rows where there are none";
  }
  co_return std::string();
}

awaitable<result<void>> ping_of(ports::database& db) {
  const auto c = call_context::within(1s);
  co_return co_await db.ping(c);
}

std::string strike(const std::string& address, fault f, tally& sum) {
  fault_peer peer(port_of(address), f);
  running_loops loops;
  opened_database db(loops, with_port(address, peer.port()));
  const bool damaged = f.what == fault::kind::replace || f.what == fault::kind::insert;
  const std::string wrong = loops.run(converse(*db, damaged, sum)).value();
  if (!wrong.empty()) return wrong;
  peer.set({});  // a sane server: the database must come back
  peer.drop_all();
  const auto limit = runtime::steady_now() + 20s;
  auto back = loops.run(ping_of(*db));
  while (!back && runtime::steady_now() < limit) back = loops.run(ping_of(*db));
  return back ? "" : "no recovery: " + back.error().what();
}

std::size_t bytes_of_a_conversation(const std::string& address) {
  fault_peer peer(port_of(address));
  running_loops loops;
  opened_database db(loops, with_port(address, peer.port()));
  tally unused;
  (void)loops.run(converse(*db, false, unused));
  return peer.bytes_of_server() / std::max<std::size_t>(1, peer.connections());
}

/// Acknowledged is there; said to have failed is not.
void check_writes(database_case& t, const tally& all) {
  const auto rows = t.db.query("SELECT id FROM item ORDER BY id").value();
  std::vector<std::int64_t> there;
  for (std::size_t i = 0; i < rows.rows(); ++i) there.push_back(rows.at(i, 0).integer());
  const auto stored = [&](std::int64_t id) { return std::ranges::binary_search(there, id); };
  CHECK(std::ranges::all_of(all.written, stored));
  CHECK(std::ranges::none_of(all.not_written, stored));
}

void strike_everywhere(database_case& t, fault::kind what) {
  t.make_items();
  const std::size_t bytes = bytes_of_a_conversation(t.address);
  // Where each strike takes long, every third byte, others in each run.
  const bool quick = what == fault::kind::close || what == fault::kind::reset;
  const std::size_t stride = quick ? 1 : 3, first = runtime::thread_random().below(stride);
  constexpr std::size_t lanes = 8;  // most of the time is waiting
  std::vector<std::string> wrong(lanes);
  std::vector<tally> sums(lanes);
  std::vector<std::thread> threads;
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    threads.emplace_back([&, lane] {
      for (std::size_t at = first + lane * stride; at < bytes && wrong[lane].empty(); at += lanes * stride) {
        const std::string said = strike(t.address, {.what = what, .at = at, .bytes = nonsense}, sums[lane]);
        if (!said.empty()) wrong[lane] = "at byte " + std::to_string(at) + ": " + said;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  tally all;
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    CHECK(wrong[lane] == "");
    all.right += sums[lane].right;
    all.failed += sums[lane].failed;
    all.worst_delay = std::max(all.worst_delay, sums[lane].worst_delay);
    std::ranges::copy(sums[lane].written, std::back_inserter(all.written));
    std::ranges::copy(sums[lane].not_written, std::back_inserter(all.not_written));
  }
  CHECK(all.right > 0);
  CHECK(all.failed > 0);
  if (what != fault::kind::replace && what != fault::kind::insert) check_writes(t, all);
  CHECK(all.worst_delay < 5s);  // no hang; how late a loaded machine lets a call end is told, not judged
  std::cout << t.backend.name << ": " << bytes << " bytes, " << all.right + all.failed << " calls, " << all.failed
            << " failed, the latest "
            << std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(all.worst_delay).count())
            << " ms after its deadline" << std::endl;
}

}  // namespace

DATABASE_CASE("an answer cut off at any byte: calls end, and say truly what became of a write") {
  EACH_REMOTE_DATABASE();
  strike_everywhere(t, fault::kind::close);
}

DATABASE_CASE("a reset at any byte: calls end, and say truly what became of a write") {
  EACH_REMOTE_DATABASE();
  strike_everywhere(t, fault::kind::reset);
}

DATABASE_CASE("silence from any byte on: calls end by their deadlines") {
  EACH_REMOTE_DATABASE();
  strike_everywhere(t, fault::kind::stall);
}

DATABASE_CASE("nonsense in the place of any bytes: no crash, no wrong answer") {
  EACH_REMOTE_DATABASE();
  strike_everywhere(t, fault::kind::replace);
}

DATABASE_CASE("nonsense between any bytes: no crash, no wrong answer") {
  EACH_REMOTE_DATABASE();
  strike_everywhere(t, fault::kind::insert);
}

DATABASE_CASE("answers that come byte by byte are whole") {
  EACH_DATABASE_BEHIND_A_PEER();
  t.make_items();
  peer.set({.piece = 1});
  opened_database slow(t.loops, address);
  const std::string value(3000, 'v');
  REQUIRE(slow.execute({insert_item(1, value)}));
  CHECK(slow.query("SELECT name FROM item WHERE id = 1")->at(0, 0).text() == value);
  CHECK(slow.number("SELECT count(*) FROM item") == 1);
}

}  // namespace distsys::tests
