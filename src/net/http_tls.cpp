#include "http_tls.hpp"

#include "distsys/foundation/log.hpp"

#include <openssl/ssl.h>

namespace distsys::net {

result<std::shared_ptr<asio::ssl::context>> tls_certificates::make(const tls_files& files) {
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  SSL_CTX* native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);  // idle connections hold no 34 KiB
  boost::system::error_code ec;
  context->use_certificate_chain_file(files.certificate, ec);
  if (ec) return error{errc::invalid, "certificate " + files.certificate + ": " + ec.message()};
  context->use_private_key_file(files.key, asio::ssl::context::pem, ec);
  if (ec) return error{errc::invalid, "key " + files.key + ": " + ec.message()};
  if (SSL_CTX_check_private_key(native) != 1)
    return error{errc::invalid, "key " + files.key + " does not belong to certificate " + files.certificate};
  return context;
}

tls_certificates::stamp tls_certificates::look() const {
  std::error_code ec;  // a missing file leaves zeros: different from what was loaded, so it is tried and logged
  stamp s;
  s.certificate_time = std::filesystem::last_write_time(files_.certificate, ec);
  s.certificate_size = std::filesystem::file_size(files_.certificate, ec);
  s.key_time = std::filesystem::last_write_time(files_.key, ec);
  s.key_size = std::filesystem::file_size(files_.key, ec);
  return s;
}

result<std::shared_ptr<tls_certificates>> tls_certificates::load(tls_files files) {
  std::shared_ptr<tls_certificates> made(new tls_certificates(std::move(files)));
  made->stamp_ = made->look();
  auto context = make(made->files_);
  if (!context) return context.error();
  made->context_ = std::move(*context);
  return made;
}

std::shared_ptr<asio::ssl::context> tls_certificates::current() {
  const std::lock_guard lock(mutex_);
  const auto now = runtime::steady_now();
  if (now < next_look_) return context_;
  next_look_ = now + std::chrono::seconds(1);
  const stamp seen = look();
  if (seen == stamp_) return context_;
  stamp_ = seen;
  auto context = make(files_);
  if (context) {
    context_ = std::move(*context);
    log::info("certificate reloaded", {{"file", files_.certificate}});
  } else {
    log::error("certificate not reloaded; the last good one stays in use", {{"why", context.error().detail}});
  }
  return context_;
}

}  // namespace distsys::net
