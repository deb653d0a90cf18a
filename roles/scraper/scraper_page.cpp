#include "scraper_page.hpp"

#include "distsys/foundation/asset.hpp"
#include "distsys/foundation/html.hpp"
#include "distsys/foundation/text.hpp"
#include "distsys/runtime/clock.hpp"
#include "distsys/web/assets.hpp"

#include <array>
#include <cstdio>
#include <map>
#include <vector>

namespace distsys::roles::scraper {

std::span<const asset> assets();  // web/, made by distsys_embed()

namespace {

namespace geo = domain::geo;
using geo::tile_coverage;
using geo::tile_view;

constexpr std::array coverages{tile_coverage::covered, tile_coverage::capped, tile_coverage::failing,
                               tile_coverage::never};
constexpr auto patience = std::chrono::seconds(5);

struct source_sum {
  std::size_t tiles = 0, split = 0, leased = 0;
  std::map<tile_coverage, std::size_t> states;
  std::map<tile_coverage, double> area;
  double polls_a_minute = 0;
  std::vector<const tile_view*> rows;
};

bool is_leased(const tile_view& t, geo::timestamp now) { return t.leased_until && *t.leased_until > now; }

std::map<std::string, source_sum> by_source(std::span<const tile_view> tiles, geo::timestamp now) {
  std::map<std::string, source_sum> out;
  for (const auto& t : tiles) {
    auto& s = out[t.source];
    s.rows.push_back(&t);
    s.split += t.state == geo::tile_state::split;
    if (t.state != geo::tile_state::polling) continue;
    const auto state = geo::coverage_of(t, now);
    ++s.tiles;
    ++s.states[state];
    s.leased += is_leased(t, now);
    if (t.bounds) s.area[state] += geo::area_m2(*t.bounds);
    if (t.interval.count() > 0) s.polls_a_minute += 60'000.0 / static_cast<double>(t.interval.count());
  }
  return out;
}

std::string_view state_of(const tile_view& t, geo::timestamp now) {
  return t.state == geo::tile_state::polling ? geo::name(geo::coverage_of(t, now)) : geo::name(t.state);
}

json::value time_or_null(const std::optional<geo::timestamp>& t) {
  return t ? json::value(format_time(*t)) : json::value(nullptr);
}

json::object tile_as_json(const tile_view& t, geo::timestamp now) {
  json::object o{{"tile", t.tile},
                 {"feed", t.feed},
                 {"level", t.level},
                 {"state", state_of(t, now)},
                 {"interval_ms", t.interval.count()},
                 {"last_poll", time_or_null(t.last_poll)},
                 {"last_answer", time_or_null(t.last_answer)},
                 {"last_complete", time_or_null(t.last_complete)},
                 {"next_poll", format_time(t.next_poll)},
                 {"records", t.last_count},
                 {"changes", t.last_changes},
                 {"cap", t.cap},
                 {"capped", t.capped},
                 {"complete_polls", t.complete_polls},
                 {"failures", t.failures},
                 {"error", t.last_error},
                 {"holder", is_leased(t, now) ? json::value(t.owner) : json::value(nullptr)},
                 {"leased_until", is_leased(t, now) ? time_or_null(t.leased_until) : json::value(nullptr)}};
  if (t.bounds) o["bbox"] = {t.bounds->west, t.bounds->south, t.bounds->east, t.bounds->north};
  return o;
}

/// "12 s", "3 min", "2 h", "5 d".
std::string span_of(std::chrono::milliseconds d) {
  const auto s = std::chrono::duration_cast<std::chrono::seconds>(d).count();
  if (d.count() > 0 && d.count() < 10'000 && d.count() % 1000 != 0) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f s", static_cast<double>(d.count()) / 1000);
    return text;
  }
  if (s < 120) return std::to_string(s) + " s";
  if (s < 7200) return std::to_string(s / 60) + " min";
  return s < 172'800 ? std::to_string(s / 3600) + " h" : std::to_string(s / 86'400) + " d";
}

std::string ago(const std::optional<geo::timestamp>& t, geo::timestamp now) {
  if (!t) return "<span class=soft>never</span>";
  return "<time datetime=\"" + format_time(*t) + "\">" + span_of(std::max(now - *t, std::chrono::milliseconds(0))) +
         " ago</time>";
}

std::string due(const tile_view& t, geo::timestamp now) {
  if (t.state != geo::tile_state::polling) return "";
  if (is_leased(t, now)) return "now";
  const std::string when = t.next_poll <= now ? "due" : "in " + span_of(t.next_poll - now);
  return "<time datetime=\"" + format_time(t.next_poll) + "\">" + when + "</time>";
}

std::string badge(std::string_view state) {
  const std::string_view mood = state == "covered" || state == "retired" ? "good"
                                : state == "failing"                     ? "bad"
                                : state == "split"                       ? "soft"
                                                                         : "warn";
  return "<span class=badge data-state=" + std::string(mood) + ">" + std::string(state) + "</span>";
}

std::string area_of(double square_metres) {
  char text[48];
  std::snprintf(text, sizeof text, square_metres < 1e8 ? "%.2f km²" : "%.0f km²", square_metres / 1e6);
  return text;
}

void add_row(std::string& out, const tile_view& t, geo::timestamp now) {
  const auto cell = [&out](const std::string& html, std::string_view kind = "") {
    out += kind.empty() ? "<td>" : "<td class=" + std::string(kind) + ">";
    out += html + "</td>";
  };
  out += "<tr>";
  cell(escape_html(t.tile));
  cell(badge(state_of(t, now)));
  cell(ago(t.last_answer, now));
  cell(due(t, now));
  cell(span_of(t.interval), "number");
  cell(std::to_string(t.last_count) + (t.cap > 0 ? " <span class=soft>of " + std::to_string(t.cap) + "</span>" : ""),
       "number");
  cell(std::to_string(t.last_changes), "number");
  cell(std::to_string(t.complete_polls), "number");
  cell(is_leased(t, now) ? escape_html(t.owner.substr(0, t.owner.find('-', t.owner.find('-') + 1))) : "");
  cell(t.last_error.empty() ? "" : escape_html(t.last_error) + " (" + std::to_string(t.failures) + "&times;)", "error");
  out += "</tr>";
}

void add_source(std::string& out, const std::string& name, const source_sum& s, geo::timestamp now) {
  constexpr std::size_t most_rows = 500;
  char rate[32];
  std::snprintf(rate, sizeof rate, "%.1f", s.polls_a_minute);
  out += "<section class=card><header><h2>" + escape_html(name) + "</h2><p>" + std::to_string(s.tiles) +
         (s.tiles == 1 ? " tile, " : " tiles, ") + rate + " polls a minute</p>";
  for (const auto state : coverages) {
    const auto n = s.states.find(state);
    if (n == s.states.end()) continue;
    const double area = s.area.contains(state) ? s.area.at(state) : 0;
    out += "<p>" + badge(geo::name(state)) + " " + std::to_string(n->second) + (area > 0 ? ", " + area_of(area) : "") +
           "</p>";
  }
  out +=
      "</header><div class=scroll><table><thead><tr><th>tile<th>state<th>last answer<th>next poll<th class=number>"
      "interval<th class=number>records<th class=number>changes<th class=number>complete polls<th>polled by<th>error"
      "</tr></thead><tbody>";
  for (std::size_t i = 0; i < s.rows.size() && i < most_rows; ++i) add_row(out, *s.rows[i], now);
  out += "</tbody></table></div>";
  if (s.rows.size() > most_rows) out += "<p class=empty>and " + std::to_string(s.rows.size() - most_rows) + " more</p>";
  out += "</section>";
}

awaitable<net::http_response> show(geo::tile_repository tiles, net::http_request& request) {
  const bool page = request.header("accept").find("text/html") != std::string_view::npos;
  const auto all = co_await tiles.list(ports::call_context::within(patience));
  if (!all) co_return net::http_response::from_error(all.error());
  const auto now = runtime::now();
  auto answer =
      page ? net::http_response::html(tiles_as_html(*all, now)) : net::http_response::json(tiles_as_json(*all, now));
  if (page) {
    answer.header("Content-Security-Policy",
                  "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  }
  answer.header("Vary", "Accept").header("Cache-Control", "no-store");
  co_return answer;
}

awaitable<net::http_response> style(net::http_request&) {
  std::string css;
  for (const asset& file : web::assets())
    if (file.name == "style.css") css += file.bytes;
  for (const asset& file : assets()) css += file.bytes;
  co_return net::http_response::bytes(std::move(css), "text/css; charset=utf-8").header("Cache-Control", "no-cache");
}

}  // namespace

json::value tiles_as_json(std::span<const tile_view> tiles, geo::timestamp now) {
  json::array sources;
  for (const auto& [name, s] : by_source(tiles, now)) {
    json::object states, area;
    for (const auto state : coverages) {
      states[geo::name(state)] = s.states.contains(state) ? s.states.at(state) : 0;
      area[geo::name(state)] = s.area.contains(state) ? s.area.at(state) : 0.0;
    }
    json::array rows;
    for (const auto* t : s.rows) rows.push_back(tile_as_json(*t, now));
    sources.push_back(json::object{{"source", name},
                                   {"polling", s.tiles},
                                   {"split", s.split},
                                   {"leased", s.leased},
                                   {"polls_a_minute", s.polls_a_minute},
                                   {"states", std::move(states)},
                                   {"area_square_metres", std::move(area)},
                                   {"tiles", std::move(rows)}});
  }
  return json::object{{"now", format_time(now)}, {"sources", std::move(sources)}};
}

std::string tiles_as_html(std::span<const tile_view> tiles, geo::timestamp now) {
  std::string out =
      "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">"
      "<meta http-equiv=refresh content=5><title>distsys scraper</title><link rel=stylesheet "
      "href=\"/scraper/style.css\"><header><h1>Sources and tiles</h1><p>at <time>" +
      format_time(now).substr(11, 8) + "</time> UTC, for every scraper of this database</p></header><main>";
  const auto sources = by_source(tiles, now);
  for (const auto& [name, s] : sources) add_source(out, name, s, now);
  if (sources.empty()) out += "<div class=card><p class=empty>Nothing is polled yet.</p></div>";
  return out + "</main></html>";
}

void add_scraper_page(app::role_context& context, const geo::tile_repository& tiles) {
  context.add_operations_page("scraper", [tiles](net::http_request& r) { return show(tiles, r); });
  context.add_operations_page("scraper/style.css", [](net::http_request& r) { return style(r); });
}

}  // namespace distsys::roles::scraper
