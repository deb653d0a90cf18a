// TLS: the same server behind it, old protocols refused, certificates changed while running.
#include "server_fixture.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <catch2/catch.hpp>

#include <cstdio>
#include <filesystem>
#include <memory>

using namespace distsys;
using namespace distsys::net;
using namespace distsys::net::test;
using namespace std::chrono_literals;

namespace {

template <auto free>
struct freed_by {
  template <class T>
  void operator()(T* p) const {
    free(p);
  }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using context_ptr = std::unique_ptr<SSL_CTX, freed_by<SSL_CTX_free>>;
using ssl_ptr = std::unique_ptr<SSL, freed_by<SSL_free>>;
using file_ptr = std::unique_ptr<FILE, freed_by<std::fclose>>;

class temporary_folder {
 public:
  temporary_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "distsys-tls-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~temporary_folder() { std::filesystem::remove_all(path_); }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  std::string file(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

void write_certificate(const tls_files& to, const char* name) {
  const key_ptr key(EVP_EC_gen("P-256"));
  const certificate_ptr x(X509_new());
  ASN1_INTEGER_set(X509_get_serialNumber(x.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(x.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(x.get()), 3600);
  X509_set_pubkey(x.get(), key.get());
  X509_NAME* subject = X509_get_subject_name(x.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509_set_issuer_name(x.get(), subject);
  X509_sign(x.get(), key.get(), EVP_sha256());
  const file_ptr c(std::fopen(to.certificate.c_str(), "w"));
  PEM_write_X509(c.get(), x.get());
  const file_ptr k(std::fopen(to.key.c_str(), "w"));
  PEM_write_PrivateKey(k.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
}

/// A blocking TLS client. `name` is empty when the handshake failed.
struct tls_client {
  explicit tls_client(std::uint16_t port, int highest = TLS1_3_VERSION)
      : raw(port), context(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_security_level(context.get(), 0);
    SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context.get(), highest);
    ssl.reset(SSL_new(context.get()));
    SSL_set_fd(ssl.get(), raw.fd());
    if (SSL_connect(ssl.get()) != 1) return;
    const certificate_ptr peer(SSL_get1_peer_certificate(ssl.get()));
    char text[64] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(peer.get()), NID_commonName, text, sizeof text);
    name = text;
  }
  std::string ask(const std::string& request) {
    SSL_write(ssl.get(), request.data(), static_cast<int>(request.size()));
    std::string out;
    char buffer[16384];
    for (int n; (n = SSL_read(ssl.get(), buffer, sizeof buffer)) > 0;) out.append(buffer, static_cast<std::size_t>(n));
    clean_end = SSL_get_error(ssl.get(), 0) == SSL_ERROR_ZERO_RETURN || SSL_get_shutdown(ssl.get()) != 0;
    return out;
  }
  raw_client raw;
  context_ptr context;
  ssl_ptr ssl;
  std::string name;
  bool clean_end = false;
};

awaitable<http_response> large(http_request& r) {
  co_return http_response::text(std::string(300000, 'x') + (r.secure ? "secure" : "plain"));
}
awaitable<void> events(body_stream& to) {
  for (int i = 0; i < 3; ++i) co_await to.write("data: x\n\n");
}
awaitable<http_response> stream(http_request& /*r*/) { co_return http_response::event_stream(events); }

router routes() {
  router r;
  r.get("/large", large);
  r.get("/stream", stream);
  return r;
}

constexpr const char* closing = "Connection: close\r\n";

}  // namespace

TEST_CASE("TLS serves, refuses old protocols, and takes new certificates without a restart") {
  const temporary_folder folder;
  http_server_options o;
  o.tls = {folder.file("cert.pem"), folder.file("key.pem")};
  CHECK_THROWS_AS(server_fixture(routes(), o), failure);  // no such file: said at start
  write_certificate(o.tls, "first");
  const server_fixture server(routes(), o);
  {
    tls_client c(server.port());
    CHECK(c.name == "first");
    const std::string answer = c.ask(get("/large") + get("/stream") + get("/large", closing));
    CHECK(answer.find(std::string(300000, 'x') + "secureHTTP/1.1 200") != std::string::npos);
    CHECK(answer.find("9\r\ndata: x\n\n\r\n0\r\n\r\nHTTP/1.1 200") != std::string::npos);
    CHECK(answer.ends_with("secure"));
    CHECK(c.clean_end);
  }
  CHECK(tls_client(server.port(), TLS1_1_VERSION).name.empty());
  CHECK(tls_client(server.port(), TLS1_2_VERSION).name == "first");
  raw_client plain(server.port());
  plain.send(get("/large"));
  CHECK(plain.read_to_end().find("200 OK") == std::string::npos);

  const auto becomes = [&](const char* name) {
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (std::chrono::steady_clock::now() < until) {
      if (tls_client(server.port()).name == name) return true;
      std::this_thread::sleep_for(50ms);
    }
    return false;
  };
  write_certificate(o.tls, "the second");
  CHECK(becomes("the second"));
  {
    const file_ptr rubbish(std::fopen(o.tls.key.c_str(), "w"));
  }
  std::this_thread::sleep_for(1200ms);  // past the next look at the files
  CHECK(tls_client(server.port()).name == "the second");
  write_certificate(o.tls, "third");
  CHECK(becomes("third"));
}
