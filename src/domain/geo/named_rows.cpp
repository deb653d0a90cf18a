#include "named_rows.hpp"

#include <algorithm>

namespace distsys::domain::geo {
namespace {

constexpr std::size_t most_names = 1024;

}  // namespace

std::string marks(std::size_t n) {
  std::string out = "(";
  for (std::size_t i = 0; i < n; ++i) out += i == 0 ? "?" : ",?";
  return out += ")";
}

std::size_t names_padded(const std::vector<std::string>& names, std::size_t from) {
  const std::size_t n = std::min(most_names, names.size() - from);
  return n <= 1 ? 1 : n <= 16 ? 16 : n <= 128 ? 128 : most_names;
}

void add_names(ports::table& to, const std::vector<std::string>& names, std::size_t& from) {
  const std::size_t used = std::min(most_names, names.size() - from), size = names_padded(names, from);
  for (std::size_t i = 0; i < used; ++i) to.add(names[from + i]);
  for (std::size_t i = used; i < size; ++i) to.add(nullptr);
  from += used;
}

std::string rows_by_name(ports::dialect d, std::string_view table, std::string_view column, std::size_t n) {
  const std::string rows = "(SELECT * FROM " + std::string(table) + " WHERE source = ", name(column);
  if (d != ports::dialect::postgres) return rows + "? AND " + name + " IN " + marks(n) + ") e";
  // A plan made while the table is small would compare every row of the source with the whole list of names, and stay
  // until the server has counted the table: a minute later, or never. OFFSET 0 keeps one search of the index a name.
  std::string names = "(CAST(? AS TEXT))";
  for (std::size_t i = 1; i < n; ++i) names += ",(?)";
  return "(SELECT x.* FROM (SELECT CAST(? AS TEXT) AS source) s CROSS JOIN (VALUES " + names +
         ") w (name) CROSS JOIN LATERAL " + rows + "s.source AND " + name + " = w.name OFFSET 0) x) e";
}

}  // namespace distsys::domain::geo
