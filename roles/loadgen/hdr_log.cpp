#include "hdr_log.hpp"

#include "distsys/foundation/compress.hpp"
#include "distsys/foundation/text.hpp"

#include <bit>
#include <chrono>
#include <cstdint>
#include <cstdio>

namespace distsys::roles::loadgen {
namespace {

constexpr std::uint32_t v2_cookie = 0x1c849303 | 0x10;  // the 1 of 0x10: counts of variable length
constexpr std::uint32_t v2_compressed_cookie = 0x1c849304 | 0x10;
constexpr std::uint32_t significant_digits = 3;

template <class T>
void append_big_endian(std::string& out, T v) {
  for (int shift = static_cast<int>(sizeof v) * 8 - 8; shift >= 0; shift -= 8)
    out += static_cast<char>(v >> shift & 0xff);
}

// ZigZag, then seven bits a byte, low ones first; a ninth byte has all its eight (ZigZagEncoding.java).
void append_zig_zag(std::string& out, std::int64_t v) {
  auto bits = static_cast<std::uint64_t>(v) << 1 ^ static_cast<std::uint64_t>(v >> 63);
  for (int i = 0; i < 8 && bits > 0x7f; ++i) {
    out += static_cast<char>(0x80 | (bits & 0x7f));
    bits >>= 7;
  }
  out += static_cast<char>(bits);
}

}  // namespace

std::string encode_hdr(const histogram& h) {
  std::string counts;
  std::int64_t zeros = 0;
  for (const std::uint64_t n : h.counts()) {
    if (n == 0) {
      ++zeros;
      continue;
    }
    if (zeros != 0) append_zig_zag(counts, -zeros);
    zeros = 0;
    append_zig_zag(counts, static_cast<std::int64_t>(n));
  }
  std::string out;
  append_big_endian(out, v2_cookie);
  append_big_endian(out, static_cast<std::uint32_t>(counts.size()));
  append_big_endian(out, std::uint32_t{0});  // the offset of normalised indexes
  append_big_endian(out, significant_digits);
  append_big_endian(out, std::uint64_t{1});  // the lowest value told apart from 0
  append_big_endian(out, histogram::largest);
  append_big_endian(out, std::bit_cast<std::uint64_t>(1.0));  // integer to double
  return out + counts;
}

std::string encode_hdr_compressed(const histogram& h) {
  const std::string small = zlib_compress(encode_hdr(h));
  std::string out;
  append_big_endian(out, v2_compressed_cookie);
  append_big_endian(out, static_cast<std::uint32_t>(small.size()));
  return base64_encode(out + small);
}

std::string hdr_log(const timeline& line, runtime::timestamp start, std::string_view producer) {
  const double began = static_cast<double>(start.time_since_epoch().count()) / 1000;
  const double interval = std::chrono::duration<double>(line.interval()).count();
  char text[160];
  std::string out = "#[Logged with " + std::string(producer) + ", values in microseconds]\n";
  out += "#[Histogram log format version 1.3]\n";
  std::snprintf(text, sizeof text, "#[StartTime: %.3f (seconds since epoch), %s]\n", began, format_time(start).c_str());
  out += text;
  std::snprintf(text, sizeof text, "#[BaseTime: %.3f (seconds since epoch)]\n", began);
  out += text;
  out += "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n";
  for (std::size_t i = 0; i < line.slices().size(); ++i) {
    if (line.slices()[i].latency.empty()) continue;
    histogram h;
    h.add(line.slices()[i].latency);
    std::snprintf(text, sizeof text, "%.3f,%.3f,%.3f,", static_cast<double>(i) * interval, interval,
                  static_cast<double>(h.max()) / 1000);
    out += text + encode_hdr_compressed(h) + "\n";
  }
  return out;
}

}  // namespace distsys::roles::loadgen
