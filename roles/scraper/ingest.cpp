#include "ingest.hpp"

#include "distsys/domain/geo/codecs.hpp"
#include "distsys/foundation/json.hpp"
#include "distsys/foundation/log.hpp"
#include "distsys/foundation/text.hpp"
#include "distsys/runtime/clock.hpp"
#include "distsys/runtime/random.hpp"

#include <algorithm>
#include <iterator>

namespace distsys::roles::scraper {
namespace {

namespace geo = domain::geo;

constexpr auto store_timeout = std::chrono::seconds(30);

/// "callback({…})": JavaScript that hands JSON to a function, which no JSON parser reads.
bool looks_like_jsonp(std::string_view text) {
  text = trim(text.substr(0, 256));
  const auto open = text.find('(');
  if (open == std::string_view::npos || open == 0 || open > 128) return false;
  return std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(open), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
           c == '.';
  });
}

error explain(const answer& a, const error& why) {
  const std::string_view text = trim(std::string_view(a.document));
  if (text.empty()) return {errc::invalid, "the document is empty"};
  if (looks_like_jsonp(text)) return {errc::invalid, "JSONP (a function call around JSON), not JSON"};
  if (text.starts_with('<')) return {errc::invalid, "HTML or XML, not JSON"};
  return why;
}

void keep_inside(std::vector<geo::event>& events, const std::vector<watched_area>& areas) {
  if (areas.empty()) return;
  std::erase_if(events, [&areas](const geo::event& e) {
    return std::none_of(areas.begin(), areas.end(), [&e](const watched_area& a) { return a.contains(e.at); });
  });
}

std::size_t counted(const geo::observation& seen, const std::string& prefix) {
  // What was refused has no id to go by. Counted too often it only splits a tile early.
  const auto others = seen.refused.size() + seen.duplicates;
  if (prefix.empty()) return seen.events.size() + others;
  return others + static_cast<std::size_t>(std::count_if(seen.events.begin(), seen.events.end(),
                                                         [&](const auto& e) { return e.id.starts_with(prefix); }));
}

std::optional<error> record(recorder& to, const answer& a, const geo::observation& seen) {
  const auto text = recordable(a.document);
  if (!text) return std::nullopt;
  const std::string source = a.source.empty() && !seen.events.empty() ? seen.events.front().source : a.source;
  const auto written = to.write(seen.observed, source, *text);
  return written ? std::nullopt : std::optional(written.error());
}

bool worth_repeating(errc code) {
  switch (code) {
    case errc::unavailable:
    case errc::overloaded:
    case errc::timeout:
    case errc::conflict:
    case errc::indeterminate:  // storing is idempotent
    case errc::no_space:
      return true;
    default:
      return false;
  }
}

/// Answers with more are refused as a whole; a recording is the user's own.
std::optional<error> too_many(const answer& a, std::size_t records) {
  if (a.recorded || records <= most_records) return std::nullopt;
  return error{errc::invalid, "it holds " + std::to_string(records) + " records; at most " +
                                  std::to_string(most_records) + " of one answer are taken"};
}

result<decoded> decode_mapped(const answer& a) {
  auto read = geo::decode(a.document, *a.mapping, {.source = a.source, .observed = a.observed});
  if (!read) return explain(a, read.error());
  if (auto e = too_many(a, read->records)) return *e;
  decoded out;
  out.seen = std::move(read->seen);
  out.source = a.source.empty() ? a.mapping->source() : a.source;
  out.skipped = read->skipped;
  out.unplaced = read->unplaced;
  out.unplaced_names = std::move(read->unplaced_names);
  out.records = a.records.value_or(read->records);
  keep_inside(out.seen.events, a.only);
  if (!read->ended.empty()) out.ended[out.source] = std::move(read->ended);
  return out;
}

}  // namespace

result<decoded> decode_answer(const answer& a) {
  if (a.mapping) return decode_mapped(a);
  auto seen = geo::decode(a.document, {a.source, a.observed, a.trusted_own});
  if (!seen) return explain(a, seen.error());
  if (auto e = too_many(a, counted(*seen, {}))) return *e;
  decoded out;
  out.seen = std::move(*seen);
  out.source = a.source;
  out.records = a.records.value_or(counted(out.seen, a.counted));
  keep_inside(out.seen.events, a.only);
  std::erase_if(out.seen.events, [&out](const geo::event& e) {
    if (!geo::says_deleted(e)) return false;
    out.ended[e.source].push_back(e.id);
    return true;
  });
  return out;
}

bool bound_time(decoded& content, geo::timestamp now) {
  if (content.seen.observed <= now + most_ahead) return false;
  content.seen.observed = now + most_ahead;
  return true;
}

std::optional<std::string> recordable(const std::string& document) {
  auto parsed = json::parse(document);
  if (!parsed) return std::nullopt;
  return boost::json::serialize(geo::without_personal_data(std::move(*parsed))) + "\n";
}

ingest::ingest(geo::event_repository& events, std::shared_ptr<runtime::blocking_lane> lane,
               std::optional<recorder> recording, tally& counts, options o)
    : events_(events), lane_(std::move(lane)), counts_(counts), options_(o) {
  if (recording) recording_ = std::make_shared<recorder>(std::move(*recording));
}

