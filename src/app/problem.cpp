#include "src/app/problem.hpp"

#include "distsys/app/command.hpp"

#include <algorithm>
#include <cstdio>

namespace distsys::app {
namespace {

void append_printable(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      out += c;
    } else {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\x%02x", byte);
      out += escape;
    }
  }
}

}  // namespace

void problems::add(origin source, std::string text) {
  usage_ = usage_ || source.kind == origin_kind::flag;
  const auto same = [&](const problem& p) { return p.source == source && p.text == text; };
  if (std::any_of(found_.begin(), found_.end(), same)) return;
  if (found_.size() == limit) {
    ++left_out_;
  } else {
    found_.push_back({std::move(source), std::move(text)});
  }
}

int problems::exit_code() const noexcept {
  if (found_.empty()) return exit_ok;
  return usage_ ? exit_usage : exit_config;
}

std::string problems::report() const {
  std::string out = "distsys: " + std::to_string(found_.size() + left_out_) +
                    (found_.size() + left_out_ == 1 ? " problem" : " problems") + " in the configuration\n";
  for (const auto& p : found_) {
    out += "  ";
    append_printable(out, p.source.where + ": " + p.text);
    out += '\n';
  }
  if (left_out_ > 0) out += "  and " + std::to_string(left_out_) + " more\n";
  return out;
}

}  // namespace distsys::app
