#include "known_events.hpp"

#include <algorithm>

namespace distsys::domain::geo {
namespace {

constexpr std::size_t chunk = 1024;

/// A few sizes only, so that a driver keeps each statement prepared; the last id fills the rest.
std::size_t padded(std::size_t n) { return n <= 16 ? 16 : n <= 128 ? 128 : chunk; }

awaitable<result<void>> read_into(known_events& found, const ports::call_context& context, ports::database& db,
                                  std::string select, std::string source, std::vector<std::string> ids) {
  for (std::size_t begin = 0; begin < ids.size(); begin += chunk) {
    const std::size_t used = std::min(chunk, ids.size() - begin), size = padded(used);
    ports::statement s;
    s.sql = select + marks(size);
    s.parameters = ports::table(1 + size);
    s.parameters.add(source);
    for (std::size_t i = 0; i < size; ++i) s.parameters.add(ids[begin + std::min(i, used - 1)]);
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

std::string marks(std::size_t n) {
  std::string out = "(";
  for (std::size_t i = 0; i < n; ++i) out += i == 0 ? "?" : ",?";
  return out += ")";
}

awaitable<result<known_events>> read_known(const ports::call_context& context, ports::database& db, std::string source,
                                           std::vector<std::string> ids) {
  known_events found;
  found.reserve(ids.size());
  const auto done = co_await read_into(found, context, db,
                                       "SELECT id, event_key, observed, since, revision, content, lon, lat, cell, id "
                                       "FROM geo_events WHERE source = ? AND id IN ",
                                       std::move(source), std::move(ids));
  if (!done) co_return done.error();
  co_return found;
}

awaitable<result<known_events>> read_known_by_alias(const ports::call_context& context, ports::database& db,
                                                    std::string source, std::vector<std::string> aliases) {
  known_events found;
  const auto done = co_await read_into(
      found, context, db,
      "SELECT a.alias, e.event_key, e.observed, e.since, e.revision, e.content, e.lon, e.lat, e.cell, e.id "
      "FROM geo_event_aliases a JOIN geo_events e ON e.event_key = a.event_key WHERE a.source = ? AND a.alias IN ",
      std::move(source), std::move(aliases));
  if (!done) co_return done.error();
  co_return found;
}

}  // namespace distsys::domain::geo
