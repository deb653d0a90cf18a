// event_repository's reading by id and by time, and the dead letters.
#include <algorithm>
#include <cstdio>

#include "distsys/domain/geo/codecs.hpp"
#include "distsys/domain/geo/event_repository.hpp"
#include "feature_facts.hpp"
#include "hash.hpp"
#include "known_events.hpp"
#include "record.hpp"

namespace distsys::domain::geo {
namespace {

constexpr std::int64_t max_letters = 100'000;
constexpr std::size_t max_document = 64u << 10;
constexpr std::int64_t max_history = 1000;

timestamp time_of_column(const ports::value_view& v) { return timestamp(std::chrono::milliseconds(v.integer())); }

/// The first nine columns of both readings of the history.
change change_of(const ports::table& t, std::size_t row) {
  const auto value = [&](std::size_t column) { return t.at(row, column); };
  change c;
  c.sequence = value(0).integer();
  c.kind = static_cast<change_kind>(value(1).integer());
  c.observed = time_of_column(value(2));
  c.recorded = time_of_column(value(3));
  c.at = {value(4).real(), value(5).real()};
  if (!value(6).is_null()) c.previous = position{value(6).real(), value(7).real()};
  return c;
}

/// The record as it may be kept: without personal data, cut at a character's end; nothing when it is not JSON.
std::string kept(const std::string& document) {
  const auto parsed = json::parse(document);
  if (!parsed) return {};
  std::string text = codec::canonical(without_personal_data(*parsed));
  if (text.size() <= max_document) return text;
  std::size_t end = max_document;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80u) --end;
  text.resize(end);
  return text;
}

std::string hexadecimal(std::uint64_t a, std::uint64_t b) {
  char text[40];
  std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(a),
                static_cast<unsigned long long>(b));
  return text;
}

}  // namespace

std::string_view name(change_kind k) noexcept {
  switch (k) {
    case change_kind::appeared:
      return "appeared";
    case change_kind::changed:
      return "changed";
    case change_kind::ended:
      return "ended";
  }
  return "unknown";
}

awaitable<result<event_history>> event_repository::find_one(const ports::call_context& context, std::string source,
                                                            std::string id) {
  if (!codec::fit_for_name(source) || !codec::fit_for_name(id)) co_return error{errc::not_found, "no such event"};
  auto found = co_await db_->query(
      context, {.sql = "SELECT event_key, id, cell, feature FROM geo_events WHERE source = ? AND id = ?",
                .parameters = ports::table::row(source, id)});
  if (found && found->rows() == 0)
    found = co_await db_->query(
        context, {.sql = "SELECT e.event_key, e.id, e.cell, e.feature FROM geo_event_aliases a "
                         "JOIN geo_events e ON e.event_key = a.event_key WHERE a.source = ? AND a.alias = ?",
                  .parameters = ports::table::row(source, id)});
  if (!found) co_return found.error();
  if (found->rows() == 0) co_return error{errc::not_found, "no event " + source + "/" + id};

  event_history history;
  const std::string own_id(found->at(0, 1).text());
  history.ended = found->at(0, 2).integer() < 0;
  history.feature = found->at(0, 3).text();
  const auto rows = co_await db_->query(
      context, {.sql = "SELECT sequence, kind, observed, recorded, lon, lat, previous_lon, previous_lat, "
                       "previous_feature FROM geo_event_changes WHERE event_key = ? ORDER BY sequence DESC LIMIT ?",
                .parameters = ports::table::row(found->at(0, 0).integer(), max_history)});
  if (!rows) co_return rows.error();
  // From the newest back: each row knows what the text was before it.
  std::string text = history.feature;
  for (std::size_t i = 0; i < rows->rows(); ++i) {
    change c = change_of(*rows, i);
    c.source = source;
    c.id = own_id;
    c.feature = text;
    if (!rows->at(i, 8).is_null()) text = rows->at(i, 8).text();
    history.changes.push_back(std::move(c));
  }
  std::reverse(history.changes.begin(), history.changes.end());
  co_return history;
}

