#include "http_exchange.hpp"

#include "distsys/foundation/log.hpp"
#include "distsys/foundation/text.hpp"
#include "http_gzip.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <exception>

namespace distsys::net {
namespace {

constexpr std::size_t discarded_body = 64u << 10;
constexpr std::size_t gzip_at_once = 64u << 10;

// The value of a field among whole header lines.
std::string_view find_line(std::string_view lines, std::string_view name) noexcept {
  while (!lines.empty()) {
    const std::size_t end = lines.find("\r\n");
    const std::string_view line = lines.substr(0, end);
    if (line.size() > name.size() && line[name.size()] == ':' && equal_ignoring_case(line.substr(0, name.size()), name))
      return trim(line.substr(name.size() + 1));
    if (end == std::string_view::npos) break;
    lines.remove_prefix(end + 2);
  }
  return {};
}

std::string_view find_header(const http_response& r, std::string_view name) noexcept {
  for (const auto& [key, value] : r.headers)
    if (equal_ignoring_case(key, name)) return value;
  return find_line(r.prepared_head, name);
}

std::string_view opaque_tag(std::string_view tag) noexcept { return tag.starts_with("W/") ? tag.substr(2) : tag; }

void put_number(std::string& out, std::size_t n) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), n).ptr;
  out.append(digits.data(), end);
}

// A line break in a value would begin a header of the attacker's choice.
void put_clean(std::string& out, std::string_view text) {
  const std::size_t begin = out.size();
  out += text;
  for (std::size_t i = begin; i < out.size(); ++i)
    if (static_cast<unsigned char>(out[i]) < 0x20 && out[i] != '\t') out[i] = ' ';
}

// A 304 is about what the client has: it does not describe the body that it leaves out (RFC 9110, 15.4.5).
bool describes_body(std::string_view line) noexcept {
  const std::string_view name = line.substr(0, line.find(':'));
  constexpr std::string_view names[] = {"Content-Type", "Content-Encoding", "Content-Language", "Content-Length",
                                        "Content-Range"};
  return std::any_of(std::begin(names), std::end(names),
                     [&](std::string_view n) { return equal_ignoring_case(n, name); });
}

void put_lines_of_304(std::string& out, std::string_view lines) {
  while (!lines.empty()) {
    const std::size_t end = lines.find("\r\n");
    const std::string_view line = lines.substr(0, end == std::string_view::npos ? end : end + 2);
    if (!describes_body(line)) out += line;
    lines.remove_prefix(line.size());
  }
}

bool has_body(int status) noexcept { return status >= 200 && status != 204 && status != 304; }

}  // namespace

http_exchange::http_exchange(server_state& server, server_loop& part, asio::ip::address peer, bool tls)
    : server_(server), part_(part), peer_(unmapped(peer)), peer_trusted_(server.trust.trusts(peer_)), tls_(tls) {}

void http_exchange::reset() {
  route_ = nullptr;
  request_.method = method::other;
  request_.target = request_.path = request_.raw_path = request_.query = request_.request_id = {};
  head.known.fill({});
  head.fields.clear();
  head.http11 = true;
}

std::size_t http_exchange::max_body() const noexcept {
  return route_ != nullptr ? route_->options.max_body : discarded_body;
}

bool http_exchange::origin_allowed(std::string_view origin) const noexcept {
  const auto& allowed = server_.options.cors_origins;
  return std::any_of(allowed.begin(), allowed.end(),
                     [&](const std::string& o) { return o == "*" || equal_ignoring_case(o, origin); });
}

std::optional<http_response> http_exchange::preflight(std::string_view allow) const {
  http_response r(204);
  r.header("Allow", std::string(allow));
  if (head.has(known_field::origin) && head.has(known_field::request_method) &&
      origin_allowed(head[known_field::origin])) {
    r.header("Access-Control-Allow-Methods", std::string(allow));
    const std::string_view wanted = request_.header("access-control-request-headers");
    if (!wanted.empty()) r.header("Access-Control-Allow-Headers", std::string(wanted));
    r.header("Access-Control-Max-Age", "600");
  }
  return r;
}

