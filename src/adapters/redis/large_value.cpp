#include "large_value.hpp"

#include "stored_value.hpp"
#include "unfilled.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

namespace distsys::adapters::redis {
namespace {

constexpr std::size_t longest = 1u << 30;  // Redis keeps values of up to 512 MB: more is nonsense
constexpr std::size_t longest_line = 32;
constexpr std::array line_break{'\r', '\n'};

error no_protocol() { return {errc::unavailable, "the server sent what is not the Redis protocol"}; }

}  // namespace

std::size_t large_value::begin(std::string_view bytes, std::size_t most, bool stored) {
  if (bytes.empty() || bytes.front() != '$') return 0;
  const auto end = bytes.substr(0, longest_line).find("\r\n");
  if (end == std::string_view::npos) return 0;
  std::size_t size = 0;
  const auto [stop, bad] = std::from_chars(bytes.data() + 1, bytes.data() + end, size);
  if (bad != std::errc{} || stop != bytes.data() + end || size < smallest || size > longest) return 0;
  const std::size_t line = end + 2;
  if (size > most) {
    skip(size + 2, reply::kind::too_large);
    return line;
  }
  std::size_t head = 0;
  if (stored) {
    const std::string_view first = bytes.substr(line, max_head);
    if (first.size() < max_head) return 0;
    const stored_value value = decode(first);
    if (value.kind != stored_kind::value) {
      skip(size + 2, kind_of(value.kind));
      return line;
    }
    head = first.size() - value.bytes.size();
  }
  text_ = unfilled(size - head + 2);
  filled_ = 0;
  return line + head;
}

void large_value::skip(std::size_t bytes, reply::kind as) {
  skipping_ = bytes;
  skipped_.emplace().type = as;
}

std::size_t large_value::feed(std::string_view bytes) noexcept {
  if (skipping_ > 0) {
    const std::size_t n = std::min(bytes.size(), skipping_);
    for (std::size_t i = n > 2 ? n - 2 : 0; i < n; ++i) ending_ = {ending_[1], bytes[i]};
    skipping_ -= n;
    return n;
  }
  const auto to = room();
  const std::size_t n = std::min(bytes.size(), to.size());
  std::memcpy(to.data(), bytes.data(), n);
  filled_ += n;
  return n;
}

result<std::optional<reply>> large_value::take() {
  if (skipping_ > 0) return std::optional<reply>();
  if (skipped_ && ending_ != line_break) return no_protocol();
  if (skipped_) return std::exchange(skipped_, std::nullopt);
  if (text_.empty() || filled_ < text_.size()) return std::optional<reply>();
  if (!text_.ends_with("\r\n")) return no_protocol();
  text_.resize(text_.size() - 2);
  reply r;
  r.type = reply::kind::bulk;
  r.text = std::exchange(text_, {});
  filled_ = 0;
  return std::optional<reply>(std::move(r));
}

}  // namespace distsys::adapters::redis