awaitable<result<std::optional<decoded>>> ingest::prepare(std::string feed, answer a) {
  const auto shared = std::make_shared<const answer>(std::move(a));
  auto done = co_await lane_->run([shared, recording = recording_, now = runtime::now()]() -> result<work> {
    auto content = decode_answer(*shared);
    if (!content) return content.error();
    work w{std::move(*content), std::nullopt};
    w.from_future = !shared->recorded && bound_time(w.content, now);
    if (recording) w.recording_failed = record(*recording, *shared, w.content.seen);
    return w;
  });
  if (!done) {
    if (done.error() == errc::overloaded || done.error() == errc::cancelled) co_return done.error();
    if (auto kept = co_await refuse(feed, shared, done.error()); !kept) co_return kept.error();
    co_return std::optional<decoded>();
  }
  if (const auto& failed = done->recording_failed; failed && counts_.count_refused(feed, "not_recorded")) {
    log::error("cannot record answers", {{"source", feed}, {"error", failed->what()}});
  }
  if (done->from_future && counts_.count_refused(feed, "observed_in_future")) {
    log::warn("a source's clock is ahead of ours", {{"source", feed}});
  }
  co_return std::optional(std::move(done->content));
}

awaitable<bool> ingest::pause(error why, unsigned attempt) {
  constexpr unsigned attempts_once = 6;
  if (!worth_repeating(why.code) || (options_.once && attempt >= attempts_once)) co_return false;
  if (attempt == 1) log::warn("cannot store events for now", {{"error", why.what()}});
  const double seconds = std::min(30.0, 0.1 * static_cast<double>(1u << std::min(attempt, 10u)));
  const auto delay = std::chrono::duration<double>(seconds * runtime::thread_random().uniform(0.5, 1.0));
  co_return co_await runtime::sleep_for(std::chrono::duration_cast<std::chrono::steady_clock::duration>(delay));
}

awaitable<result<geo::store_outcome>> ingest::store(std::string feed, decoded content) {
  auto& events = content.seen.events;
  geo::store_outcome total;
  // In slices: a big document neither holds the loop nor the database's writer for long.
  for (std::size_t from = 0; from < events.size(); from += options_.batch) {
    geo::observation part;
    part.observed = content.seen.observed;
    const std::size_t to = std::min(events.size(), from + options_.batch);
    part.events.assign(std::make_move_iterator(events.begin() + static_cast<std::ptrdiff_t>(from)),
                       std::make_move_iterator(events.begin() + static_cast<std::ptrdiff_t>(to)));
    for (unsigned attempt = 1;; ++attempt) {
      const auto context = ports::call_context::within(store_timeout);
      const auto outcome = co_await events_.store(context, part);
      if (outcome) {
        counts_.count_events(feed, *outcome);
        total += *outcome;
        break;
      }
      if (!co_await pause(outcome.error(), attempt)) co_return outcome.error();
    }
  }
  for (auto& [source, ids] : content.ended) {
    const auto ended = co_await end(feed, source, std::move(ids), content.seen.observed);
    if (!ended) co_return ended.error();
    total += *ended;
  }
  counts_.count_duplicates(feed, content.seen.duplicates);
  counts_.count_skipped(feed, content.skipped);
  auto& refused = content.seen.refused;
  for (const auto& r : refused) {
    if (!counts_.count_refused(feed, r.reason)) continue;
    log::warn("a record is refused", {{"source", feed}, {"reason", r.reason}, {"detail", r.detail}});
  }
  if (!refused.empty()) {
    // By the events' source, so that a replay of what was recorded keeps no second letter.
    const std::string& from = content.source.empty() ? feed : content.source;
    if (auto ok = co_await keep(from, content.seen.observed, std::move(refused)); !ok) co_return ok.error();
  }
  counts_.count_answer(feed, answer_outcome::fresh);
  co_return total;
}

awaitable<result<geo::store_outcome>> ingest::end(std::string feed, std::string source, std::vector<std::string> ids,
                                                  geo::timestamp observed) {
  for (unsigned attempt = 1;; ++attempt) {
    const auto context = ports::call_context::within(store_timeout);
    const auto outcome = co_await events_.end(context, source, ids, observed);
    if (outcome) {
      counts_.count_events(feed, *outcome);
      co_return *outcome;
    }
    if (!co_await pause(outcome.error(), attempt)) co_return outcome.error();
  }
}

awaitable<result<std::vector<geo::verdict>>> ingest::end_absent(std::string feed, std::string source,
                                                                std::vector<std::string> ids, geo::timestamp observed) {
  for (unsigned attempt = 1;; ++attempt) {
    const auto context = ports::call_context::within(store_timeout);
    auto each = co_await events_.end_each(context, source, ids, observed);
    if (each) {
      geo::store_outcome counted;
      for (const auto v : *each) {
        counted.ended += v == geo::verdict::changed;
        counted.older += v == geo::verdict::older;
        counted.unchanged += v == geo::verdict::unchanged;
      }
      counts_.count_events(feed, counted);
      co_return each;
    }
    if (!co_await pause(each.error(), attempt)) co_return each.error();
  }
}

awaitable<result<void>> ingest::keep(std::string feed, geo::timestamp observed, std::vector<geo::refusal> refused) {
  for (unsigned attempt = 1;; ++attempt) {
    const auto context = ports::call_context::within(store_timeout);
    const auto kept = co_await events_.keep_refused(context, feed, observed, refused);
    if (kept) co_return result<void>{};
    if (!co_await pause(kept.error(), attempt)) co_return kept.error();
  }
}

awaitable<result<void>> ingest::refuse(std::string feed, std::shared_ptr<const answer> a, error why) {
  log::warn("a document is refused", {{"source", feed}, {"document", a->origin}, {"reason", why.detail}});
  counts_.document_refused(feed, a->origin, why.detail);
  // Its text is not kept: what is not JSON cannot be cleared of personal data.
  std::vector<geo::refusal> refused(1);
  refused[0].reason = "not_a_document";
  refused[0].detail = a->origin + ": " + why.detail;
  co_return co_await keep(feed, a->observed.value_or(runtime::now()), std::move(refused));
}

}  // namespace distsys::roles::scraper
