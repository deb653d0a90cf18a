// What Redis answers, and the reader that takes it out of a byte stream: hiredis's, with limits.
#pragma once

#include "distsys/foundation/error.hpp"

#include <hiredis/read.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::adapters::redis {

struct reply {
  enum class kind : std::uint8_t { nil, integer, status, error, bulk, tombstone, damaged, too_large, array };
  kind type = kind::nil;
  std::int64_t number = 0;
  std::string text;  // of a status, an error, a bulk string
  std::vector<reply> elements;
};

struct reply_limits {
  std::size_t elements = 64;                   // of one array
  int depth = 1;                               // arrays in arrays; 0: no array
  std::size_t value = std::size_t{512} << 20;  // bytes of one string; a longer one becomes kind::too_large
};

/// Turns bytes into replies. After an error it is of no more use, and neither is the connection.
class reply_reader {
 public:
  /// Where `stored` is set, bulk strings are stored values (stored_value.hpp) and are told apart.
  reply_reader(reply_limits limits, bool stored);

  /// How many of the bytes were taken: then ask for replies until there is none. `max_bytes` is what the next reply
  /// may have.
  result<std::size_t> feed(std::string_view bytes, std::size_t max_bytes);
  /// While a large value is on its way: where its bytes belong, to be read there without another copy. Else empty.
  std::span<char> room() noexcept;
  /// Between two replies.
  bool idle() const noexcept { return unfinished_ == 0 && large_.empty() && skipping_ == 0 && !skipped_; }
  void filled(std::size_t bytes) noexcept { large_filled_ += bytes; }

  /// The next reply; nothing when more bytes are needed. errc::unavailable when the bytes are not the protocol,
  /// errc::too_large when the reply is of more than `max_bytes`; but a value that comes first in what was fed is
  /// stepped over and becomes kind::too_large.
  result<std::optional<reply>> next(std::size_t max_bytes);

 private:
  static void* on_string(const redisReadTask* task, char* text, std::size_t size);
  static void* on_array(const redisReadTask* task, int elements);
  static void* on_integer(const redisReadTask* task, long long number);
  static void* on_nil(const redisReadTask* task);
  static void on_free(void* object);
  static reply* place(const redisReadTask* task);
  bool plausible() const noexcept;
  bool begin_large(std::string_view bytes, std::size_t max_bytes);
  result<std::optional<reply>> finish_large();

  struct deleter {
    void operator()(redisReader* r) const noexcept { redisReaderFree(r); }
  };
  static redisReplyObjectFunctions functions_;
  reply_limits limits_;
  bool stored_;
  std::size_t unfinished_ = 0;  // bytes since the last whole reply
  std::string large_;           // a value and its line break, which goes past hiredis; empty: none
  std::size_t large_filled_ = 0;
  std::size_t skipping_ = 0;  // bytes of a value that is too large, its line break included
  bool skipped_ = false;      // one to its end
  std::unique_ptr<redisReader, deleter> reader_;
};

}  // namespace distsys::adapters::redis
