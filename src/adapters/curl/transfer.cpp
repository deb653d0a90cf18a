#include "transfer.hpp"

#include "address_policy.hpp"

#include "distsys/foundation/text.hpp"
#include "distsys/foundation/version.hpp"

#include <boost/asio/this_coro.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <new>
#include <optional>

namespace distsys::adapters::curl {
namespace {

constexpr std::size_t max_header_bytes = 64u << 10;
constexpr std::size_t max_headers = 200;

using event_timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, executor>;

}  // namespace

transfer::transfer(std::shared_ptr<multi> m, const transfer_settings& settings, const ports::outgoing_request& request,
                   const request_url& target)
    : multi_(std::move(m)), request_(request), target_(target), easy_(curl_easy_init()) {
  if (easy_ == nullptr) throw std::bad_alloc();
  prepare(settings);
  prepare_method();
}

transfer::~transfer() {
  if (added_) multi_->remove(easy_);
  curl_easy_cleanup(easy_);
  curl_slist_free_all(headers_);
}

void transfer::prepare(const transfer_settings& settings) {
  const auto set = [this](CURLoption option, auto value) { curl_easy_setopt(easy_, option, value); };
  set(CURLOPT_URL, target_.text.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);             // by hand: each hop is checked and loses what is not for its origin
  set(CURLOPT_PROXY, request_.proxy.c_str());  // "" also stops the environment's
  set(CURLOPT_NOPROXY, "");                    // the environment's would connect directly past the check of addresses
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_QUICK_EXIT, 1L);  // a cancelled name resolution is left behind instead of waited for
  set(CURLOPT_ACCEPT_ENCODING, "gzip");
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(settings.connect_timeout.count()));
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(CURLOPT_ERRORBUFFER, message_.data());
  if (!settings.ca_file.empty()) set(CURLOPT_CAINFO, settings.ca_file.c_str());

  set(CURLOPT_HEADERFUNCTION, &transfer::on_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, &transfer::on_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_OPENSOCKETFUNCTION, &transfer::on_open_socket);
  set(CURLOPT_OPENSOCKETDATA, this);

  bool has_agent = false;
  for (const auto& [name, value] : request_.headers) {
    has_agent = has_agent || equal_ignoring_case(name, "user-agent");
    // libcurl's way to send a header without a value is "Name;".
    const std::string line = value.empty() ? name + ";" : name + ": " + value;
    headers_ = curl_slist_append(headers_, line.c_str());
  }
  headers_ = curl_slist_append(headers_, "Expect:");  // never wait for 100 Continue
  set(CURLOPT_HTTPHEADER, headers_);
  if (!has_agent) set(CURLOPT_USERAGENT, ("distsys/" + std::string(version())).c_str());
}

void transfer::prepare_method() {
  if (request_.method == "HEAD") {
    curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
    return;
  }
  if (!request_.body.empty() || request_.method == "POST" || request_.method == "PUT") {
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, request_.body.data());  // not copied: the request outlives this
  }
  if (request_.method != "GET" && request_.method != "POST") {
    curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  }
}

awaitable<result<ports::incoming_response>> transfer::run(runtime::deadline limit) {
  // The timer is both the deadline and the bell: cancelled with `finished` set it means "done", without it that the
  // caller was cancelled.
  event_timer bell(multi_->loop(), limit);
  std::optional<CURLcode> finished;
  const CURLMcode code = multi_->add(easy_, [this, &bell, &finished](CURLcode result) {
    added_ = false;
    finished = result;
    bell.cancel();
  });
  if (code != CURLM_OK) co_return error{errc::internal, std::string("libcurl: ") + curl_multi_strerror(code)};
  added_ = true;

  const auto [ec] = co_await bell.async_wait(use_tuple);
  if (!finished) {
    if (!ec) co_return error{errc::timeout, "no complete answer from " + target_.origin() + " in time"};
    co_return error{errc::cancelled};
  }
  if (*finished != CURLE_OK) co_return failed(*finished);
  response_.effective_url = target_.text;
  co_return std::move(response_);
}

std::size_t transfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  const std::size_t bytes = size * count;
  return static_cast<transfer*>(self)->take_header({data, bytes}) ? bytes : 0;
}

bool transfer::take_header(std::string_view line) {
  header_bytes_ += line.size();
  if (header_bytes_ > max_header_bytes || response_.headers.size() >= max_headers) {
    headers_too_large_ = true;
    return false;
  }
  if (line.starts_with("HTTP/")) {  // the final answer's status line follows those of 1xx answers
    response_.headers.clear();
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    response_.status = static_cast<int>(status);
    return true;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return true;
  response_.headers.emplace_back(lower(trim(line.substr(0, colon))), std::string(trim(line.substr(colon + 1))));
  return true;
}

std::size_t transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  auto& t = *static_cast<transfer*>(self);
  const std::size_t bytes = size * count;
  if (bytes > t.request_.max_body - std::min(t.request_.max_body, t.response_.body.size())) {
    t.body_too_large_ = true;
    return CURL_WRITEFUNC_ERROR;
  }
  t.response_.body.append(data, bytes);
  return bytes;
}

curl_socket_t transfer::on_open_socket(void* self, curlsocktype, curl_sockaddr* address) {
  auto& t = *static_cast<transfer*>(self);
  // Through a proxy it is the proxy that connects to the target; the user who named it answers for its address.
  const bool any = t.request_.allow_private_addresses || !t.request_.proxy.empty();
  if (!any && !is_public(address->addr)) {
    t.address_refused_ = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

error transfer::failed(CURLcode code) const {
  const std::string reason = message_[0] != '\0' ? message_.data() : curl_easy_strerror(code);
  const std::string text = target_.origin() + ": " + reason;
  if (headers_too_large_) return {errc::too_large, target_.origin() + ": the answer's headers are over the limit"};
  if (body_too_large_) {
    return {errc::too_large,
            target_.origin() + ": the answer's body is over " + std::to_string(request_.max_body) + " bytes"};
  }
  switch (code) {
    case CURLE_COULDNT_CONNECT:
      if (address_refused_) {
        return {errc::permission_denied, target_.origin() + ": its address is not on the public Internet"};
      }
      return {errc::unavailable, text};
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_SSL_CONNECT_ERROR:
      return {errc::unavailable, text};
    case CURLE_OPERATION_TIMEDOUT:
      return {errc::timeout, text};
    case CURLE_URL_MALFORMAT:
    case CURLE_BAD_FUNCTION_ARGUMENT:
      return {errc::invalid, text};
    case CURLE_OUT_OF_MEMORY:
      return {errc::no_space, text};
    case CURLE_UNSUPPORTED_PROTOCOL:  // "Received HTTP/0.9 when not allowed": something that is not HTTP
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_PARTIAL_FILE:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return {errc::corrupt, text};
    default:
      return {errc::unavailable, text};
  }
}

}  // namespace distsys::adapters::curl
