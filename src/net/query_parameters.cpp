#include "distsys/foundation/text.hpp"
#include "distsys/foundation/url.hpp"
#include "distsys/net/http_message.hpp"

#include <cmath>

namespace distsys::net {
namespace {

constexpr std::size_t max_parameters = 256;
constexpr std::size_t shown_problems = 2048;  // bytes: the answer stays small whatever was asked

std::string shown(double v) {
  std::string text;
  json::append_number(text, v);
  return text;
}

std::string printable(std::string_view name) {
  std::string out;
  for (const char c : name.substr(0, 64)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return out;
}

}  // namespace

query_parameters::query_parameters(std::string_view encoded) {
  if (encoded.empty()) return;
  for (const std::string_view part : split(encoded, '&')) {
    if (part.empty()) continue;
    if (parameters_.size() == max_parameters) {
      refuse("query", "at most 256 parameters");
      return;
    }
    const std::size_t equals = part.find('=');
    auto key = percent_decode(part.substr(0, equals), true);
    auto value = percent_decode(equals == std::string_view::npos ? std::string_view{} : part.substr(equals + 1), true);
    if (!key || !value) {
      refuse(part.substr(0, equals), "a broken percent escape");
      continue;
    }
    parameters_.push_back({std::move(*key), std::move(*value), false});
  }
}

std::optional<std::string> query_parameters::text(std::string_view wanted) {
  std::optional<std::string> found;
  bool twice = false;
  for (parameter& p : parameters_) {
    if (p.name != wanted) continue;
    twice = twice || (found && !p.used);
    p.used = true;
    if (!found) found = p.value;
  }
  if (twice) refuse(wanted, "given twice");
  return found;
}

std::optional<double> query_parameters::real(std::string_view wanted, double low, double high) {
  const auto given = text(wanted);
  if (!given) return std::nullopt;
  const auto v = parse_real(*given);
  if (v && std::isfinite(*v) && *v >= low && *v <= high) return *v;
  refuse(wanted, "a number from " + shown(low) + " to " + shown(high));
  return std::nullopt;
}

std::optional<std::int64_t> query_parameters::integer(std::string_view wanted, std::int64_t low, std::int64_t high) {
  const auto given = text(wanted);
  if (!given) return std::nullopt;
  const auto v = parse_integer(*given);
  if (v && *v >= low && *v <= high) return *v;
  refuse(wanted, "a whole number from " + std::to_string(low) + " to " + std::to_string(high));
  return std::nullopt;
}

std::optional<bool> query_parameters::flag(std::string_view wanted) {
  const auto given = text(wanted);
  if (!given) return std::nullopt;
  if (given->empty() || *given == "1" || *given == "true" || *given == "yes") return true;
  if (*given == "0" || *given == "false" || *given == "no") return false;
  refuse(wanted, "true or false");
  return std::nullopt;
}

std::vector<std::string> query_parameters::texts(std::string_view wanted) {
  std::vector<std::string> found;
  for (parameter& p : parameters_) {
    if (p.name != wanted) continue;
    p.used = true;
    for (const std::string_view v : split(p.value, ','))
      if (!trim(v).empty()) found.emplace_back(trim(v));
  }
  return found;
}

void query_parameters::refuse(std::string_view wanted, std::string_view why) {
  if (problems_.size() > shown_problems) return;
  if (!problems_.empty()) problems_ += "; ";
  problems_ += printable(wanted);
  problems_ += ": ";
  problems_ += why;
}

result<void> query_parameters::finish() const {
  std::string text = problems_;
  for (const parameter& p : parameters_) {
    if (p.used || text.size() > shown_problems) continue;
    if (!text.empty()) text += "; ";
    text += printable(p.name) + ": unknown parameter";
  }
  if (text.empty()) return {};
  return error{errc::invalid, std::move(text)};
}

}  // namespace distsys::net
