// What only a server behind a network can do to its driver.
#include "fixture.hpp"

namespace distsys::tests {

DATABASE_CASE("a statement that the server counts otherwise is refused, also in a batch") {
  EACH_REMOTE_DATABASE();
  t.make_items();
  // The mark is text to the server, and a parameter to the driver, which does not know this way to quote.
  const std::string odd = "INSERT INTO item(id, name) VALUES (2, $$?$$)";
  CHECK(t.db.execute({insert_item(1), {odd, table::row(7), {}}}).error() == errc::internal);
  CHECK(t.db.number("SELECT count(*) FROM item") == 0);
  CHECK(t.db.execute({insert_item(1)}));
}

}  // namespace distsys::tests
