#include "scripted_server.hpp"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <zlib.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>

#include <list>
#include <stdexcept>
#include <thread>

namespace distsys::tests {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

void use_new_certificate(asio::ssl::context& tls) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME* name = X509_get_subject_name(certificate);
  const unsigned char host[] = "127.0.0.1";
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, host, -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509_sign(certificate, key, EVP_sha256());
  SSL_CTX_use_certificate(tls.native_handle(), certificate);
  SSL_CTX_use_PrivateKey(tls.native_handle(), key);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

}  // namespace

struct scripted_server::state {
  std::function<scripted_reply(const std::string&)> answer;
  asio::io_context context;
  tcp::acceptor acceptor{context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  std::uint16_t port = acceptor.local_endpoint().port();
  std::unique_ptr<asio::ssl::context> tls;
  std::atomic<std::size_t> connections{0};
  std::atomic<bool> stopping{false};

  mutable std::mutex mutex;
  std::vector<std::string> requests;
  std::list<tcp::socket*> open;
  std::vector<std::thread> threads;
  std::thread accepting;

  template <class Stream>
  void talk(Stream& stream) {
    std::string buffer;
    boost::system::error_code ec;
    for (;;) {
      const auto n = asio::read_until(stream, asio::dynamic_buffer(buffer, 1u << 20), "\r\n\r\n", ec);
      if (ec) return;
      const std::string request = buffer;
      (void)n;
      buffer.clear();
      {
        const std::lock_guard lock(mutex);
        requests.push_back(request);
      }
      const scripted_reply reply = answer(request);
      for (std::size_t i = 0; i < reply.repeat && !ec; ++i) asio::write(stream, asio::buffer(reply.bytes), ec);
      if (ec) return;
      if (reply.stall) {
        char byte = 0;
        stream.read_some(asio::buffer(&byte, 1), ec);  // until the client or the server goes
        return;
      }
      if (!reply.keep_open) return;
    }
  }

  void serve(tcp::socket socket) {
    {
      const std::lock_guard lock(mutex);
      open.push_back(&socket);
      if (stopping) return void(open.remove(&socket));
    }
    boost::system::error_code ec;
    if (tls) {
      asio::ssl::stream<tcp::socket&> stream(socket, *tls);
      stream.handshake(asio::ssl::stream_base::server, ec);
      if (!ec) talk(stream);
    } else {
      talk(socket);
    }
    const std::lock_guard lock(mutex);
    open.remove(&socket);
  }

  void accept() {
    for (;;) {
      boost::system::error_code ec;
      tcp::socket socket(context);
      acceptor.accept(socket, ec);
      if (ec || stopping) return;
      ++connections;
      threads.emplace_back([this, s = std::move(socket)]() mutable { serve(std::move(s)); });
    }
  }
};

scripted_server::scripted_server(std::function<scripted_reply(const std::string&)> answer, bool tls)
    : state_(std::make_shared<state>()) {
  state_->answer = std::move(answer);
  if (tls) {
    state_->tls = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
    use_new_certificate(*state_->tls);
  }
  state_->accepting = std::thread([s = state_.get()] { s->accept(); });
}

scripted_server::~scripted_server() {
  state_->stopping = true;
  boost::system::error_code ec;
  {
    asio::io_context own;  // wakes accept()
    tcp::socket knock(own);
    knock.connect(tcp::endpoint(asio::ip::address_v4::loopback(), state_->port), ec);
  }
  state_->accepting.join();
  {
    const std::lock_guard lock(state_->mutex);
    for (auto* socket : state_->open) socket->shutdown(tcp::socket::shutdown_both, ec);
  }
  for (auto& t : state_->threads) t.join();
}

std::uint16_t scripted_server::port() const noexcept { return state_->port; }
std::size_t scripted_server::connections() const noexcept { return state_->connections; }

std::string scripted_server::url(const std::string& path) const {
  return (state_->tls ? "https" : "http") + std::string("://127.0.0.1:") + std::to_string(port()) + path;
}

std::vector<std::string> scripted_server::requests() const {
  const std::lock_guard lock(state_->mutex);
  return state_->requests;
}

std::string http_ok(const std::string& body, const std::string& more_headers) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + more_headers + "\r\n" + body;
}

std::string gzip(const std::string& text) {
  z_stream z{};
  if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("zlib");
  }
  std::string out(deflateBound(&z, text.size()) + 64, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

std::string gzip_zeros(std::size_t size) { return gzip(std::string(size, '\0')); }

}  // namespace distsys::tests
