// Events as a cell holds them: rows beside one block of text, immutable once made.
#pragma once

#include "distsys/domain/geo/cell.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::domain::geo {

/// Any thread may read. What is in it refers to nothing outside.
class event_rows {
 public:
  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

  struct row {
    cell_id cell = 0;
    std::int64_t key = 0;  // of the event; with the cell the order of pages and cursors
    position at;
    std::int64_t since = 0, expires = never;  // ms since 1970
    std::int32_t severity = 0;
    std::uint16_t kind = 0, source = 0;  // index of kinds() and sources()
    std::uint32_t feature_at = 0, feature_size = 0;
  };

  class builder;

  /// Ascending by (cell, key).
  std::span<const row> rows() const noexcept { return rows_; }
  /// The rows of these cells.
  std::span<const row> rows(const cell_range& of) const noexcept;
  std::size_t size() const noexcept { return rows_.size(); }
  bool empty() const noexcept { return rows_.empty(); }

  /// The GeoJSON Feature as stored.
  std::string_view feature(const row& r) const noexcept {
    return std::string_view(text_).substr(r.feature_at, r.feature_size);
  }
  std::string_view kind(const row& r) const noexcept { return kinds_[r.kind]; }
  std::string_view source(const row& r) const noexcept { return sources_[r.source]; }
  std::span<const std::string> kinds() const noexcept { return kinds_; }
  std::span<const std::string> sources() const noexcept { return sources_; }

  /// The least `expires` of all rows; never when no row expires.
  std::int64_t next_expiry() const noexcept { return next_expiry_; }
  /// What this occupies, itself included.
  std::size_t heap_bytes() const noexcept;

 private:
  event_rows() = default;

  std::vector<row> rows_;
  std::string text_;
  std::vector<std::string> kinds_, sources_;
  std::int64_t next_expiry_ = never;
};

/// Made of rows in any order.
class event_rows::builder {
 public:
  builder();
  void reserve(std::size_t rows, std::size_t text_bytes);
  /// Of `r` all but the indexes of names and text. False, and nothing is added, when there would be more than 65,536
  /// names or 4 GiB of text.
  bool add(row r, std::string_view kind, std::string_view source, std::string_view feature);
  std::size_t size() const noexcept { return made_->rows_.size(); }
  /// The builder is empty afterwards.
  std::shared_ptr<const event_rows> finish();

 private:
  std::shared_ptr<event_rows> made_;
};

}  // namespace distsys::domain::geo
