// Counting what a query finds: whole quads by SQL, and only the area's edge row by row.
#pragma once

#include "scan.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace distsys::domain::geo {

using counts_by_kind = std::map<std::string, std::uint64_t>;

struct area_count {
  counts_by_kind by_kind;
  bool one_moment = false;  // of one statement
};

struct count_options {
  std::size_t max_rows = 0;  // that may be looked at one by one: more answers nothing
  bool by_kind = false;      // else all are counted under ""
};

/// Of the history every row is read whole and parsed: so many at most.
inline constexpr std::size_t most_history_rows = 50'000;

/// Why count_within answered nothing. errc::too_large.
error too_many_to_count(const event_query& query);

/// Of an area, exactly; not of nearest. Of the history every row is looked at, most_history_rows at most.
awaitable<result<std::optional<area_count>>> count_within(const ports::call_context& context, ports::database& db,
                                                          const scan& scans, const event_query& query,
                                                          count_options options);

/// Of the k nearest, of one moment.
awaitable<result<counts_by_kind>> count_nearest(const ports::call_context& context, ports::database& db,
                                                const scan& scans, const nearest& n);

std::uint64_t total_of(const counts_by_kind& counts);

/// The first rows, as many as the query's limit, and a cursor when there are more.
event_page page_of(std::vector<found_row> rows, const event_query& q);

}  // namespace distsys::domain::geo
