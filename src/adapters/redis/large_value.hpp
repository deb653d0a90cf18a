// A large bulk string on its way: read straight into the buffer that the caller gets, past hiredis and its two copies.
#pragma once

#include "reply.hpp"

#include "distsys/foundation/error.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace distsys::adapters::redis {

class large_value {
 public:
  static constexpr std::size_t smallest = 16u << 10;

  /// Is that how one begins ("$65536\r\n…")? How many bytes were taken then: the line before it and, where `stored`,
  /// the value's head (stored_value.hpp). 0: it is none, or too little of it is there yet. One of more than `most`
  /// bytes is stepped over.
  std::size_t begin(std::string_view bytes, std::size_t most, bool stored);

  bool under_way() const noexcept { return !text_.empty() || skipped_; }
  /// Where its next bytes belong. Empty: nowhere.
  std::span<char> room() noexcept { return {text_.data() + filled_, text_.size() - filled_}; }
  void filled(std::size_t bytes) noexcept { filled_ += bytes; }
  /// How many of the bytes were its own.
  std::size_t feed(std::string_view bytes) noexcept;
  /// Itself, once it is whole. errc::unavailable when it does not end where it should.
  result<std::optional<reply>> take();

 private:
  void skip(std::size_t bytes, reply::kind as);

  std::string text_;  // with its line break; empty: none
  std::size_t filled_ = 0;
  std::size_t skipping_ = 0;      // bytes of one that nobody gets, its line break included, that are to come
  std::array<char, 2> ending_{};  // its last two
  std::optional<reply> skipped_;  // what stands for it
};

}  // namespace distsys::adapters::redis
