#include "request_source.hpp"

namespace distsys::roles::loadgen {
namespace {

// Nine requests in ten go to a tenth of the keys, and which tenth that is moves by one key every so many requests.
constexpr double hot_share = 0.9;
constexpr std::uint64_t hot_part = 10, requests_a_move = 100;

}  // namespace

request_source::request_source(const plan& p, const origin& server, const runtime::key_sampler& keys, std::size_t first)
    : plan_(p), server_(server), keys_(keys), first_(first), next_(first) {
  if (p.areas && p.keys.hot_spot) {
    const double narrowest = p.areas->radius_km;
    view_.emplace(viewport::limits{narrowest, std::max(narrowest, 8 * narrowest)});
  }
}

void request_source::begin_session() noexcept {
  next_ = plan_.session_length != 0 ? 0 : first_;
  placed_ = false;
}

std::string_view request_source::key(std::uint64_t number, runtime::random& r) {
  const key_settings& k = plan_.keys;
  if (k.file) return (*k.file)[number % k.file->size()];
  std::uint64_t n = 0;
  if (k.hot_spot) {
    const std::uint64_t hot = std::max<std::uint64_t>(1, k.count / hot_part);
    n = r.chance(hot_share) ? (number / requests_a_move + r.below(hot)) % k.count : r.below(k.count);
  } else {
    n = keys_(r);
  }
  key_text_ = std::to_string(n);
  return key_text_;
}

std::string_view request_source::look(runtime::random& r) {
  if (!placed_ || view_->step(r) == viewport::move::jumps) {
    const auto& spot = plan_.hot_spots[keys_(r)];
    view_->jump(spot.first, spot.second, r);
    placed_ = true;
  }
  key_text_.clear();
  view_->append_box(key_text_);
  server_.templates.front().fill(key_text_, filled_);
  return filled_;
}

std::string_view request_source::next(std::uint64_t number, runtime::random& r) {
  if (view_) return look(r);
  if (plan_.replayed) return server_.requests[(*plan_.replayed)[number % plan_.replayed->size()]];
  if (plan_.areas) return server_.requests[keys_(r)];
  const std::size_t which = next_;
  if (++next_ == server_.requests.size()) next_ = 0;
  if (server_.templates.empty()) return server_.requests[which];
  server_.templates[which].fill(key(number, r), filled_);
  return filled_;
}

}  // namespace distsys::roles::loadgen
