#include "migrations.hpp"

#include "distsys/foundation/text.hpp"
#include "distsys/runtime/clock.hpp"

#include <string>

namespace distsys::adapters::sqlite {

namespace {

std::string label(const ports::migration& m) {
  return "migration " + std::to_string(m.version) + " of " + std::string(m.component);
}

result<std::int64_t> newest(connection& c, std::string_view component) {
  auto found = c.read(
      {"SELECT coalesce(max(version), 0) FROM schema_migrations WHERE component = ?", ports::table::row(component), {}},
      {});
  if (!found) return found.error();
  return found->at(0, 0).integer();
}

/// Within a transaction, so that another process sees either none of it or all.
result<void> apply_one(connection& c, const ports::migration& m) {
  auto version = newest(c, m.component);
  if (!version) return version.error();
  if (*version >= m.version) return {};
  if (*version + 1 != m.version)
    return error{errc::invalid, label(m) + " would follow version " + std::to_string(*version)};
  if (auto done = c.execute_script(m.sql(ports::dialect::sqlite)); !done)
    return error{done.error().code, label(m) + ": " + done.error().detail};
  if (!c.in_transaction()) return error{errc::invalid, label(m) + " ends the transaction it runs in"};
  auto noted = c.run({"INSERT INTO schema_migrations(component, version, applied) VALUES (?, ?, ?)",
                      ports::table::row(m.component, m.version, format_time(runtime::now())),
                      {}});
  if (!noted) return noted.error();
  return {};
}

template <class Action>
result<void> in_transaction(connection& c, Action action) {
  if (auto begun = c.control("BEGIN IMMEDIATE"); !begun) return begun;
  auto done = action();
  if (done) done = c.control("COMMIT");
  if (!done && c.in_transaction()) (void)c.control("ROLLBACK");
  return done;
}

}  // namespace

result<void> apply_migrations(connection& c, std::span<const ports::migration> migrations) {
  if (migrations.empty() || find_missing_migration(c, migrations)) return {};
  auto made = in_transaction(c, [&] {
    return c.execute_script(
        "CREATE TABLE IF NOT EXISTS schema_migrations (component TEXT NOT NULL, version INTEGER NOT NULL, "
        "applied TEXT NOT NULL, PRIMARY KEY (component, version)) WITHOUT ROWID");
  });
  if (!made) return made;
  for (const ports::migration& m : migrations)
    if (auto done = in_transaction(c, [&] { return apply_one(c, m); }); !done) return done;
  return {};
}

result<void> find_missing_migration(connection& c, std::span<const ports::migration> migrations) {
  auto known =
      c.read({"SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations'", {}, {}}, {});
  if (!known) return known.error();
  const bool fresh = known->at(0, 0).integer() == 0;
  for (const ports::migration& m : migrations) {
    auto version = fresh ? result<std::int64_t>(0) : newest(c, m.component);
    if (!version) return version.error();
    if (*version < m.version) return error{errc::conflict, label(m) + " is not applied"};
  }
  return {};
}

}  // namespace distsys::adapters::sqlite