awaitable<result<std::vector<change>>> event_repository::changes_after(const ports::call_context& context,
                                                                       std::int64_t after, std::size_t limit) {
  const auto rows = co_await db_->query(
      context,
      {.sql = "SELECT c.sequence, c.kind, c.observed, c.recorded, c.lon, c.lat, c.previous_lon, c.previous_lat, "
              "e.source, e.id, COALESCE((SELECT n.previous_feature FROM geo_event_changes n "
              "WHERE n.event_key = c.event_key AND n.observed >= c.observed AND n.sequence > c.sequence AND "
              "n.previous_feature IS NOT NULL ORDER BY n.observed, n.sequence LIMIT 1), e.feature) "
              "FROM geo_event_changes c JOIN geo_events e ON e.event_key = c.event_key "
              "WHERE c.sequence > ? ORDER BY c.sequence LIMIT ?",
       .parameters = ports::table::row(after, static_cast<std::int64_t>(limit))});
  if (!rows) co_return rows.error();
  std::vector<change> changes;
  changes.reserve(rows->rows());
  for (std::size_t i = 0; i < rows->rows(); ++i) {
    change c = change_of(*rows, i);
    c.source = rows->at(i, 8).text();
    c.id = rows->at(i, 9).text();
    c.feature = rows->at(i, 10).text();
    if (c.id.starts_with(retired_mark)) c.id = facts_of(c.feature).id;
    changes.push_back(std::move(c));
  }
  co_return changes;
}

awaitable<result<std::int64_t>> event_repository::last_sequence(const ports::call_context& context) {
  const auto rows = co_await db_->query(context, {.sql = "SELECT COALESCE(MAX(sequence), 0) FROM geo_event_changes"});
  if (!rows) co_return rows.error();
  co_return rows->at(0, 0).integer();
}

awaitable<result<std::vector<std::pair<std::string, std::uint64_t>>>> event_repository::count_by_kind(
    const ports::call_context& context) {
  const auto rows = co_await db_->query(
      context,
      {.sql = "SELECT kind, COUNT(*) FROM geo_events WHERE cell >= 0 AND expires > ? GROUP BY kind ORDER BY kind",
       .parameters = ports::table::row(std::int64_t{runtime::now().time_since_epoch().count()})});
  if (!rows) co_return rows.error();
  std::vector<std::pair<std::string, std::uint64_t>> counts;
  for (std::size_t i = 0; i < rows->rows(); ++i)
    counts.emplace_back(rows->at(i, 0).text(), static_cast<std::uint64_t>(rows->at(i, 1).integer()));
  co_return counts;
}

awaitable<result<void>> event_repository::keep_refused(const ports::call_context& context, std::string source,
                                                       timestamp observed, std::vector<refusal> refused) {
  if (refused.empty()) co_return result<void>{};
  static constexpr ports::per_dialect insert{
      .sqlite =
          "INSERT INTO geo_dead_letters (content, source, observed, recorded, reason, detail, document) "
          "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (content) DO NOTHING",
      .postgres = "",
      .mysql =
          "INSERT IGNORE INTO geo_dead_letters (content, source, observed, recorded, reason, detail, document) "
          "VALUES (?, ?, ?, ?, ?, ?, ?)"};
  ports::statement letters{.sql = std::string(insert(db_->sql_dialect())), .parameters = ports::table(7)};
  // More would push each other out.
  const std::size_t skipped = refused.size() > max_letters ? refused.size() - max_letters : 0;
  for (std::size_t i = skipped; i < refused.size(); ++i) {
    const refusal& r = refused[i];
    const std::string identity = source + '\0' + r.reason + '\0' + r.detail + '\0' + r.document;
    auto& t = letters.parameters;
    t.add(hexadecimal(hash64(identity, 1), hash64(identity, 2)));
    t.add(source);
    t.add(std::int64_t{observed.time_since_epoch().count()});
    t.add(std::int64_t{runtime::now().time_since_epoch().count()});
    t.add(r.reason);
    t.add(r.detail);
    t.add(kept(r.document));
  }
  ports::batch b;
  b.push_back(std::move(letters));
  // The derived table is what MySQL asks for to read the table that it deletes from.
  b.push_back({.sql = "DELETE FROM geo_dead_letters WHERE letter <= "
                      "(SELECT m.oldest FROM (SELECT MAX(letter) - ? AS oldest FROM geo_dead_letters) m)",
               .parameters = ports::table::row(max_letters)});
  const auto done = co_await db_->execute(context, std::move(b));
  if (!done) co_return done.error();
  co_return result<void>{};
}

}  // namespace distsys::domain::geo
