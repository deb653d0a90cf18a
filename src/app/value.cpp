#include "src/app/value.hpp"

#include "distsys/foundation/text.hpp"
#include "src/app/schema.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <type_traits>

namespace distsys::app {
namespace {

std::string join(std::span<const std::string_view> words) {
  std::string out;
  for (const auto w : words) out.append(out.empty() ? "" : ", ").append(w);
  return out;
}

std::string meant(std::string_view word, std::span<const std::string_view> candidates) {
  const auto found = nearest(word, candidates);
  return found.empty() ? "" : " (did you mean '" + std::string(found) + "'?)";
}

result<parsed_value> parse_flag(std::string_view text) {
  for (const std::string_view yes : {"true", "yes", "on", "1"}) {
    if (text == yes) return parsed_value{true};
  }
  for (const std::string_view no : {"false", "no", "off", "0"}) {
    if (text == no) return parsed_value{false};
  }
  return error{errc::invalid, "'" + std::string(text.substr(0, 64)) + "' is neither true nor false"};
}

/// A bound as a user would write it.
std::string bound(const option& o, double value) {
  std::ostringstream out;
  out.precision(15);
  if (o.type != kind::duration) {
    out << value;
  } else if (value < 1) {
    out << value * 1000 << "ms";
  } else {
    out << value << 's';
  }
  return out.str();
}

template <class Number>
double in_units(const Number& number) {
  if constexpr (std::is_same_v<Number, std::chrono::microseconds>) {
    return std::chrono::duration<double>(number).count();
  } else {
    return static_cast<double>(number);
  }
}

template <class Number>
result<parsed_value> in_range(const option& o, std::string_view text, result<Number> number) {
  if (!number) return number.error();
  const double v = in_units(*number);
  if (v >= o.minimum && v <= o.maximum) return parsed_value{*number};
  const std::string value(text.substr(0, 64));
  if (std::isinf(o.maximum)) return error{errc::invalid, value + " is less than " + bound(o, o.minimum)};
  return error{errc::invalid, value + " is not in the range " + bound(o, o.minimum) + " to " + bound(o, o.maximum)};
}

result<parsed_value> parse_text(const option& o, std::string_view text) {
  const bool known = o.allowed.empty() || std::find(o.allowed.begin(), o.allowed.end(), text) != o.allowed.end();
  if (known || text.empty()) return parsed_value{std::string(text)};
  if (o.secret) return error{errc::invalid, "the value is not one of " + join(o.allowed)};
  return error{errc::invalid,
               "'" + std::string(text.substr(0, 64)) + "' is not one of " + join(o.allowed) + meant(text, o.allowed)};
}

error unknown_scheme(const option& o, const std::string& scheme, std::span<const ports::driver> drivers) {
  std::vector<std::string_view> schemes(o.allowed.begin(), o.allowed.end());
  std::string valid = join(o.allowed);
  if (is_backend(o.type)) {
    for (const auto& d : drivers) {
      if (!serves(d, o.type)) continue;
      schemes.push_back(d.scheme);
      valid.append(valid.empty() ? "" : ", ").append(d.scheme);
      if (!d.example.empty()) valid.append(" (").append(d.example).append(")");
    }
  }
  return {errc::invalid, "no '" + scheme + ":' here" + meant(scheme, schemes) + "; valid are: " + valid};
}

result<parsed_value> parse_url(const option& o, std::string_view text, std::span<const ports::driver> drivers) {
  auto u = url::parse(text);
  if (!u) return error{errc::invalid, u.error().detail};
  const auto is_scheme = [&](std::string_view s) { return s == u->scheme(); };
  const bool known = is_backend(o.type)
                         ? std::any_of(drivers.begin(), drivers.end(),
                                       [&](const auto& d) { return serves(d, o.type) && is_scheme(d.scheme); })
                         : o.allowed.empty() || std::any_of(o.allowed.begin(), o.allowed.end(), is_scheme);
  if (!known) return unknown_scheme(o, u->scheme(), drivers);
  return parsed_value{*std::move(u)};
}

template <class T>
result<parsed_value> lifted(result<T> r) {
  if (!r) return r.error();
  return parsed_value{*std::move(r)};
}

}  // namespace

bool serves(const ports::driver& d, kind k) noexcept {
  switch (k) {
    case kind::url_kv_store:
      return std::holds_alternative<ports::open_function<ports::kv_store>>(d.open);
    case kind::url_database:
      return std::holds_alternative<ports::open_function<ports::database>>(d.open);
    case kind::url_http_client:
      return std::holds_alternative<ports::open_function<ports::http_client>>(d.open);
    default:
      return false;
  }
}

result<parsed_value> parse_value(const option& o, std::string_view text, std::span<const ports::driver> drivers) {
  switch (o.type) {
    case kind::flag:
      return parse_flag(text);
    case kind::integer:
      return in_range(o, text, parse_integer(text));
    case kind::real:
      return in_range(o, text, parse_real(text));
    case kind::duration:
      return in_range(o, text, parse_duration(text));
    case kind::size:
      return in_range(o, text, parse_size(text));
    case kind::text:
      return parse_text(o, text);
    case kind::path:
      if (text.find('\0') != std::string_view::npos) return error{errc::invalid, "a path cannot hold a zero byte"};
      return parsed_value{std::string(text)};
    case kind::endpoint:
      return lifted(parse_endpoint(text));
    case kind::url:
    case kind::url_kv_store:
    case kind::url_database:
    case kind::url_http_client:
      return parse_url(o, text, drivers);
  }
  return error{errc::internal, "an option of an unknown kind"};
}

result<endpoint> parse_endpoint(std::string_view text) {
  const auto refuse = [&] {
    return error{errc::invalid, "'" + std::string(text.substr(0, 64)) +
                                    "' is not an address such as 127.0.0.1:5000, [::1]:5000 or :5000"};
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return refuse();
  std::string_view host = text.substr(0, colon);
  const auto port = parse_integer(text.substr(colon + 1));
  if (!port || *port < 0 || *port > 65535 || text.find_first_of(" \t/") != std::string_view::npos) return refuse();
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    if (host.find(':') == std::string_view::npos) return refuse();
  } else if (host.find_first_of(":[]") != std::string_view::npos) {
    return refuse();
  }
  return endpoint{std::string(host), static_cast<std::uint16_t>(*port)};
}

std::string format_endpoint(const endpoint& e) {
  const bool v6 = e.host.find(':') != std::string::npos;
  return (v6 ? "[" + e.host + "]" : e.host) + ":" + std::to_string(e.port);
}

result<std::vector<std::string>> split_list(std::string_view text) {
  std::vector<std::string> items;
  text = trim(text);
  while (!text.empty()) {
    std::string item;
    if (text.front() == '"') {
      std::size_t i = 1;
      for (; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] == '\\' && i + 1 < text.size()) ++i;
        item += text[i];
      }
      if (i >= text.size()) return error{errc::invalid, "a quotation mark is not closed"};
      text = trim(text.substr(i + 1));
      if (!text.empty() && text.front() != ',')
        return error{errc::invalid, "a comma is missing after a quoted item of the list"};
    } else {
      const auto comma = std::min(text.find(','), text.size());
      item = trim(text.substr(0, comma));
      text = text.substr(comma);
      if (item.empty()) return error{errc::invalid, "an item of the list is empty"};
    }
    items.push_back(std::move(item));
    if (text.empty()) break;
    text = trim(text.substr(1));
    if (text.empty()) return error{errc::invalid, "the list ends with a comma"};
  }
  return items;
}

