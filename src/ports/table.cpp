#include "distsys/ports/table.hpp"

#include <bit>

namespace distsys::ports {

void table::add(double v) { cells_.push_back({value_type::real, std::bit_cast<std::uint64_t>(v), 0}); }

value_view table::at(std::size_t row, std::size_t column) const noexcept {
  const cell& c = cells_[row * columns_ + column];
  switch (c.type) {
    case value_type::integer:
      return {c.type, static_cast<std::int64_t>(c.bits), 0, {}};
    case value_type::real:
      return {c.type, 0, std::bit_cast<double>(c.bits), {}};
    case value_type::text:
    case value_type::blob:
      return {c.type, 0, 0, std::string_view(bytes_).substr(c.bits, c.size)};
    case value_type::null:
      break;
  }
  return {value_type::null, 0, 0, {}};
}

}  // namespace distsys::ports
