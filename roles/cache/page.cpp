#include "page.hpp"

#include "answer.hpp"

#include "distsys/foundation/html.hpp"
#include "distsys/foundation/url.hpp"
#include "distsys/net/gzip.hpp"
#include "distsys/web/assets.hpp"

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

namespace distsys::roles::cache {
namespace {

void replace(std::string& text, std::string_view mark, std::string_view by) {
  const auto at = text.find(mark);
  if (at == std::string::npos) throw std::logic_error("index.html lacks " + std::string(mark));
  text.replace(at, mark.size(), by);
}

// "https://*.tile.example" for "https://{s}.tile.example:8080/…": what a CSP may name.
std::string origin_of(std::string_view tile_url) {
  const auto authority = tile_url.find("://") + 3;
  std::string origin(tile_url.substr(0, tile_url.find('/', authority)));
  const auto subdomain = origin.find("{s}");
  if (subdomain != std::string::npos) origin.replace(subdomain, 3, "*");
  return origin;
}

struct prepared {
  std::string head, text, compressed;  // text and compressed are empty when the body is embedded
  net::shared_body body;
};

awaitable<net::http_response> answer_prepared(std::shared_ptr<const prepared> p) {
  net::shared_body body = p->body;
  body.owner = p;
  co_return net::http_response::prepared(std::move(body), p->head);
}

std::string_view bytes_of(std::string_view name) {
  for (const asset& file : assets())
    if (file.name == name) return file.bytes;
  throw std::logic_error(std::string(name) + " is not embedded");
}

std::shared_ptr<const prepared> page_of(const page_settings& settings) {
  auto page = std::make_shared<prepared>();
  page->text = bytes_of("index.html");
  replace(page->text, "{{tile-url}}", escape_html(settings.tile_url));
  replace(page->text, "{{tile-attribution}}", escape_html(settings.tile_attribution));
  page->compressed = net::gzip(page->text, 9);
  page->body = {nullptr, page->text, page->compressed};
  std::string policy =
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; manifest-src 'self'; "
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; img-src 'self' data:";
  if (!settings.tile_url.empty()) policy += ' ' + origin_of(settings.tile_url);
  page->head = "Content-Type: text/html; charset=utf-8\r\nContent-Security-Policy: " + policy +
               "\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
               "Cross-Origin-Opener-Policy: same-origin\r\nCache-Control: no-cache\r\nETag: " +
               etag_of(page->text) + "\r\n";
  return page;
}

}  // namespace

result<void> check(const page_settings& settings) {
  const std::string& tiles = settings.tile_url;
  if (tiles.empty()) return {};
  const bool web = tiles.starts_with("https://") || tiles.starts_with("http://");
  const bool placeholders = tiles.find("{z}") != std::string::npos && tiles.find("{x}") != std::string::npos &&
                            tiles.find("{y}") != std::string::npos;
  const std::string_view forbidden = " \t\r\n;,'\"<>\\";
  const bool plain = std::all_of(tiles.begin(), tiles.end(), [&](char c) {
    return c > ' ' && c != 0x7f && forbidden.find(c) == std::string_view::npos;
  });
  const auto authority = tiles.find("://") + 3;
  const std::string host = web ? tiles.substr(authority, tiles.find('/', authority) - authority) : "";
  // A brace elsewhere in the host would be a hole in the policy.
  const std::string_view rest = std::string_view(host).substr(host.starts_with("{s}.") ? 4 : 0);
  const bool host_ok = !rest.empty() && rest.find_first_of("{}@*") == std::string_view::npos;
  if (web && placeholders && plain && host_ok) return {};
  return error{errc::invalid, "--cache.tile-url: expected https://HOST/…{z}/{x}/{y}…, where HOST may begin with {s}."};
}

void add_page(net::router& routes, const page_settings& settings) {
  routes.get("/", [p = page_of(settings)](net::http_request&) { return answer_prepared(p); });

  // The basemap is compressed when it is built: doing it at start-up would take longer than all the rest.
  auto basemap = std::make_shared<prepared>();
  basemap->body = {nullptr, bytes_of("basemap.json"), bytes_of("basemap.json.gz")};
  basemap->head =
      "Content-Type: application/json\r\nCache-Control: no-cache\r\nX-Content-Type-Options: nosniff\r\nETag: " +
      etag_of(basemap->body.bytes) + "\r\n";
  routes.get("/assets/basemap.json", [basemap](net::http_request&) { return answer_prepared(basemap); });

  std::vector<asset> others;
  for (const asset& file : assets())
    if (file.name != "index.html" && !file.name.starts_with("basemap.json")) others.push_back(file);
  routes.assets("/assets/", others);
  routes.assets("/web/", web::assets());
}

}  // namespace distsys::roles::cache
