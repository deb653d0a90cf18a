// The map: its HTML with the settings of this process in it, and its files.
#pragma once

#include "distsys/foundation/asset.hpp"
#include "distsys/net/http_message.hpp"
#include "distsys/net/router.hpp"

#include <span>
#include <string>

namespace distsys::roles::cache {

/// The files of web/, Leaflet's and the basemap; made by distsys_embed().
std::span<const asset> assets();

struct page_settings {
  std::string tile_url;          // "https://tile.example/{z}/{x}/{y}.png"; empty: the embedded basemap alone
  std::string tile_attribution;  // plain text, shown on the map
};

/// errc::invalid unless the tile URL is empty, or http(s) with {z}, {x} and {y} and nothing that could leave the
/// Content-Security-Policy.
result<void> check(const page_settings& settings);

/// Adds `GET /` and `GET /assets/…`. The settings have been checked.
void add_page(net::router& routes, const page_settings& settings);

}  // namespace distsys::roles::cache
