#include "distsys/net/router.hpp"

#include "distsys/foundation/url.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace distsys::net {

// A node is a path segment. Literal before `{name}` before `{name*}`, with a way back when the rest does not match.
struct router::node {
  std::vector<std::pair<std::string, std::unique_ptr<node>>> literals;
  std::unique_ptr<node> parameter;
  std::unique_ptr<node> rest;
  std::array<route*, 7> routes{};  // by method

  bool ends() const noexcept {
    return std::any_of(routes.begin(), routes.end(), [](const route* r) { return r != nullptr; });
  }
};

struct router::search {
  http_request& request;
  bool encoded;                                 // segments are as received
  std::array<std::string_view, 16> captured{};  // in order of the pattern's parameters
  std::size_t count = 0;

  const node* walk(const node& at, std::string_view path);
  bool literal_equals(std::string_view literal, std::string_view segment) const;
};

namespace {

std::vector<std::string_view> segments_of(std::string_view pattern) {
  std::vector<std::string_view> out;
  for (std::string_view rest = pattern.substr(1);;) {
    const std::size_t slash = rest.find('/');
    out.push_back(rest.substr(0, slash));
    if (slash == std::string_view::npos) return out;
    rest.remove_prefix(slash + 1);
  }
}

bool is_parameter(std::string_view s) { return s.size() > 2 && s.front() == '{' && s.back() == '}'; }
bool is_rest(std::string_view s) { return is_parameter(s) && s[s.size() - 2] == '*'; }

[[noreturn]] void bad(std::string_view pattern, std::string_view why) {
  throw std::invalid_argument("route " + std::string(pattern) + ": " + std::string(why));
}

void check(std::string_view pattern) {
  if (pattern.empty() || pattern.front() != '/') bad(pattern, "does not begin with /");
  const auto segments = segments_of(pattern);
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const std::string_view s = segments[i];
    if (is_rest(s) && i + 1 != segments.size()) bad(pattern, "{name*} is not last");
    if (is_parameter(s)) {
      const std::string_view name = s.substr(1, s.size() - (is_rest(s) ? 3 : 2));
      if (name.empty() || std::find(names.begin(), names.end(), name) != names.end()) bad(pattern, "a name twice");
      names.push_back(name);
    } else if (s.find_first_of("{}%?#* ") != std::string_view::npos) {
      bad(pattern, "a malformed segment");
    }
  }
  if (names.size() > 16) bad(pattern, "too many parameters");
}

std::string allowed(const std::array<router::route*, 7>& routes) {
  std::string out;
  const auto add = [&](method m) {
    if (!out.empty()) out += ", ";
    out += name(m);
  };
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const auto m = static_cast<method>(i);
    const bool implied =
        (m == method::head && routes[static_cast<std::size_t>(method::get)] != nullptr) || m == method::options;
    if (routes[i] != nullptr || implied) add(m);
  }
  return out;
}

}  // namespace

router::router() : root_(std::make_unique<node>()) {}
router::~router() = default;
router::router(router&&) noexcept = default;
router& router::operator=(router&&) noexcept = default;

void router::add(method m, std::string_view pattern, handler h, route_options options) {
  check(pattern);
  if (m == method::other || !h) bad(pattern, "no such method, or no handler");
  node* at = root_.get();
  for (const std::string_view s : segments_of(pattern)) {
    std::unique_ptr<node>* next = nullptr;
    if (is_rest(s)) {
      next = &at->rest;
    } else if (is_parameter(s)) {
      next = &at->parameter;
    } else {
      auto found = std::find_if(at->literals.begin(), at->literals.end(), [&](const auto& l) { return l.first == s; });
      if (found == at->literals.end()) found = at->literals.insert(found, {std::string(s), nullptr});
      next = &found->second;
    }
    if (!*next) *next = std::make_unique<node>();
    at = next->get();
  }
  route*& slot = at->routes[static_cast<std::size_t>(m)];
  if (slot != nullptr) bad(pattern, "added twice");
  routes_.push_back(std::make_unique<route>(route{std::string(pattern), m, std::move(h), options, routes_.size()}));
  slot = routes_.back().get();
}

void router::wrap(std::span<const middleware> middlewares) {
  for (const auto& r : routes_)
    for (std::size_t i = middlewares.size(); i-- > 0;) r->handle = middlewares[i](std::move(r->handle));
}

bool router::search::literal_equals(std::string_view literal, std::string_view segment) const {
  if (literal == segment) return true;
  if (!encoded || segment.find('%') == std::string_view::npos) return false;
  const auto decoded = percent_decode(segment);
  return decoded && *decoded == literal;
}

// `path` is without its leading slash. Depth is bounded by the patterns, not by the request.
const router::node* router::search::walk(const node& at, std::string_view path) {
  const std::size_t slash = path.find('/');
  const std::string_view segment = path.substr(0, slash);
  const auto descend = [&](const node& child) -> const node* {
    if (slash == std::string_view::npos) return child.ends() ? &child : nullptr;
    return walk(child, path.substr(slash + 1));
  };
  for (const auto& [literal, child] : at.literals)
    if (literal_equals(literal, segment))
      if (const node* found = descend(*child)) return found;
  const std::size_t mark = count;
  if (at.parameter && !segment.empty() && count < captured.size()) {
    captured[count++] = segment;
    if (const node* found = descend(*at.parameter)) return found;
    count = mark;
  }
  if (at.rest && count < captured.size()) {
    captured[count++] = path;
    return at.rest.get();
  }
  return nullptr;
}

router::match router::find(http_request& request) const {
  request.path_values.clear();
  const bool encoded = !request.raw_path.empty();
  std::string_view path = encoded ? request.raw_path : request.path;
  if (path.empty() || path.front() != '/') return {};
  path.remove_prefix(1);
  search s{request, encoded};
  const node* end = s.walk(*root_, path);
  if (end == nullptr) return {};
  route* found = request.method == method::other ? nullptr : end->routes[static_cast<std::size_t>(request.method)];
  if (found == nullptr && request.method == method::head) found = end->routes[static_cast<std::size_t>(method::get)];
  if (found == nullptr) return {nullptr, allowed(end->routes)};
  if (s.count == 0) return {found, {}};
  std::size_t i = 0;
  for (const std::string_view segment : segments_of(found->pattern)) {
    if (!is_parameter(segment)) continue;
    const std::string_view name = segment.substr(1, segment.size() - (is_rest(segment) ? 3 : 2));
    auto value = encoded ? percent_decode(s.captured[i]) : result<std::string>(std::string(s.captured[i]));
    if (!value) return {};
    // An encoded slash must not make a rest that climbs: "a/..%2f..%2fetc" is no path that anyone meant.
    if (is_rest(segment) &&
        std::count(value->begin(), value->end(), '/') != std::count(s.captured[i].begin(), s.captured[i].end(), '/'))
      return {};
    request.path_values.push_back({name, std::move(*value)});
    ++i;
  }
  return {found, {}};
}

}  // namespace distsys::net
