#include "src/app/problem.hpp"

#include "distsys/app/command.hpp"
#include "distsys/foundation/text.hpp"

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <utility>

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

// "all.conf:12" as ("all.conf", 12)
std::pair<std::string_view, std::int64_t> file_and_line(std::string_view where) {
  const auto colon = where.rfind(':');
  const auto line =
      colon == std::string_view::npos ? result<std::int64_t>(errc::invalid) : parse_integer(where.substr(colon + 1));
  return line ? std::pair{where.substr(0, colon), *line} : std::pair{where, std::int64_t{0}};
}

// Places from the weakest to the strongest, a file from its top.
bool stands_before(const problem& a, const problem& b) {
  if (a.source.kind != b.source.kind) return a.source.kind < b.source.kind;
  return a.source.kind == origin_kind::file && file_and_line(a.source.where) < file_and_line(b.source.where);
}

}  // namespace

void problems::add(origin source, std::string text) {
  usage_ = usage_ || source.kind == origin_kind::flag;
  const auto same = [&](const problem& p) { return p.source == source && p.text == text; };
  if (std::any_of(found_.begin(), found_.end(), same)) return;
  if (found_.size() == limit) {
    ++left_out_;
  } else {
    problem p{std::move(source), std::move(text)};
    const auto at = std::upper_bound(found_.begin(), found_.end(), p, stands_before);
    found_.insert(at, std::move(p));
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
