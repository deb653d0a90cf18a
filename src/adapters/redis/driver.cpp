#include "driver.hpp"

#include "options.hpp"
#include "redis_kv_store.hpp"

#include <hiredis/hiredis.h>

namespace distsys::adapters::redis {
namespace {

#define DISTSYS_TEXT_OF(x) #x
#define DISTSYS_VERSION(major, minor, patch) \
  "hiredis " DISTSYS_TEXT_OF(major) "." DISTSYS_TEXT_OF(minor) "." DISTSYS_TEXT_OF(patch)
constexpr std::string_view library = DISTSYS_VERSION(HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
#undef DISTSYS_VERSION
#undef DISTSYS_TEXT_OF

result<std::shared_ptr<ports::kv_store>> open(const url& address, const ports::driver_environment& environment) {
  auto settings = options::parse(address);
  if (!settings) return settings.error();
  std::shared_ptr<asio::ssl::context> tls;
  if (settings->tls) {
    auto made = make_tls_context(settings->ca, settings->verify);
    if (!made) return made.error();
    tls = *std::move(made);
  }
  return std::shared_ptr<ports::kv_store>(
      std::make_shared<redis_kv_store>(address.scheme(), environment.loops, *std::move(settings), std::move(tls)));
}

}  // namespace

const ports::driver redis_driver{"redis", library, "keys, values and messages shared between processes",
                                 "redis://127.0.0.1:6379/0", ports::open_function<ports::kv_store>(&open)};
const ports::driver rediss_driver{"rediss", library, "redis: with TLS", "rediss://user:password@redis.example:6379/0",
                                  ports::open_function<ports::kv_store>(&open)};

}  // namespace distsys::adapters::redis
