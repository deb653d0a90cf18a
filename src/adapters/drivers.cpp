// The one table of backends: URL scheme -> driver.
#include "distsys/ports/driver.hpp"

#include "curl/driver.hpp"
#include "memory/driver.hpp"
#include "postgres/driver.hpp"
#include "redis/driver.hpp"
#include "sqlite/driver.hpp"

namespace distsys::ports {

std::span<const driver> drivers() {
  static const driver table[] = {
      adapters::curl::http_driver,         adapters::curl::https_driver,          adapters::memory::kv_store_driver,
      adapters::redis::redis_driver,       adapters::redis::rediss_driver,        adapters::sqlite::database_driver,
      adapters::postgres::postgres_driver, adapters::postgres::postgresql_driver,
  };
  return table;
}

}  // namespace distsys::ports
