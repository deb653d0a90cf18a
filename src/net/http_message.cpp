#include "distsys/net/http_message.hpp"

#include "distsys/foundation/text.hpp"

#include <array>

namespace distsys::net {

std::string_view name(method m) noexcept {
  static constexpr std::array<std::string_view, 8> names{"GET",   "HEAD",   "POST",    "PUT",
                                                         "PATCH", "DELETE", "OPTIONS", "other"};
  return names[static_cast<std::size_t>(m)];
}

std::string_view http_request::header(std::string_view wanted) const noexcept {
  for (const header_field& f : headers)
    if (equal_ignoring_case(f.name, wanted)) return f.value;
  return {};
}

std::string_view http_request::path_parameter(std::string_view wanted) const noexcept {
  for (const path_value& v : path_values)
    if (v.name == wanted) return v.value;
  return {};
}

http_response http_response::bytes(std::string body, std::string content_type, int status) {
  http_response r(status);
  r.headers.emplace_back("Content-Type", std::move(content_type));
  r.body = std::move(body);
  return r;
}

http_response http_response::text(std::string body, int status) {
  return bytes(std::move(body), "text/plain; charset=utf-8", status);
}

http_response http_response::html(std::string body, int status) {
  return bytes(std::move(body), "text/html; charset=utf-8", status);
}

http_response http_response::json(const json::value& body, int status) {
  return bytes(boost::json::serialize(body), "application/json", status);
}

http_response http_response::shared(shared_body body, std::string content_type) {
  http_response r;
  r.headers.emplace_back("Content-Type", std::move(content_type));
  r.body = std::move(body);
  return r;
}

http_response http_response::prepared(shared_body body, std::string_view head_lines) {
  http_response r;
  r.prepared_head = head_lines;
  r.body = std::move(body);
  return r;
}

http_response http_response::event_stream(stream_function run) {
  http_response r;
  // X-Accel-Buffering: nginx would hold events back until its buffer is full.
  r.prepared_head = "Content-Type: text/event-stream\r\nCache-Control: no-store\r\nX-Accel-Buffering: no\r\n";
  r.body = std::move(run);
  return r;
}

http_response http_response::problem(int status, std::string_view title, std::string_view detail) {
  std::string body = R"({"type":"about:blank","title":)";
  json::append_string(body, title);
  body += ",\"status\":" + std::to_string(status);
  if (!detail.empty()) {
    body += ",\"detail\":";
    json::append_string(body, detail);
  }
  body += '}';
  // Some statuses may be kept by caches that are told nothing (RFC 9110, 15.1).
  return bytes(std::move(body), "application/problem+json", status).header("Cache-Control", "no-store");
}

namespace {

int status_of(errc code) noexcept {
  switch (code) {
    case errc::not_found:
      return 404;
    case errc::already_exists:
    case errc::conflict:
      return 409;
    case errc::invalid:
      return 400;
    case errc::too_large:
      return 413;
    case errc::permission_denied:
      return 403;
    case errc::timeout:
      return 504;
    case errc::no_space:
      return 507;
    case errc::unavailable:
    case errc::indeterminate:
    case errc::cancelled:
    case errc::overloaded:
      return 503;
    case errc::corrupt:
    case errc::internal:
      break;
  }
  return 500;
}

}  // namespace

http_response http_response::from_error(const error& e) {
  const int status = status_of(e.code);
  // What went wrong inside is for the log, not for whoever asks.
  http_response r = problem(status, reason_phrase(status), status == 500 ? std::string_view{} : e.detail);
  if (e.code == errc::unavailable || e.code == errc::overloaded) r.header("Retry-After", "1");
  return r;
}

http_response& http_response::header(std::string n, std::string value) & {
  headers.emplace_back(std::move(n), std::move(value));
  return *this;
}

http_response&& http_response::header(std::string n, std::string value) && {
  headers.emplace_back(std::move(n), std::move(value));
  return std::move(*this);
}

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "Unknown";
  }
}

}  // namespace distsys::net
