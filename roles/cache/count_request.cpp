#include "count_request.hpp"

#include "query_parts.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace distsys::roles::cache {
namespace {

namespace geo = domain::geo;

constexpr unsigned finest_level = 24;  // 2 metres at the equator

void read_cells(count_request& r, net::query_parameters& parameters) {
  r.by_cell = true;
  for (const char* name : {"source", "since", "min_severity", "at"}) {
    if (parameters.text(name)) parameters.refuse(name, "not with by=cell, where only kind= filters");
  }
  const auto level = parameters.integer("level", 0, finest_level);
  if (!level) {
    if (!parameters.text("level")) parameters.refuse("level", "by=cell needs it: a whole number from 0 to 24");
    return;
  }
  r.level = static_cast<unsigned>(*level);
  auto cells = geo::quads_of(r.query.where, r.level, max_counted_cells);
  if (cells) {
    r.cells = std::move(*cells);
    return;
  }
  unsigned fits = std::min(r.level, geo::cover_level(r.query.where, 64));
  while (fits + 1 < r.level && geo::quads_of(r.query.where, fits + 1, max_counted_cells)) ++fits;
  parameters.refuse(
      "level", "more than 4096 cells touch this area; at level " + std::to_string(fits) + " and below there are fewer");
}

void read_filters(geo::event_query& q, net::query_parameters& parameters) {
  q.sources = read_names("source", parameters);
  q.since = read_time("since", parameters);
  q.at = read_past("at", parameters);
  if (const auto severity = parameters.integer("min_severity", 0, 10)) q.min_severity = static_cast<int>(*severity);
  if (parameters.text("level")) parameters.refuse("level", "needs by=cell");
}

std::string key_of(const count_request& r) {
  const geo::event_query& q = r.query;
  std::string key = r.by_cell ? "cells " + std::to_string(r.level) + ' ' : "kinds ";
  append_area(key, q.where);
  append_names(key, 'k', q.kinds);
  append_names(key, 's', q.sources);
  if (q.since) key += " since " + std::to_string(q.since->time_since_epoch().count());
  if (q.at) key += " at " + std::to_string(q.at->time_since_epoch().count());
  if (q.min_severity) key += " severity " + std::to_string(*q.min_severity);
  return key;
}

}  // namespace

result<count_request> read_count_request(std::string_view encoded_query) {
  net::query_parameters parameters(encoded_query);
  count_request r;
  r.query.where = read_area(parameters);
  if (std::holds_alternative<geo::nearest>(r.query.where)) {
    parameters.refuse("near", "counts are of a circle, a box, a polygon or everywhere");
  }
  r.query.kinds = read_names("kind", parameters);
  const std::string by = parameters.text("by").value_or("kind");
  if (by == "cell") {
    read_cells(r, parameters);
  } else {
    if (by != "kind") parameters.refuse("by", "kind or cell");
    read_filters(r.query, parameters);
  }
  if (const auto ok = parameters.finish(); !ok) return ok.error();
  r.key = key_of(r);
  return r;
}

}  // namespace distsys::roles::cache
