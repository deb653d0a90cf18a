// The tables of the tiles, written once; words in braces differ between dialects.
#include "distsys/domain/geo/tile_repository.hpp"

#include <array>
#include <string>

namespace distsys::domain::geo {
namespace {

// geo_tiles: keys are made by the writer, at random. A lease is an owner, an end (0: none) and a fence that each lease
// raises, so that what an earlier holder writes matches no row. Bounds are null where a source is not asked by area.
// `registered` is when a process last named the tile as one of its own (of level 0).
//
// geo_tile_events: which events a tile held when it was last asked completely, and since when it holds them no more.
// Nothing is written there of an event that is seen again where it was.
constexpr std::string_view tables = R"(
CREATE TABLE geo_tiles (
  tile_key BIGINT NOT NULL PRIMARY KEY,
  feed {name} NOT NULL,
  tile {name} NOT NULL,
  source {name} NOT NULL,
  parent {name} NOT NULL,
  level BIGINT NOT NULL,
  west DOUBLE PRECISION,
  south DOUBLE PRECISION,
  east DOUBLE PRECISION,
  north DOUBLE PRECISION,
  state BIGINT NOT NULL,
  interval_ms BIGINT NOT NULL,
  next_poll BIGINT NOT NULL,
  last_poll BIGINT,
  last_answer BIGINT,
  last_complete BIGINT,
  last_count BIGINT NOT NULL,
  last_changes BIGINT NOT NULL,
  cap BIGINT NOT NULL,
  capped BIGINT NOT NULL,
  failures BIGINT NOT NULL,
  complete_polls BIGINT NOT NULL,
  quiet_polls BIGINT NOT NULL,
  registered BIGINT NOT NULL,
  owner {name} NOT NULL,
  lease_until BIGINT NOT NULL,
  fence BIGINT NOT NULL,
  last_error {text} NOT NULL,
  memory {text} NOT NULL
);
CREATE UNIQUE INDEX geo_tiles_by_name ON geo_tiles (feed, tile);
CREATE INDEX geo_tiles_by_source ON geo_tiles (source);
CREATE INDEX geo_tiles_by_owner ON geo_tiles (owner);
CREATE TABLE geo_tile_events (
  tile_key BIGINT NOT NULL,
  source {name} NOT NULL,
  id {name} NOT NULL,
  lon DOUBLE PRECISION NOT NULL,
  lat DOUBLE PRECISION NOT NULL,
  started BIGINT,
  missed BIGINT NOT NULL,
  missing_since BIGINT,
  PRIMARY KEY (tile_key, source, id)
){clustered};
CREATE INDEX geo_tile_events_by_id ON geo_tile_events (source, id);
)";

std::string filled(std::string_view name, std::string_view text, std::string_view clustered) {
  const std::array<std::pair<std::string_view, std::string_view>, 3> pairs{
      {{"{name}", name}, {"{text}", text}, {"{clustered}", clustered}}};
  std::string sql(tables);
  for (const auto& [mark, word] : pairs)
    for (std::size_t at = 0; (at = sql.find(mark, at)) != std::string::npos; at += word.size())
      sql.replace(at, mark.size(), word);
  return sql;
}

}  // namespace

std::span<const ports::migration> tile_repository::migrations() {
  static const std::string sqlite = filled("TEXT", "TEXT", " WITHOUT ROWID"), postgres = filled("TEXT", "TEXT", ""),
                           mysql = filled("VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
                                          "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "");
  static const std::array<ports::migration, 1> list{
      {{"geo_tiles", 1, {.sqlite = sqlite, .postgres = postgres, .mysql = mysql}}}};
  return list;
}

}  // namespace distsys::domain::geo
