#include "stream_handler.hpp"

#include "distsys/foundation/text.hpp"

#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <string>
#include <utility>

namespace distsys::roles::cache {
namespace {

using namespace std::chrono_literals;
using net::http_response;

constexpr auto heartbeat = 15s;
constexpr std::int64_t longest_replay = 20'000;  // changes; who missed more reads the area anew
constexpr std::size_t replay_page = 500;

std::string message(std::string_view event, std::int64_t id, std::string_view data) {
  std::string out = "id: " + std::to_string(id) + "\nevent: ";
  out += event;
  out += "\ndata: ";
  out += data;
  out += "\n\n";
  return out;
}

std::string position_message(std::string_view event, std::int64_t sequence) {
  return message(event, sequence, R"({"sequence":)" + std::to_string(sequence) + '}');
}

metrics::counter& counter_of(std::string_view what) {
  return metrics::get_counter("distsys_cache_streams_total", "Event streams, by what became of them", {{"what", what}});
}

http_response too_many(stream_places::full why) {
  if (why == stream_places::full::in_all) {
    return http_response::from_error({errc::overloaded, "too many event streams are open"});
  }
  http_response r = http_response::problem(429, "Too Many Requests", "too many event streams from this address");
  return std::move(r).header("Retry-After", "5");
}

}  // namespace

stream_handler::stream_handler(domain::geo::event_repository& events, stream_hub& hub)
    : events_(events),
      hub_(hub),
      opened_(counter_of("opened")),
      refused_(counter_of("refused")),
      dropped_(counter_of("dropped")) {}

awaitable<http_response> stream_handler::open(net::http_request& request) {
  auto wanted = read_stream_request(request.query);
  if (!wanted) co_return http_response::from_error(wanted.error());
  const std::string_view header = request.header("last-event-id");
  const std::string_view last = header.empty() ? std::string_view(wanted->last_event_id) : header;
  std::optional<std::int64_t> after;
  if (!last.empty()) {
    const auto number = parse_integer(last);
    if (!number || *number < 0) {
      co_return http_response::problem(400, "Bad Request", "Last-Event-ID: not an id of this stream");
    }
    after = *number;
  }
  const executor here = co_await asio::this_coro::executor;
  auto got = hub_.subscribe(std::move(wanted->filter), here, request.client);
  if (!got.taken) {
    refused_.add();
    co_return too_many(got.why);
  }
  opened_.add();
  co_return http_response::event_stream(
      [this, from = std::move(got.taken), after](net::body_stream& out) { return run(out, from, after); });
}

awaitable<void> stream_handler::run(net::body_stream& out, std::shared_ptr<subscription> from,
                                    std::optional<std::int64_t> after) {
  co_await asio::this_coro::throw_if_cancelled(false);
  if (!co_await out.write("retry: 1000\n\n")) co_return;
  const bool near = after && *after <= from->since() && from->since() - *after <= longest_replay;
  const replayed told = near ? co_await replay(out, *from, *after) : replayed::not_told;
  if (told == replayed::given_up) co_return;
  if (told == replayed::not_told) {
    const std::string first = position_message(after ? "reset" : "hello", from->since());
    if (!co_await out.write(first)) co_return;
  }
  std::string text;
  for (;;) {
    const auto next = from->take();
    text = next.reset ? position_message("reset", *next.reset) : std::string();
    for (const shared_event& e : next.events) append_message(text, *seen_through(from->filter(), *e), e->what);
    if (next.dropped) text += "event: dropped\ndata: {\"reason\":\"the client read too slowly\"}\n\n";
    if (text.empty()) {
      const bool woken = co_await from->wait(runtime::steady_now() + heartbeat);
      if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none) co_return;
      if (woken) continue;
      text = ": still here\n\n";
    }
    const auto written = co_await out.write(text);
    if (next.dropped || (!written && written.error() == errc::timeout)) dropped_.add();
    if (!written || next.dropped) co_return;
  }
}

awaitable<stream_handler::replayed> stream_handler::replay(net::body_stream& out, const subscription& from,
                                                           std::int64_t after) {
  while (after < from.since()) {
    const ports::call_context context = ports::call_context::within(10s);
    auto changes = co_await events_.changes_after(context, after, replay_page);
    // Asked after the reading: what retention has deleted meanwhile is missing from it.
    const auto pruned = co_await events_.pruned_through(context);
    if (!changes || !pruned) co_return replayed::given_up;  // the client comes again
    if (*pruned > after) co_return replayed::not_told;
    std::string text;
    for (auto& c : *changes) {
      after = c.sequence;
      if (after > from.since()) break;  // those come through the queue
      const shared_event e = make_stream_event(std::move(c));
      if (const auto as = seen_through(from.filter(), *e)) append_message(text, *as, e->what);
    }
    if (changes->empty()) break;
    if (!text.empty() && !co_await out.write(text)) co_return replayed::given_up;
  }
  co_return replayed::told;
}

}  // namespace distsys::roles::cache
