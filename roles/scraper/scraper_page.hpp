// `GET /scraper` on the operations port: every source and tile, as JSON or (Accept: text/html) as a page.
#pragma once

#include "distsys/app/role.hpp"
#include "distsys/domain/geo/tile_repository.hpp"

#include <span>
#include <string>

namespace distsys::roles::scraper {

/// Adds the page and its style sheet. The database may be away: then it says so.
void add_scraper_page(app::role_context& context, const domain::geo::tile_repository& tiles);

/// What the page shows. Times are RFC 3339.
json::value tiles_as_json(std::span<const domain::geo::tile_view> tiles, domain::geo::timestamp now);
std::string tiles_as_html(std::span<const domain::geo::tile_view> tiles, domain::geo::timestamp now);

}  // namespace distsys::roles::scraper
