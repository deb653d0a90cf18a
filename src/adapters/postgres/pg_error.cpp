#include "pg_error.hpp"

#include "distsys/foundation/text.hpp"

namespace distsys::adapters::postgres {

namespace {

errc classify_constraint(std::string_view state) noexcept {
  return state == "23505" ? errc::already_exists : errc::invalid;  // unique_violation
}

errc classify_resources(std::string_view state) noexcept {
  return state == "53100" || state == "53200" ? errc::no_space : errc::unavailable;  // disk_full, out_of_memory
}

errc classify_damage(std::string_view state) noexcept {
  return state == "XX001" || state == "XX002" ? errc::corrupt : errc::internal;
}

}  // namespace

errc classify(std::string_view state) noexcept {
  if (state == "57014" || state == "25P03" || state == "57P05") return errc::timeout;
  if (state == "42501") return errc::permission_denied;
  if (state == "55P03" || state == "55006") return errc::conflict;  // lock_not_available, object_in_use
  const std::string_view group = state.substr(0, 2);
  if (group == "23") return classify_constraint(state);
  if (group == "40") return errc::conflict;  // serialisation, deadlock
  if (group == "53") return classify_resources(state);
  if (group == "XX") return classify_damage(state);
  if (group == "28") return errc::permission_denied;
  if (group == "54") return errc::too_large;
  if (group == "58") return errc::no_space;  // an input or output error of the server
  if (group.empty() || group == "08" || group == "57" || group == "55") return errc::unavailable;
  if (group == "0A" || group == "0B" || group == "0Z" || group >= "20") return errc::invalid;
  return errc::internal;
}

std::string_view state_of(const PGresult* r) noexcept {
  const char* state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
  return state ? state : std::string_view();
}

std::string text_of(const PGresult* r) {
  const std::string_view state = state_of(r);
  const char* primary = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
  // Texts about data quote it ("invalid input syntax for type bigint: …"), and so may those of a RAISE.
  const bool quotes = state.starts_with("22") || state.starts_with("P0");
  if (quotes || !primary) return "SQLSTATE " + std::string(state.empty() ? "unknown" : state);
  return primary;
}

std::string text_of(const PGconn* c) {
  const std::string_view text = trim(PQerrorMessage(c));
  return std::string(text.substr(0, text.find('\n')));
}

}  // namespace distsys::adapters::postgres
