// What a handler sees of a request and answers with.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/foundation/json.hpp"
#include "distsys/runtime/awaitable.hpp"
#include "distsys/runtime/clock.hpp"

#include <boost/asio/ip/address.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace distsys::net {

enum class method : std::uint8_t { get, head, post, put, patch, del, options, other };
std::string_view name(method m) noexcept;

struct header_field {
  std::string_view name, value;
};

/// A request as it stands in its connection's buffer: every view is valid until the handler's coroutine ends.
class http_request {
 public:
  distsys::net::method method = method::get;
  std::string_view target;    // as received: "/events?lat=1"
  std::string_view path;      // percent-decoded, "." and ".." resolved; an encoded '/' stays "%2F"; "/events"
  std::string_view raw_path;  // as received, "." and ".." resolved, not decoded; what routes match when not empty
  std::string_view query;     // as received, without '?'
  std::string_view body;
  std::span<const header_field> headers;
  asio::ip::address client;      // the peer, or what a trusted proxy said of it
  bool secure = false;           // TLS here, or said so by a trusted proxy
  std::string_view request_id;   // from the client when well-formed, else made here
  std::string_view traceparent;  // W3C Trace Context, continued or begun here
  runtime::deadline deadline;    // when the answer must be under way
  std::string_view user;         // set by authentication; empty without

  /// Case-insensitive; the first of that name; empty when absent.
  std::string_view header(std::string_view name) const noexcept;
  /// The decoded value of `{name}` in the route's pattern.
  std::string_view path_parameter(std::string_view name) const noexcept;

  struct path_value {
    std::string_view name;
    std::string value;
  };
  std::vector<path_value> path_values;  // filled by the router
};

/// The decoded query of a request, read by name and type. Every problem is collected, so that one answer tells all.
class query_parameters {
 public:
  explicit query_parameters(std::string_view encoded_query);

  std::optional<std::string> text(std::string_view name);
  std::optional<double> real(std::string_view name, double low, double high);
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t low, std::int64_t high);
  std::optional<bool> flag(std::string_view name);
  std::vector<std::string> texts(std::string_view name);  // repeated, or separated by commas

  /// For problems found by the caller: refuse("bbox", "four numbers west,south,east,north").
  void refuse(std::string_view name, std::string_view why);
  /// errc::invalid naming every bad and every unknown (never asked for) parameter; success otherwise.
  result<void> finish() const;

 private:
  struct parameter {
    std::string name, value;
    bool used = false;
  };
  std::vector<parameter> parameters_;
  std::string problems_;
};

/// Bytes that are written as they are, shared by every answer that uses them.
struct shared_body {
  std::shared_ptr<const void> owner;  // empty for static storage; keeps all views below alive
  std::string_view bytes;
  std::string_view gzip_bytes{};  // the same, compressed once by the maker: sent to who accepts gzip. Empty: none
};

/// The open end of a streamed answer (Server-Sent Events, long lists). Chunked; one writer.
class body_stream {
 public:
  virtual ~body_stream() = default;
  /// Completes when the bytes are with the kernel: back-pressure. errc::unavailable when the client is gone,
  /// errc::timeout when it does not read for the write deadline, errc::cancelled.
  virtual awaitable<result<void>> write(std::string_view bytes) = 0;
};
using stream_function = std::function<awaitable<void>(body_stream&)>;

/// An answer: a status, a few headers, and one of four kinds of body.
class http_response {
 public:
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::variant<std::monostate, std::string, shared_body, stream_function> body;
  bool close = false;  // end the connection after it
  /// Whole header lines, each ended by CRLF, written as they are before `headers`. Static, or kept by the shared body's
  /// owner. The cheapest way to say Content-Type, ETag and Cache-Control of prepared bytes.
  std::string_view prepared_head;

  http_response() = default;
  explicit http_response(int s) : status(s) {}

  static http_response text(std::string body, int status = 200);  // text/plain; charset=utf-8
  static http_response html(std::string body, int status = 200);
  static http_response json(const json::value& body, int status = 200);
  static http_response bytes(std::string body, std::string content_type, int status = 200);
  static http_response shared(shared_body body, std::string content_type);
  /// Prepared bytes and header lines: nothing is formatted or allocated for it.
  static http_response prepared(shared_body body, std::string_view head_lines);
  /// Server-Sent Events: the content type, no caching, no buffering by proxies. The stream ends when `run` returns.
  static http_response event_stream(stream_function run);
  /// RFC 9457 application/problem+json, never kept by caches.
  static http_response problem(int status, std::string_view title, std::string_view detail);
  /// The status that fits the code; `unavailable` and `overloaded` carry Retry-After. Details of internal are not
  /// shown.
  static http_response from_error(const error& e);

  http_response& header(std::string name, std::string value) &;
  http_response&& header(std::string name, std::string value) &&;
};

std::string_view reason_phrase(int status) noexcept;

}  // namespace distsys::net
