#include "tests/support/fresh_schema.hpp"

#include "distsys/ports/driver.hpp"
#include "distsys/runtime/random.hpp"
#include "tests/support/loops.hpp"
#include "tests/support/services.hpp"

#include <filesystem>
#include <stdexcept>
#include <utility>
#include <variant>

namespace distsys::tests {

namespace {

std::shared_ptr<ports::database> open(const std::string& address, runtime::runtime& loops) {
  const auto parsed = url::parse(address).value();
  for (const ports::driver& d : ports::drivers())
    if (d.scheme == parsed.scheme())
      return std::get<ports::open_function<ports::database>>(d.open)(parsed,
                                                                     {loops, std::filesystem::temp_directory_path()})
          .value();
  throw std::runtime_error("this build has no driver for PostgreSQL");
}

awaitable<result<void>> make_schema(ports::database& db, std::string name) {
  const auto context = ports::call_context::within(std::chrono::seconds(30));
  ports::batch b;
  b.push_back({"CREATE SCHEMA " + name, {}, {}});
  auto made = co_await db.execute(context, std::move(b));
  co_await db.close();
  if (!made) co_return made.error();
  co_return result<void>{};
}

}  // namespace

std::string fresh_postgres_schema() {
  const std::string server = service_url("postgres").value(), name = "case_" + runtime::random_hex(8);
  running_loops loops;
  const auto db = open(server, loops.get());
  loops.run(make_schema(*db, name)).value();
  return server + "?options=-c%20search_path%3D" + name;
}

}  // namespace distsys::tests
