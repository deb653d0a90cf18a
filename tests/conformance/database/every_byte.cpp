// The fault peer strikes at every byte of the server's answers: calls end, nothing crashes, no answer is wrong, and
// what is said of a write is true.
#include "tests/support/every_byte.hpp"
#include "distsys/runtime/random.hpp"
#include "fixture.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>

/// Fed with nonsense, libpq itself forgets a result now and then (seen once in 3000 strikes, allocated in PQisBusy).
extern "C" const char* __lsan_default_suppressions();  // NOLINT(bugprone-reserved-identifier)
extern "C" const char* __lsan_default_suppressions() { return "leak:PQisBusy\n"; }

namespace distsys::tests {

namespace {

constexpr auto patience = 150ms;  // of a call that is struck

/// What callers were told of their writes.
class ledger {
 public:
  void note(std::int64_t id, const result<ports::batch_outcome>& told) {
    const std::lock_guard lock(mutex_);
    if (told) written_.push_back(id);
    if (!told && !(told.error() == errc::indeterminate)) not_written_.push_back(id);
  }

  /// Acknowledged is there; said to have failed is not.
  void check(opened_database& db) const {
    const auto rows = db.query("SELECT id FROM item ORDER BY id").value();
    std::vector<std::int64_t> there;
    for (std::size_t i = 0; i < rows.rows(); ++i) there.push_back(rows.at(i, 0).integer());
    const auto stored = [&](std::int64_t id) { return std::ranges::binary_search(there, id); };
    CHECK(std::ranges::all_of(written_, stored));
    CHECK(std::ranges::none_of(not_written_, stored));
  }

 private:
  std::mutex mutex_;
  std::vector<std::int64_t> written_, not_written_;
};

std::int64_t next_id() {
  static std::atomic<std::int64_t> last{0};
  return ++last;
}

/// Writes and reads through the peer; what was wrong, or nothing.
awaitable<result<std::string>> converse(ports::database& db, bool damaged, strike_outcome& sum, ledger& writes) {
  for (int round = 0; round < 2; ++round) {
    const std::int64_t id = next_id();
    const std::string value = "value of " + std::to_string(id);
    const auto writing = call_context::within(sum.patience);
    batch b{insert_item(id, value), {"UPDATE item SET value = 7 WHERE id = ?", table::row(id), {}}};
    if (round == 1) b.back().expected_rows = 1;
    const auto written = co_await sum.watch(writing, db.execute(writing, std::move(b)));
    writes.note(id, written);

    const auto reading = call_context::within(sum.patience);
    statement read{"SELECT name FROM item WHERE id = ?", table::row(id), {}};
    const auto got = co_await sum.watch(reading, db.query(reading, std::move(read)));
    if (got && !damaged && written && got->rows() != 1) co_return "rows " + std::to_string(got->rows());
    if (got && got->rows() == 1 && got->at(0, 0).text() != value && !(damaged && holds_nonsense(got->at(0, 0).text())))
      co_return "read " + std::string(got->at(0, 0).text());

    const auto counting = call_context::within(sum.patience);
    statement nothing{"SELECT name FROM item WHERE id = -1", {}, {}};
    const auto none = co_await sum.watch(counting, db.query(counting, std::move(nothing)));
    if (none && none->rows() != 0) co_return "rows where there are none";
  }
  co_return std::string();
}

awaitable<result<void>> ping_of(ports::database& db) {
  const auto c = call_context::within(1s);
  co_return co_await db.ping(c);
}

std::string strike(const std::string& address, const fault& f, strike_outcome& sum, ledger& writes) {
  fault_peer peer(port_of(address), f);
  running_loops loops;
  opened_database db(loops, with_port(address, peer.port()));
  const std::string wrong = loops.run(converse(*db, is_damaged(f), sum, writes)).value();
  if (!wrong.empty()) return wrong;
  peer.set({});  // a sane server: the database must come back
  peer.drop_all();
  // Some tries at least, should the machine stand still for as long.
  const auto limit = runtime::steady_now() + 20s;
  auto back = loops.run(ping_of(*db));
  for (int tries = 1; !back && (tries < 10 || runtime::steady_now() < limit); ++tries) back = loops.run(ping_of(*db));
  return back ? "" : "no recovery: " + back.error().what();
}

std::size_t bytes_of_a_conversation(const std::string& address) {
  fault_peer peer(port_of(address));
  running_loops loops;
  opened_database db(loops, with_port(address, peer.port()));
  strike_outcome unused{.patience = 20s};
  ledger none;
  (void)loops.run(converse(*db, false, unused, none));
  return peer.bytes_of_server() / std::max<std::size_t>(1, peer.connections());
}

void strike_everywhere(database_case& t, fault::kind what) {
  t.make_items();
  strike_plan plan{.driver = t.backend.name, .what = what, .bytes = bytes_of_a_conversation(t.address)};
  // Where each strike takes long, every third byte, others in each run.
  const bool quick = what == fault::kind::close || what == fault::kind::reset;
  plan.stride = quick ? 1 : 3;
  plan.first = runtime::thread_random().below(plan.stride);
  strike_outcome sum{.patience = patience};
  ledger writes;
  strike_each_byte(plan, sum, [&](const fault& f) { return strike(t.address, f, sum, writes); });
  if (!is_damaged({.what = what})) writes.check(t.db);
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
