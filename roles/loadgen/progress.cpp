#include "progress.hpp"

#include "report.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace distsys::roles::loadgen {
namespace {

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

}  // namespace

bool terminal_listens() noexcept { return ::isatty(STDERR_FILENO) == 1; }

std::string progress_line::text(const tally& all, double rate, runtime::steady_clock::time_point now) const {
  const auto p50 = static_cast<double>(all.latency.percentile(50));
  const auto p99 = static_cast<double>(all.latency.percentile(99));
  std::string s = grouped(static_cast<std::uint64_t>(rate)) + " req/s   p50 " + human_time(p50) + "   p99 " +
                  human_time(p99) + "   " + grouped(all.answers) + " done";
  if (const auto errors = all.failed() + all.answers - all.good; errors != 0) s += "   " + grouped(errors) + " errors";
  if (plan_.duration) {
    const auto left = std::max(0.0, std::chrono::duration<double>(end_ - now).count());
    s += "   " + fixed(left, 0) + " s left";
  } else if (plan_.requests && *plan_.requests > 0) {
    const double share = static_cast<double>(all.answers + all.failed()) / static_cast<double>(*plan_.requests);
    s += "   " + fixed(100 * std::min(1.0, share), 0) + " %";
    if (const double passed = std::chrono::duration<double>(now - start_).count(); share > 0.01)
      s += ", " + fixed(std::max(0.0, passed / share - passed), 0) + " s left";
  }
  return s;
}

void progress_line::draw(const tally& all, runtime::steady_clock::time_point now) {
  const double passed = std::chrono::duration<double>(now - drawn_at_).count();
  const double rate = passed > 0 ? static_cast<double>(all.answers - drawn_answers_) / passed : 0;
  rate_ = rate_ == 0 ? rate : 0.7 * rate_ + 0.3 * rate;  // steady enough to read
  drawn_at_ = now;
  drawn_answers_ = all.answers;
  const std::string line = "\r\x1b[K" + text(all, rate_, now).substr(0, terminal_width() - 1);
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fflush(stderr);
}

void progress_line::clear() {
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
}

}  // namespace distsys::roles::loadgen
