// The tables, written once; words in braces differ between dialects.
#include <array>
#include <string>

#include "distsys/domain/geo/event_repository.hpp"

namespace distsys::domain::geo {
namespace {

// event_key is made by the writer and ascends with time, so that the table is appended to. An active event has the cell
// of its position, an ended one -1 - cell: so ended events are out of every area's range. Its index holds
// `expires` too, so that an area is counted in the index alone. `since` is what the filter of
// that name compares; `expires` of an event that does not expire is the greatest integer; `content` is the hash of the
// feature. The long text comes last: a scan of the other columns then does not read what overflows the page.
//
// A change row holds the feature as it was before (null when that did not change): the newest text is the event's own.
// geo_writers is one row that each writing transaction updates first, so that the order of sequences is the order of
// commits on databases that let transactions overlap: a reader of the history never skips one.
constexpr std::string_view tables = R"(
CREATE TABLE geo_events (
  event_key {key},
  source {name} NOT NULL,
  id {name} NOT NULL,
  kind {name} NOT NULL,
  severity BIGINT NOT NULL,
  cell BIGINT NOT NULL,
  lon DOUBLE PRECISION NOT NULL,
  lat DOUBLE PRECISION NOT NULL,
  since BIGINT NOT NULL,
  expires BIGINT NOT NULL,
  observed BIGINT NOT NULL,
  revision BIGINT NOT NULL,
  content BIGINT NOT NULL,
  feature {text} NOT NULL
);
CREATE UNIQUE INDEX geo_events_by_id ON geo_events (source, id);
CREATE INDEX geo_events_by_cell ON geo_events (cell, expires);
CREATE TABLE geo_event_changes (
  sequence {serial},
  event_key BIGINT NOT NULL,
  kind BIGINT NOT NULL,
  observed BIGINT NOT NULL,
  recorded BIGINT NOT NULL,
  lon DOUBLE PRECISION NOT NULL,
  lat DOUBLE PRECISION NOT NULL,
  previous_lon DOUBLE PRECISION,
  previous_lat DOUBLE PRECISION,
  previous_feature {text}
);
CREATE INDEX geo_event_changes_by_event ON geo_event_changes ({by_event});
CREATE TABLE geo_event_aliases (
  source {name} NOT NULL,
  alias {name} NOT NULL,
  event_key BIGINT NOT NULL,
  PRIMARY KEY (source, alias)
){clustered};
CREATE TABLE geo_dead_letters (
  letter {serial},
  content {name} NOT NULL,
  source {name} NOT NULL,
  observed BIGINT NOT NULL,
  recorded BIGINT NOT NULL,
  reason {name} NOT NULL,
  detail {text} NOT NULL,
  document {text} NOT NULL
);
CREATE UNIQUE INDEX geo_dead_letters_by_content ON geo_dead_letters (content);
CREATE TABLE geo_writers (writer BIGINT NOT NULL PRIMARY KEY, batches BIGINT NOT NULL);
INSERT INTO geo_writers (writer, batches) VALUES (1, 0);
)";

// Version 2. The history gets the cell of each position: what was in an area is asked of it. Its cells are made here by
// what every dialect has, to the bit as cell_of() makes them: column and row side by side in one number, then a perfect
// shuffle (Warren, Hacker's Delight, 7-2). An ended event's `expires` becomes the time of its end, so that one index
// finds all that need not be kept. The index of the cells holds the kind too: heat maps are counted in it alone.
constexpr std::string_view history_by_place = R"(
ALTER TABLE geo_event_changes ADD COLUMN cell BIGINT NOT NULL DEFAULT 0;
UPDATE geo_event_changes SET cell =
  (CASE WHEN lon >= 180 THEN 0 WHEN lon + 180 >= 360 THEN 2147483647 ELSE {column} -
     (CASE WHEN {column} * 45 - 48318382080 > lon * 268435456 THEN 1 ELSE 0 END) END) * 4294967296
  + (CASE WHEN lat + 90 >= 180 THEN 2147483647 ELSE {row} -
     (CASE WHEN {row} * 45 - 48318382080 > lat * 536870912 THEN 1 ELSE 0 END) END);
{shuffle}
UPDATE geo_events SET expires = observed WHERE cell < 0;
DROP INDEX geo_event_changes_by_event{of_changes};
CREATE INDEX geo_event_changes_by_event ON geo_event_changes ({by_event_2});
CREATE INDEX geo_event_changes_by_cell ON geo_event_changes (cell, observed, kind, event_key);
DROP INDEX geo_events_by_cell{of_events};
CREATE INDEX geo_events_by_cell ON geo_events (cell, expires, kind){including};
CREATE INDEX geo_events_by_expiry ON geo_events (expires);
CREATE INDEX geo_event_aliases_by_event ON geo_event_aliases (event_key);
)";

