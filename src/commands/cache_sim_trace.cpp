#include "src/commands/cache_sim_trace.hpp"

#include "src/commands/key_numbers.hpp"

#include "distsys/foundation/text.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <string_view>

namespace distsys::commands {
namespace {

constexpr std::size_t block = 1u << 20;
constexpr std::size_t max_line = 64u << 10;
constexpr std::uint64_t max_requests = 1'000'000'000;

struct close_file {
  void operator()(std::FILE* f) const noexcept {
    if (f != stdin) std::fclose(f);
  }
};

class reader {
 public:
  reader(std::string name, bool sized) : sized_(sized) { read_.name = std::move(name); }

  /// Of whole blocks; what follows the last line feed waits for the next.
  result<void> take(std::string_view text) {
    while (!text.empty()) {
      const auto* end = static_cast<const char*>(std::memchr(text.data(), '\n', text.size()));
      if (end == nullptr) break;
      const auto size = static_cast<std::size_t>(end - text.data());
      if (auto ok = line(text.substr(0, size)); !ok) return ok;
      text.remove_prefix(size + 1);
    }
    rest_ = text;
    return rest_.size() > max_line ? refuse("is longer than 64 KiB", errc::too_large) : result<void>{};
  }
  std::string_view rest() const noexcept { return rest_; }

  result<trace> finish() {
    if (!rest_.empty()) {
      if (auto ok = line(rest_); !ok) return ok.error();
    }
    read_.distinct = numbers_.size();
    if (sized_) {
      std::vector<std::uint32_t> last(read_.distinct);
      for (std::size_t i = 0; i < read_.keys.size(); ++i) last[read_.keys[i]] = read_.sizes[i];
      read_.distinct_bytes = std::accumulate(last.begin(), last.end(), std::uint64_t{0});
    }
    return std::move(read_);
  }

 private:
  result<void> line(std::string_view text) {
    ++line_;
    if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
    if (text.empty()) return {};
    if (text.size() > max_line) return refuse("is longer than 64 KiB", errc::too_large);
    if (read_.keys.size() == max_requests) return refuse("is one request too many: 1,000,000,000", errc::too_large);
    if (sized_) {
      const auto blank = text.find_last_of(" \t");
      const auto size = blank == text.npos ? error{errc::invalid} : parse_integer(text.substr(blank + 1));
      if (!size || *size < 1 || *size > std::numeric_limits<std::uint32_t>::max())
        return refuse("is not a key and a size in bytes (1 to 4294967295)", errc::invalid);
      read_.sizes.push_back(static_cast<std::uint32_t>(*size));
      text = text.substr(0, text.find_last_not_of(" \t", blank) + 1);
    }
    read_.keys.push_back(numbers_.of(text));
    return {};
  }

  result<void> refuse(const char* what, errc code) const {
    return error{code, read_.name + ":" + std::to_string(line_) + ": the line " + what};
  }

  const bool sized_;
  trace read_;
  key_numbers numbers_;
  std::string_view rest_;
  std::uint64_t line_ = 0;
};

std::string short_name(const std::string& path) {
  const auto slash = path.rfind('/');
  return path == "-" ? "standard input" : slash == path.npos ? path : path.substr(slash + 1);
}

}  // namespace

result<trace> read_trace(const std::string& path, bool sized) {
  const std::unique_ptr<std::FILE, close_file> file(path == "-" ? stdin : std::fopen(path.c_str(), "rbe"));
  if (!file) return error{errc::not_found, path + ": " + std::strerror(errno)};
  reader lines(short_name(path), sized);
  std::vector<char> buffer(block + max_line + 1);
  std::size_t kept = 0;
  for (bool more = true; more;) {
    const std::size_t got = std::fread(buffer.data() + kept, 1, block, file.get());
    more = got == block;  // less is the end, or a failure
    if (auto ok = lines.take({buffer.data(), kept + got}); !ok) return ok.error();
    kept = lines.rest().size();
    std::memmove(buffer.data(), lines.rest().data(), kept);
  }
  if (std::ferror(file.get()) != 0) return error{errc::unavailable, path + ": " + std::strerror(errno)};
  if (auto ok = lines.take({buffer.data(), kept}); !ok) return ok.error();
  return lines.finish();
}

trace draw_trace(runtime::key_distribution distribution, std::uint32_t n, double zipf_exponent, std::uint64_t requests,
                 std::uint64_t seed) {
  using runtime::key_distribution;
  trace t;
  t.name = distribution == key_distribution::zipf     ? "zipf"
           : distribution == key_distribution::normal ? "normal"
                                                      : "uniform";
  runtime::random r(seed);
  const runtime::key_sampler sample(distribution, n, zipf_exponent);
  constexpr auto unseen = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint32_t> numbers(n, unseen);
  t.keys.reserve(requests);
  for (std::uint64_t i = 0; i < requests; ++i) {
    std::uint32_t& number = numbers[sample(r)];
    if (number == unseen) number = t.distinct++;
    t.keys.push_back(number);
  }
  return t;
}

}  // namespace distsys::commands
