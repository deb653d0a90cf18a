#include "tests/support/matrix.hpp"

#define CATCH_CONFIG_EXTERNAL_INTERFACES
#include <catch2/catch.hpp>

#include <algorithm>
#include <iostream>
#include <map>
#include <string>
#include <vector>

namespace distsys::tests::matrix {

namespace {

enum class verdict { holds, fails, not_promised };

struct table_of_guarantees {
  std::vector<std::string> guarantees, drivers;  // in the order met
  std::map<std::pair<std::string, std::string>, verdict> cells;
  std::string guarantee, driver;

  void set(verdict v) {
    if (driver.empty()) return;
    auto [cell, fresh] = cells.try_emplace({guarantee, driver}, v);
    if (!fresh && cell->second != verdict::fails) cell->second = v;
  }

  void print(std::ostream& out) const {
    std::size_t width = 9;
    for (const auto& g : guarantees) width = std::max(width, g.size());
    const auto pad = [](std::string text, std::size_t n) {
      return text.append(n > text.size() ? n - text.size() : 0, ' ');
    };
    out << "\n| " << pad("guarantee", width) << " |";
    for (const auto& d : drivers) out << ' ' << d << " |";
    out << "\n|" << std::string(width + 2, '-') << '|';
    for (const auto& d : drivers) out << std::string(d.size() + 2, '-') << '|';
    out << '\n';
    for (const auto& g : guarantees) {
      out << "| " << pad(g, width) << " |";
      for (const auto& d : drivers) {
        const auto cell = cells.find({g, d});
        const char* text = cell == cells.end() || cell->second == verdict::not_promised ? "-"
                           : cell->second == verdict::holds                             ? "yes"
                                                                                        : "NO";
        out << ' ' << pad(text, d.size()) << " |";
      }
      out << '\n';
    }
    out << std::flush;
  }
};

table_of_guarantees& the_table() {
  static table_of_guarantees t;
  return t;
}

void remember(std::vector<std::string>& names, const std::string& name) {
  if (std::ranges::find(names, name) == names.end()) names.push_back(name);
}

struct listener : Catch::TestEventListenerBase {
  using TestEventListenerBase::TestEventListenerBase;

  void testCaseStarting(const Catch::TestCaseInfo& info) override {
    the_table().guarantee = info.name;
    the_table().driver.clear();
  }
  bool assertionEnded(const Catch::AssertionStats& stats) override {
    if (!stats.assertionResult.isOk()) the_table().set(verdict::fails);
    return false;
  }
  void testRunEnded(const Catch::TestRunStats&) override {
    if (!the_table().guarantees.empty()) the_table().print(std::cout);
  }
};

}  // namespace

void begin(const std::string& driver) {
  auto& t = the_table();
  t.driver = driver;
  remember(t.drivers, driver);
  remember(t.guarantees, t.guarantee);
  t.set(verdict::holds);
}

void not_promised() { the_table().set(verdict::not_promised); }

CATCH_REGISTER_LISTENER(listener)

}  // namespace distsys::tests::matrix
