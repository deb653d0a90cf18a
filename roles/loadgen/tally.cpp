#include "tally.hpp"

#include "distsys/foundation/text.hpp"

#include <algorithm>
#include <numeric>

namespace distsys::roles::loadgen {

std::string_view name(failure_kind k) noexcept {
  constexpr std::string_view names[failure_kinds] = {"connect", "write", "read", "closed_early", "timeout", "protocol"};
  return names[static_cast<std::size_t>(k)];
}

failure_kind kind_of(const error& e, net::http_stage stage) noexcept {
  if (e == errc::timeout) return failure_kind::timeout;
  if (e == errc::corrupt || e == errc::too_large) return failure_kind::protocol;
  switch (stage) {
    case net::http_stage::connecting:
      return failure_kind::connect;
    case net::http_stage::writing:
      return failure_kind::write;
    case net::http_stage::closed_early:
      return failure_kind::closed_early;
    case net::http_stage::reading:
      break;
  }
  return failure_kind::read;
}

void tally::cache_status(std::string_view value) noexcept {
  if (value.empty()) {
    ++uncached;
    return;
  }
  bool forwarded = false;
  for (std::size_t at = value.find(';'); at != std::string_view::npos; at = value.find(';', at + 1)) {
    std::string_view parameter = value.substr(at + 1);
    parameter = trim(parameter.substr(0, parameter.find_first_of(";,")));
    if (parameter == "hit" || parameter == "hit=?1") {
      ++hits;
      return;
    }
    forwarded |= parameter == "fwd" || parameter.starts_with("fwd=");
  }
  ++(forwarded ? misses : uncached);
}

void tally::fail(failure_kind kind, const error& e) {
  const auto i = static_cast<std::size_t>(kind);
  ++failures[i];
  if (first_failure[i].empty()) first_failure[i] = e.detail;
}

std::uint64_t tally::failed() const noexcept {
  return std::accumulate(failures.begin(), failures.end(), std::uint64_t{0});
}

std::uint64_t tally::unanswered() const noexcept { return failed() + unfinished + unsent; }

std::uint64_t tally::of_class(unsigned hundreds) const noexcept {
  const auto first = statuses.begin() + static_cast<std::ptrdiff_t>(hundreds) * 100;
  return std::accumulate(first, first + 100, std::uint64_t{0});
}

std::optional<double> tally::hit_ratio() const noexcept {
  if (hits + misses == 0) return std::nullopt;
  return static_cast<double>(hits) / static_cast<double>(hits + misses);
}

void tally::merge(const tally& other) {
  sent += other.sent;
  answers += other.answers;
  good += other.good;
  after_end += other.after_end;
  unfinished += other.unfinished;
  unsent += other.unsent;
  unsent_more |= other.unsent_more;
  sessions += other.sessions;
  waited += other.waited;
  bytes += other.bytes;
  hits += other.hits;
  misses += other.misses;
  uncached += other.uncached;
  for (std::size_t i = 0; i < statuses.size(); ++i) statuses[i] += other.statuses[i];
  for (std::size_t i = 0; i < failure_kinds; ++i) {
    failures[i] += other.failures[i];
    if (first_failure[i].empty()) first_failure[i] = other.first_failure[i];
  }
  latency.merge(other.latency);
  raw.merge(other.raw);
  connecting.merge(other.connecting);
  lag.merge(other.lag);
  last_answer = std::max(last_answer, other.last_answer);
}

}  // namespace distsys::roles::loadgen