// Version 3. Up to which change rows of the history have been deleted: who resumes from before there may miss some.
constexpr std::string_view pruned_floor = R"(
CREATE TABLE geo_pruned (floor BIGINT NOT NULL PRIMARY KEY, sequence BIGINT NOT NULL);
INSERT INTO geo_pruned (floor, sequence) VALUES (1, 0);
)";

// Version 4. What names this database where several share a store of keys and values.
constexpr std::string_view name_of_database = R"(
CREATE TABLE geo_identity (one BIGINT NOT NULL PRIMARY KEY, name {name} NOT NULL);
)";

// Version 5, of PostgreSQL alone. The history becomes partitioned by sequence (history_partitions.hpp). The table that
// was is its first partition, of all sequences: nothing is read or rewritten, for its NOT NULL proves it a fit. The
// numbers go on where they were. PostgreSQL 15 has no identity columns there. Whoever could use the table can use the
// new one.
constexpr std::string_view history_by_sequence = R"(
LOCK TABLE geo_event_changes IN ACCESS EXCLUSIVE MODE;
CREATE SEQUENCE geo_event_changes_numbers;
SELECT setval('geo_event_changes_numbers', last_value, is_called) FROM geo_event_changes_sequence_seq;
ALTER TABLE geo_event_changes ALTER COLUMN sequence DROP IDENTITY;
ALTER TABLE geo_event_changes RENAME TO geo_event_changes_0;
ALTER TABLE geo_event_changes_0 RENAME CONSTRAINT geo_event_changes_pkey TO geo_event_changes_0_pkey;
ALTER INDEX geo_event_changes_by_event RENAME TO geo_event_changes_0_by_event;
ALTER INDEX geo_event_changes_by_cell RENAME TO geo_event_changes_0_by_cell;
CREATE TABLE geo_event_changes (LIKE geo_event_changes_0 INCLUDING DEFAULTS) PARTITION BY RANGE (sequence);
ALTER TABLE geo_event_changes ALTER COLUMN sequence SET DEFAULT nextval('geo_event_changes_numbers');
ALTER SEQUENCE geo_event_changes_numbers OWNED BY geo_event_changes.sequence;
ALTER TABLE geo_event_changes ADD PRIMARY KEY (sequence);
CREATE INDEX geo_event_changes_by_event ON geo_event_changes (event_key, observed, sequence);
CREATE INDEX geo_event_changes_by_cell ON geo_event_changes (cell, observed, kind, event_key);
ALTER TABLE geo_event_changes ATTACH PARTITION geo_event_changes_0 FOR VALUES FROM (MINVALUE) TO (MAXVALUE);
DO $$ DECLARE g RECORD; BEGIN FOR g IN
  SELECT a.privilege_type AS what, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END
  AS who FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = 'geo_event_changes_0'::regclass AND a.grantee <> c.relowner
  LOOP EXECUTE 'GRANT ' || g.what || ' ON geo_event_changes TO ' || g.who; IF g.what = 'INSERT'
  THEN EXECUTE 'GRANT USAGE ON SEQUENCE geo_event_changes_numbers TO ' || g.who; END IF; END LOOP; END $$;
)";

struct words {
  std::string_view key, serial, name, text, by_event, clustered;
  std::string_view column, row, by_event_2, of_changes, of_events, including;
};

// In SQLite an index holds the row's integer key as its last column already.
constexpr words sqlite_words{.key = "INTEGER PRIMARY KEY",
                             .serial = "INTEGER PRIMARY KEY",
                             .name = "TEXT",
                             .text = "TEXT",
                             .by_event = "event_key",
                             .clustered = " WITHOUT ROWID",
                             .column = "CAST((lon + 180) / 360 * 2147483648 AS INTEGER)",
                             .row = "CAST((lat + 90) / 180 * 2147483648 AS INTEGER)",
                             .by_event_2 = "event_key, observed"};
