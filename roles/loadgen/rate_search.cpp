#include "rate_search.hpp"

#include <algorithm>
#include <cmath>

namespace distsys::roles::loadgen {
namespace {

constexpr double lowest = 1, highest = 1e7;  // requests a second
constexpr unsigned runs_to_stand = 3, holds_to_stand = 2;

// Two digits more than the precision needs are noise to read.
double rounded(double rate) noexcept {
  const double unit = std::pow(10, std::max(0.0, std::floor(std::log10(rate)) - 2));
  return std::max(lowest, std::round(rate / unit) * unit);
}

}  // namespace

rate_search::rate_search(double first_rate, double precision, unsigned most)
    : precision_(precision), most_(most), rate_(std::clamp(rounded(first_rate), lowest, highest)) {}

unsigned rate_search::runs() const noexcept {
  return static_cast<unsigned>(
      std::count_if(trials_.begin(), trials_.end(), [&](const trial& t) { return t.rate == low_; }));
}

unsigned rate_search::held() const noexcept {
  return static_cast<unsigned>(
      std::count_if(trials_.begin(), trials_.end(), [&](const trial& t) { return t.rate == low_ && t.held; }));
}

bool rate_search::narrow() const noexcept {
  if (!high_) return low_ >= highest;
  const double middle = rounded((low_ + *high_) / 2);
  return *high_ - low_ <= precision_ * low_ || middle <= low_ || middle >= *high_;
}

// The rate is too high after all: the next lower one that held is the lower end again.
void rate_search::refuse(double rate) {
  high_ = high_ ? std::min(*high_, rate) : rate;
  low_ = 0;
  for (const trial& t : trials_) {
    if (t.held && t.rate < *high_) low_ = std::max(low_, t.rate);
  }
}

void rate_search::note(bool held) {
  trials_.push_back({rate_, why_, held});
  if (why_ == reason::verified) {
    const unsigned misses = runs() - this->held();
    if (misses > runs_to_stand - holds_to_stand) refuse(rate_);
  } else if (held) {
    low_ = std::max(low_, rate_);
  } else {
    refuse(rate_);
  }
  decide();
}

void rate_search::decide() {
  if (low_ > 0 && narrow() && runs() >= runs_to_stand && held() >= holds_to_stand) verified_ = done_ = true;
  if (trials_.size() >= most_) done_ = true;
  if (done_) return;
  if (low_ == 0) {  // nothing held yet
    if (*high_ <= lowest) {
      done_ = true;
      return;
    }
    rate_ = rounded(*high_ / 2);
    why_ = reason::halved;
  } else if (!high_ && low_ < highest) {
    rate_ = std::min(highest, low_ * 2);
    why_ = reason::doubled;
  } else if (!narrow()) {
    rate_ = rounded((low_ + *high_) / 2);
    why_ = reason::bisected;
  } else {
    rate_ = low_;
    why_ = reason::verified;
  }
}

}  // namespace distsys::roles::loadgen
