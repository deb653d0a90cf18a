#include "pipeline.hpp"

#include <cstdlib>
#include <utility>

namespace distsys::adapters::postgres {

namespace {

constexpr int commands_between_flushes = 64;
constexpr std::size_t bytes_between_flushes = 1u << 20;
constexpr std::size_t least_rows_together = 8;  // fewer are not worth another prepared statement
constexpr std::size_t most_rows_together = 4096, bytes_together = 4u << 20;

/// Some rows from `first` on, each column as one array: how many. Ends before a row that has a value of another type
/// than its column's: sent alone, it is converted, or refused, by itself.
std::size_t gather(ports::table& arrays, const ports::table& rows, std::size_t first, const std::vector<Oid>& types,
                   parameter_row& row) {
  std::vector<array_writer> columns;
  columns.reserve(types.size());
  for (const Oid type : types) columns.emplace_back(type);
  std::size_t n = 0;
  for (std::size_t bytes = 0; n < most_rows_together && bytes < bytes_together && first + n < rows.rows(); ++n) {
    if (!row.fill(rows, first + n, types) || !row.all_binary()) break;
    for (std::size_t i = 0; i < columns.size(); ++i) bytes += columns[i].add(row, i);
  }
  arrays = ports::table(types.size());
  for (array_writer& column : columns) arrays.add_blob(column.finish());
  return n;
}

void ignore_notice(void*, const PGresult*) {}

}  // namespace

result<void> pipeline::start(pg_connection c) {
  PQsetNoticeReceiver(c.get(), ignore_notice, nullptr);
  if (PQsetnonblocking(c.get(), 1) != 0 || PQenterPipelineMode(c.get()) != 1)
    return error{errc::unavailable, text_of(c.get())};
  connection_ = std::move(c);
  return {};
}

bool pipeline::commits_now() const noexcept {
  if (slots_.empty() || slots_.front().expected.empty()) return false;
  const slot& s = slots_.front();
  const std::size_t step = s.expected.front().step;
  return step < s.what->steps.size() && s.what->steps[step].commits;
}

bool pipeline::in_transaction() const noexcept {
  return connection_ && PQtransactionStatus(connection_.get()) != PQTRANS_IDLE;
}

bool pipeline::in_failed_transaction() const noexcept {
  return connection_ && PQtransactionStatus(connection_.get()) == PQTRANS_INERROR;
}

bool pipeline::withdraw(const exchange* e) {
  for (std::size_t i = sending_; i < slots_.size(); ++i) {
    if (slots_[i].what.get() != e || slots_[i].begun) continue;
    slots_.erase(slots_.begin() + static_cast<std::ptrdiff_t>(i));
    return true;
  }
  return false;
}

pipeline::progress pipeline::send() {
  for (;;) {
    // What libpq holds is taken first: its buffer has no limit of its own.
    if (const int left = PQflush(connection_.get()); left != 0) return left < 0 ? progress::broken : progress::blocked;
    if (sending_ == slots_.size()) return progress::done;
    if (!send_bundle(runtime::steady_now())) return progress::broken;
  }
}

/// Some commands of one slot.
bool pipeline::send_bundle(runtime::deadline now) {
  unflushed_ = 0;
  for (int n = 0; n < commands_between_flushes && unflushed_ < bytes_between_flushes && sending_ < slots_.size(); ++n) {
    slot& s = slots_[sending_];
    if (s.what->until <= now && drop(s)) continue;
    s.begun = true;
    if (!send_some(s)) return false;
    if (!s.sent) continue;
    ++sending_;
    return true;
  }
  return true;
}

/// Sends no more of what is late, and no COMMIT above all. True when nothing was sent, and the slot is gone.
bool pipeline::drop(slot& s) {
  if (s.what->shared && s.begun) return false;  // its caller has left, or is about to
  if (s.step < s.what->steps.size())
    s.what->fail({{errc::timeout, "the deadline passed before it was sent"}, {}, s.step, false});
  if (s.begun) return false;
  const auto dropped = std::move(s.what);
  slots_.erase(slots_.begin() + static_cast<std::ptrdiff_t>(sending_));
  dropped->answer();
  return true;
}

/// One command, or the sync point behind the last.
bool pipeline::send_some(slot& s) {
  // After a failure the server skips what is left: it need not be sent.
  if (!s.what->failure && s.step < s.what->steps.size()) return send_step(s);
  if (PQpipelineSync(connection_.get()) != 1) return false;
  s.expected.push_back({command::sync, s.step});
  s.sent = true;
  return true;
}

bool pipeline::send_step(slot& s) {
  exchange::step& step = s.what->steps[s.step];
  switch (step.what) {
    case exchange::action::raw:
      s.what->commit_sent = s.what->commit_sent || step.commits;
      if (!send_raw(s, step.sql, command::run)) return false;
      ++s.step;
      return true;
    case exchange::action::describe: {
      if (!unprepare(s, step.shape.get()) || !unprepare(s, step.shape->of_arrays.get())) return false;
      if (!prepare(s, step.shape, false)) return false;
      if (PQsendDescribePrepared(connection_.get(), prepared_.find(step.shape)->c_str()) != 1) return false;
      s.expected.push_back({command::describe, s.step});
      ++s.step;
      return true;
    }
    case exchange::action::run:
      return send_run(s);
  }
  return false;
}

bool pipeline::send_raw(slot& s, const std::string& sql, command as) {
  if (PQsendQueryParams(connection_.get(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) != 1) return false;
  s.expected.push_back({as, s.step});
  return true;
}

bool pipeline::unprepare(slot& s, const statement_shape* shape) {
  const std::string name = prepared_.forget(shape);
  return name.empty() || send_raw(s, "DEALLOCATE " + name, command::other);
}

bool pipeline::prepare(slot& s, const std::shared_ptr<statement_shape>& shape, bool typed) {
  if (!unprepare(s, shape.get())) return false;  // for other types
  if (const std::string old = prepared_.evict(); !old.empty() && !send_raw(s, "DEALLOCATE " + old, command::other))
    return false;
  const std::string& name = prepared_.add(shape);
  const int types = typed ? static_cast<int>(shape->parameter_types.size()) : 0;
  if (PQsendPrepare(connection_.get(), name.c_str(), shape->sql.c_str(), types, shape->parameter_types.data()) != 1)
    return false;
  s.expected.push_back({command::prepare, s.step, shape, name});
  return true;
}

bool pipeline::send_run(slot& s) {
  exchange::step& step = s.what->steps[s.step];
  statement_shape& shape = *step.shape;
  const std::size_t runs = shape.parameters == 0 ? 1 : step.parameters().rows();
  if (s.row >= runs) {
    ++s.step;
    s.row = s.alone_until = 0;
    return true;
  }
  if (shape.parameters == 0) {
    ++s.row;
    return send_prepared(s, step.shape, nullptr);
  }
  if (shape.of_arrays && !step.expected_rows && runs - s.row >= least_rows_together && s.row >= s.alone_until) {
    ports::table arrays;
    const std::size_t together = gather(arrays, step.parameters(), s.row, shape.parameter_types, row_);
    if (together >= least_rows_together) {
      s.row += together;
      if (auto filled = row_.fill(arrays, 0, shape.of_arrays->parameter_types); !filled) {
        refuse(s, filled.error());
        return true;
      }
      return send_prepared(s, shape.of_arrays, &row_);
    }
    s.alone_until = s.row + together + 1;  // large ones, or one that does not fit
  }
  if (auto filled = row_.fill(step.parameters(), s.row, shape.parameter_types); !filled) {
    const std::string which = runs > 1 ? ", row " + std::to_string(s.row + 1) : "";
    shape.described = false;  // its column may have another type by now
    refuse(s, {filled.error().code, "`" + shape.label + "`" + which + ": " + filled.error().detail});
    return true;
  }
  ++s.row;
  return send_prepared(s, step.shape, &row_);
}

bool pipeline::send_prepared(slot& s, const std::shared_ptr<statement_shape>& shape, const parameter_row* row) {
  if (!prepared_.find(shape) && !prepare(s, shape, true)) return false;
  for (int i = 0; row && i < row->count(); ++i) unflushed_ += static_cast<std::size_t>(row->lengths()[i]);
  if (PQsendQueryPrepared(connection_.get(), prepared_.find(shape)->c_str(), row ? row->count() : 0,
                          row ? row->values() : nullptr, row ? row->lengths() : nullptr, row ? row->formats() : nullptr,
                          s.what->sink && shape->binary_results ? 1 : 0) != 1)
    return false;
  s.expected.push_back({command::run, s.step});
  return true;
}

void pipeline::refuse(slot& s, error why) { s.what->fail({std::move(why), {}, s.step, false}); }

bool pipeline::receive() {
  PGconn* const c = connection_.get();
  const bool alive = PQconsumeInput(c) == 1;
  int empty_answers = 0;
  while (!slots_.empty() && !slots_.front().expected.empty()) {
    slot& s = slots_.front();
    begin(s, s.expected.front());
    if (PQisBusy(c)) break;
    pg_result r(PQgetResult(c));
    if (!r) {
      // The end of one command's results. libpq says it once more where a sync point is next, and for ever when the
      // connection is gone.
      if (++empty_answers > 2) break;
      if (s.expected.front().what != command::sync && s.expected.front().answered) finish_command(s);
      continue;
    }
    empty_answers = 0;
    if (!take_result(s, s.expected.front(), std::move(r))) return false;
  }
  return alive && PQstatus(c) == CONNECTION_OK;
}

void pipeline::begin(slot& s, expectation& x) {
  if (std::exchange(x.begun, true)) return;
  // Row by row, so that a result over its limits is never held whole.
  if (x.what == command::run && s.what->sink) PQsetSingleRowMode(connection_.get());
}

bool pipeline::take_result(slot& s, expectation& x, pg_result r) {
  const ExecStatusType status = PQresultStatus(r.get());
  if (status == PGRES_PIPELINE_SYNC) {
    if (x.what != command::sync) return false;
    const auto done = std::move(s.what);
    slots_.pop_front();
    if (sending_ > 0) --sending_;
    done->answer();
    return true;
  }
  x.answered = true;
  switch (status) {
    case PGRES_FATAL_ERROR:
    case PGRES_BAD_RESPONSE:
    case PGRES_PIPELINE_ABORTED:
      take_failure(s, x, r.get());
      return true;
    case PGRES_EMPTY_QUERY:
      refuse(s, {errc::invalid, "a statement without SQL"});
      return true;
    case PGRES_SINGLE_TUPLE:
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
      break;
    default:
      return false;  // COPY, which takes the connection out of its pipeline
  }
  exchange::step* const step = x.step < s.what->steps.size() ? &s.what->steps[x.step] : nullptr;
  if (x.what == command::describe && step) step->shape->describe(r.get());
  if (x.what != command::run || !step) return true;
  if (s.what->sink) {
    take_rows(s, r.get());
    // Nobody needs what is left of a result that was refused: its caller goes on, and the session ends it.
    if (s.what->failure && s.what->shared) s.what->answer();
  } else if (const std::string_view tag = PQcmdStatus(r.get()); !tag.starts_with("SELECT")) {
    x.affected += static_cast<std::uint64_t>(std::strtoull(PQcmdTuples(r.get()), nullptr, 10));
  }
  return true;
}

void pipeline::take_failure(slot& s, expectation& x, const PGresult* r) {
  const std::string state(state_of(r));
  if (state == sqlstate::unknown_statement)
    prepared_.forget_all();  // DISCARD ALL, or a pooler's other server: there is nothing to DEALLOCATE
  else if (x.prepared)
    prepared_.forget(x.prepared.get(), x.name);
  if (PQresultStatus(r) == PGRES_PIPELINE_ABORTED) {
    s.what->fail({{errc::internal, "the server skipped a statement"}, {}, x.step, false});
  } else if (state.empty()) {
    s.what->fail({{errc::unavailable, text_of(connection_.get())}, {}, x.step, true});
  } else {
    s.what->fail({{classify(state), text_of(r)}, state, x.step, false});
  }
}

void pipeline::take_rows(slot& s, const PGresult* r) {
  if (s.what->failure) return;
  row_sink& sink = *s.what->sink;
  const int columns = PQnfields(r);
  if (!sink.rows) {
    std::vector<std::string> names;
    names.reserve(static_cast<std::size_t>(columns));
    for (int i = 0; i < columns; ++i) names.emplace_back(PQfname(r, i));
    sink.rows.emplace(std::move(names));
  }
  if (static_cast<std::size_t>(columns) != sink.rows->columns())
    return refuse(s, {errc::corrupt, "the server changed the columns within a result"});
  for (int row = 0; row < PQntuples(r); ++row) {
    if (sink.rows->rows() >= sink.limits.max_rows)
      return refuse(s, {errc::too_large, "more than " + std::to_string(sink.limits.max_rows) + " rows"});
    for (int column = 0; column < columns; ++column)
      if (!append_value(*sink.rows, r, row, column))
        return refuse(s, {errc::corrupt, "the server sent a value that is none of its type"});
    if (sink.rows->byte_size() > sink.limits.max_bytes)
      return refuse(s, {errc::too_large, "more than " + std::to_string(sink.limits.max_bytes) + " bytes"});
  }
}

void pipeline::finish_command(slot& s) {
  const expectation& x = s.expected.front();
  if (x.what == command::run && x.step < s.what->steps.size()) {
    exchange::step& step = s.what->steps[x.step];
    step.affected += x.affected;
    step.unexpected = step.unexpected || (step.expected_rows && *step.expected_rows != x.affected);
  }
  s.expected.pop_front();
}

void pipeline::fail_all(const error& why) {
  std::deque<slot> all;
  all.swap(slots_);
  sending_ = 0;
  for (slot& s : all) {
    s.what->fail({why, {}, s.step, true});
    s.what->answer();
  }
}

}  // namespace distsys::adapters::postgres
