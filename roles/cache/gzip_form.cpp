#include "gzip_form.hpp"

#include "distsys/net/gzip.hpp"

#include <utility>

namespace distsys::roles::cache {
namespace {

constexpr int level = 5;  // of GeoJSON about a seventh is left; level 6 takes up to half as long again to save 3 % more

}  // namespace

std::size_t gzip_form::allowance(std::size_t body_bytes) noexcept {
  return body_bytes < net::gzip_minimum ? 0 : 512 + body_bytes / 3;
}

std::string_view gzip_form::bytes() const noexcept {
  return state_.load(std::memory_order_acquire) == state::made ? std::string_view(bytes_) : std::string_view();
}

bool gzip_form::claim() noexcept {
  state expected = state::absent;
  return state_.compare_exchange_strong(expected, state::claimed, std::memory_order_acq_rel);
}

void gzip_form::make(std::string_view body) {
  std::string made = net::gzip(body, level);
  made.shrink_to_fit();
  const bool good = !made.empty() && made.capacity() <= allowance(body.size());
  if (good) bytes_ = std::move(made);
  state_.store(good ? state::made : state::useless, std::memory_order_release);
}

}  // namespace distsys::roles::cache