std::string quote(std::string_view text, bool in_list) {
  const bool plain = !text.empty() && trim(text).size() == text.size() && text.find('"') == std::string_view::npos &&
                     text.find(" #") == std::string_view::npos && text.front() != '#' &&
                     (!in_list || text.find(',') == std::string_view::npos);
  if (plain || (text.empty() && !in_list)) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string masked(const option& o, std::string_view text) {
  if (o.secret) return text.empty() ? "" : "***";
  if (o.type != kind::url && !is_backend(o.type)) return std::string(text);
  if (text.empty()) return "";
  const auto u = url::parse(text);
  if (!u) return "***";
  // As it was written when it hides nothing: what is shown can be given again.
  auto shown = u->masked();
  return shown.find("***") == std::string::npos ? std::string(text) : shown;
}

std::string placeholder(const option& o) {
  if (o.type == kind::text && !o.allowed.empty()) {
    std::string out;
    for (const auto a : o.allowed) out.append(out.empty() ? "" : "|").append(a);
    return out;
  }
  switch (o.type) {
    case kind::flag:
      return "";
    case kind::integer:
    case kind::real:
      return "N";
    case kind::duration:
      return "TIME";
    case kind::size:
      return "SIZE";
    case kind::text:
      return o.secret ? "SECRET" : "TEXT";
    case kind::path:
      return "PATH";
    case kind::endpoint:
      return "HOST:PORT";
    default:
      return "URL";
  }
}

}  // namespace distsys::app
