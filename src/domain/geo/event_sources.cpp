// event_repository: whose events there are.
#include "distsys/domain/geo/event_repository.hpp"

namespace distsys::domain::geo {

// One step along the index for each source: DISTINCT would read an entry for each event.
awaitable<result<std::vector<std::string>>> event_repository::sources(const ports::call_context& context) {
  std::vector<std::string> found;
  for (std::string last;;) {
    const auto next = co_await db_->query(
        context, {.sql = "SELECT MIN(source) FROM geo_events WHERE source > ?", .parameters = ports::table::row(last)});
    if (!next) co_return next.error();
    if (next->rows() == 0 || next->at(0, 0).is_null()) co_return found;
    last = next->at(0, 0).text();
    found.push_back(last);
  }
}

}  // namespace distsys::domain::geo
