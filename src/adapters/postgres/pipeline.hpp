// libpq's pipeline mode on one connection: exchanges go out in order, several at a time, and their answers come back in
// that order. Knows no loop: the session waits for the socket.
#pragma once

#include "exchange.hpp"
#include "pg_error.hpp"
#include "statement_shape.hpp"
#include "values.hpp"

#include <libpq-fe.h>

#include <cstddef>
#include <deque>
#include <memory>
#include <string>

namespace distsys::adapters::postgres {

struct connection_closer {
  void operator()(PGconn* c) const noexcept { PQfinish(c); }
};
using pg_connection = std::unique_ptr<PGconn, connection_closer>;

class pipeline {
 public:
  pipeline() = default;

  /// Takes a connection that is established, and begins to use it.
  result<void> start(pg_connection c);
  bool started() const noexcept { return connection_ != nullptr; }
  /// Ends it; what is queued stays.
  void stop() noexcept { connection_.reset(); }

  void push(std::shared_ptr<exchange> e) { slots_.push_back({std::move(e), {}}); }
  /// Before anything was sent.
  void push_front(std::shared_ptr<exchange> e) { slots_.push_front({std::move(e), {}}); }
  /// Takes an exchange out of which nothing was sent. False when it is too late for that.
  bool withdraw(const exchange* e);

  enum class progress { done, blocked, broken };
  /// Sends as much as the socket takes; blocked: call again when it is writable.
  progress send();
  /// Reads what there is and answers the exchanges that are complete. False when the connection is broken.
  bool receive();
  /// The connection is gone: everything queued fails.
  void fail_all(const error& why);

  std::size_t size() const noexcept { return slots_.size(); }
  bool empty() const noexcept { return slots_.empty(); }
  const std::shared_ptr<exchange>& at(std::size_t i) const noexcept { return slots_[i].what; }
  bool begun(std::size_t i) const noexcept { return slots_[i].begun; }
  /// A COMMIT was sent, and the server has answered all that came before it.
  bool commits_now() const noexcept;
  bool in_transaction() const noexcept;
  bool in_failed_transaction() const noexcept;
  PGconn* connection() const noexcept { return connection_.get(); }

 private:
  enum class command : std::uint8_t { prepare, describe, run, other, sync };
  struct expectation {
    command what;
    std::size_t step;
    std::shared_ptr<statement_shape> prepared = {};  // and under which name:
    std::string name = {};
    bool answered = false;  // a result has come
    bool begun = false;
    std::uint64_t affected = 0;
  };
  struct slot {
    std::shared_ptr<exchange> what;
    std::deque<expectation> expected;
    std::size_t step = 0, row = 0;  // what is sent next
    std::size_t alone_until = 0;    // rows before it are not looked at together again
    bool begun = false, sent = false;
  };

  bool send_bundle(runtime::deadline now);
  bool drop(slot& s);
  bool send_some(slot& s);
  bool send_step(slot& s);
  bool send_raw(slot& s, const std::string& sql, command as);
  bool unprepare(slot& s, const statement_shape* shape);
  bool prepare(slot& s, const std::shared_ptr<statement_shape>& shape, bool typed);
  bool send_run(slot& s);
  bool send_prepared(slot& s, const std::shared_ptr<statement_shape>& shape, const parameter_row* row);
  void refuse(slot& s, error why);

  void begin(slot& s, expectation& x);
  bool take_result(slot& s, expectation& x, pg_result r);
  void take_failure(slot& s, expectation& x, const PGresult* r);
  void take_rows(slot& s, const PGresult* r);
  void finish_command(slot& s);

  pg_connection connection_;
  prepared_statements prepared_{256};
  parameter_row row_;
  std::size_t unflushed_ = 0;  // bytes of parameters given to libpq since the last flush
  std::deque<slot> slots_;
  std::size_t sending_ = 0;  // the first slot that is not wholly sent
};

}  // namespace distsys::adapters::postgres