constexpr words postgres_words{.key = "BIGINT PRIMARY KEY",
                               .serial = "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
                               .name = "TEXT",
                               .text = "TEXT",
                               .by_event = "event_key, sequence",
                               .clustered = "",
                               .column = "CAST(FLOOR((lon + 180) / 360 * 2147483648) AS BIGINT)",
                               .row = "CAST(FLOOR((lat + 90) / 180 * 2147483648) AS BIGINT)",
                               .by_event_2 = "event_key, observed, sequence",
                               .including = " INCLUDE (event_key)"};
constexpr words mysql_words{.key = "BIGINT PRIMARY KEY",
                            .serial = "BIGINT AUTO_INCREMENT PRIMARY KEY",
                            .name = "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
                            .text = "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
                            .by_event = "event_key",
                            .clustered = "",
                            .column = "CAST(FLOOR((lon + 180) / 360 * 2147483648) AS SIGNED)",
                            .row = "CAST(FLOOR((lat + 90) / 180 * 2147483648) AS SIGNED)",
                            .by_event_2 = "event_key, observed",
                            .of_changes = " ON geo_event_changes",
                            .of_events = " ON geo_events"};

/// The shuffle's steps: each swaps the middle two of every four blocks of bits, of half the size of the step before.
std::string shuffle() {
  constexpr std::array<std::pair<int, std::uint64_t>, 5> steps{{{16, 0x00000000FFFF0000},
                                                                {8, 0x0000FF000000FF00},
                                                                {4, 0x00F000F000F000F0},
                                                                {2, 0x0C0C0C0C0C0C0C0C},
                                                                {1, 0x2222222222222222}}};
  std::string sql;
  for (const auto& [bits, middle] : steps) {
    const std::string shift = std::to_string(bits), mask = std::to_string(middle);
    const std::uint64_t stays = ~(middle | middle << bits) & 0x7fffffffffffffff;  // the top bit is always clear
    sql += "UPDATE geo_event_changes SET cell = (cell & " + std::to_string(stays) + ") | ((cell & " + mask + ") << " +
           shift + ") | ((cell >> " + shift + ") & " + mask + ");\n";
  }
  return sql;
}

std::string filled(std::string_view script, const words& w) {
  const std::string shuffled = shuffle();
  const std::array<std::pair<std::string_view, std::string_view>, 13> pairs{{{"{key}", w.key},
                                                                             {"{serial}", w.serial},
                                                                             {"{name}", w.name},
                                                                             {"{text}", w.text},
                                                                             {"{by_event}", w.by_event},
                                                                             {"{clustered}", w.clustered},
                                                                             {"{column}", w.column},
                                                                             {"{row}", w.row},
                                                                             {"{shuffle}", shuffled},
                                                                             {"{by_event_2}", w.by_event_2},
                                                                             {"{of_changes}", w.of_changes},
                                                                             {"{of_events}", w.of_events},
                                                                             {"{including}", w.including}}};
  std::string sql(script);
  for (const auto& [mark, word] : pairs)
    for (std::size_t at = 0; (at = sql.find(mark, at)) != std::string::npos; at += word.size())
      sql.replace(at, mark.size(), word);
  return sql;
}

/// A version's script in each dialect.
struct script {
  std::string sqlite, postgres, mysql;
  explicit script(std::string_view text)
      : sqlite(filled(text, sqlite_words)), postgres(filled(text, postgres_words)), mysql(filled(text, mysql_words)) {}
  ports::per_dialect sql() const { return {.sqlite = sqlite, .postgres = postgres, .mysql = mysql}; }
};

}  // namespace

std::span<const ports::migration> event_repository::migrations() {
  static const script first(tables), second(history_by_place), third(pruned_floor), fourth(name_of_database);
  static const std::array<ports::migration, 5> list{{{"geo", 1, first.sql()},
                                                     {"geo", 2, second.sql()},
                                                     {"geo", 3, third.sql()},
                                                     {"geo", 4, fourth.sql()},
                                                     {"geo", 5, {.postgres = history_by_sequence}}}};
  return list;
}

}  // namespace distsys::domain::geo
