#include "count_tile.hpp"

#include "distsys/foundation/json.hpp"

#include <algorithm>

namespace distsys::roles::cache {
namespace {

namespace geo = domain::geo;

void append_pair(std::string& out, double a, double b) {
  json::append_number(out, a);
  out += ',';
  json::append_number(out, b);
}

void append_counts(std::string& out, const kind_counts& counts) {
  out += '{';
  for (bool first = true; const auto& [kind, n] : counts) {
    if (!first) out += ',';
    first = false;
    json::append_string(out, kind);
    out += ':' + std::to_string(n);
  }
  out += '}';
}

std::uint64_t sum(const kind_counts& counts) {
  std::uint64_t total = 0;
  for (const auto& [kind, n] : counts) total += n;
  return total;
}

void append_cell(std::string& out, const geo::quad& q, const kind_counts& kinds) {
  const geo::box b = q.bounds();
  out += R"({"cell":")" + q.name() + R"(","bbox":[)";
  append_pair(out, b.west, b.south);
  out += ',';
  append_pair(out, b.east, b.north);
  out += R"(],"center":[)";
  append_pair(out, (b.west + b.east) / 2, (b.south + b.north) / 2);
  out += R"(],"count":)" + std::to_string(sum(kinds)) + R"(,"kinds":)";
  append_counts(out, kinds);
  out += '}';
}

}  // namespace

std::size_t count_tile::heap_bytes() const noexcept {
  std::size_t n = sizeof(count_tile) + 32 + watch.heap_bytes() + counts.capacity() * sizeof(entry);
  for (const std::string& k : kinds) n += sizeof(std::string) + k.capacity();
  return n;
}

void count_tile::take(const geo::quad_counts& counted) {
  std::map<std::string_view, std::uint32_t> index;
  counts.reserve(counted.counts.size());
  for (const geo::quad_count& c : counted.counts) {
    const auto [at, is_new] = index.try_emplace(c.kind, static_cast<std::uint32_t>(kinds.size()));
    if (is_new) kinds.push_back(c.kind);
    counts.push_back({c.where, at->second, c.count});
  }
  next_expiry = counted.next_expiry;
}

std::string kinds_json(const kind_counts& counts) {
  std::string out = R"({"by":"kind","total":)" + std::to_string(sum(counts)) + R"(,"counts":)";
  append_counts(out, counts);
  return out + '}';
}

std::string cells_json(const count_request& wanted, std::span<const std::shared_ptr<const count_tile>> tiles) {
  const auto& kinds = wanted.query.kinds;
  const auto asked = [&kinds](const std::string& kind) {
    return kinds.empty() || std::binary_search(kinds.begin(), kinds.end(), kind);
  };
  std::map<geo::quad, kind_counts> cells;
  std::uint64_t total = 0;
  for (const auto& t : tiles) {
    for (const count_tile::entry& e : t->counts) {
      const std::string& kind = t->kinds[e.kind];
      if (!asked(kind) || !std::binary_search(wanted.cells.begin(), wanted.cells.end(), e.where)) continue;
      cells[e.where][kind] += e.count;
      total += e.count;
    }
  }
  std::string out = R"({"by":"cell","level":)" + std::to_string(wanted.level) + R"(,"total":)" + std::to_string(total);
  out += R"(,"cells":[)";
  for (bool first = true; const auto& [where, counts] : cells) {
    if (!first) out += ',';
    first = false;
    append_cell(out, where, counts);
  }
  return out + "]}";
}

}  // namespace distsys::roles::cache
