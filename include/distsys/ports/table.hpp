// Rows of database values in two allocations: parameters on the way in, results on the way out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace distsys::ports {

enum class value_type : std::uint8_t { null, integer, real, text, blob };

/// A look at one cell; valid while its table lives unchanged. Asking for another type than it is gives that type's
/// zero (numbers convert into each other).
class value_view {
 public:
  value_view(value_type t, std::int64_t i, double r, std::string_view bytes) noexcept
      : type_(t), integer_(i), real_(r), bytes_(bytes) {}

  value_type type() const noexcept { return type_; }
  bool is_null() const noexcept { return type_ == value_type::null; }
  std::int64_t integer() const noexcept {
    return type_ == value_type::real ? static_cast<std::int64_t>(real_) : integer_;
  }
  double real() const noexcept { return type_ == value_type::integer ? static_cast<double>(integer_) : real_; }
  std::string_view text() const noexcept { return bytes_; }  // of text and blob
  std::optional<std::int64_t> optional_integer() const noexcept {
    return is_null() ? std::nullopt : std::optional(integer());
  }

 private:
  value_type type_;
  std::int64_t integer_;
  double real_;
  std::string_view bytes_;
};

/// A rectangle of values, filled row by row. Movable; a moved-from table is empty.
class table {
 public:
  table() = default;
  explicit table(std::size_t columns) : columns_(columns) {}
  /// A result also knows its column names.
  explicit table(std::vector<std::string> names) : columns_(names.size()), names_(std::move(names)) {}

  /// One row of parameters: table::row(1, "text", nullptr, 2.5).
  template <class... Values>
  static table row(const Values&... values) {
    table t(sizeof...(values));
    (t.add(values), ...);
    return t;
  }

  void reserve(std::size_t rows, std::size_t bytes) {
    cells_.reserve(rows * columns_);
    bytes_.reserve(bytes);
  }

  void add(std::nullptr_t) { cells_.push_back({value_type::null, 0, 0}); }
  void add(bool v) { add(static_cast<std::int64_t>(v)); }
  void add(int v) { add(static_cast<std::int64_t>(v)); }
  void add(std::int64_t v) { cells_.push_back({value_type::integer, static_cast<std::uint64_t>(v), 0}); }
  void add(double v);
  void add(std::string_view v) { add_bytes(value_type::text, v); }
  void add(const std::string& v) { add_bytes(value_type::text, v); }
  void add(const char* v) { add_bytes(value_type::text, v); }
  void add_blob(std::string_view v) { add_bytes(value_type::blob, v); }
  template <class T>
  void add(const std::optional<T>& v) {
    v ? add(*v) : add(nullptr);
  }

  std::size_t columns() const noexcept { return columns_; }
  std::size_t rows() const noexcept { return columns_ == 0 ? 0 : cells_.size() / columns_; }
  bool empty() const noexcept { return cells_.empty(); }
  std::size_t byte_size() const noexcept { return cells_.size() * sizeof(cell) + bytes_.size(); }
  std::span<const std::string> names() const noexcept { return names_; }

  /// Bounds are the caller's duty.
  value_view at(std::size_t row, std::size_t column) const noexcept;

 private:
  struct cell {
    value_type type;
    std::uint64_t bits;  // the integer, the double's bits, or the offset into bytes_
    std::uint64_t size;  // of text and blob
  };
  void add_bytes(value_type t, std::string_view v) {
    cells_.push_back({t, bytes_.size(), v.size()});
    bytes_.append(v);
  }

  std::size_t columns_ = 0;
  std::vector<std::string> names_;
  std::vector<cell> cells_;
  std::string bytes_;
};

}  // namespace distsys::ports
