#include "migrations.hpp"

#include "distsys/foundation/text.hpp"
#include "distsys/runtime/clock.hpp"
#include "outcome.hpp"
#include "reads.hpp"
#include "sql_text.hpp"
#include "writes.hpp"

#include <map>
#include <string>
#include <utility>

namespace distsys::adapters::postgres {

namespace {

// Any number that is nobody else's: "distsys" as letters of a keyboard's numbers.
constexpr std::string_view lock = "SELECT pg_advisory_xact_lock(3478797)";

using versions = std::map<std::string, std::int64_t, std::less<>>;

std::string label(const ports::migration& m) {
  return "migration " + std::to_string(m.version) + " of " + std::string(m.component);
}

/// The newest version of each component.
result<versions> read_versions(result<ports::table> rows) {
  // undefined_table: there were none yet.
  if (!rows) return rows.error();
  versions found;
  for (std::size_t i = 0; i < rows->rows(); ++i)
    found.emplace(std::string(rows->at(i, 0).text()), rows->at(i, 1).integer());
  return found;
}

ports::statement newest() {
  return {"SELECT component, max(version) FROM schema_migrations GROUP BY component", {}, {}};
}

class migrator {
 public:
  migrator(lease& on, const ports::call_context& context) : on_(on), context_(context) {}

  awaitable<result<void>> make_table() {
    auto e = begin();
    e->steps.push_back(
        exchange::raw("CREATE TABLE IF NOT EXISTS schema_migrations (component TEXT NOT NULL, version "
                      "BIGINT NOT NULL, applied TEXT NOT NULL, PRIMARY KEY (component, version))"));
    e->steps.push_back(exchange::raw("COMMIT"));
    co_return co_await perform(e);
  }

  /// Within a transaction, so that another process sees either none of it or all.
  awaitable<result<void>> apply(const ports::migration& m) {
    if (auto begun = co_await perform(begin()); !begun) co_return begun;
    auto done = co_await apply_locked(m);
    auto e = fresh();
    e->steps.push_back(exchange::raw(done ? "COMMIT" : "ROLLBACK"));
    e->steps.back().commits = done.has_value();
    auto ended = co_await perform(e);
    co_return done ? ended : done;
  }

 private:
  const std::string& where() const noexcept { return on_.pool().settings().label; }

  std::shared_ptr<exchange> fresh() const {
    auto e = std::make_shared<exchange>();
    e->until = context_.deadline;
    return e;
  }
  std::shared_ptr<exchange> begin() const {
    auto e = fresh();
    e->steps.push_back(exchange::raw("BEGIN"));
    if (auto sql = timeout_statement(context_); !sql.empty()) e->steps.push_back(exchange::raw(std::move(sql)));
    e->steps.push_back(exchange::raw(std::string(lock)));
    return e;
  }
  awaitable<result<void>> perform(std::shared_ptr<exchange> e) {
    co_await on_->perform(e);
    if (e->failure) co_return error_of(*e, where());
    co_return result<void>{};
  }

  awaitable<result<void>> apply_locked(const ports::migration& m) {
    auto known = read_versions(co_await read_on(*on_, on_.pool().shapes(), where(), context_, newest()));
    if (!known) co_return known.error();
    const auto found = known->find(m.component);
    const std::int64_t version = found == known->end() ? 0 : found->second;
    if (version >= m.version) co_return result<void>{};
    if (version + 1 != m.version)
      co_return error{errc::invalid, label(m) + " would follow version " + std::to_string(version)};
    auto e = fresh();
    for (auto& sql : split_script(m.sql(ports::dialect::postgres))) {
      if (auto ok = check_statement(sql); !ok) co_return error{errc::invalid, label(m) + ": " + ok.error().detail};
      e->steps.push_back(exchange::raw(std::move(sql)));
    }
    if (auto done = co_await perform(e); !done)
      co_return error{done.error().code, label(m) + ": " + done.error().detail};
    const auto noted = co_await run_on(*on_, on_.pool().shapes(), where(), context_,
                                       {"INSERT INTO schema_migrations(component, version, applied) VALUES (?, ?, ?)",
                                        ports::table::row(m.component, m.version, format_time(runtime::now())),
                                        {}});
    if (!noted) co_return noted.error();
    co_return result<void>{};
  }

  lease& on_;
  const ports::call_context& context_;
};

}  // namespace

awaitable<result<void>> apply_migrations(loop_pool& pool, const ports::call_context& context,
                                         std::span<const ports::migration> migrations) {
  if (migrations.empty()) co_return result<void>{};
  if (auto complete = co_await find_missing_migration(pool, context, migrations);
      complete || !(complete.error() == errc::conflict))
    co_return complete;
  auto on = co_await pool.writer(context);
  if (!on) co_return on.error();
  migrator m(*on, context);
  if (auto made = co_await m.make_table(); !made) co_return made;
  for (const ports::migration& one : migrations)
    if (auto done = co_await m.apply(one); !done) co_return done;
  co_return result<void>{};
}

awaitable<result<void>> find_missing_migration(loop_pool& pool, const ports::call_context& context,
                                               std::span<const ports::migration> migrations) {
  const auto there =
      co_await read(pool, context, {"SELECT to_regclass('schema_migrations') IS NOT NULL", {}, {}}, {.primary = true});
  if (!there) co_return there.error();
  versions known;
  if (there->at(0, 0).integer() != 0) {
    auto found = read_versions(co_await read(pool, context, newest(), {.primary = true}));
    if (!found) co_return found.error();
    known = *std::move(found);
  }
  for (const ports::migration& m : migrations) {
    const auto found = known.find(m.component);
    if (found == known.end() || found->second < m.version)
      co_return error{errc::conflict, label(m) + " is not applied"};
  }
  co_return result<void>{};
}

}  // namespace distsys::adapters::postgres
