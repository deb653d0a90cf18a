#include "distsys/foundation/url.hpp"

#include "distsys/foundation/text.hpp"

#include <boost/url/parse.hpp>

#include <algorithm>
#include <array>

namespace distsys {
namespace {

constexpr std::size_t max_url_bytes = 8192;
constexpr std::string_view hex_digits = "0123456789ABCDEF";

bool speaks_of_a_secret(std::string_view parameter) {
  static constexpr std::array words{"password", "passwd", "secret", "token", "key", "signature", "credential"};
  const std::string name = lower(parameter);
  return std::any_of(words.begin(), words.end(), [&](auto word) { return name.find(word) != std::string::npos; });
}

template <class Plain>
std::string escape_all_but(std::string_view text, Plain plain) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (plain(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += hex_digits[byte >> 4];
    out += hex_digits[byte & 15];
  }
  return out;
}

// What people type (spaces, UTF-8, brackets of a glob) is escaped, so that Boost.URL, which is strict, takes it.
std::string escape_the_unsafe(std::string_view text) {
  static constexpr std::string_view unsafe = " \"<>\\^`{|}";
  return escape_all_but(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x80 && unsafe.find(c) == std::string_view::npos; });
}

// Not by Boost.URL's params(): in 1.81 it reads out of bounds where an empty query is followed by a fragment
// ("a:b?#c").
std::vector<std::pair<std::string, std::string>> split_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  if (query.empty()) return parameters;
  for (const auto part : split(query, '&')) {
    const auto equals = std::min(part.find('='), part.size());
    const auto value = part.substr(std::min(equals + 1, part.size()));
    parameters.emplace_back(percent_decode(part.substr(0, equals), true).value(), percent_decode(value, true).value());
  }
  return parameters;
}

// The parts are decoded: %0A would otherwise break a line of a log.
std::string escape_controls(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += '%';
      out += hex_digits[byte >> 4];
      out += hex_digits[byte & 15];
    } else {
      out += c;
    }
  }
  return out;
}

// Takes the second and further hosts out of the authority of `text`, for Boost.URL knows one: "a://h,i:1/p" becomes
// "a://h/p" and returns "i:1".
std::optional<std::string> take_more_hosts(std::string& text) {
  const auto scheme_end = text.find_first_of(":/?#");
  if (scheme_end == std::string::npos || text.compare(scheme_end, 3, "://") != 0) return std::nullopt;
  const auto begin = scheme_end + 3;
  const auto end = std::min(text.find_first_of("/?#", begin), text.size());
  const auto at = std::string_view(text).substr(begin, end - begin).rfind('@');
  const auto comma = text.find(',', at == std::string_view::npos ? begin : begin + at);
  if (comma >= end) return std::nullopt;
  std::string more = text.substr(comma + 1, end - comma - 1);
  text.erase(comma, end - comma);
  return more;
}

result<url_host> parse_host(std::string_view text) {
  const std::string alone = "x://" + std::string(text);  // the parsed URL is a view of it
  const auto parsed = boost::urls::parse_uri(alone);
  if (!parsed || parsed->encoded_host().empty() || !parsed->encoded_path().empty() || parsed->has_userinfo())
    return error{errc::invalid, "not a list of hosts in the URL: 'host:port,host:port' is one"};
  url_host host{parsed->host_address(), {}};
  if (parsed->has_port() && !parsed->port().empty()) {
    const auto port = parse_integer({parsed->port().data(), parsed->port().size()});
    if (!port || *port > 65535) return error{errc::invalid, "a port of the URL is not a number up to 65535"};
    host.port = static_cast<std::uint16_t>(*port);
  }
  return host;
}

std::string format_host(const url_host& h) {
  std::string out = h.name.find(':') == std::string::npos ? h.name : "[" + h.name + "]";
  if (h.port) out += ":" + std::to_string(*h.port);
  return out;
}

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string percent_encode(std::string_view text) {
  return escape_all_but(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
  });
}

result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0) return error{errc::invalid, "a broken %-escape at byte " + std::to_string(i)};
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

