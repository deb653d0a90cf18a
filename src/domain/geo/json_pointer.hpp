// Where a value is in a JSON document (RFC 6901), parsed once and followed often. For the mapped codec.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/foundation/json.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::domain::geo::codec {

/// Boost.JSON's own find_pointer() takes the text anew each time and knows the standard's tokens only. Two more mean
/// something in an array, where RFC 6901 lets them name nothing: "-1" is the last item, "-2" the one before it and so
/// on, and "*" is each item. In an object they are names like any other.
class json_pointer {
 public:
  static constexpr std::size_t most_bytes = 1024, most_tokens = 32;

  json_pointer() = default;  // the whole
  /// errc::invalid says what is expected.
  static result<json_pointer> parse(std::string_view text);

  const std::string& text() const noexcept { return text_; }
  /// The decoded tokens.
  std::vector<std::string_view> names() const;
  bool has_each() const noexcept;

  /// nullptr where there is nothing, null, or an empty string. "*" leads nowhere here.
  const json::value* find(const json::value& from) const noexcept;
  /// As find(), but each item for "*": at most `most` values, in the document's order.
  std::vector<const json::value*> find_each(const json::value& from, std::size_t most) const;

 private:
  struct token {
    std::string name;
    std::optional<std::size_t> index;     // of an array, from its beginning
    std::optional<std::size_t> from_end;  // 1: the last
  };
  void collect(const json::value& from, std::size_t depth, std::size_t most,
               std::vector<const json::value*>& found) const;

  std::string text_;
  std::vector<token> tokens_;
};

}  // namespace distsys::domain::geo::codec
