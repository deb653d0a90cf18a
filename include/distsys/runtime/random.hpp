// The one source of randomness: a seeded generator for simulation, jitter and load, and the kernel's for secrets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>

namespace distsys::runtime {

/// xoshiro256** 1.0 (Blackman and Vigna, 2018), seeded by splitmix64. Same seed, same sequence, on every machine: its
/// distributions are ours too, because those of the standard library differ between implementations. Not for secrets.
class random {
 public:
  using result_type = std::uint64_t;
  explicit random(std::uint64_t seed) noexcept;

  static constexpr result_type min() noexcept { return 0; }
  static constexpr result_type max() noexcept { return std::numeric_limits<result_type>::max(); }
  result_type operator()() noexcept;

  double uniform() noexcept;                              // [0, 1)
  double uniform(double low, double high) noexcept;       // [low, high)
  std::uint64_t below(std::uint64_t n) noexcept;          // 0 … n-1 without bias (Lemire 2019); n > 0
  double normal(double mean, double deviation) noexcept;  // Marsaglia's polar method
  double exponential(double mean) noexcept;
  bool chance(double probability) noexcept { return uniform() < probability; }

 private:
  std::array<std::uint64_t, 4> state_;
  double spare_ = 0;
  bool has_spare_ = false;
};

/// A generator of the calling thread, seeded by the kernel: for jitter.
random& thread_random();

/// From the kernel's generator. Throws std::system_error when there is none.
void secure_bytes(std::span<std::byte> out);
/// RFC 9562 version 4, lower case.
std::string uuid4();
/// `bytes` random bytes as lower-case hexadecimal digits, from thread_random(): request and trace ids.
std::string random_hex(std::size_t bytes);

}  // namespace distsys::runtime
