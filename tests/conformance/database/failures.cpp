// What a server, or the way to it, does to a call; and what a pool does when there is too much of it.
#include "fixture.hpp"

#include "tests/support/outage.hpp"
#include "tests/support/services.hpp"

#include <atomic>

namespace distsys::tests {

namespace {

struct history {
  std::vector<std::int64_t> written, unknown;
  std::string wrong;
};

/// Writes rows of its own and reads them until told to stop.
awaitable<history> keep_calling(opened_database& db, std::int64_t first, const std::atomic<bool>& stop,
                                std::atomic<int>& failed, std::atomic<int>& worked) {
  history h;
  for (std::int64_t id = first; !stop && h.wrong.empty(); ++id) {
    const auto c = call_context::within(2s);
    batch b{insert_item(id)};
    const auto done = co_await db.watch().watch(c.deadline, db->execute(c, std::move(b)));
    if (done) h.written.push_back(id);
    if (!done && done.error() == errc::indeterminate) h.unknown.push_back(id);
    statement read{"SELECT id FROM item WHERE id = ?", table::row(id), {}};
    const auto got = co_await db.watch().watch(c.deadline, db->query(c, std::move(read)));
    if (done && got && got->rows() != 1) h.wrong = "an acknowledged row is not read";
    for (const auto code : {done ? errc{} : done.error().code, got ? errc{} : got.error().code})
      if (code != errc{} && !is_outage(code)) h.wrong = "an error " + std::string(name(code));
    ++(done && got ? worked : failed);
    if (!done) (void)co_await runtime::sleep_for(1ms);
  }
  co_return h;
}

}  // namespace

DATABASE_CASE("a server that is killed in mid-call fails calls, loses nothing acknowledged, and works again") {
  EACH_REMOTE_DATABASE();
  t.make_items();
  std::atomic<bool> stop{false};
  std::atomic<int> failed{0}, worked{0};
  std::vector<std::unique_ptr<started<history>>> callers;
  callers.reserve(6);
  for (unsigned i = 0; i < 6; ++i)
    callers.push_back(std::make_unique<started<history>>(
        t.loops.get().loop(i % 2), keep_calling(t.db, std::int64_t{1'000'000} * i, stop, failed, worked)));
  CHECK(until([&] { return worked > 100; }));
  CHECK(failed == 0);
  kill_service(t.backend.service);
  CHECK(until([&] { return failed > 20; }));
  CHECK(!t.db->health().healthy);
  start_service(t.backend.service);
  const int before = worked;
  CHECK(until([&] { return worked > before + 100; }));
  stop = true;
  for (const auto& caller : callers) {
    const history h = caller->get();
    CHECK(h.wrong.empty());
    for (const auto id : h.written)
      if (t.db.number("SELECT count(*) FROM item WHERE id = ?", table::row(id)) != 1) FAIL_CHECK("lost " << id);
  }
  // One loop may still have been without a connection.
  CHECK(until([&] { return t.db.query("SELECT 1") && t.db->health().healthy; }));
}

DATABASE_CASE("a call that is cancelled or late leaves its answer to nobody else") {
  EACH_DATABASE_BEHIND_A_PEER();
  t.make_items();
  opened_database far(t.loops, address);
  REQUIRE(far.query("SELECT 'warm'"));
  peer.set_now({.what = fault::kind::none, .delay = 200ms});
  {
    auto waiting = far.start_query("SELECT 'the cancelled one'");
    auto brief = far.start_query("SELECT 'the late one'", call_context::within(20ms));
    CHECK(brief->get().error() == errc::timeout);
    waiting->cancel();
    CHECK(waiting->get().error() == errc::cancelled);
  }
  for (int i = 0; i < 10; ++i) CHECK(far.number("SELECT " + std::to_string(i)) == i);
}

DATABASE_CASE("a transaction whose connection is lost says so, and leaves nothing") {
  EACH_DATABASE_BEHIND_A_PEER();
  t.make_items();
  opened_database far(t.loops, address);
  auto tx = far.begin();
  const auto c = soon();
  REQUIRE(t.loops.run(tx->execute(c, insert_item(1))));
  peer.drop_all();
  const auto end = t.loops.run(tx->commit(c));
  REQUIRE(!end);
  CHECK(is_outage(end.error().code));
  tx.reset();
  CHECK(t.db.number("SELECT count(*) FROM item") == 0);
  CHECK(until([&] { return far.query("SELECT 1").has_value(); }));
  CHECK(far.execute({insert_item(2)}));
}

DATABASE_CASE("a first host that is silent does not keep calls from the next one") {
  EACH_DATABASE_BEHIND_A_PEER();
  peer.set({.what = fault::kind::stall});
  const std::string server = ":" + std::to_string(port_of(t.address)) + "/";
  std::string both = t.address;
  both.replace(both.find(server), 1, ":" + std::to_string(peer.port()) + ",127.0.0.1:");
  opened_database far(t.loops, both + "&connect_timeout=200ms");
  CHECK(until([&] { return far.query("SELECT 1").has_value(); }));
  CHECK(until([&] { return far.execute("CREATE TABLE IF NOT EXISTS one (id BIGINT)").has_value(); }));
  CHECK(peer.connections() > 0);
}

DATABASE_CASE("when every connection is in use a write waits its turn, until its deadline") {
  EACH_REMOTE_DATABASE();
  t.make_items();
  std::vector<std::unique_ptr<ports::transaction>> all;
  for (;;) {
    const auto brief = call_context::within(300ms);
    auto one = t.loops.run(t.db.watch().watch(brief.deadline, t.db->begin(brief)));
    if (!one) {
      CHECK(one.error() == errc::timeout);
      break;
    }
    all.push_back(*std::move(one));
    REQUIRE(all.size() < 100);
  }
  CHECK(t.db.execute("DELETE FROM item", {}, {}, call_context::within(100ms)).error() == errc::timeout);
  CHECK(t.db.query("SELECT 1"));  // queries have connections of their own
  all.pop_back();
  CHECK(t.db.execute({insert_item(1)}));
}

DATABASE_CASE("more calls than may wait are overloaded") {
  EACH_DATABASE_BEHIND_A_PEER();
  t.make_items();
  opened_database far(t.loops, address + "&queue=20");
  REQUIRE(far.query("SELECT 1"));
  peer.set_now({.what = fault::kind::stall});
  std::vector<std::unique_ptr<started<result<table>>>> calls;
  calls.reserve(40);
  for (int i = 0; i < 40; ++i) calls.push_back(far.start_query("SELECT 1", call_context::within(3s)));
  int overloaded = 0;
  for (const auto& call : calls) overloaded += call->get().error() == errc::overloaded ? 1 : 0;
  CHECK(overloaded == 20);
}

DATABASE_CASE("an error says which server, and never the password") {
  EACH_REMOTE_DATABASE();
  fault_peer rude(0, {.bytes = "no server of PostgreSQL\r\n"});
  const std::string server = "127.0.0.1:" + std::to_string(port_of(t.address));
  const std::string wrong[] = {
      "postgres://someone:hunter2@127.0.0.1:1/x",
      "postgres://someone:hunter2@127.0.0.1:" + std::to_string(rude.port()) + "/x",
      "postgres://someone:hunter2@no-such-host.invalid:1/x",
      "postgres://someone:hunter2@/x?host=/no/such/folder",
      "postgres://distsys:hunter2@" + server + "/no_such_database",
      "postgres://no_such_role:hunter2@" + server + "/postgres",
      "postgres://distsys:hunter2@" + server + "/postgres?sslmode=require",
  };
  for (const std::string& address : wrong) {
    INFO(address);
    opened_database refused(t.loops, address);
    const auto c = soon();
    const auto answer = t.loops.run(refused->ping(c));
    REQUIRE(!answer);
    CHECK(answer.error() == errc::unavailable);
    const std::string told = answer.error().what() + refused->health().detail;
    INFO(told);
    CHECK(told.find("hunter2") == std::string::npos);
    CHECK(told.find("PostgreSQL") != std::string::npos);
  }
}

}  // namespace distsys::tests
