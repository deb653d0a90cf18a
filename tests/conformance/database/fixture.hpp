// What every case of the suite starts from: loops, a fresh database, and short words for calls.
#pragma once

#include "backends.hpp"
#include "distsys/ports/driver.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fault_peer.hpp"
#include "tests/support/loops.hpp"
#include "tests/support/matrix.hpp"
#include "tests/support/punctuality.hpp"
#include "tests/support/scratch_dir.hpp"
#include "tests/support/started.hpp"
#include "tests/support/until.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace distsys::tests {

using namespace std::chrono_literals;
using ports::batch;
using ports::call_context;
using ports::statement;
using ports::table;

/// A short wait must not be a flaky one: nothing that succeeds takes this long.
inline call_context soon() { return call_context::within(20s); }

/// A database opened by its URL, closed when destroyed. Behind a network each of its calls must end by its deadline and
/// 100 ms: checked when it is closed. An embedded one also waits for threads that no loop's clock speaks of.
class opened_database {
 public:
  opened_database(running_loops& loops, const std::string& address);
  ~opened_database();
  opened_database(const opened_database&) = delete;
  opened_database& operator=(const opened_database&) = delete;

  ports::database* operator->() const noexcept { return db_.get(); }
  ports::database& operator*() const noexcept { return *db_; }
  /// Calls that are on their way still refer to it.
  void close();

  result<ports::batch_outcome> execute(batch b, call_context c = soon());
  result<ports::batch_outcome> execute(std::string sql, table parameters = {},
                                       std::optional<std::uint64_t> expected = {}, call_context c = soon());
  result<table> query(std::string sql, table parameters = {}, ports::read_options o = {}, call_context c = soon());
  /// The first cell, as a number; fails the test when there is none.
  std::int64_t number(std::string sql, table parameters = {});
  std::unique_ptr<ports::transaction> begin();
  result<void> migrate(std::span<const ports::migration> migrations);
  /// On the second loop, without waiting.
  std::unique_ptr<started<result<ports::batch_outcome>>> start(batch b, call_context c = soon());
  std::unique_ptr<started<result<table>>> start_query(std::string sql, call_context c = soon());
  /// For calls that are made otherwise.
  punctuality& watch() noexcept { return watch_; }

 private:
  running_loops& loops_;
  const bool remote_;
  punctuality watch_;
  std::shared_ptr<ports::database> db_;
  bool closed_ = false;
};

class database_case {
 public:
  explicit database_case(const database_backend& b, const std::string& parameters = {});

  result<table> in(ports::transaction& t, std::string sql, table parameters = {});
  result<std::uint64_t> change(ports::transaction& t, std::string sql, table parameters = {});
  std::string sql(const ports::per_dialect& s) const { return std::string(s(db->sql_dialect())); }
  /// item(id, name, value): the table that most cases use.
  void make_items();

  const database_backend& backend;
  scratch_dir folder;
  running_loops loops{2};
  std::string address;
  opened_database db;
};

inline statement insert_item(std::int64_t id, std::string_view name = "x") {
  return {"INSERT INTO item(id, name) VALUES (?, ?)", table::row(id, name), {}};
}

}  // namespace distsys::tests

/// A case of the suite, run against each database; `db` and the other members of database_case are in reach as `t.`.
#define DATABASE_CASE(guarantee) TEST_CASE(guarantee, "[database]")
/// First line of a case. Parameters of a URL are the driver's own: only embedded ones are given any here.
#define EACH_DATABASE(...)                                                                             \
  const auto& backend_ = GENERATE(from_range(database_backends().begin(), database_backends().end())); \
  matrix::begin(backend_.name);                                                                        \
  database_case t(backend_ __VA_OPT__(, ) __VA_ARGS__)
#define EACH_EMBEDDED_DATABASE(...)                                                                    \
  const auto& backend_ = GENERATE(from_range(database_backends().begin(), database_backends().end())); \
  matrix::begin(backend_.name);                                                                        \
  if (!backend_.embedded) return matrix::not_promised();                                               \
  database_case t(backend_ __VA_OPT__(, ) __VA_ARGS__)
/// Those behind a server.
#define EACH_REMOTE_DATABASE()                                                                         \
  const auto& backend_ = GENERATE(from_range(database_backends().begin(), database_backends().end())); \
  matrix::begin(backend_.name);                                                                        \
  if (backend_.service.empty()) return matrix::not_promised();                                         \
  database_case t(backend_)
/// The same behind a proxy that does what it is told: `peer`, whose URL is `address`; `t` goes straight to the server.
#define EACH_DATABASE_BEHIND_A_PEER()  \
  EACH_REMOTE_DATABASE();              \
  fault_peer peer(port_of(t.address)); \
  [[maybe_unused]] const std::string address = with_port(t.address, peer.port())