result<url> url::parse(std::string_view text) {
  if (text.empty()) return error{errc::invalid, "the URL is empty"};
  if (text.size() > max_url_bytes) return error{errc::invalid, "the URL is longer than 8 KiB"};
  const auto control =
      std::find_if(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (control != text.end()) {
    return error{errc::invalid,
                 "a control character at byte " + std::to_string(control - text.begin()) + " of the URL"};
  }
  std::string escaped = escape_the_unsafe(text);
  const auto more_hosts = take_more_hosts(escaped);
  const auto parsed = boost::urls::parse_uri(escaped);
  if (!parsed) {
    const bool has_scheme = text.find(':') != std::string_view::npos;
    return error{errc::invalid, has_scheme ? "not a URL: " + parsed.error().message()
                                           : "not a URL: it does not begin with a scheme such as sqlite:"};
  }
  // Boost.URL 1.81 ends the authority at a port that is no number and takes the rest for a path.
  if (parsed->has_authority() && !parsed->encoded_path().empty() && parsed->encoded_path().front() != '/') {
    return error{errc::invalid, "the port of the URL is not a number up to 65535"};
  }
  url u;
  u.text_ = text;
  u.scheme_ = lower(std::string_view(parsed->scheme().data(), parsed->scheme().size()));
  u.has_authority_ = parsed->has_authority();
  u.user_ = parsed->user();
  u.password_ = parsed->password();
  u.host_ = parsed->host_address();
  if (parsed->has_port() && !parsed->port().empty()) {
    const auto port = parse_integer({parsed->port().data(), parsed->port().size()});
    if (!port || *port > 65535) return error{errc::invalid, "the port of the URL is not a number up to 65535"};
    u.port_ = static_cast<std::uint16_t>(*port);
  }
  if (!u.host_.empty() || u.port_) u.hosts_.push_back({u.host_, u.port_});
  if (more_hosts) {
    if (u.host_.empty()) return error{errc::invalid, "an empty host in the list of the URL"};
    for (const auto part : split(*more_hosts, ',')) {
      auto host = parse_host(part);
      if (!host) return host.error();
      u.hosts_.push_back(*std::move(host));
    }
  }
  u.path_ = parsed->path();
  u.parameters_ = split_query({parsed->encoded_query().data(), parsed->encoded_query().size()});
  return u;
}

std::optional<std::string_view> url::parameter(std::string_view name) const {
  for (const auto& [key, value] : parameters_) {
    if (key == name) return value;
  }
  return std::nullopt;
}

result<void> url::check_parameters(std::span<const std::string_view> known) const {
  for (const auto& [key, value] : parameters_) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    std::string detail = scheme_ + ": has no parameter '" + key + "'";
    if (known.empty()) {
      detail += "; it takes none";
    } else {
      if (const auto meant = nearest(key, known); !meant.empty())
        detail += " (did you mean '" + std::string(meant) + "'?)";
      detail += "; it takes ";
      for (std::size_t i = 0; i < known.size(); ++i) detail.append(i == 0 ? "" : ", ").append(known[i]);
    }
    return error{errc::invalid, detail};
  }
  return {};
}

url url::with_credentials(std::string user, std::string password) const {
  url u = *this;
  u.user_ = std::move(user);
  u.password_ = std::move(password);
  return u;
}

std::string url::masked() const {
  std::string out = scheme_ + ":";
  if (has_authority_) {
    out += "//";
    if (!user_.empty() || !password_.empty()) {
      out += percent_encode(user_);
      if (!password_.empty()) out += ":***";
      out += "@";
    }
    for (const auto& h : hosts_) out.append(&h == hosts_.data() ? "" : ",").append(format_host(h));
  }
  out += path_;
  char separator = '?';
  for (const auto& [key, value] : parameters_) {
    out += separator;
    out += key + "=" + (speaks_of_a_secret(key) ? "***" : value);
    separator = '&';
  }
  return escape_controls(out);
}

}  // namespace distsys
