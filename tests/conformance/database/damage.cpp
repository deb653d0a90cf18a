// Full disks, damaged files, killed processes.
#include "distsys/runtime/random.hpp"
#include "fixture.hpp"
#include "tests/support/child.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>

namespace distsys::tests {

namespace {

/// While it lives no file of this process grows beyond `bytes`: the nearest to a full disk without being root.
class file_size_limit {
 public:
  explicit file_size_limit(rlim_t bytes) {
    before_ = ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit now{bytes, old_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  ~file_size_limit() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    ::signal(SIGXFSZ, before_);
  }
  file_size_limit(const file_size_limit&) = delete;
  file_size_limit& operator=(const file_size_limit&) = delete;

 private:
  rlimit old_{};
  void (*before_)(int);
};

statement wide_item(std::int64_t id, std::size_t size) {
  return {"INSERT INTO item(id, name) VALUES (?, ?)", table::row(id, std::string(size, 'x')), {}};
}

/// Writes until the database is full; the rows that were acknowledged.
std::int64_t fill(database_case& t) {
  std::int64_t acknowledged = 0;
  for (std::int64_t id = 0; id < 1000; ++id) {
    const auto done = t.db.execute({wide_item(2 * id, 10'000), wide_item(2 * id + 1, 10'000)});
    if (!done) {
      CHECK(done.error() == errc::no_space);
      return acknowledged;
    }
    acknowledged += 2;
  }
  FAIL("it never was full");
  return 0;
}

}  // namespace

DATABASE_CASE("a full database is no_space, and works again when there is room") {
  EACH_EMBEDDED_DATABASE("?max_size=2MiB");
  t.make_items();
  const auto rows = fill(t);
  CHECK(rows > 20);
  CHECK(!t.db->health().healthy);
  CHECK(t.db.number("SELECT count(*) FROM item") == rows);
  REQUIRE(t.db.execute("DELETE FROM item WHERE id < 20"));
  CHECK(t.db.execute({wide_item(0, 10'000)}));
  CHECK(t.db->health().healthy);
}

DATABASE_CASE("a full disk is no_space, loses nothing, and is survived") {
  EACH_EMBEDDED_DATABASE();
  t.make_items();
  std::int64_t rows = 0;
  {
    const file_size_limit disk(1u << 20);
    rows = fill(t);
    // Small ones beside large ones: whatever is acknowledged now counts too.
    std::vector<std::unique_ptr<started<result<ports::batch_outcome>>>> calls;
    for (int i = 0; i < 50; ++i) calls.push_back(t.db.start({wide_item(10'000 + i, i % 2 ? 10 : 200'000)}));
    for (const auto& call : calls) {
      const auto answer = call->get();
      if (!answer) CHECK(answer.error() == errc::no_space);
      rows += answer ? 1 : 0;
    }
    CHECK(t.db.number("SELECT count(*) FROM item") == rows);
  }
  CHECK(t.db.execute({wide_item(20'000, 200'000)}));
  t.db.close();
  opened_database again(t.loops, t.address);
  CHECK(again.number("SELECT count(*) FROM item") == rows + 1);
  CHECK(again.query("PRAGMA integrity_check")->at(0, 0).text() == "ok");
}

DATABASE_CASE("a damaged file is corrupt, not a crash") {
  EACH_EMBEDDED_DATABASE();
  const auto file = t.folder.path() / "test.db";
  SECTION("not a database at all") {
    std::ofstream(file) << std::string(8192, 'n');
    CHECK(t.db.query("SELECT 1").error() == errc::corrupt);
    CHECK(t.db.execute("CREATE TABLE x (n BIGINT)").error() == errc::corrupt);
    CHECK(!t.db->health().healthy);
    CHECK(t.db->health().detail.find("test.db") != std::string::npos);
  }
  SECTION("pages overwritten") {
    t.make_items();
    for (int i = 0; i < 50; ++i) REQUIRE(t.db.execute({wide_item(i, 5000)}));
    t.db.close();
    constexpr std::size_t undamaged = 32'768;  // the first pages: header and schema
    {
      std::fstream damage(file, std::ios::in | std::ios::out | std::ios::binary);
      damage.seekp(undamaged);
      const std::string garbage(static_cast<std::size_t>(std::filesystem::file_size(file)) - undamaged, '\xee');
      damage.write(garbage.data(), static_cast<std::streamsize>(garbage.size()));
    }
    opened_database again(t.loops, t.address);
    CHECK(again.query("SELECT count(name) FROM item WHERE name <> ''").error() == errc::corrupt);
    CHECK(again.execute({wide_item(100, 10)}).error() == errc::corrupt);
  }
}

DATABASE_CASE("kill -9 of writing processes loses no acknowledged batch") {
  EACH_DATABASE();
  REQUIRE(
      t.db.execute("CREATE TABLE log (writer BIGINT, batch BIGINT, part BIGINT, PRIMARY KEY (writer, batch, part))"));
  const auto seed = runtime::thread_random()();
  INFO("seed " << seed);
  runtime::random random(seed);
  std::set<std::pair<int, std::int64_t>> acknowledged;
  constexpr int rounds = 8;
  for (int round = 0; round < rounds; ++round) {
    std::vector<std::unique_ptr<child>> writers;
    for (int w = 0; w < 2; ++w)
      writers.push_back(std::make_unique<child>(
          "[.child_writer]",
          std::map<std::string, std::string>{{"DISTSYS_TEST_URL", t.address},
                                             {"DISTSYS_TEST_WRITER", std::to_string(round * 2 + w)}}));
    for (int w = 0; w < 2; ++w) {
      child& writer = *writers[static_cast<std::size_t>(w)];
      const auto until = random.below(60) + 1;
      for (std::uint64_t i = 0; i < until; ++i) {
        const auto line = writer.next_line();
        if (!line) break;
        acknowledged.emplace(round * 2 + w, std::stoll(*line));
      }
      writer.kill();
      while (const auto line = writer.next_line()) acknowledged.emplace(round * 2 + w, std::stoll(*line));
    }
  }
  CHECK(acknowledged.size() > rounds);
  const auto stored = t.db.query("SELECT writer, batch, count(*) FROM log GROUP BY writer, batch").value();
  std::set<std::pair<int, std::int64_t>> whole;
  for (std::size_t i = 0; i < stored.rows(); ++i) {
    CHECK(stored.at(i, 2).integer() == 5);  // a batch is whole
    whole.emplace(static_cast<int>(stored.at(i, 0).integer()), stored.at(i, 1).integer());
  }
  for (const auto& batch : acknowledged) CHECK(whole.contains(batch));
  if (t.backend.embedded) CHECK(t.db.query("PRAGMA integrity_check")->at(0, 0).text() == "ok");
}

namespace {

awaitable<result<void>> write_for_ever(ports::database& db, std::int64_t writer, std::int64_t first,
                                       std::int64_t step) {
  for (std::int64_t n = first;; n += step) {
    table rows(3);
    for (int part = 0; part < 5; ++part) rows.add(writer), rows.add(n), rows.add(part);
    const auto c = soon();
    batch b;
    b.push_back({"INSERT INTO log(writer, batch, part) VALUES (?, ?, ?)", std::move(rows), {}});
    if (auto done = co_await db.execute(c, std::move(b)); !done) co_return done.error();
    const std::string line = "> " + std::to_string(n) + "\n";
    if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) co_return error{errc::cancelled};
  }
}

}  // namespace

TEST_CASE("child: writes until it is killed", "[.child_writer]") {
  ::signal(SIGPIPE, SIG_IGN);
  running_loops loops;
  std::string address = std::getenv("DISTSYS_TEST_URL");
  // A small log limit: checkpoints happen in the middle of it.
  if (address.starts_with("sqlite:")) address += "?checkpoint=64KiB";
  opened_database db(loops, address);
  const auto writer = std::atoll(std::getenv("DISTSYS_TEST_WRITER"));
  std::vector<std::unique_ptr<started<result<void>>>> all;
  for (int i = 0; i < 4; ++i)
    all.push_back(std::make_unique<started<result<void>>>(loops.get().loop(0), write_for_ever(*db, writer, i, 4)));
  for (const auto& w : all) CHECK(w->get());
}

}  // namespace distsys::tests
