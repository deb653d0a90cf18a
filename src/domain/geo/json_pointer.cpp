#include "json_pointer.hpp"

#include "distsys/foundation/text.hpp"

#include <algorithm>

namespace distsys::domain::geo::codec {
namespace {

error wrong(std::string_view what) { return {errc::invalid, std::string(what)}; }

/// "0", or digits that do not begin with 0.
std::optional<std::size_t> array_index(std::string_view text) {
  if (text.empty() || text.size() > 9 || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  std::size_t n = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    n = n * 10 + static_cast<std::size_t>(c - '0');
  }
  return n;
}

std::optional<std::string> unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '~') {
      out += text[i];
      continue;
    }
    ++i;
    if (i == text.size() || (text[i] != '0' && text[i] != '1')) return std::nullopt;
    out += text[i] == '0' ? '~' : '/';
  }
  return out;
}

bool says_nothing(const json::value& v) noexcept { return v.is_null() || (v.is_string() && v.get_string().empty()); }

}  // namespace

result<json_pointer> json_pointer::parse(std::string_view text) {
  json_pointer p;
  p.text_ = text;
  if (text.empty()) return p;
  if (text.front() != '/') return wrong("a JSON Pointer, which begins with '/' (or is empty: the whole)");
  if (text.size() > most_bytes) return wrong("a JSON Pointer of at most " + std::to_string(most_bytes) + " bytes");
  for (const auto part : split(text.substr(1), '/')) {
    auto name = unescape(part);
    if (!name) return wrong("a JSON Pointer, in which '~' is written ~0 and '/' in a name ~1");
    token t{std::move(*name), array_index(part), std::nullopt};
    if (part.starts_with('-')) t.from_end = array_index(part.substr(1));
    if (t.from_end == std::size_t{0}) t.from_end.reset();
    p.tokens_.push_back(std::move(t));
  }
  if (p.tokens_.size() > most_tokens)
    return wrong("a JSON Pointer of at most " + std::to_string(most_tokens) + " names");
  return p;
}

std::vector<std::string_view> json_pointer::names() const {
  std::vector<std::string_view> out;
  out.reserve(tokens_.size());
  for (const auto& t : tokens_) out.emplace_back(t.name);
  return out;
}

bool json_pointer::has_each() const noexcept {
  return std::any_of(tokens_.begin(), tokens_.end(), [](const token& t) { return t.name == "*"; });
}

const json::value* json_pointer::find(const json::value& from) const noexcept {
  const json::value* at = &from;
  for (const auto& t : tokens_) {
    if (const auto* o = at->if_object()) {
      at = o->if_contains(t.name);
    } else if (const auto* a = at->if_array()) {
      if (t.index)
        at = a->if_contains(*t.index);
      else
        at = t.from_end && *t.from_end <= a->size() ? &(*a)[a->size() - *t.from_end] : nullptr;
    } else {
      at = nullptr;
    }
    if (at == nullptr) return nullptr;
  }
  return says_nothing(*at) ? nullptr : at;
}

std::vector<const json::value*> json_pointer::find_each(const json::value& from, std::size_t most) const {
  std::vector<const json::value*> found;
  collect(from, 0, most, found);
  return found;
}

void json_pointer::collect(const json::value& from, std::size_t depth, std::size_t most,
                           std::vector<const json::value*>& found) const {
  if (depth == tokens_.size()) {
    if (!says_nothing(from) && found.size() < most) found.push_back(&from);
    return;
  }
  const token& t = tokens_[depth];
  const json::array* a = from.if_array();
  if (a != nullptr && t.name == "*") {
    for (const auto& item : *a) {
      if (found.size() == most) return;
      collect(item, depth + 1, most, found);
    }
  } else if (a != nullptr) {
    const std::size_t i = t.index ? *t.index : a->size() - std::min(a->size(), t.from_end.value_or(0));
    if (i < a->size()) collect((*a)[i], depth + 1, most, found);
  } else if (const auto* o = from.if_object()) {
    if (const auto* next = o->if_contains(t.name)) collect(*next, depth + 1, most, found);
  }
}

}  // namespace distsys::domain::geo::codec
