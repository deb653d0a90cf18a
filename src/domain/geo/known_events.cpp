#include "known_events.hpp"

#include "named_rows.hpp"

namespace distsys::domain::geo {
namespace {

/// The event `o` of each row `e`, found by its key as rows_by_name() finds by names.
constexpr ports::per_dialect row_by_key{
    .sqlite = " JOIN geo_events o ON o.event_key = e.event_key",
    .postgres = " CROSS JOIN LATERAL (SELECT * FROM geo_events WHERE event_key = e.event_key OFFSET 0) o",
    .mysql = ""};

struct named_table {
  std::string_view name, column;
};

/// `selected` of the rows `e` with these names, `joined` behind them.
awaitable<result<void>> read_into(known_events& found, const ports::call_context& context, ports::database& db,
                                  std::string_view selected, named_table from, std::string_view joined,
                                  std::string source, std::vector<std::string> ids) {
  for (std::size_t next = 0; next < ids.size();) {
    const std::size_t size = names_padded(ids, next);
    ports::statement s;
    s.sql = "SELECT " + std::string(selected) + " FROM " +
            rows_by_name(db.sql_dialect(), from.name, from.column, size) + std::string(joined);
    s.parameters = ports::table(1 + size);
    s.parameters.add(source);
    add_names(s.parameters, ids, next);
    const auto rows = co_await db.query(context, std::move(s), {.primary = true});
    if (!rows) co_return rows.error();
    for (std::size_t r = 0; r < rows->rows(); ++r) {
      const auto value = [&](std::size_t column) { return rows->at(r, column); };
      known_event e;
      e.key = value(1).integer();
      e.observed = value(2).integer();
      e.since = value(3).integer();
      e.revision = value(4).integer();
      e.content = value(5).integer();
      e.at = {value(6).real(), value(7).real()};
      e.ended = value(8).integer() < 0;
      e.id = value(9).text();
      found.emplace(value(0).text(), std::move(e));
    }
  }
  co_return result<void>{};
}

}  // namespace

awaitable<result<known_events>> read_known(const ports::call_context& context, ports::database& db, std::string source,
                                           std::vector<std::string> ids) {
  known_events found;
  found.reserve(ids.size());
  const auto done =
      co_await read_into(found, context, db, "id, event_key, observed, since, revision, content, lon, lat, cell, id",
                         {"geo_events", "id"}, {}, std::move(source), std::move(ids));
  if (!done) co_return done.error();
  co_return found;
}

awaitable<result<known_events>> read_known_by_alias(const ports::call_context& context, ports::database& db,
                                                    std::string source, std::vector<std::string> aliases) {
  known_events found;
  const auto done = co_await read_into(
      found, context, db,
      "e.alias, o.event_key, o.observed, o.since, o.revision, o.content, o.lon, o.lat, o.cell, o.id",
      {"geo_event_aliases", "alias"}, row_by_key(db.sql_dialect()), std::move(source), std::move(aliases));
  if (!done) co_return done.error();
  co_return found;
}

}  // namespace distsys::domain::geo
