#include "postgres_database.hpp"

#include "distsys/runtime/random.hpp"
#include "driver.hpp"
#include "migrations.hpp"
#include "postgres_transaction.hpp"
#include "reads.hpp"
#include "sql_text.hpp"
#include "writes.hpp"

#include <pg_config.h>

#include <utility>

namespace distsys::adapters::postgres {

namespace {

constexpr std::size_t longest_channel = 63;  // of PostgreSQL's names; longer ones are cut

result<std::shared_ptr<ports::database>> open(const url& address, const ports::driver_environment& environment) {
  auto settings = parse_options(address);
  if (!settings) return settings.error();
  return std::shared_ptr<ports::database>(std::make_shared<postgres_database>(*std::move(settings), environment.loops));
}

std::string insert_into(std::string_view table_name, const std::vector<std::string>& columns) {
  std::string names, marks;
  for (const std::string& column : columns) {
    names += (names.empty() ? "" : ", ") + quote_name(column);
    marks += marks.empty() ? "?" : ", ?";
  }
  return "INSERT INTO " + quote_name(table_name) + " (" + names + ") VALUES (" + marks + ")";
}

constexpr std::string_view library = "libpq " PG_VERSION;
constexpr std::string_view purpose = "PostgreSQL: many processes on many machines";
constexpr std::string_view example = "postgres://user@host:5432/geo";

}  // namespace

const ports::driver postgres_driver{"postgres", library, purpose, example,
                                    ports::open_function<ports::database>(&open)};
const ports::driver postgresql_driver{"postgresql", library, "the same as postgres:", "postgresql://user@host/geo",
                                      ports::open_function<ports::database>(&open)};

postgres_database::postgres_database(options settings, runtime::runtime& loops)
    : database("postgres", ports::resilience::remote()),
      settings_(std::move(settings)),
      loops_(loops),
      sender_(runtime::random_hex(8)),
      listener_(settings_, cancels_, hub_, sender_) {
  for (unsigned i = 0; i < loops.size(); ++i) per_loop_.push_back(std::make_unique<per_loop>(loops.loop(i), *this));
}

postgres_database::per_loop& postgres_database::here() noexcept {
  const int loop = runtime::runtime::this_loop();
  return *per_loop_[loop < 0 ? 0 : static_cast<std::size_t>(loop)];
}

awaitable<void> postgres_database::close() {
  // What was accepted, the notifications with it, is finished first.
  runtime::task_group closing;
  for (const auto& one : per_loop_) closing.spawn(one->pool.where(), loop_pool::close(one->pool));
  co_await closing.wait();
  listening_.cancel();
  co_await listening_.wait();
  tasks_.cancel();
  co_await tasks_.wait();
}

awaitable<result<ports::batch_outcome>> postgres_database::do_execute(const ports::call_context& context,
                                                                      ports::batch b) {
  const loop_pool::admission admitted(pool());
  if (!admitted.outcome()) co_return admitted.outcome().error();
  auto done = co_await write(pool(), context, std::move(b));
  if (done || done.error() == errc::indeterminate) hub_.announce_own();
  co_return done;
}

awaitable<result<ports::table>> postgres_database::do_query(const ports::call_context& context, ports::statement s,
                                                            ports::read_options limits) {
  const loop_pool::admission admitted(pool());
  if (!admitted.outcome()) co_return admitted.outcome().error();
  co_return co_await read(pool(), context, std::move(s), limits);
}

awaitable<result<std::unique_ptr<ports::transaction>>> postgres_database::do_begin(const ports::call_context& context) {
  const loop_pool::admission admitted(pool());
  if (!admitted.outcome()) co_return admitted.outcome().error();
  co_return co_await begin_transaction(pool(), context, [this] { hub_.announce_own(); });
}

awaitable<result<std::uint64_t>> postgres_database::do_bulk_load(const ports::call_context& context,
                                                                 std::string table_name,
                                                                 std::vector<std::string> columns, ports::table rows) {
  const loop_pool::admission admitted(pool());
  if (!admitted.outcome()) co_return admitted.outcome().error();
  if (rows.rows() == 0) co_return std::uint64_t{0};
  ports::batch b;
  b.push_back({insert_into(table_name, columns), std::move(rows), {}});
  auto done = co_await write(pool(), context, std::move(b));
  if (done || done.error() == errc::indeterminate) hub_.announce_own();
  if (!done) co_return done.error();
  co_return done->affected.front();
}

awaitable<result<void>> postgres_database::do_migrate(const ports::call_context& context,
                                                      std::span<const ports::migration> migrations) {
  const loop_pool::admission admitted(pool());
  if (!admitted.outcome()) co_return admitted.outcome().error();
  auto done = co_await apply_migrations(pool(), context, migrations);
  hub_.announce_own();
  co_return done;
}

awaitable<result<void>> postgres_database::do_check_migrations(const ports::call_context& context,
                                                               std::span<const ports::migration> migrations) {
  const loop_pool::admission admitted(pool());
  if (!admitted.outcome()) co_return admitted.outcome().error();
  co_return co_await find_missing_migration(pool(), context, migrations);
}

awaitable<result<void>> postgres_database::do_ping(const ports::call_context& context) {
  const loop_pool::admission admitted(pool());
  if (!admitted.outcome()) co_return admitted.outcome().error();
  co_return co_await probe(pool(), context);
}

/// Who waits in this process is woken here; NOTIFY is for the others, and is on its way.
awaitable<result<void>> postgres_database::do_notify(const ports::call_context&, std::string channel) {
  if (channel.empty() || channel.size() > longest_channel)
    co_return error{errc::invalid, "postgres: the name of a channel has 1 to 63 bytes"};
  hub_.wake(channel);
  here().notifications.notify(std::move(channel));
  co_return result<void>{};
}

std::unique_ptr<ports::change_listener> postgres_database::do_listen(std::string channel) {
  auto made = hub_.listen(channel);
  if (listener_.add(std::move(channel))) listening_.spawn(loops_.next_loop(), notification_listener::run(listener_));
  return made;
}

}  // namespace distsys::adapters::postgres
