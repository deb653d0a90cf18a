// Key traces for `distsys cache-sim`: read from files or drawn, with their keys numbered.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/runtime/keys.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace distsys::commands {

/// Who was asked for, in order. Keys are numbers from 0 on, by their first appearance.
struct trace {
  std::string name;
  std::vector<std::uint32_t> keys;   // one a request
  std::vector<std::uint32_t> sizes;  // bytes, one a request; empty where entries are counted
  std::uint32_t distinct = 0;
  std::uint64_t distinct_bytes = 0;  // of each key once, with its last size; 0 where entries are counted
};

/// A line is a key, or with `sized` a key, blanks and a size in bytes. Empty lines are left out. "-" is the standard
/// input. Blocks. errc::not_found, errc::invalid with the line's number, errc::too_large beyond a thousand million
/// requests or 64 KiB a line. Four bytes of memory a request.
result<trace> read_trace(const std::string& path, bool sized);

/// `requests` draws from `n` keys. The same seed, the same trace.
trace draw_trace(runtime::key_distribution distribution, std::uint32_t n, double zipf_exponent, std::uint64_t requests,
                 std::uint64_t seed);

}  // namespace distsys::commands
