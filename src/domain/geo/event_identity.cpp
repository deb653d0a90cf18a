// event_repository's name of its database.
#include "distsys/domain/geo/event_repository.hpp"
#include "distsys/runtime/random.hpp"

namespace distsys::domain::geo {

awaitable<result<std::string>> event_repository::identity(const ports::call_context& context) {
  for (int attempt = 0;; ++attempt) {
    const auto known = co_await db_->query(context, {.sql = "SELECT name FROM geo_identity WHERE one = 1"},
                                           {.max_rows = 1, .primary = true});
    if (!known) co_return known.error();
    if (known->rows() == 1) co_return std::string(known->at(0, 0).text());
    if (attempt == 1) co_return error{errc::internal, "the database does not keep its name"};
    ports::batch b;
    b.push_back({.sql = "INSERT INTO geo_identity (one, name) VALUES (1, ?)",
                 .parameters = ports::table::row(runtime::uuid4())});
    // Another process may have been quicker.
    if (const auto named = co_await db_->execute(context, std::move(b));
        !named && named.error() != errc::already_exists)
      co_return named.error();
  }
}

}  // namespace distsys::domain::geo
