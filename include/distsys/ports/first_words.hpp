// What an error text says of a statement: how it begins.
#pragma once

#include <string>
#include <string_view>

namespace distsys::ports {

/// "INSERT INTO geo_event": up to a parenthesis, about 48 bytes, on one line. Never parameters, which are not in it.
std::string first_words(std::string_view sql);

}  // namespace distsys::ports
