// One unit of work on a pipeline: what is sent up to a sync point, and what came back.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/ports/database.hpp"
#include "distsys/runtime/clock.hpp"
#include "statement_shape.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace distsys::adapters::postgres {

/// Why an exchange failed; the first reason counts.
struct exchange_failure {
  error what;
  std::string state;     // SQLSTATE; empty when it is not the server's
  std::size_t step = 0;  // which one
  bool lost = false;     // the connection is gone, and so is what would have been answered
};

/// Rows of a query, gathered within limits.
struct row_sink {
  ports::read_options limits;
  std::optional<ports::table> rows;
};

struct exchange {
  enum class action : std::uint8_t {
    raw,       // SQL of this driver, without parameters
    describe,  // prepares the statement anew and asks for its types
    run,       // the statement, once a row of its parameters
  };
  struct step {
    action what = action::raw;
    std::string sql;                         // of raw
    std::shared_ptr<statement_shape> shape;  // of the others
    ports::table own;
    const ports::table* lent = nullptr;  // instead of its own: of a caller that waits for the answer
    std::optional<std::uint64_t> expected_rows;
    bool commits = false;
    std::uint64_t affected = 0;
    bool unexpected = false;  // a run affected another number of rows

    const ports::table& parameters() const noexcept { return lent ? *lent : own; }
  };

  // What is asked.
  std::vector<step> steps;
  std::optional<row_sink> sink;  // takes the rows of all steps that run
  runtime::deadline until = runtime::deadline::max();
  bool shared = false;  // a read: its caller may leave before the answer is there

  // What came of it.
  std::optional<exchange_failure> failure;
  bool commit_sent = false;
  bool cancelled = false;            // its caller asked for it
  std::uint64_t cancels_before = 0;  // of the session, when it was queued

  /// Called once, when the caller may go on; the exchange itself may stay in the session until its sync point.
  std::function<void()> on_done;
  bool answered = false;

  void fail(exchange_failure f) {
    if (!failure) failure = std::move(f);
  }
  void answer() {
    if (std::exchange(answered, true) || !on_done) return;
    std::exchange(on_done, nullptr)();
  }

  static step raw(std::string sql) { return {.sql = std::move(sql)}; }
  static step describe(std::shared_ptr<statement_shape> shape) {
    return {.what = action::describe, .shape = std::move(shape)};
  }
  static step run(std::shared_ptr<statement_shape> shape, ports::table parameters,
                  std::optional<std::uint64_t> expected = {}) {
    return {.what = action::run, .shape = std::move(shape), .own = std::move(parameters), .expected_rows = expected};
  }
  static step run(std::shared_ptr<statement_shape> shape, const ports::table* lent,
                  std::optional<std::uint64_t> expected) {
    return {.what = action::run, .shape = std::move(shape), .lent = lent, .expected_rows = expected};
  }
};

}  // namespace distsys::adapters::postgres
