// Takes replies out of a byte stream: hiredis's reader, with limits, and large values past it.
#pragma once

#include "large_value.hpp"
#include "reply.hpp"

#include "distsys/foundation/error.hpp"

#include <hiredis/read.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace distsys::adapters::redis {

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
  std::span<char> room() noexcept { return large_.room(); }
  void filled(std::size_t bytes) noexcept { large_.filled(bytes); }
  /// A large value is on its way, or was the last reply: another is likely to follow.
  bool reads_large() const noexcept { return reads_large_; }
  /// Between two replies.
  bool idle() const noexcept { return unfinished_ == 0 && !large_.under_way() && !array_; }

  /// The next reply; nothing when more bytes are needed. errc::unavailable when the bytes are not the protocol,
  /// errc::too_large when the reply is of more than `max_bytes`; but a value that is more, alone or in an array, is
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
  std::size_t begin_array(std::string_view bytes);
  bool begin_large_behind_hiredis(std::size_t max_bytes);
  std::size_t left_of(std::size_t max_bytes) const noexcept;
  result<std::optional<reply>> next_part(std::size_t max_bytes);
  result<std::optional<reply>> next_of_hiredis(std::size_t max_bytes);

  struct deleter {
    void operator()(redisReader* r) const noexcept { redisReaderFree(r); }
  };
  static redisReplyObjectFunctions functions_;
  reply_limits limits_;
  bool stored_;
  std::size_t unfinished_ = 0;  // bytes since the last whole reply
  large_value large_;           // goes past hiredis
  bool reads_large_ = false;
  std::optional<reply> array_;  // whose elements are read one by one, so that large ones may go past hiredis
  std::size_t array_size_ = 0, array_bytes_ = 0;  // elements; bytes of those that have come
  std::unique_ptr<redisReader, deleter> reader_;
};

}  // namespace distsys::adapters::redis
