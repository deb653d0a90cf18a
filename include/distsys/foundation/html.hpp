// Text of others inside our pages.
#pragma once

#include <string>
#include <string_view>

namespace distsys {

/// Fit for an element's text and for a quoted attribute. What is not UTF-8, and control characters but line feed and
/// tab, becomes U+FFFD.
std::string escape_html(std::string_view text);

}  // namespace distsys
