// A schema of its own on the PostgreSQL server of the tests: as good as an empty database, and made in a tenth of the
// time.
#pragma once

#include <string>

namespace distsys::tests {

/// The URL of a new one. Throws without a server: ask service_url("postgres") first.
std::string fresh_postgres_schema();

}  // namespace distsys::tests
