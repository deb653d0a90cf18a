// The server's TLS context, made anew when its files change.
#pragma once

#include "distsys/net/http_server.hpp"

#include <boost/asio/ssl/context.hpp>

#include <filesystem>
#include <memory>
#include <mutex>

namespace distsys::net {

/// TLS 1.2 and later. Files are looked at before a handshake, at most once a second; a pair that does not load leaves
/// the last good one in use and is logged once. Any thread.
class tls_certificates {
 public:
  static result<std::shared_ptr<tls_certificates>> load(tls_files files);
  std::shared_ptr<asio::ssl::context> current();

 private:
  struct stamp {
    std::filesystem::file_time_type certificate_time{}, key_time{};
    std::uintmax_t certificate_size = 0, key_size = 0;
    bool operator==(const stamp&) const = default;
  };
  explicit tls_certificates(tls_files files) : files_(std::move(files)) {}
  static result<std::shared_ptr<asio::ssl::context>> make(const tls_files& files);
  stamp look() const;

  tls_files files_;
  std::mutex mutex_;
  std::shared_ptr<asio::ssl::context> context_;
  stamp stamp_;
  runtime::deadline next_look_{};
};

}  // namespace distsys::net
