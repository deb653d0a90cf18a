#include "event_intake.hpp"

#include "distsys/foundation/text.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace distsys::roles::cache {
namespace {

using net::http_request;
using net::http_response;
namespace geo = domain::geo;

constexpr std::size_t max_queued = 32;           // bodies that wait to be read; more: 503
constexpr std::size_t read_here = 32u << 10;     // half a millisecond: what is longer must not hold up a loop
constexpr std::size_t max_letters_a_call = 100;  // so that one client does not push out all the others'
constexpr std::size_t max_source_bytes = 64;

std::optional<upload_format> format_of(std::string_view content_type) {
  const std::string_view type = trim(content_type.substr(0, content_type.find(';')));
  if (equal_ignoring_case(type, "application/geo+json") || equal_ignoring_case(type, "application/json")) {
    return upload_format::geojson;
  }
  if (equal_ignoring_case(type, "application/x-ndjson") || equal_ignoring_case(type, "application/geo+json-seq")) {
    return upload_format::lines;
  }
  return std::nullopt;
}

row_verdict verdict_of(geo::verdict v) noexcept {
  switch (v) {
    case geo::verdict::added:
      return row_verdict::added;
    case geo::verdict::changed:
      return row_verdict::changed;
    case geo::verdict::unchanged:
      return row_verdict::unchanged;
    case geo::verdict::older:
      return row_verdict::older;
  }
  return row_verdict::unchanged;
}

/// The token's own name, or what `source=` says where the token may.
result<std::string> read_source(const http_request& request, const access_list& who) {
  net::query_parameters parameters(request.query);
  const auto named = parameters.text("source");
  if (named && (named->empty() || named->size() > max_source_bytes)) parameters.refuse("source", "1 to 64 bytes");
  if (const auto ok = parameters.finish(); !ok) return ok.error();
  std::string own(request.user);
  if (!named || *named == own) return own;
  const token_grant* grant = who.find(own);
  if (grant == nullptr || !grant->may(scope::any_source)) {
    return error{errc::permission_denied, "the token '" + own + "' may write events of its own name only"};
  }
  return *named;
}

}  // namespace

event_intake::event_intake(geo::event_repository& events, freshness& fresh, const access_list& who)
    : events_(events), fresh_(fresh), who_(who), lane_("cache-intake", max_queued) {
  for (std::size_t i = 0; i < verdicts_.size(); ++i) {
    verdicts_[i] = &metrics::get_counter("distsys_cache_posted_events_total", "Rows of POST /events, by their verdict",
                                         {{"verdict", name(static_cast<row_verdict>(i))}});
  }
}

void event_intake::add_routes(net::router& routes) {
  routes.post("/events", [this](http_request& r) { return post(r); },
              {.max_body = max_upload_bytes, .admit = who_.admission(scope::events_write)});
}

awaitable<http_response> event_intake::post(http_request& request) {
  auto source = read_source(request, who_);
  if (!source) co_return http_response::from_error(source.error());
  const auto format = format_of(request.header("content-type"));
  if (!format) {
    co_return http_response::problem(
        415, "Unsupported Media Type",
        "Content-Type must be application/geo+json, application/x-ndjson or application/geo+json-seq")
        .header("Accept-Post", "application/geo+json, application/x-ndjson, application/geo+json-seq");
  }
  // A copy: the lane may still read it when the request is given up.
  const auto body = std::make_shared<const std::string>(request.body);
  const auto read = [body, format = *format, source = *source]() -> result<std::shared_ptr<upload>> {
    auto u = read_upload(format, *body, source, runtime::now());
    if (!u) return u.error();
    return std::make_shared<upload>(std::move(*u));
  };
  const auto got = body->size() <= read_here ? read() : co_await lane_.run(read);
  if (!got) co_return http_response::from_error(got.error());
  const ports::call_context context{.deadline = request.deadline, .trace = std::string(request.traceparent)};
  upload& u = **got;
  if (const auto ok = co_await store(context, *source, u); !ok) {
    co_return http_response::from_error(ok.error());
  }
  fresh_.vouch();  // what is unchanged another process may have stored just now
  for (const upload_row& row : u.rows) verdicts_[static_cast<std::size_t>(row.verdict)]->add();
  co_return http_response::bytes(verdicts_json(u.rows), "application/json").header("Cache-Control", "no-store");
}

// Letters first: they are the same ones when everything is posted again.
awaitable<result<void>> event_intake::store(const ports::call_context& context, const std::string& source, upload& u) {
  auto& refused = u.seen.refused;
  if (!refused.empty()) {
    refused.resize(std::min(refused.size(), max_letters_a_call));
    const auto kept = co_await events_.keep_refused(context, source, u.seen.observed, std::move(refused));
    if (!kept) co_return kept.error();
  }
  const geo::timestamp observed = u.seen.observed;
  if (!u.seen.events.empty()) {
    const auto verdicts = co_await events_.store_each(context, std::move(u.seen));
    if (!verdicts) co_return verdicts.error();
    for (std::size_t i = 0; i < verdicts->size() && i < u.live.size(); ++i) {
      u.rows[u.live[i]].verdict = verdict_of((*verdicts)[i]);
    }
  }
  if (!u.ended.empty()) {
    const auto verdicts = co_await events_.end_each(context, source, u.ended, observed);
    if (!verdicts) co_return verdicts.error();
    for (std::size_t i = 0; i < verdicts->size() && i < u.over.size(); ++i) {
      const bool ended = (*verdicts)[i] == geo::verdict::changed;
      u.rows[u.over[i]].verdict = ended ? row_verdict::ended : verdict_of((*verdicts)[i]);
    }
  }
  co_return result<void>{};
}

}  // namespace distsys::roles::cache
