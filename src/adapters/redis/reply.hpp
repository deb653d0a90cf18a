// What Redis answers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace distsys::adapters::redis {

struct reply {
  enum class kind : std::uint8_t { nil, integer, status, error, bulk, tombstone, damaged, too_large, array };
  kind type = kind::nil;
  std::int64_t number = 0;
  std::string text;  // of a status, an error, a bulk string
  std::vector<reply> elements;
};

}  // namespace distsys::adapters::redis