std::optional<http_response> http_exchange::begin(runtime::deadline now) {
  request_.method = head.method;
  request_.target = head.target;
  request_.headers = head.fields;
  request_.body = {};
  request_.user = {};
  request_.client = peer_;
  request_.secure = tls_;
  route_ = nullptr;
  if (peer_trusted_) {
    if (head.has(known_field::forwarded_for)) request_.client = server_.trust.client(peer_, head.fields);
    std::string_view proto;  // the last line is the proxy's own, whatever a client sent before it
    for (const auto& f : head.fields)
      if (equal_ignoring_case(f.name, "x-forwarded-proto")) proto = f.value;
    if (!proto.empty()) request_.secure = equal_ignoring_case(trim(proto.substr(proto.rfind(',') + 1)), "https");
  }
  ids_.assign(request_, head[known_field::request_id], head[known_field::traceparent]);
  if (!split_target(request_, paths_)) {
    server_.refused("400");
    http_response bad = http_response::problem(400, "Bad Request", "a broken escape in the path");
    bad.close = true;
    return bad;
  }
  if (server_.limiter) {
    if (const double wait = server_.limiter->take(request_.client, now); wait > 0) {
      server_.refused("rate_limit");
      return http_response::problem(429, "Too Many Requests", "too many requests from this address")
          .header("Retry-After", std::to_string(static_cast<long>(std::ceil(wait))));
    }
  }
  if (request_.path == "*") return http_response(204).header("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  router::match m = server_.routes.find(request_);
  if (m.found == nullptr) {
    if (m.allow.empty())
      return http_response::problem(404, "Not Found", "nothing is served at " + std::string(request_.path));
    if (request_.method == method::options) return preflight(m.allow);
    return http_response::problem(405, "Method Not Allowed", "allowed here: " + m.allow).header("Allow", m.allow);
  }
  route_ = m.found;
  request_.deadline = now + route_->options.handler_timeout;
  return admit();
}

std::optional<http_response> http_exchange::admit() {
  if (!route_->options.admit) return std::nullopt;
  try {
    return route_->options.admit(request_);
  } catch (const std::exception& e) {
    log::error("a request could not be judged", {{"route", route_->pattern}, {"what", e.what()}});
    return http_response::problem(500, "Internal Server Error", "");
  }
}

bool http_exchange::unchanged(const http_response& r) const {
  if (!head.has(known_field::if_none_match) || r.status != 200) return false;
  if (request_.method != method::get && request_.method != method::head) return false;
  const std::string_view tag = find_header(r, "ETag");
  if (tag.empty()) return false;
  std::string_view list = head[known_field::if_none_match];
  while (const auto element = next_element(list))  // tags of ours hold no commas
    if (*element == "*" || opaque_tag(*element) == opaque_tag(tag)) return true;
  return false;
}

bool http_exchange::wants_gzip(const http_response& r) const {
  const auto* text = std::get_if<std::string>(&r.body);
  return text != nullptr && text->size() >= gzip_minimum && has_body(r.status) &&
         head.has(known_field::accept_encoding) && accepts_gzip(head[known_field::accept_encoding]) &&
         compressible(find_header(r, "Content-Type")) && find_header(r, "Content-Encoding").empty();
}

void http_exchange::mark_gzip(http_response& r, std::string compressed) {
  r.body = std::move(compressed);
  r.header("Content-Encoding", "gzip");
  for (auto& [key, value] : r.headers)  // these bytes are another representation: the tag becomes a weak one
    if (equal_ignoring_case(key, "ETag") && !value.starts_with("W/")) value.insert(0, "W/");
}

void http_exchange::put_headers(const http_response& r, bool vary, bool precompressed) {
  const std::size_t begin = out_.size();
  if (status_ == 304) {
    put_lines_of_304(out_, r.prepared_head);
  } else {
    out_ += r.prepared_head;
  }
  if (precompressed) {  // another representation: its tag is only weakly the same
    const std::size_t tag = out_.find("ETag: \"", begin);
    if (tag != std::string::npos) out_.insert(tag + 6, "W/");
  }
  for (const auto& [key, value] : r.headers) {
    if (status_ == 304 && describes_body(key)) continue;
    put_clean(out_, key);
    out_ += ": ";
    put_clean(out_, value);
    out_ += "\r\n";
  }
  const bool cors = !server_.options.cors_origins.empty() && (route_ == nullptr || route_->options.cors);
  const std::string_view origin = head[known_field::origin];
  const bool any = cors && server_.options.cors_origins.front() == "*";
  if (vary || (cors && !any)) out_ += cors && !any ? "Vary: Accept-Encoding, Origin\r\n" : "Vary: Accept-Encoding\r\n";
  if (cors && !origin.empty() && origin_allowed(origin)) {
    out_ += "Access-Control-Allow-Origin: ";
    put_clean(out_, any ? std::string_view("*") : origin);
    out_ += "\r\nAccess-Control-Expose-Headers: ETag, Cache-Status, Retry-After, X-Request-Id\r\n";
  }
  if (!request_.request_id.empty() && (head.has(known_field::request_id) || status_ >= 500)) {
    out_ += "X-Request-Id: ";
    out_ += request_.request_id;
    out_ += "\r\n";
  }
}

void http_exchange::finish(http_response& r, bool keep, runtime::deadline now) {
  if (wants_gzip(r) && std::get<std::string>(r.body).size() <= gzip_at_once && !unchanged(r)) {
    std::string compressed = gzip(std::get<std::string>(r.body), 4);
    if (!compressed.empty() && compressed.size() < std::get<std::string>(r.body).size())
      mark_gzip(r, std::move(compressed));
  }
  status_ = unchanged(r) ? 304 : r.status;
  streams_ = false;
  body_ = {};
  bool vary = false;
  bool precompressed = false;
  if (const auto* text = std::get_if<std::string>(&r.body)) {
    body_ = *text;
    vary = text->size() >= gzip_minimum || !find_header(r, "Content-Encoding").empty();
  } else if (const auto* shared = std::get_if<shared_body>(&r.body)) {
    body_ = shared->bytes;
    const bool packed = !shared->gzip_bytes.empty();
    // Its maker may have a compressed form the next time: what depends on the field must say so from the start.
    vary = packed || (body_.size() >= gzip_minimum && compressible(find_header(r, "Content-Type")));
    precompressed =
        packed && head.has(known_field::accept_encoding) && accepts_gzip(head[known_field::accept_encoding]);
    if (precompressed) body_ = shared->gzip_bytes;
  } else if (std::holds_alternative<stream_function>(r.body)) {
    streams_ = has_body(status_);
  }
  out_.clear();
  if (status_ == 200) {
    out_ += "HTTP/1.1 200 OK\r\n";
  } else {
    out_ += "HTTP/1.1 ";
    put_number(out_, static_cast<std::size_t>(status_));
    out_ += ' ';
    out_ += reason_phrase(status_);
    out_ += "\r\n";
  }
  out_ += part_.date_line(now);
  put_headers(r, vary, precompressed);
  if (precompressed && status_ != 304) out_ += "Content-Encoding: gzip\r\n";
  if (streams_) {
    if (head.http11) out_ += "Transfer-Encoding: chunked\r\n";
  } else if (has_body(status_)) {
    out_ += "Content-Length: ";
    put_number(out_, body_.size());
    out_ += "\r\n";
  }
  if (!keep)
    out_ += "Connection: close\r\n";
  else if (!head.http11)
    out_ += "Connection: keep-alive\r\n";
  out_ += "\r\n";
  if (!has_body(status_) || request_.method == method::head) {
    body_ = {};
    streams_ = false;
  }
}

void http_exchange::record(runtime::deadline began, runtime::deadline now, std::size_t sent) const {
  const double seconds = std::chrono::duration<double>(now - began).count();
  server_.duration(part_, route_, request_.method, status_).observe(seconds);
  if (!server_.options.access_log) return;
  log::info("request", {{"method", name(request_.method)},
                        {"target", request_.target},
                        {"status", status_},
                        {"seconds", seconds},
                        {"bytes", sent},
                        {"client", request_.client.to_string()},
                        {"request_id", request_.request_id},
                        {"traceparent", request_.traceparent}});
}

}  // namespace distsys::net
