#include "distsys/domain/geo/event_rows.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace distsys::domain::geo {
namespace {

/// A few names come again and again, the last one most of all.
std::optional<std::uint16_t> index_of(std::vector<std::string>& names, std::string_view name) {
  if (!names.empty() && names.back() == name) return static_cast<std::uint16_t>(names.size() - 1);
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<std::uint16_t>(found - names.begin());
  if (names.size() > std::numeric_limits<std::uint16_t>::max()) return std::nullopt;
  names.emplace_back(name);
  return static_cast<std::uint16_t>(names.size() - 1);
}

std::size_t bytes_of(const std::vector<std::string>& names) {
  std::size_t n = names.capacity() * sizeof(std::string);
  for (const auto& name : names)
    if (name.capacity() > std::string().capacity()) n += name.capacity() + 1;
  return n;
}

}  // namespace

std::span<const event_rows::row> event_rows::rows(const cell_range& of) const noexcept {
  const auto first = std::partition_point(rows_.begin(), rows_.end(), [&](const row& r) { return r.cell < of.first; });
  const auto last = std::partition_point(first, rows_.end(), [&](const row& r) { return r.cell <= of.last; });
  return {first, last};
}

std::size_t event_rows::heap_bytes() const noexcept {
  return sizeof(event_rows) + rows_.capacity() * sizeof(row) + text_.capacity() + 1 + bytes_of(kinds_) +
         bytes_of(sources_);
}

event_rows::builder::builder() : made_(new event_rows) {}

void event_rows::builder::reserve(std::size_t rows, std::size_t text_bytes) {
  made_->rows_.reserve(rows);
  made_->text_.reserve(text_bytes);
}

bool event_rows::builder::add(row r, std::string_view kind, std::string_view source, std::string_view feature) {
  auto& to = *made_;
  if (to.text_.size() + feature.size() > std::numeric_limits<std::uint32_t>::max()) return false;
  const auto kind_index = index_of(to.kinds_, kind), source_index = index_of(to.sources_, source);
  if (!kind_index || !source_index) return false;
  r.kind = *kind_index;
  r.source = *source_index;
  r.feature_at = static_cast<std::uint32_t>(to.text_.size());
  r.feature_size = static_cast<std::uint32_t>(feature.size());
  to.text_ += feature;
  to.next_expiry_ = std::min(to.next_expiry_, r.expires);
  to.rows_.push_back(r);
  return true;
}

std::shared_ptr<const event_rows> event_rows::builder::finish() {
  auto& rows = made_->rows_;
  const auto before = [](const row& a, const row& b) { return std::tie(a.cell, a.key) < std::tie(b.cell, b.key); };
  if (!std::is_sorted(rows.begin(), rows.end(), before)) std::sort(rows.begin(), rows.end(), before);
  // It is kept for long: what growing left over goes back.
  rows.shrink_to_fit();
  made_->text_.shrink_to_fit();
  return std::exchange(made_, std::shared_ptr<event_rows>(new event_rows));
}

}  // namespace distsys::domain::geo
