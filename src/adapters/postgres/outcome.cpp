#include "outcome.hpp"

#include "pg_error.hpp"

namespace distsys::adapters::postgres {

namespace {

/// "statement 2, `INSERT INTO item`"; of a lone statement only its words.
std::string place_of(const exchange& e, std::size_t step) {
  if (step >= e.steps.size() || !e.steps[step].shape) return {};
  std::size_t number = 0, statements = 0;
  for (std::size_t i = 0; i < e.steps.size(); ++i) {
    if (e.steps[i].what != exchange::action::run) continue;
    ++statements;
    if (i <= step) number = statements;
  }
  const std::string words = "`" + e.steps[step].shape->label + "`";
  return statements > 1 ? "statement " + std::to_string(number) + ", " + words : words;
}

/// The server went down, or the connection, while the commit was on its way: nobody knows which was first.
bool leaves_commit_unknown(const exchange& e) noexcept {
  const exchange_failure& f = *e.failure;
  return f.step < e.steps.size() && e.steps[f.step].commits &&
         (f.state.starts_with("08") || f.state.starts_with("57P0"));
}

}  // namespace

bool ended_by_mistake(const exchange& e, std::uint64_t cancels_now) noexcept {
  return e.failure && e.failure->state == sqlstate::query_canceled && !e.cancelled && cancels_now != e.cancels_before;
}

bool wants_preparing(const exchange& e) noexcept {
  return e.failure &&
         (e.failure->state == sqlstate::unknown_statement || e.failure->state == sqlstate::feature_not_supported);
}

bool speaks_of_types(const exchange& e) noexcept {
  return e.failure &&
         (e.failure->state.starts_with("42") || e.failure->state == sqlstate::bad_binary_form || wants_preparing(e));
}

error error_of(const exchange& e, const std::string& where) {
  const exchange_failure& f = *e.failure;
  if (f.what == errc::cancelled) return f.what;
  if ((f.lost && e.commit_sent) || leaves_commit_unknown(e))
    return {errc::indeterminate, "the commit was sent, and no answer came: " + f.what.detail};
  if (f.lost && e.cancelled) return {errc::cancelled, ""};
  if (f.lost && runtime::steady_now() >= e.until) return {errc::timeout, f.what.detail + " (" + where + ")"};
  // Of a query it is the caller's mistake: its session is read-only. Elsewhere the server is another one than it was.
  if (f.state == sqlstate::read_only && !e.shared) return {errc::unavailable, f.what.detail + " (" + where + ")"};
  if (f.state == sqlstate::query_canceled) {
    if (e.cancelled) return {errc::cancelled, ""};
    return {errc::timeout, "the deadline passed in " + place_of(e, f.step) + " (" + where + ")"};
  }
  const std::string place = place_of(e, f.step);
  return {f.what.code, f.what.detail + (place.empty() ? "" : " in " + place) + " (" + where + ")"};
}

}  // namespace distsys::adapters::postgres
