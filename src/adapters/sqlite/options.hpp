// What a `sqlite:` URL may say.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/foundation/url.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace distsys::adapters::sqlite {

struct options {
  std::filesystem::path file;
  unsigned readers = 2;         // read-only connections, one thread each
  bool full_sync = true;        // false: an acknowledged batch survives kill -9, but perhaps not a power failure
  std::size_t queue = 1024;     // calls that may wait for the writer, and as many for the readers
  std::uint64_t max_bytes = 0;  // of the file; 0: no limit
  std::uint64_t cache_bytes = 64u << 20;                // of pages that the readers keep, all of them together
  std::uint64_t checkpoint_bytes = 32u << 20;           // of the write-ahead log, before it is copied into the file
  std::chrono::milliseconds transaction_limit{10'000};  // how long an interactive transaction may hold the writer
};

/// errc::invalid names what is wrong, and lists what is known.
result<options> parse_options(const url& address, const std::filesystem::path& data_dir);

}  // namespace distsys::adapters::sqlite
