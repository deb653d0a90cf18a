// How often keys were seen lately, in four bits a counter.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace distsys::caching {

/// A count-min sketch (G. Cormode, S. Muthukrishnan, J. Algorithms 55(1), 2005) of depth four with counters that end at
/// 15, aged as TinyLFU does it (G. Einziger, R. Friedman, B. Manes, "TinyLFU: a highly efficient cache admission
/// policy", ACM TOS 13(4), 2017): when ten times as many keys were seen as it has room for, every counter is halved. A
/// key's four counters lie in one cache line, a quarter of the line each, as in the Caffeine library. Never too low but
/// by ageing.
class frequency_sketch {
 public:
  static constexpr unsigned most = 15;

  /// Room for so many keys. What was counted stays: growing copies each line to the two that now stand for it.
  void reserve(std::size_t keys) {
    const std::size_t lines = line_count(keys);
    if (lines <= lines_.size()) return;
    const std::size_t before = lines_.size();
    lines_.resize(lines);
    for (std::size_t i = before; before != 0 && i < lines; ++i) lines_[i] = lines_[i % before];
  }
  static constexpr std::size_t bytes(std::size_t keys) noexcept { return line_count(keys) * sizeof(line); }

  void add(std::uint64_t hash) noexcept {
    if (lines_.empty()) return;
    line& l = lines_[index(hash)];
    std::uint64_t bits = spread(hash);
    bool counted = false;
    for (std::size_t row = 0; row < 4; ++row, bits >>= 8) {
      std::uint64_t& word = l.words[row * 2 + (bits & 1)];
      const unsigned shift = (bits >> 1 & 15) * 4;
      if ((word >> shift & 15) == most) continue;
      word += std::uint64_t{1} << shift;
      counted = true;
    }
    if (counted && ++seen_ >= ageing_period * lines_.size()) age();
  }

  unsigned frequency(std::uint64_t hash) const noexcept {
    if (lines_.empty()) return 0;
    const line& l = lines_[index(hash)];
    std::uint64_t bits = spread(hash);
    unsigned least = most;
    for (std::size_t row = 0; row < 4; ++row, bits >>= 8) {
      const std::uint64_t word = l.words[row * 2 + (bits & 1)];
      least = std::min(least, static_cast<unsigned>(word >> ((bits >> 1 & 15) * 4) & 15));
    }
    return least;
  }

  /// Its memory goes too.
  void clear() noexcept {
    lines_ = {};
    seen_ = 0;
  }

 private:
  // 128 counters. A key has room for 16, as eight keys share a line.
  struct line {
    std::uint64_t words[8] = {};
  };

  static constexpr std::size_t ageing_period = 80;  // additions a line: ten for each of its eight keys

  static constexpr std::size_t line_count(std::size_t keys) noexcept {
    return keys == 0 ? 0 : std::bit_ceil(keys + 7) / 8;
  }
  static std::uint64_t spread(std::uint64_t hash) noexcept {
    hash *= 0x9E3779B97F4A7C15u;  // 2^64 / golden ratio: an index uses the low bits of a hash as they are
    return hash ^ hash >> 32;
  }
  std::size_t index(std::uint64_t hash) const noexcept { return spread(hash) >> 32 & (lines_.size() - 1); }

  void age() noexcept {
    for (line& l : lines_) {
      for (std::uint64_t& word : l.words) word = word >> 1 & 0x7777777777777777u;
    }
    seen_ /= 2;
  }

  std::vector<line> lines_;  // a power of two
  std::size_t seen_ = 0;     // since half of the last ageing
};

}  // namespace distsys::caching
