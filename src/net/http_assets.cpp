#include "distsys/net/router.hpp"
#include "http_gzip.hpp"

#include <openssl/evp.h>
#include <array>
#include <stdexcept>

namespace distsys::net {
namespace {

struct content_type {
  std::string_view ending, type;
};

std::string_view type_of(std::string_view name) noexcept {
  static constexpr content_type types[] = {{".html", "text/html; charset=utf-8"},
                                           {".css", "text/css; charset=utf-8"},
                                           {".js", "text/javascript; charset=utf-8"},
                                           {".mjs", "text/javascript; charset=utf-8"},
                                           {".json", "application/json"},
                                           {".geojson", "application/geo+json"},
                                           {".webmanifest", "application/manifest+json"},
                                           {".svg", "image/svg+xml"},
                                           {".png", "image/png"},
                                           {".jpg", "image/jpeg"},
                                           {".gif", "image/gif"},
                                           {".webp", "image/webp"},
                                           {".ico", "image/x-icon"},
                                           {".woff2", "font/woff2"},
                                           {".ttf", "font/ttf"},
                                           {".txt", "text/plain; charset=utf-8"},
                                           {".map", "application/json"}};
  for (const content_type& t : types)
    if (name.ends_with(t.ending)) return t.type;
  return "application/octet-stream";
}

std::string etag_of(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
    throw std::runtime_error("SHA-256 is not available");
  static constexpr char hex[] = "0123456789abcdef";
  std::string out = "\"";
  for (std::size_t i = 0; i < 12; ++i) {
    out += hex[digest[i] >> 4];
    out += hex[digest[i] & 15];
  }
  return out + '"';
}

// Made once, when the routes are; an answer only refers to it.
struct prepared_asset {
  std::string head;
  std::string compressed;
  std::string_view bytes;
};

class serve_asset {
 public:
  explicit serve_asset(std::shared_ptr<const prepared_asset> file) : file_(std::move(file)) {}
  awaitable<http_response> operator()(http_request& /*request*/) const { return answer(file_); }

 private:
  static awaitable<http_response> answer(std::shared_ptr<const prepared_asset> file) {
    const prepared_asset& f = *file;
    co_return http_response::prepared({std::move(file), f.bytes, f.compressed}, f.head);
  }
  std::shared_ptr<const prepared_asset> file_;
};

std::shared_ptr<const prepared_asset> prepare(const asset& file) {
  auto made = std::make_shared<prepared_asset>();
  const std::string_view type = type_of(file.name);
  made->bytes = file.bytes;
  if (compressible(type) && file.bytes.size() >= gzip_minimum) {
    made->compressed = gzip(file.bytes, 9);
    if (made->compressed.size() >= file.bytes.size()) made->compressed.clear();
  }
  // Names do not change with their content, so a browser asks again each time: an empty 304 nearly always.
  made->head = "Content-Type: " + std::string(type) + "\r\nETag: " + etag_of(file.bytes) +
               "\r\nCache-Control: no-cache\r\nX-Content-Type-Options: nosniff\r\n";
  return made;
}

}  // namespace

void router::assets(std::string_view prefix, std::span<const asset> files) {
  std::string base(prefix);
  if (base.empty() || base.back() != '/') base += '/';
  for (const asset& file : files) {
    const auto made = prepare(file);
    get(base + std::string(file.name), serve_asset(made));
    if (file.name == "index.html") get(base, serve_asset(made));
  }
}

}  // namespace distsys::net
