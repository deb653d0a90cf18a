// The table driver × guarantee that a conformance suite prints at its end.
#pragma once

#include <string>

namespace distsys::tests::matrix {

/// The assertions that follow, until the test case ends or another driver begins, speak of this driver.
void begin(const std::string& driver);
/// This driver does not promise what the test case is about.
void not_promised();

}  // namespace distsys::tests::matrix
