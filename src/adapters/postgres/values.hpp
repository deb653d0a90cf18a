// The port's values in PostgreSQL's forms: parameters on the way in, rows on the way out.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/ports/table.hpp"

#include <libpq-fe.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::adapters::postgres {

/// Can the binary form of this type be read? Results of other types are asked for as text.
bool has_binary_form(Oid type) noexcept;

/// One row of parameters as PQsendQueryPrepared takes them; reused from call to call.
///
/// Types that are known go in their binary form, converted where the value is of another type; what is left goes as
/// text, which the server reads as whatever it needs.
class parameter_row {
 public:
  /// errc::invalid when a value does not fit the type of its parameter. Refers to the table's bytes until the next
  /// fill.
  result<void> fill(const ports::table& t, std::size_t row, std::span<const Oid> types);

  /// Each value is NULL or in its type's binary form.
  bool all_binary() const noexcept;
  int count() const noexcept { return static_cast<int>(values_.size()); }
  const char* const* values() const noexcept { return values_.data(); }
  const int* lengths() const noexcept { return lengths_.data(); }
  const int* formats() const noexcept { return formats_.data(); }

 private:
  struct place {
    std::size_t offset;
    bool own;  // in scratch_, which moves while it grows
  };
  result<void> add(const ports::value_view& v, Oid type);
  result<void> add_bytes(std::string_view bytes, Oid type);
  result<void> add_whole(const ports::value_view& v, Oid type);
  void add_view(std::string_view bytes, bool binary);
  void add_own(std::string_view bytes, bool binary);

  std::vector<const char*> values_;
  std::vector<int> lengths_, formats_;
  std::vector<place> places_;
  std::string scratch_;
};

struct array_type {
  Oid oid;
  std::string_view name;  // "bigint[]"
};
/// The array of a type whose binary form is written here; nothing for others.
std::optional<array_type> array_of(Oid element) noexcept;

/// A column as one array, in its binary form: what a blob parameter of that type holds.
class array_writer {
 public:
  explicit array_writer(Oid element);
  /// The value that stands at `column` of a row that was filled for this type; the bytes it took.
  std::size_t add(const parameter_row& row, std::size_t column);
  std::string finish();

 private:
  std::string bytes_;
  std::uint32_t count_ = 0;
};

/// Appends one cell of a result. Whole numbers become integers, NUMERIC ones too when they have no fraction; bytea a
/// blob; every other type text. False when the peer sent what no value of that type is.
bool append_value(ports::table& to, const PGresult* r, int row, int column);

}  // namespace distsys::adapters::postgres
