// The real servers that ctest, or tests/services/run, started beside this test.
#pragma once

#include <optional>
#include <string>

namespace distsys::tests {

/// The URL of "redis", "redis-tls", "postgres" … (TEST_REDIS_URL …). Nothing when there is none: then the line
/// "skipped: redis: REASON" is printed once, which tests/run counts as a skip, and in CI as a failure.
std::optional<std::string> service_url(const std::string& service);
/// Where its files are (TEST_REDIS_DIR …); for start_service() and kill_service(). Empty when there is none.
std::string service_dir(const std::string& service);

/// As a crash would, and again with the same data on the same port. Each throws std::runtime_error when it fails.
void kill_service(const std::string& service);
void start_service(const std::string& service);

}  // namespace distsys::tests
