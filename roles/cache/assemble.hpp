// Answers from cells: the rows that a query means, in the order and with the figures of event_repository::find().
#pragma once

#include "cell_loader.hpp"

#include "distsys/domain/geo/event_repository.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::roles::cache {

/// Refers to the cells that it was made from, which must outlive it.
struct assembled {
  std::vector<std::string_view> features;
  std::uint64_t matched = 0;
  std::string next_cursor;                                    // empty: no more
  std::int64_t next_expiry = domain::geo::event_rows::never;  // of the events that match: when the answer ends
};

/// `parts` are ascending, disjoint, not split, and hold the query's area. errc::invalid for a cursor that is not of the
/// query. Not for nearest.
result<assembled> assemble(const domain::geo::event_query& query, std::span<const cell_loader::found> parts,
                           runtime::timestamp now);

/// The k nearest, where `parts` hold everything within `reach_m` of the centre. Nothing when fewer than k are that
/// near; `whole` says that the parts hold the world, so that there are no more.
result<std::optional<assembled>> assemble_nearest(const domain::geo::event_query& query,
                                                  std::span<const cell_loader::found> parts, double reach_m, bool whole,
                                                  runtime::timestamp now);

}  // namespace distsys::roles::cache
