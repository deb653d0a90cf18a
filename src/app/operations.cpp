#include "src/app/operations.hpp"

#include "distsys/foundation/json.hpp"
#include "distsys/foundation/log.hpp"
#include "distsys/foundation/metrics.hpp"
#include "distsys/foundation/text.hpp"
#include "distsys/foundation/version.hpp"

#include <boost/asio/co_spawn.hpp>

namespace distsys::app {
namespace {

constexpr unsigned ports_to_try = 100;
constexpr auto longest_silence = std::chrono::seconds(10);

awaitable<net::http_response> metrics_page(net::http_request&) {
  co_return net::http_response::bytes(metrics::scrape(), "text/plain; version=0.0.4; charset=utf-8");
}

net::http_response level_answer() {
  return net::http_response::json(json::object{{"level", std::string(log::name(log::get_level()))}});
}

awaitable<net::http_response> read_level(net::http_request&) { co_return level_answer(); }

// `debug` or {"level": "debug"}.
awaitable<net::http_response> write_level(net::http_request& request) {
  std::string wanted(trim(request.body));
  if (const auto parsed = json::parse(request.body); parsed && parsed->is_object())
    wanted = json::get_string(parsed->get_object(), "level").value_or("");
  const auto level = log::parse_level(wanted);
  if (!level)
    co_return net::http_response::problem(400, "Unknown level", "one of trace, debug, info, warn, error, off");
  log::set_level(*level);
  log::info("the log level was set", {{"level", wanted}, {"client", request.client.to_string()}});
  co_return level_answer();
}

constexpr std::string_view page_head =
    "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    "<title>distsys operations</title><style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;"
    "max-width:40rem;margin:2rem auto;padding:0 1rem}li{margin:.3rem 0}code{font-size:.95em}</style>"
    "<h1>distsys</h1>";

}  // namespace

operations::operations(shared_state& shared, const loop_probe& probe, std::vector<const live_settings*> shown,
                       json::object build)
    : shared_(shared), probe_(probe), shown_(std::move(shown)), build_(std::move(build)) {}

net::router operations::routes() {
  net::router r;
  r.get("/", [this](net::http_request& request) { return index(request); });
  r.get("/livez", [this](net::http_request& request) { return livez(request); });
  r.get("/readyz", [this](net::http_request& request) { return readyz(request); });
  r.get("/config", [this](net::http_request& request) { return config(request); });
  r.get("/metrics", metrics_page);
  r.get("/buildinfo", [this](net::http_request& request) { return buildinfo(request); });
  r.get("/loglevel", read_level);
  r.add(net::method::put, "/loglevel", write_level);
  for (const auto& [name, handle] : shared_.pages) r.get("/" + name, handle);
  return r;
}

awaitable<result<void>> operations::listen(endpoint where, bool chosen_by_user) {
  const unsigned tries = chosen_by_user || where.port == 0 ? 1 : ports_to_try;
  result<void> outcome = error{errc::internal};
  for (unsigned i = 0; i < tries && where.port + i <= 65535; ++i) {
    net::http_server_options o;
    o.role = "operations";
    o.host = where.host;
    o.port = static_cast<std::uint16_t>(where.port + i);
    auto server = std::make_unique<net::http_server>(shared_.loops, std::move(o), routes());
    outcome = co_await server->listen();
    if (outcome) {
      where_ = {where.host, server->port()};
      server_ = std::move(server);
      if (i > 0)
        log::warn("the operations port is taken; the next free one is used",
                  {{"wanted", where.port}, {"port", where_.port}});
      co_return outcome;
    }
    co_await server->close();
    if (outcome.error().code != errc::already_exists) break;
  }
  co_return error{outcome.error().code, "operations port " + format_endpoint(where) + ": " + outcome.error().detail};
}

awaitable<void> operations::close(runtime::deadline limit) {
  if (!server_) co_return;
  co_await server_->drain(limit);
  co_await server_->close();
  server_.reset();
}

std::string operations::address() const { return "http://" + format_endpoint(where_) + "/"; }

void operations::verdict::add(std::string_view name, const std::string& trouble, bool needed) {
  ready = ready && (trouble.empty() || !needed);
  lines += trouble.empty() ? "[+] " : needed ? "[-] " : "[!] ";
  lines += name;
  if (!trouble.empty()) lines += (needed ? ": " : ": degraded, but ready without it: ") + trouble;
  lines += '\n';
}

awaitable<operations::verdict> operations::judge() {
  verdict v;
  const auto p = phase_.load();
  v.add("process", p == phase::ready ? "" : p == phase::starting ? "it is starting" : "it is stopping");
  for (const auto* b : shared_.backends.all()) {
    if (b->port == kind::url_http_client) continue;  // the world's servers are nobody's backend
    const auto h = health(*b);
    const std::string name = std::string(port_name(b->port)) + " " + b->address;
    v.add(name, h.healthy ? "" : h.detail.empty() ? "it does not answer" : h.detail, b->needed);
  }
  for (const auto& c : shared_.checks) v.add(c.name, c.check());
  co_return v;
}

awaitable<net::http_response> operations::livez(net::http_request&) {
  const bool alive = probe_.silence() < longest_silence;
  co_return net::http_response::text(alive ? "ok\n" : "a loop does not answer\n", alive ? 200 : 503);
}

awaitable<net::http_response> operations::readyz(net::http_request& request) {
  // Roles promise their checks for loop 0 only.
  const auto v = co_await asio::co_spawn(shared_.loops.loop(0), judge(), use_awaitable);
  const bool verbose = request.query == "verbose" || request.query.starts_with("verbose=");
  const std::string word = v.ready ? "ready\n" : "not ready\n";
  co_return net::http_response::text(verbose || !v.ready ? v.lines + word : word, v.ready ? 200 : 503)
      .header("Cache-Control", "no-store");
}

awaitable<net::http_response> operations::config(net::http_request&) {
  json::object out;
  for (const auto* s : shown_) {
    const auto current = s->get();
    out[current->of().name.empty() ? "process" : current->of().name] = to_json(*current);
  }
  co_return net::http_response::json(out);
}

awaitable<net::http_response> operations::buildinfo(net::http_request&) { co_return net::http_response::json(build_); }

awaitable<net::http_response> operations::index(net::http_request&) {
  std::string page(page_head);
  page += "<p>Version " + std::string(version()) + ", playing ";
  for (std::size_t i = 1; i < shown_.size(); ++i)
    page += (i == 1 ? "<b>" : ", <b>") + std::string(shown_[i]->get()->of().name) + "</b>";
  page += ".</p>";
  if (phase_ != phase::starting && !links_.empty()) {
    page += "<ul>";
    for (const auto& [role, address] : links_)
      page += "<li>" + role + ": <a href='" + address + "'>" + address + "</a>";
    page += "</ul>";
  }
  page +=
      "<ul><li><a href=/livez>livez</a>: is the process alive"
      "<li><a href='/readyz?verbose'>readyz</a>: can it serve, and what does each dependency say"
      "<li><a href=/metrics>metrics</a>: for Prometheus"
      "<li><a href=/config>config</a>: every setting and where it comes from"
      "<li><a href=/buildinfo>buildinfo</a>: version, commit and libraries"
      "<li><a href=/loglevel>loglevel</a>: <code>curl -X PUT -d debug …/loglevel</code>";
  for (const auto& [name, handle] : shared_.pages)  // what lies below a page belongs to it
    if (name.find('/') == std::string::npos) page += "<li><a href='/" + name + "'>" + name + "</a>";
  co_return net::http_response::html(page + "</ul>");
}

}  // namespace distsys::app
