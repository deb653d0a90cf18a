// The compressed form of an answer's body, made once by whoever comes first.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace distsys::roles::cache {

/// Any thread. It begins absent; one caller claims it, makes it, and from then on it does not change.
class gzip_form {
 public:
  /// What is set aside for the form of a body of so many bytes, and so the most that a form may take: a form that needs
  /// more saves too little. Zero for bodies too short to be worth it.
  static std::size_t allowance(std::size_t body_bytes) noexcept;

  /// Empty until it is made. Valid as long as this object.
  std::string_view bytes() const noexcept;
  /// Nobody has claimed it.
  bool absent() const noexcept { return state_.load(std::memory_order_relaxed) == state::absent; }
  /// True to one caller, who must make() it or give it up.
  bool claim() noexcept;
  void make(std::string_view body);
  void give_up() noexcept { state_.store(state::absent, std::memory_order_relaxed); }

 private:
  enum class state : std::uint8_t { absent, claimed, made, useless };

  std::atomic<state> state_{state::absent};
  std::string bytes_;  // of who claimed it until `made`, of everyone and immutable after
};

}  // namespace distsys::roles::cache
