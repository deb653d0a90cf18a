// Numbers for keys: the same text, the same number.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace distsys::commands {

/// Keys are numbered from 0 on as they come. An open-addressed table of eight bytes a place, at most half full, and one
/// copy of each key's bytes: a known key costs a hash, one place and one comparison.
class key_numbers {
 public:
  key_numbers() : places_(1024) {}

  std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(ends_.size()); }

  std::uint32_t of(std::string_view key) {
    const std::uint64_t hash = hash_of(key);
    const auto mark = static_cast<std::uint32_t>(hash >> 32);
    for (std::size_t at = hash & mask();; at = (at + 1) & mask()) {
      place& p = places_[at];
      if (p.number == 0) return add(p, mark, key);
      if (p.mark == mark && text(p.number - 1) == key) return p.number - 1;
    }
  }

 private:
  struct place {
    std::uint32_t mark = 0, number = 0;  // of the key plus 1; 0 is free
  };

  std::size_t mask() const noexcept { return places_.size() - 1; }
  std::string_view text(std::uint32_t number) const noexcept {
    const std::size_t begin = number == 0 ? 0 : ends_[number - 1];
    return {bytes_.data() + begin, ends_[number] - begin};
  }

  std::uint32_t add(place& p, std::uint32_t mark, std::string_view key) {
    bytes_.insert(bytes_.end(), key.begin(), key.end());
    ends_.push_back(bytes_.size());
    p = {mark, size()};
    const std::uint32_t number = size() - 1;
    if (ends_.size() * 2 > places_.size()) grow();
    return number;
  }
  void grow() {
    places_.assign(places_.size() * 2, {});
    for (std::uint32_t number = 0; number < size(); ++number) {
      const std::uint64_t hash = hash_of(text(number));
      std::size_t at = hash & mask();
      while (places_[at].number != 0) at = (at + 1) & mask();
      places_[at] = {static_cast<std::uint32_t>(hash >> 32), number + 1};
    }
  }

  // Eight bytes at a time through a multiplication whose high half comes back into the low one.
  static std::uint64_t hash_of(std::string_view key) noexcept {
    std::uint64_t hash = key.size() * 0x9E3779B97F4A7C15u;
    const char* at = key.data();
    std::size_t left = key.size();
    for (; left >= 8; left -= 8, at += 8) hash = mixed(hash ^ load<std::uint64_t>(at));
    std::uint64_t tail = 0;
    if (left >= 4) {
      tail = load<std::uint32_t>(at) | std::uint64_t{load<std::uint32_t>(at + left - 4)} << 32;
    } else if (left > 0) {
      const auto byte = [at](std::size_t i) { return std::uint64_t{static_cast<unsigned char>(at[i])}; };
      tail = byte(0) | byte(left / 2) << 8 | byte(left - 1) << 16;
    }
    return mixed(hash ^ tail);
  }
  template <class Word>
  static Word load(const char* at) noexcept {
    Word w;
    std::memcpy(&w, at, sizeof w);
    return w;
  }
  static std::uint64_t mixed(std::uint64_t h) noexcept {
    h ^= h >> 32;
    h *= 0xD6E8FEB86659FD93u;
    return h ^ h >> 29;
  }

  std::vector<place> places_;      // a power of two
  std::vector<std::size_t> ends_;  // of each key's bytes
  std::vector<char> bytes_;
};

}  // namespace distsys::commands
