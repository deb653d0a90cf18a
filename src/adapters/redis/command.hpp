// Commands to Redis as RESP bytes; large values are referred to, not copied.
//
// Written here rather than by hiredis's formatter, which allocates for each command and copies every value into it.
#pragma once

#include "distsys/ports/kv_store.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace distsys::adapters::redis {

class command {
 public:
  /// `arguments` is how many follow, the command's name included.
  explicit command(std::size_t arguments);
  /// Begins another command behind this one.
  command& then(std::size_t arguments);

  command& add(std::string_view argument);
  command& add(std::int64_t number);
  /// One argument of two parts. Keeps a large `value` alive until the command is destroyed.
  command& add(std::string_view head, const ports::shared_bytes& value);

  std::size_t count() const noexcept { return count_; }  // of commands, and so of replies
  std::size_t bytes() const noexcept { return text_.size() + value_bytes_; }
  /// Lets go of the bytes; count() stays.
  void clear() noexcept {
    text_ = {};
    values_ = {};
    value_bytes_ = 0;
  }
  /// Appends the small parts to `small`, and tells where large ones stand between them.
  template <class Large>
  void write_to(std::string& small, Large large) const {
    std::size_t from = 0;
    for (const auto& [at, value] : values_) {
      small.append(text_, from, at - from);
      large(value);
      from = at;
    }
    small.append(text_, from);
  }

 private:
  std::string text_;
  std::vector<std::pair<std::size_t, ports::shared_bytes>> values_;  // where in text_ they belong
  std::size_t value_bytes_ = 0;
  std::size_t count_ = 0;
};

}  // namespace distsys::adapters::redis
