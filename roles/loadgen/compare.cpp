#include "compare.hpp"

#include "figures_of_run.hpp"
#include "output.hpp"
#include "plan.hpp"
#include "report.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace distsys::roles::loadgen {
namespace {

constexpr std::size_t most_runs = 6, largest_file = 64u << 20;

/// Characters as a terminal counts them: bytes of UTF-8 that are no continuation.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string left(std::string text, std::size_t width) {
  if (const std::size_t n = width_of(text); n < width) text.append(width - n, ' ');
  return text;
}

std::string right(const std::string& text, std::size_t width) {
  const std::size_t n = width_of(text);
  return n < width ? std::string(width - n, ' ') + text : text;
}

}  // namespace

result<std::vector<shown_run>> read_runs(const std::vector<std::string>& paths) {
  if (paths.size() < 2 || paths.size() > most_runs)
    return error{errc::invalid, "--compare needs two to six files: --compare a.json b.json"};
  std::vector<shown_run> runs;
  for (const std::string& path : paths) {
    const auto text = read_file(path, largest_file);
    if (!text) return text.error();
    auto parsed = json::parse(*text);
    if (!parsed) return error{errc::invalid, path + ": " + parsed.error().detail};
    const json::object* o = parsed->if_object();
    if (o == nullptr || json::get_object(*o, "latency_us") == nullptr || !json::get_number(*o, "requests_per_second"))
      return error{errc::invalid, path + " is not what --json or --save of a run writes"};
    runs.push_back({std::filesystem::path(path).filename().string(), *o});
  }
  return runs;
}

std::string comparison_text(std::span<const shown_run> runs, bool colours) {
  constexpr std::size_t label = 26, cell = 14, change = 10;
  std::string out = left("", label);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::string name = runs[i].name.size() > cell + 8 ? runs[i].name.substr(0, cell + 8) : runs[i].name;
    out += i == 0 ? right(name, cell) : right(name, cell + change + 2);
  }
  out += "\n";
  std::vector<std::vector<run_figure>> figures;
  figures.reserve(runs.size());
  for (const shown_run& r : runs) figures.push_back(figures_of(r.data));
  for (std::size_t row = 0; row < figures.front().size(); ++row) {
    const bool known =
        std::any_of(figures.begin(), figures.end(), [&](const auto& f) { return f[row].value.has_value(); });
    if (!known) continue;
    out += left(std::string(figures.front()[row].name), label) + right(shown(figures.front()[row]), cell);
    for (std::size_t i = 1; i < runs.size(); ++i) {
      const int way = direction_of(figures.front()[row], figures[i][row]);
      const std::string text = right(change_between(figures.front()[row], figures[i][row]), change);
      out += "  " + right(shown(figures[i][row]), cell);
      out += colours && way != 0 ? (way > 0 ? "\x1b[32m" : "\x1b[31m") + text + "\x1b[0m" : text;
    }
    out += "\n";
  }
  for (const shown_run& r : runs) {
    if (json::get_bool(r.data, "valid") == false) out += "INVALID: " + r.name + ": the generator was the bottleneck\n";
  }
  return out;
}

result<void> check_compared(const std::vector<std::string>& paths) {
  const auto runs = read_runs(paths);
  return runs ? result<void>{} : runs.error();
}

result<void> compare_files(const std::vector<std::string>& paths, const std::string& report, bool colours) {
  const auto runs = read_runs(paths);
  if (!runs) return runs.error();
  write_to(stdout, comparison_text(*runs, colours));
  return report.empty() ? result<void>{} : write_file(report, as_page(*runs));
}

}  // namespace distsys::roles::loadgen
