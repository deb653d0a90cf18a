#include "stream.hpp"

#include <linux/sockios.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <sys/ioctl.h>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <vector>

namespace distsys::adapters::redis {
namespace {

namespace ssl = asio::ssl;
using boost::system::error_code;

constexpr std::size_t write_step = 1u << 20;  // Asio's own is 64 KiB

/// Keeps the socket alive until the last operation has ended: completion handlers hold it.
template <class Layer>
class stream_over final : public stream {
 public:
  stream_over(std::shared_ptr<raw_socket> socket, std::shared_ptr<Layer> layer)
      : socket_(std::move(socket)), layer_(std::move(layer)) {}
  ~stream_over() override { stream_over::close(); }

  awaitable<io_outcome> read_some(asio::mutable_buffer into, asio::mutable_buffer then) override {
    const auto layer = layer_;
    if (then.size() > 0) {
      const std::array buffers{into, then};
      const auto [ec, n] = co_await layer->async_read_some(buffers, use_tuple);
      co_return io_outcome{ec, n};
    }
    const auto [ec, n] = co_await layer->async_read_some(into, use_tuple);
    co_return io_outcome{ec, n};
  }

  void write(std::span<const asio::const_buffer> bytes, std::function<void(error_code)> done,
             std::function<void()> moved) override {
    std::vector<asio::const_buffer> buffers(bytes.begin(), bytes.end());
    const std::size_t size = asio::buffer_size(buffers);
    asio::async_write(
        *layer_, std::move(buffers),
        [moved = std::move(moved), size](error_code ec, std::size_t taken) {
          if (moved && taken > 0 && taken < size) moved();
          return ec ? 0 : write_step;
        },
        [layer = layer_, socket = socket_, done = std::move(done)](error_code ec, std::size_t) { done(ec); });
  }

  std::size_t unconfirmed() noexcept override {
    int bytes = 0;
    return ::ioctl(socket_->native_handle(), SIOCOUTQ, &bytes) == 0 && bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
  }

  // Without TLS's farewell: Redis needs none, and waiting for the answer could hang.
  void close() noexcept override {
    error_code ec;
    socket_->close(ec);
  }

 private:
  std::shared_ptr<raw_socket> socket_;
  std::shared_ptr<Layer> layer_;
};

using tls_layer = ssl::stream<raw_socket&>;

/// The TLS layer refers to the socket, and so keeps it.
struct tls_over_socket {
  tls_over_socket(std::shared_ptr<raw_socket> s, std::shared_ptr<ssl::context> c)
      : socket(std::move(s)), context(std::move(c)), layer(*socket, *context) {}
  std::shared_ptr<raw_socket> socket;
  std::shared_ptr<ssl::context> context;
  tls_layer layer;
};

error refused(tls_layer& layer, const error_code& ec, const std::string& host) {
  const long verdict = SSL_get_verify_result(layer.native_handle());
  switch (verdict) {
    case X509_V_OK:
      return {errc::unavailable, "TLS with " + host + ": " + ec.message()};
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return {errc::unavailable, "TLS: the certificate is not for " + host};
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return {errc::unavailable, "TLS: the certificate of " + host + " is not signed by an authority of ca= (" +
                                     X509_verify_cert_error_string(verdict) + ")"};
    default:
      return {errc::unavailable,
              "TLS: the certificate of " + host + ": " + std::string(X509_verify_cert_error_string(verdict))};
  }
}

/// OpenSSL reads the authorities' extensions when one is first used, which handshakes on several loops may do at once:
/// its own order of that is invisible to ThreadSanitizer.
void read_extensions(SSL_CTX* context) {
  STACK_OF(X509_OBJECT)* const all = X509_STORE_get0_objects(SSL_CTX_get_cert_store(context));
  for (int i = 0; i < sk_X509_OBJECT_num(all); ++i)
    if (X509* const authority = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(all, i)))
      X509_check_purpose(authority, -1, 0);
}

/// What the certificate must be for. A false return is as good as no memory.
bool expect(tls_layer& layer, const std::string& host, bool is_address) {
  X509_VERIFY_PARAM* const p = SSL_get0_param(layer.native_handle());
  X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return (is_address ? X509_VERIFY_PARAM_set1_ip_asc(p, host.c_str())
                     : X509_VERIFY_PARAM_set1_host(p, host.c_str(), host.size())) == 1;
}

}  // namespace

std::unique_ptr<stream> make_plain_stream(raw_socket socket) {
  const auto shared = std::make_shared<raw_socket>(std::move(socket));
  return std::make_unique<stream_over<raw_socket>>(shared, shared);
}

result<std::shared_ptr<ssl::context>> make_tls_context(const std::string& ca_file, bool verify) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  error_code ec;
  if (ca_file.empty()) {
    context->set_default_verify_paths(ec);
  } else {
    context->load_verify_file(ca_file, ec);
    if (ec) return error{errc::invalid, "redis: ca=" + ca_file + ": " + ec.message()};
  }
  read_extensions(context->native_handle());
  context->set_verify_mode(verify ? ssl::verify_peer : ssl::verify_none, ec);
  return context;
}

awaitable<result<std::unique_ptr<stream>>> make_tls_stream(std::shared_ptr<raw_socket> socket,
                                                           std::shared_ptr<ssl::context> tls, std::string host,
                                                           bool verify) {
  const auto both = std::make_shared<tls_over_socket>(socket, std::move(tls));
  tls_layer& layer = both->layer;
  error_code no_address;
  asio::ip::make_address(host, no_address);
  // Server name indication is for names alone (RFC 6066).
  if (no_address) SSL_set_tlsext_host_name(layer.native_handle(), host.c_str());
  if (verify && !expect(layer, host, !no_address))
    co_return error{errc::unavailable, "TLS: no certificate can be for " + host};
  const auto [failed] = co_await layer.async_handshake(ssl::stream_base::client, use_tuple);
  if (failed) co_return refused(layer, failed, host);
  co_return std::make_unique<stream_over<tls_layer>>(std::move(socket), std::shared_ptr<tls_layer>(both, &layer));
}

}  // namespace distsys::adapters::redis
