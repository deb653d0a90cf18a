#include "src/commands/cache_sim_matrix.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace distsys::commands {
namespace {

std::string padded(std::string text, std::size_t width, bool left = false) {
  if (text.size() < width) text.insert(left ? text.size() : 0, width - text.size(), ' ');
  return text;
}

}  // namespace

std::uint64_t capacity_setting::of(const trace& t) const noexcept {
  if (number != 0) return number;
  const auto whole = static_cast<double>(t.sizes.empty() ? t.distinct : t.distinct_bytes);
  return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::llround(percent / 100 * whole)));
}

std::size_t comparison_panel::row::best() const noexcept {
  const auto fewer = [](const replay_counts& a, const replay_counts& b) { return a.hits < b.hits; };
  return static_cast<std::size_t>(std::max_element(counts.begin(), counts.end(), fewer) - counts.begin());
}

std::vector<comparison_panel> compare(const trace& t, const comparison& c) {
  std::vector<std::uint64_t> capacities;
  capacities.reserve(c.capacities.size());
  for (const auto& setting : c.capacities) capacities.push_back(setting.of(t));
  std::sort(capacities.begin(), capacities.end());
  capacities.erase(std::unique(capacities.begin(), capacities.end()), capacities.end());
  std::vector<comparison_panel> panels;
  for (const auto ttl : c.ttls) {
    auto& panel = panels.emplace_back();
    panel.trace_name = t.name;
    panel.requests = t.keys.size();
    panel.distinct = t.distinct;
    panel.ttl = ttl;
    panel.by_bytes = !t.sizes.empty();
    for (const auto capacity : capacities) {
      auto& row = panel.rows.emplace_back();
      row.capacity = capacity;
      for (const auto how : c.policies) row.counts.push_back(replay(t, {how, capacity, ttl}));
    }
  }
  return panels;
}

std::string comparison_table(std::span<const comparison_panel> panels, std::span<const caching::eviction> policies) {
  std::size_t name_width = 5;
  for (const auto& p : panels) name_width = std::max(name_width, p.trace_name.size());
  std::string out = padded("trace", name_width, true) + padded("ttl", 10) + padded("capacity", 12);
  for (const auto how : policies) out += padded(std::string(caching::name_of(how)), 12);
  out += '\n';
  for (const auto& p : panels) {
    for (const auto& row : p.rows) {
      out += padded(p.trace_name, name_width, true);
      out += padded(p.ttl == 0 ? "none" : std::to_string(p.ttl), 10) + padded(std::to_string(row.capacity), 12);
      for (std::size_t i = 0; i < row.counts.size(); ++i) {
        char text[32];
        std::snprintf(text, sizeof text, "%.4f%c", row.counts[i].ratio(),
                      policies.size() > 1 && row.counts[i].hits == row.counts[row.best()].hits ? '*' : ' ');
        out += padded(text, 12);
      }
      while (out.back() == ' ') out.pop_back();
      out += '\n';
    }
  }
  return out;
}

}  // namespace distsys::commands
