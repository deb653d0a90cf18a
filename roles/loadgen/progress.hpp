// The one line on standard error that tells how a run is going.
#pragma once

#include "distsys/runtime/clock.hpp"
#include "plan.hpp"
#include "tally.hpp"

#include <string>

namespace distsys::roles::loadgen {

/// Standard error is a terminal.
bool terminal_listens() noexcept;

class progress_line {
 public:
  progress_line(const plan& p, runtime::steady_clock::time_point start, runtime::deadline end)
      : plan_(p), start_(start), end_(end), drawn_at_(start) {}

  void draw(const tally& all, runtime::steady_clock::time_point now);
  void clear();
  /// The line itself, without escape sequences; `rate` is of the last interval.
  std::string text(const tally& all, double rate, runtime::steady_clock::time_point now) const;

 private:
  const plan& plan_;
  runtime::steady_clock::time_point start_;
  runtime::deadline end_;
  runtime::steady_clock::time_point drawn_at_;
  std::uint64_t drawn_answers_ = 0;
  double rate_ = 0;
};

}  // namespace distsys::roles::loadgen
