#include "sqlite_database.hpp"

#include "distsys/runtime/blocking_lane.hpp"
#include "driver.hpp"
#include "migrations.hpp"
#include "sqlite_transaction.hpp"

#include <utility>

namespace distsys::adapters::sqlite {

namespace {

constexpr std::chrono::milliseconds sweep_interval{20};  // of calls whose deadline passes in a queue

/// A name as SQL quotes it: whatever it holds, it stays a name.
std::string quote_name(std::string_view name) {
  std::string text = "\"";
  for (const char c : name) text.append(c == '"' ? 2 : 1, c);
  return text + '"';
}

std::string insert_statement(std::string_view table_name, const std::vector<std::string>& columns) {
  std::string names;
  std::string marks;
  for (const std::string& column : columns) {
    if (!names.empty()) names += ',', marks += ',';
    names += quote_name(column);
    marks += '?';
  }
  return "INSERT INTO " + quote_name(table_name) + " (" + names + ") VALUES (" + marks + ")";
}

result<std::shared_ptr<ports::database>> open(const url& address, const ports::driver_environment& environment) {
  auto settings = parse_options(address, environment.data_dir);
  if (!settings) return settings.error();
  return std::shared_ptr<ports::database>(std::make_shared<sqlite_database>(*std::move(settings)));
}

}  // namespace

const ports::driver database_driver{"sqlite", "SQLite " SQLITE_VERSION,
                                    "an embedded database file, for one machine and several processes", "sqlite:geo.db",
                                    ports::open_function<ports::database>(&open)};

sqlite_database::sqlite_database(options settings)
    : database("sqlite"),
      settings_(std::move(settings)),
      writer_(settings_, hub_),
      readers_(settings_),
      sweeper_("sqlite-sweep", sweep_interval, [this] {
        writer_.queue().sweep();
        readers_.queue().sweep();
      }) {}

sqlite_database::~sqlite_database() { stop(); }

void sqlite_database::stop() {
  writer_.stop();
  readers_.stop();
  sweeper_.stop();
}

awaitable<void> sqlite_database::close() {
  // Finishing what was accepted blocks: not on a loop.
  runtime::blocking_lane closer("sqlite-close", 1);
  (void)co_await closer.run([this]() -> result<void> {
    stop();
    return {};
  });
}

awaitable<result<ports::batch_outcome>> sqlite_database::do_execute(const ports::call_context& context,
                                                                    ports::batch b) {
  auto done = co_await submit(writer_.queue(), std::make_shared<batch_call>(context.deadline, std::move(b)));
  if (done) created_.store(true, std::memory_order_release);
  co_return done;
}

/// Readers cannot create the file, nor switch it to write-ahead logging: the writer does, once.
awaitable<result<void>> sqlite_database::ensure_created(const ports::call_context& context) {
  if (created_.load(std::memory_order_acquire)) co_return result<void>{};
  auto call = std::make_shared<function_call<void>>(context.deadline, [](connection&) { return result<void>{}; });
  auto done = co_await submit(writer_.queue(), std::move(call));
  if (done) created_.store(true, std::memory_order_release);
  co_return done;
}

awaitable<result<ports::table>> sqlite_database::do_query(const ports::call_context& context, ports::statement s,
                                                          ports::read_options limits) {
  if (auto ready = co_await ensure_created(context); !ready) co_return ready.error();
  auto call = std::make_shared<function_call<ports::table>>(
      context.deadline, [s = std::move(s), limits](connection& c) { return c.read(s, limits); });
  co_return co_await submit(readers_.queue(), std::move(call));
}

awaitable<result<std::unique_ptr<ports::transaction>>> sqlite_database::do_begin(const ports::call_context& context) {
  auto begun =
      co_await submit(writer_.queue(), std::make_shared<begin_call>(context.deadline, settings_.transaction_limit));
  if (begun) created_.store(true, std::memory_order_release);
  co_return begun;
}

awaitable<result<std::uint64_t>> sqlite_database::do_bulk_load(const ports::call_context& context,
                                                               std::string table_name, std::vector<std::string> columns,
                                                               ports::table rows) {
  ports::batch b;
  b.push_back({insert_statement(table_name, columns), std::move(rows), std::nullopt});
  auto done = co_await do_execute(context, std::move(b));
  if (!done) co_return done.error();
  co_return done->affected.front();
}

awaitable<result<void>> sqlite_database::do_migrate(const ports::call_context& context,
                                                    std::span<const ports::migration> migrations) {
  auto call = std::make_shared<function_call<void>>(
      context.deadline, [migrations](connection& c) { return apply_migrations(c, migrations); });
  co_return co_await submit(writer_.queue(), std::move(call));
}

awaitable<result<void>> sqlite_database::do_check_migrations(const ports::call_context& context,
                                                             std::span<const ports::migration> migrations) {
  if (auto ready = co_await ensure_created(context); !ready) co_return ready;
  auto call = std::make_shared<function_call<void>>(
      context.deadline, [migrations](connection& c) { return find_missing_migration(c, migrations); });
  co_return co_await submit(readers_.queue(), std::move(call));
}

awaitable<result<void>> sqlite_database::do_ping(const ports::call_context& context) {
  if (auto ready = co_await ensure_created(context); !ready) co_return ready;
  auto call = std::make_shared<function_call<void>>(context.deadline, [](connection& c) -> result<void> {
    auto answer = c.read({"SELECT count(*) FROM sqlite_schema", {}, {}}, {});
    if (!answer) return answer.error();
    return {};
  });
  co_return co_await submit(readers_.queue(), std::move(call));
}

/// Every commit wakes listeners everywhere: nothing is left to announce.
awaitable<result<void>> sqlite_database::do_notify(const ports::call_context&, std::string) {
  hub_.wake_all();
  co_return result<void>{};
}

std::unique_ptr<ports::change_listener> sqlite_database::do_listen(std::string channel) {
  return hub_.listen(std::move(channel));
}

}  // namespace distsys::adapters::sqlite
