#include "distsys/ports/database.hpp"

#include "measured.hpp"

#include <utility>

namespace distsys::ports {

std::string_view name(dialect d) noexcept {
  switch (d) {
    case dialect::sqlite:
      return "sqlite";
    case dialect::postgres:
      return "postgres";
    case dialect::mysql:
      return "mysql";
  }
  return "unknown";
}

std::string_view per_dialect::operator()(dialect d) const noexcept {
  if (d == dialect::postgres && !postgres.empty()) return postgres;
  if (d == dialect::mysql && !mysql.empty()) return mysql;
  return sqlite;
}

struct database::operations {
  call_monitor::operation execute, query, begin, bulk_load, migrate, check_migrations, ping, notify;
};

database::database(std::string driver_name, const resilience& policy)
    : calls_("database", std::move(driver_name), policy),
      operations_(new operations{calls_.make_operation("execute"), calls_.make_operation("query"),
                                 calls_.make_operation("begin"), calls_.make_operation("bulk_load"),
                                 calls_.make_operation("migrate"), calls_.make_operation("check_migrations"),
                                 calls_.make_operation("ping"), calls_.make_operation("notify")}) {}

database::~database() = default;

awaitable<result<batch_outcome>> database::execute(const call_context& context, batch b) {
  DISTSYS_PORT_CALL(operations_->execute, context, accept_all, do_execute(context, std::move(b)));
}

awaitable<result<table>> database::query(const call_context& context, statement s, read_options options) {
  const auto attempt = [&](bool last) { return do_query(context, last ? std::move(s) : s, options); };
  DISTSYS_PORT_IDEMPOTENT_CALL(operations_->query, context, accept_all, attempt)
}

awaitable<result<std::unique_ptr<transaction>>> database::begin(const call_context& context) {
  DISTSYS_PORT_CALL(operations_->begin, context, accept_all, do_begin(context));
}

awaitable<result<std::uint64_t>> database::bulk_load(const call_context& context, std::string table_name,
                                                     std::vector<std::string> columns, table rows) {
  const auto check = [&]() -> result<void> {
    if (!columns.empty() && columns.size() == rows.columns()) return {};
    return error{errc::invalid, "bulk_load into " + table_name + ": " + std::to_string(columns.size()) +
                                    " column names for rows of " + std::to_string(rows.columns())};
  };
  DISTSYS_PORT_CALL(operations_->bulk_load, context, check,
                    do_bulk_load(context, std::move(table_name), std::move(columns), std::move(rows)));
}

awaitable<result<void>> database::migrate(const call_context& context, std::span<const migration> migrations) {
  DISTSYS_PORT_CALL(operations_->migrate, context, accept_all, do_migrate(context, migrations));
}

awaitable<result<void>> database::check_migrations(const call_context& context, std::span<const migration> migrations) {
  DISTSYS_PORT_CALL(operations_->check_migrations, context, accept_all, do_check_migrations(context, migrations));
}

awaitable<result<void>> database::ping(const call_context& context) {
  DISTSYS_PORT_PROBE(operations_->ping, context, do_ping(context));
}

awaitable<result<void>> database::notify(const call_context& context, std::string channel) {
  DISTSYS_PORT_CALL(operations_->notify, context, accept_all, do_notify(context, std::move(channel)));
}

}  // namespace distsys::ports
