// The SELECTs behind one query: over ranges of cells, with its filters, of what is now or of what was.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "distsys/domain/geo/cursor.hpp"
#include "distsys/domain/geo/event_repository.hpp"
#include "feature_facts.hpp"

namespace distsys::domain::geo {

struct found_row {
  cursor where;
  position at;
  std::string feature, kind;  // empty where the columns do not hold them
};

/// Ranges of cells that an area holds whole, and those that its edge passes.
struct area_parts {
  std::vector<cell_range> whole, edge;
};
area_parts parts_of(const area& a);

/// At most 16 ranges that hold the whole area.
std::vector<cell_range> ranges_of(const area& a);

/// Refers to the query.
class scan {
 public:
  scan(const event_query& q, ports::dialect d, timestamp now);

  /// What is selected. The history has only whole rows: what else it must know is in the text.
  enum class columns { cells, places, features };

  /// All ranges at once, in no order.
  ports::statement any_order(columns what, std::span<const cell_range> ranges, std::size_t limit) const;
  /// One range in the order of cursors, after one.
  ports::statement in_order(const cell_range& r, const std::optional<cursor>& after, std::size_t limit) const;
  /// Many ranges at once. Not of the history.
  ports::statement counted(std::span<const cell_range> ranges, bool by_kind) const;
  /// Many ranges at once: cell, event_key, kind. Not of the history.
  ports::statement listed(std::span<const cell_range> ranges, std::size_t limit) const;

  /// The rows of any_order (of places or features) or in_order that the query wants.
  std::vector<found_row> matching(const ports::table& t) const;
  bool of_history() const noexcept { return query_.at.has_value(); }

 private:
  std::string select(columns what) const;
  std::string joined_ranges(std::string_view what, std::span<const cell_range> ranges, ports::table& parameters) const;
  std::size_t filter_parameters() const;
  void add_filter(ports::table& t) const;
  bool wanted_then(const feature_facts& facts, timestamp first_seen) const;

  const event_query& query_;
  ports::dialect dialect_;
  timestamp now_;
  std::string from_, filter_;  // " FROM … WHERE " and what follows the range of cells
};

}  // namespace distsys::domain::geo
