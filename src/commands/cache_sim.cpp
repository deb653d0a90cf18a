// `distsys cache-sim`: replays key traces against the eviction policies, without a server.
#include "distsys/foundation/text.hpp"
#include "distsys/runtime/clock.hpp"
#include "src/commands/cache_sim_matrix.hpp"
#include "src/commands/cache_sim_page.hpp"
#include "src/commands/commands.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>

namespace distsys::commands {
namespace {

constexpr double most_keys = 100'000'000;

// Empty, or what is wrong with one of the words of a list.
template <class Parse>
std::string wrong_word(std::string_view list, Parse parse, std::string_view expected) {
  for (const auto word : split(list, ',')) {
    if (!parse(trim(word))) return "'" + std::string(word.substr(0, 64)) + "' is not " + std::string(expected);
  }
  return {};
}

std::optional<std::uint64_t> parse_count(std::string_view word) {
  const auto n = parse_integer(word);
  return n && *n >= 0 ? std::optional<std::uint64_t>(static_cast<std::uint64_t>(*n)) : std::nullopt;
}

std::optional<capacity_setting> parse_capacity(std::string_view word) {
  if (word.ends_with('%')) {
    const auto percent = parse_real(word.substr(0, word.size() - 1));
    if (!percent || !(*percent > 0) || *percent > 100) return std::nullopt;
    return capacity_setting{0, *percent};
  }
  const auto n = parse_count(word);
  return n && *n > 0 ? std::optional(capacity_setting{*n, 0}) : std::nullopt;
}

std::string check_policies(std::string_view list) {
  const auto parse = [](std::string_view w) { return w == "all" || caching::parse_eviction(w).has_value(); };
  return wrong_word(list, parse, "one of lru, lfu, fifo, s3-fifo, w-tinylfu, all");
}
std::string check_capacities(std::string_view list) {
  return wrong_word(list, &parse_capacity, "a number of entries (1000) or a share of the keys (5%)");
}
std::string check_ttls(std::string_view list) { return wrong_word(list, &parse_count, "a number of requests"); }

constexpr app::option options[] = {
    app::option{"policy", app::kind::text, "all", "lru, lfu, fifo, s3-fifo, w-tinylfu or all; several with commas"}
        .as_repeatable()
        .checked_by(&check_policies),
    app::option{
        "capacity", app::kind::text, "",
        "entries (1000), or a share of the trace's distinct keys (5%), by bytes of their bytes; several with commas"}
        .as_repeatable()
        .checked_by(&check_capacities),
    app::option{
        "ttl", app::kind::text, "0",
        "an entry is found by this many requests after the one that brought it; 0: for ever; several with commas"}
        .as_repeatable()
        .checked_by(&check_ttls),
    app::option{"by-bytes", app::kind::flag, "false", "a line is a key and a size, and the capacity is in bytes"},
    app::option{"matrix", app::kind::flag, "false",
                "compare on Zipf, normal and uniform keys besides the traces; unless given, capacities 1%, 5%, 10%, "
                "25% and TTLs 0 and one request a key"},
    app::option{"keys", app::kind::integer, "10000", "distinct keys that --matrix draws from"}.between(1, most_keys),
    app::option{"requests", app::kind::integer, "1000000", "requests that --matrix draws"}.between(1, 1e9),
    app::option{"zipf-exponent", app::kind::real, "1.3", "of --matrix's Zipf keys"}.between(0.01, 10),
    app::option{"seed", app::kind::integer, "1", "of --matrix's keys: the same seed, the same keys"}.at_least(0),
    app::option{"report", app::kind::path, "", "write the comparison as one HTML page with charts"},
    app::option{"timing", app::kind::flag, "false", "say on the error output how fast it was"},
};

comparison wanted(const app::command_context& context) {
  comparison c;
  const auto each = [&context](std::string_view option, auto f) {
    for (const auto& list : context.texts(option)) {
      for (const auto word : split(list, ',')) f(trim(word));
    }
  };
  each("policy", [&c](std::string_view word) {
    for (const auto name : caching::eviction_names) {
      const auto how = *caching::parse_eviction(name);
      const bool known = std::find(c.policies.begin(), c.policies.end(), how) != c.policies.end();
      if ((word == "all" || word == name) && !known) c.policies.push_back(how);
    }
  });
  each("capacity", [&c](std::string_view word) { c.capacities.push_back(*parse_capacity(word)); });
  each("ttl", [&c](std::string_view word) { c.ttls.push_back(*parse_count(word)); });
  if (!context.flag("matrix")) return c;
  if (c.capacities.empty()) c.capacities = {{0, 1}, {0, 5}, {0, 10}, {0, 25}};
  if (!context.given("ttl")) c.ttls.push_back(static_cast<std::uint64_t>(context.integer("keys")));
  return c;
}

std::string wrong_usage(const app::command_context& context, const std::vector<std::string>& words,
                        const comparison& c) {
  const bool matrix = context.flag("matrix");
  if (words.empty() && !matrix) return "cache-sim takes a TRACE (- for the standard input), or --matrix";
  if (c.capacities.empty()) return "cache-sim needs --capacity";
  if (matrix && context.flag("by-bytes")) return "--matrix draws keys without sizes: not with --by-bytes";
  if (std::count(words.begin(), words.end(), "-") > 1) return "the standard input can be read once";
  return {};
}

/// Adds what it compares, and counts what it replayed.
class session {
 public:
  explicit session(comparison c) : wanted_(std::move(c)) {}

