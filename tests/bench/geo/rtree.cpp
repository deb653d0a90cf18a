// The peer of tests/bench/geo/run: the same circles on the same events by SQLite's R*Tree, in one thread of one
// process.
//
//   bench_rtree GEO.DB RTREE.DB CIRCLES      CIRCLES: a line "longitude latitude metres" each
#include "distsys/domain/geo/geometry.hpp"

#include <sqlite3.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

using namespace distsys::domain::geo;

namespace {

struct close_statement {
  void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
};
using statement = std::unique_ptr<sqlite3_stmt, close_statement>;

[[noreturn]] void fail(sqlite3* db) {
  std::cerr << sqlite3_errmsg(db) << '\n';
  std::exit(1);
}

void run(sqlite3* db, const std::string& sql) {
  if (sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail(db);
}

/// A FeatureCollection, as the service answers it.
std::size_t answer(sqlite3* db, sqlite3_stmt* s, const circle& c, std::string& body) {
  body = R"({"type":"FeatureCollection","features":[)";
  std::size_t found = 0;
  for (const box& b : bounds(c)) {
    sqlite3_bind_double(s, 1, b.west);
    sqlite3_bind_double(s, 2, b.east);
    sqlite3_bind_double(s, 3, b.south);
    sqlite3_bind_double(s, 4, b.north);
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(s)) == SQLITE_ROW) {
      const position at{sqlite3_column_double(s, 0), sqlite3_column_double(s, 1)};
      if (!contains(c, at)) continue;
      if (found++ > 0) body += ',';
      body.append(reinterpret_cast<const char*>(sqlite3_column_text(s, 2)),
                  static_cast<std::size_t>(sqlite3_column_bytes(s, 2)));
    }
    if (code != SQLITE_DONE) fail(db);
    sqlite3_reset(s);
  }
  body += "]}";
  return found;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: bench_rtree GEO.DB RTREE.DB CIRCLES\n";
    return 64;
  }
  sqlite3* db = nullptr;
  if (sqlite3_open(argv[2], &db) != SQLITE_OK) fail(db);
  run(db, "PRAGMA cache_size=-262144; PRAGMA journal_mode=WAL; ATTACH '" + std::string(argv[1]) + "' AS geo");
  run(db,
      "CREATE VIRTUAL TABLE area USING rtree(event_key, west, east, south, north);"
      "CREATE TABLE events(event_key INTEGER PRIMARY KEY, lon REAL, lat REAL, feature TEXT);"
      "INSERT INTO events SELECT event_key, lon, lat, feature FROM geo.geo_events WHERE cell >= 0;"
      "INSERT INTO area SELECT event_key, lon, lon, lat, lat FROM events; ANALYZE");

  std::vector<circle> circles;
  std::ifstream file(argv[3]);
  for (circle c; file >> c.center.lon >> c.center.lat >> c.radius_m;) circles.push_back(c);

  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v2(db,
                         "SELECT e.lon, e.lat, e.feature FROM area a JOIN events e ON e.event_key = a.event_key "
                         "WHERE a.east >= ? AND a.west <= ? AND a.north >= ? AND a.south <= ?",
                         -1, &raw, nullptr) != SQLITE_OK)
    fail(db);
  const statement s(raw);
  std::string body;
  for (const circle& c : circles) answer(db, s.get(), c, body);  // into memory
  std::size_t found = 0;
  const std::clock_t cpu = std::clock();
  const auto start = std::chrono::steady_clock::now();
  for (const circle& c : circles) found += answer(db, s.get(), c, body);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const double used_us = static_cast<double>(std::clock() - cpu) * 1e6 / CLOCKS_PER_SEC;
  const auto n = static_cast<double>(circles.size());
  std::printf("%zu circles, %zu events: %.1f queries/s, %.1f us of CPU each\n", circles.size(), found, n / took.count(),
              used_us / n);
  return 0;
}
