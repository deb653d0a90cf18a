// The highest rate that holds a condition: which rate to try next, from what the last ones showed.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace distsys::roles::loadgen {

/// Doubling from a first rate until one fails (halving until one holds when the first fails), then bisection until the
/// bracket is narrower than the precision, then the rate is run again: it stands when it holds in two runs of three.
/// One that does not stand becomes the upper end, and the search goes on below it. Knows no clock: whoever runs it
/// stops when the time is over.
class rate_search {
 public:
  /// Why a rate is tried.
  enum class reason : std::uint8_t { first, doubled, halved, bisected, verified };
  struct trial {
    double rate;
    reason why;
    bool held;
  };

  /// `precision` is the width of the bracket at the end, as a share of the rate; `most` bounds the trials.
  rate_search(double first_rate, double precision, unsigned most);

  /// The next rate to try; nothing when the search is over.
  std::optional<double> next() const noexcept { return done_ ? std::nullopt : std::optional(rate_); }
  reason why() const noexcept { return why_; }
  /// What the rate that next() named showed.
  void note(bool held);

  /// The highest rate that holds so far, 0 when none does.
  double found() const noexcept { return low_; }
  /// The least that fails so far; nothing when none did.
  std::optional<double> failed() const noexcept { return high_; }
  bool verified() const noexcept { return verified_; }
  /// How often the rate found was run, and held.
  unsigned runs() const noexcept;
  unsigned held() const noexcept;
  const std::vector<trial>& trials() const noexcept { return trials_; }

 private:
  void decide();
  void refuse(double rate);
  bool narrow() const noexcept;

  double precision_;
  unsigned most_;
  double rate_;
  reason why_ = reason::first;
  double low_ = 0;
  std::optional<double> high_;
  bool done_ = false, verified_ = false;
  std::vector<trial> trials_;
};

}  // namespace distsys::roles::loadgen