  void add(const trace& t) {
    const auto began = runtime::steady_now();
    for (auto& panel : compare(t, wanted_)) panels_.push_back(std::move(panel));
    replaying_ += runtime::steady_now() - began;
    replays_ += t.keys.size() * wanted_.policies.size() * panels_.back().rows.size() * wanted_.ttls.size();
  }
  void draw(const app::command_context& context) {
    using runtime::key_distribution;
    for (const auto d : {key_distribution::zipf, key_distribution::normal, key_distribution::uniform}) {
      add(draw_trace(d, static_cast<std::uint32_t>(context.integer("keys")), context.real("zipf-exponent"),
                     static_cast<std::uint64_t>(context.integer("requests")),
                     static_cast<std::uint64_t>(context.integer("seed"))));
    }
  }

  void print(bool matrix) const {
    const bool one = panels_.size() == 1 && panels_.front().rows.size() == 1 && wanted_.policies.size() == 1;
    if (matrix || !one) {
      std::cout << comparison_table(panels_, wanted_.policies) << std::flush;
      return;
    }
    const auto& counts = panels_.front().rows.front().counts.front();
    std::printf("hits %llu misses %llu ratio %.4f\n", static_cast<unsigned long long>(counts.hits),
                static_cast<unsigned long long>(counts.misses), counts.ratio());
    std::fflush(stdout);
  }
  bool report(const std::string& path) const {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << comparison_page(panels_, wanted_.policies);
    file.close();
    return file.good();
  }
  void timing(runtime::steady_clock::duration whole) const {
    const double seconds = std::chrono::duration<double>(replaying_).count();
    std::fprintf(stderr, "replayed %llu requests in %.3f s: %.1f million a second; with reading %.3f s\n",
                 static_cast<unsigned long long>(replays_), seconds,
                 seconds > 0 ? static_cast<double>(replays_) / seconds / 1e6 : 0,
                 std::chrono::duration<double>(whole).count());
  }

 private:
  const comparison wanted_;
  std::vector<comparison_panel> panels_;
  std::uint64_t replays_ = 0;
  runtime::steady_clock::duration replaying_{};
};

awaitable<int> run(app::command_context& context, std::vector<std::string> words) {
  const auto began = runtime::steady_now();
  const bool matrix = context.flag("matrix");
  comparison c = wanted(context);
  if (const auto wrong = wrong_usage(context, words, c); !wrong.empty()) {
    std::cerr << "distsys: " << wrong << '\n';
    co_return app::exit_usage;
  }
  session s(std::move(c));
  if (matrix) s.draw(context);
  for (const auto& path : words) {
    const auto t = read_trace(path, context.flag("by-bytes"));
    if (!t) {
      std::cerr << "distsys: " << t.error().detail << '\n';
      co_return app::exit_failed;
    }
    s.add(*t);
  }
  s.print(matrix);
  if (context.flag("timing")) s.timing(runtime::steady_now() - began);
  if (const auto path = context.text("report"); !path.empty() && !s.report(path)) {
    std::cerr << "distsys: " << path << ": the report cannot be written\n";
    co_return app::exit_failed;
  }
  co_return app::exit_ok;
}

}  // namespace

const app::command_info cache_sim{
    .name = "cache-sim",
    .summary = "replays key traces against the eviction policies and prints their hit ratios",
    .usage = "[TRACE...]",
    .options = options,
    .run = &run,
};

}  // namespace distsys::commands
