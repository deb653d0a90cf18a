#include "distsys/runtime/random.hpp"

#include <sys/random.h>

#include <bit>
#include <cmath>
#include <system_error>

namespace distsys::runtime {

random::random(std::uint64_t seed) noexcept {
  for (auto& word : state_) {  // splitmix64 (Steele, Lea, Flood 2014)
    seed += 0x9e3779b97f4a7c15u;
    std::uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    word = z ^ (z >> 31);
  }
}

random::result_type random::operator()() noexcept {
  const auto out = std::rotl(state_[1] * 5, 7) * 9;
  const auto t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return out;
}

double random::uniform() noexcept { return static_cast<double>((*this)() >> 11) * 0x1.0p-53; }
double random::uniform(double low, double high) noexcept { return low + (high - low) * uniform(); }

std::uint64_t random::below(std::uint64_t n) noexcept {
  using wide = unsigned __int128;
  auto product = static_cast<wide>((*this)()) * n;
  if (static_cast<std::uint64_t>(product) < n) {
    const std::uint64_t threshold = (0 - n) % n;
    while (static_cast<std::uint64_t>(product) < threshold) product = static_cast<wide>((*this)()) * n;
  }
  return static_cast<std::uint64_t>(product >> 64);
}

double random::normal(double mean, double deviation) noexcept {
  if (has_spare_) {
    has_spare_ = false;
    return mean + deviation * spare_;
  }
  double u = 0, v = 0, s = 0;
  do {
    u = uniform(-1, 1);
    v = uniform(-1, 1);
    s = u * u + v * v;
  } while (s >= 1 || s == 0);
  const double scale = std::sqrt(-2 * std::log(s) / s);
  spare_ = v * scale;
  has_spare_ = true;
  return mean + deviation * u * scale;
}

double random::exponential(double mean) noexcept { return -mean * std::log1p(-uniform()); }

random& thread_random() {
  thread_local random generator = [] {
    std::uint64_t seed = 0;
    secure_bytes(std::as_writable_bytes(std::span(&seed, 1)));
    return random(seed);
  }();
  return generator;
}

void secure_bytes(std::span<std::byte> out) {
  while (!out.empty()) {
    const auto got = getrandom(out.data(), out.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      throw std::system_error(errno, std::generic_category(), "getrandom");
    }
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

namespace {

constexpr char digits[] = "0123456789abcdef";

}  // namespace

std::string uuid4() {
  std::array<std::byte, 16> bytes{};
  secure_bytes(bytes);
  bytes[6] = (bytes[6] & std::byte{0x0f}) | std::byte{0x40};
  bytes[8] = (bytes[8] & std::byte{0x3f}) | std::byte{0x80};
  std::string text;
  text.reserve(36);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += digits[std::to_integer<unsigned>(bytes[i]) >> 4];
    text += digits[std::to_integer<unsigned>(bytes[i]) & 15];
  }
  return text;
}

std::string random_hex(std::size_t bytes) {
  std::string text;
  text.reserve(bytes * 2);
  auto& generator = thread_random();
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < bytes * 2; ++i, word >>= 4) {
    if (i % 16 == 0) word = generator();
    text += digits[word & 15];
  }
  return text;
}

}  // namespace distsys::runtime
