#include "redis_kv_store.hpp"

#include "redis_error.hpp"
#include "stored_value.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace distsys::adapters::redis {
namespace {

constexpr std::size_t value_reply = ports::kv_store::max_value_bytes + 1024;  // the largest value, its head and framing
constexpr std::size_t keys_a_command = 16;                                    // of MGET: bounds what one reply may take

error unexpected() { return {errc::corrupt, "redis: an answer of an unexpected kind"}; }
error damaged() { return {errc::corrupt, "redis: the value's head is damaged, or another program wrote it"}; }

// A TTL of centuries is as good as none, and the server would refuse it.
std::int64_t expiry(ports::time_to_live ttl) {
  return ttl.count() <= 0 || ttl > std::chrono::years(100) ? 0 : ttl.count();
}

result<ports::shared_bytes> to_value(reply&& r) {
  switch (r.type) {
    case reply::kind::nil:
    case reply::kind::tombstone:
      return error{errc::not_found};
    case reply::kind::bulk:
      return std::make_shared<const std::string>(std::move(r.text));
    case reply::kind::damaged:
      return damaged();
    case reply::kind::too_large:
      return error{errc::too_large, "redis: another program stored a value of more than 64 MiB"};
    case reply::kind::error:
      return server_error(r.text);
    default:
      return unexpected();
  }
}

command set_command(const std::string& key, const ports::shared_bytes& value, ports::time_to_live ttl, bool if_absent) {
  const auto ms = expiry(ttl);
  command c(3 + (ms > 0 ? 2 : 0) + (if_absent ? 1 : 0));
  c.add("SET").add(key).add(plain_head(*value), value);
  if (ms > 0) c.add("PX").add(ms);
  if (if_absent) c.add("NX");
  return c;
}

std::int64_t total(const std::vector<std::shared_ptr<loop_figures>>& figures,
                   std::atomic<std::int64_t> loop_figures::* what) {
  std::int64_t sum = 0;
  for (const auto& f : figures) sum += ((*f).*what).load(std::memory_order_relaxed);
  return sum;
}

std::vector<std::shared_ptr<loop_figures>> make_figures(std::size_t loops) {
  std::vector<std::shared_ptr<loop_figures>> all(loops);
  for (auto& f : all) f = std::make_shared<loop_figures>();
  return all;
}

}  // namespace

redis_kv_store::redis_kv_store(std::string driver_name, runtime::runtime& loops, options settings,
                               std::shared_ptr<asio::ssl::context> tls)
    : kv_store(std::move(driver_name), ports::resilience::remote()),
      settings_(std::make_shared<const options>(std::move(settings))),
      tls_(std::move(tls)),
      loops_(loops),
      figures_(make_figures(loops.size())),
      connections_(loops.size()),
      subscriptions_(std::make_shared<subscriptions>(loops.next_loop(), settings_, tls_, tasks_)),
      unreadable_(metrics::get_counter("distsys_redis_unreadable_values_total",
                                       "Values that get_many passed over: damaged, or too large.",
                                       {{"server", settings_->describe()}})),
      reconnects_(metrics::get_counter("distsys_redis_reconnects_total", "Connections to Redis that were made again.",
                                       {{"server", settings_->describe()}})),
      open_("distsys_redis_connections", "Open connections for commands to Redis.", {{"server", settings_->describe()}},
            [this] { return static_cast<double>(total(figures_, &loop_figures::open)); }),
      pending_("distsys_redis_pending", "Calls to Redis that have no answer yet.", {{"server", settings_->describe()}},
               [this] { return static_cast<double>(total(figures_, &loop_figures::pending)); }),
      bytes_("distsys_redis_unsent_bytes", "Bytes of commands to Redis that are not written yet.",
             {{"server", settings_->describe()}},
             [this] { return static_cast<double>(total(figures_, &loop_figures::bytes)); }) {}

awaitable<void> redis_kv_store::close_loop(std::size_t index) {
  for (const auto& c : connections_[index]) c->close();
  co_return;
}

awaitable<void> redis_kv_store::close_messages() {
  subscriptions_->close();
  co_return;
}

awaitable<void> redis_kv_store::close() {
  closed_ = true;
  for (unsigned i = 0; i < loops_.size(); ++i) closing_.spawn(loops_.loop(i), close_loop(i));
  closing_.spawn(subscriptions_->loop(), close_messages());
  co_await closing_.wait();
  tasks_.cancel();
  co_await tasks_.wait();
}

// The one with the fewest calls under way, of this loop's few.
std::shared_ptr<connection> redis_kv_store::connection_of_this_loop() {
  const int index = runtime::runtime::this_loop();
  if (index < 0 || static_cast<std::size_t>(index) >= connections_.size()) return nullptr;
  auto& mine = connections_[static_cast<std::size_t>(index)];
  if (mine.empty() && !closed_) {
    for (unsigned i = 0; i < settings_->connections; ++i) {
      mine.push_back(std::make_shared<connection>(
          loops_.loop(static_cast<unsigned>(index)),
          connection::environment{settings_, tls_, tasks_, figures_[static_cast<std::size_t>(index)], reconnects_}));
    }
  }
  if (mine.empty()) return nullptr;
  return *std::ranges::min_element(mine, {}, [](const auto& c) { return c->pending(); });
}

awaitable<result<redis_kv_store::replies>> redis_kv_store::ask(const context& c, command what, expected kind, effect e,
                                                               std::size_t max_reply) {
  const auto connection = connection_of_this_loop();
  if (!connection) {
    if (closed_) co_return error{errc::unavailable, "redis: the store is closed"};
    co_return error{errc::internal, "redis: a call from outside the loops"};
  }
  auto answers = co_await connection->call(std::make_shared<request>(std::move(what), kind, c.deadline, e, max_reply));
  if (answers && answers->front().type == reply::kind::error && speaks_of_wrong_server(answers->front().text))
    connection->renew("the server is no longer the master");
  co_return answers;
}

awaitable<result<reply>> redis_kv_store::ask_one(const context& c, command what, expected kind, effect e,
                                                 std::size_t max_reply) {
  auto answers = co_await ask(c, std::move(what), kind, e, max_reply);
  if (!answers) co_return answers.error();
  reply& r = answers->front();
  if (r.type == reply::kind::error) co_return server_error(r.text);
  co_return std::move(r);
}

awaitable<result<reply>> redis_kv_store::run_script(const context& c, const script& s, std::string key,
                                                    std::string head, bytes value, std::string argument, expected kind,
                                                    effect e) {
  for (const bool by_hash : {true, false}) {
    command what(3 + 1 + (value ? 1 : 0) + (argument.empty() ? 0 : 1));
    what.add(by_hash ? "EVALSHA" : "EVAL")
        .add(by_hash ? std::string_view(s.sha1) : s.text)
        .add(std::int64_t{1})
        .add(key);
    if (value) what.add(head, value);
    if (!argument.empty()) what.add(argument);
    auto answers = co_await ask(c, std::move(what), kind, e, small_reply);
    if (!answers) co_return answers.error();
    reply& r = answers->front();
    if (r.type != reply::kind::error) co_return std::move(r);
    if (!by_hash || !is_unknown_script(r.text)) co_return server_error(r.text);
  }
  co_return unexpected();
}

awaitable<result<ports::shared_bytes>> redis_kv_store::do_get(const context& c, std::string key) {
  auto r = co_await ask_one(c, command(2).add("GET").add(key), expected::value(), effect::repeatable, value_reply);
  if (!r) co_return r.error();
  co_return to_value(*std::move(r));
}

awaitable<result<std::vector<ports::shared_bytes>>> redis_kv_store::do_get_many(const context& c,
                                                                                std::vector<std::string> keys) {
  std::vector<bytes> values;
  if (keys.empty()) co_return values;
  const auto size_at = [&](std::size_t i) { return std::min(keys_a_command, keys.size() - i) + 1; };
  command what(size_at(0));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (i > 0 && i % keys_a_command == 0) what.then(size_at(i));
    if (i % keys_a_command == 0) what.add("MGET");
    what.add(keys[i]);
  }
  auto answers = co_await ask(c, std::move(what), expected::values(keys.size(), keys_a_command), effect::repeatable,
                              keys_a_command * value_reply);
  if (!answers) co_return answers.error();
  values.reserve(keys.size());
  for (reply& chunk : *answers) {
    if (chunk.type == reply::kind::error) co_return server_error(chunk.text);
    for (reply& r : chunk.elements) {
      auto value = to_value(std::move(r));
      if (!value && value.error() != errc::not_found) unreadable_.add();  // the others' answers are as good as ever
      values.push_back(value ? *std::move(value) : nullptr);
    }
  }
  co_return values;
}

awaitable<result<void>> redis_kv_store::do_set(const context& c, std::string key, bytes value, ttl t) {
  const auto r = co_await ask_one(c, set_command(key, value, t, false), expected::status("OK"), effect::repeatable);
  if (!r) co_return r.error();
  co_return result<void>{};
}

awaitable<result<void>> redis_kv_store::do_set_if_absent(const context& c, std::string key, bytes value, ttl t) {
  const auto r = co_await ask_one(c, set_command(key, value, t, true), expected::status_or_nil("OK"), effect::once);
  if (!r) co_return r.error();
  if (r->type == reply::kind::nil) co_return error{errc::already_exists};
  co_return result<void>{};
}

awaitable<result<void>> redis_kv_store::do_set_if_newer(const context& c, std::string key, bytes value,
                                                        std::uint64_t version, ttl t) {
  const auto r = co_await run_script(c, set_if_newer_script(), std::move(key), version_head(version), std::move(value),
                                     std::to_string(expiry(t)), expected::integer(), effect::repeatable);
  if (!r) co_return r.error();
  if (r->number == 0) co_return error{errc::conflict};
  co_return result<void>{};
}

awaitable<result<void>> redis_kv_store::do_invalidate(const context& c, std::string key, std::uint64_t version, ttl t) {
  const auto r = co_await run_script(c, invalidate_script(), std::move(key), tombstone(version),
                                     std::make_shared<const std::string>(), std::to_string(expiry(t)),
                                     expected::integer(), effect::repeatable);
  if (!r) co_return r.error();
  co_return result<void>{};
}

awaitable<result<bool>> redis_kv_store::do_erase(const context& c, std::string key) {
  const auto r =
      co_await run_script(c, erase_script(), std::move(key), {}, nullptr, {}, expected::integer(), effect::once);
  if (!r) co_return r.error();
  co_return r->number != 0;
}

awaitable<result<std::int64_t>> redis_kv_store::do_increment(const context& c, std::string key, std::int64_t by,
                                                             ttl t) {
  if (expiry(t) == 0) {
    const auto r = co_await ask_one(c, command(3).add("INCRBY").add(key).add(by), expected::integer(), effect::once);
    if (!r) co_return r.error();
    co_return r->number;
  }
  const auto r = co_await run_script(c, increment_script(), std::move(key), std::to_string(by),
                                     std::make_shared<const std::string>(), std::to_string(expiry(t)), expected::text(),
                                     effect::once);
  if (!r) co_return r.error();
  std::int64_t sum = 0;
  const char* const end = r->text.data() + r->text.size();
  const auto [stop, bad] = std::from_chars(r->text.data(), end, sum);
  if (bad != std::errc{} || stop != end) co_return unexpected();
  co_return sum;
}

awaitable<result<void>> redis_kv_store::do_publish(const context& c, std::string channel, std::string message) {
  if (auto settled = co_await subscriptions_->settled(channel, c.deadline); !settled) co_return settled.error();
  const auto text = std::make_shared<const std::string>(std::move(message));
  const auto r =
      co_await ask_one(c, command(3).add("PUBLISH").add(channel).add({}, text), expected::integer(), effect::once);
  if (!r) co_return r.error();
  co_return result<void>{};
}

std::unique_ptr<ports::message_listener> redis_kv_store::do_subscribe(std::string channel) {
  return subscriptions_->subscribe(std::move(channel));
}

awaitable<result<void>> redis_kv_store::do_ping(const context& c) {
  const auto r = co_await ask_one(c, command(1).add("PING"), expected::status("PONG"), effect::repeatable);
  if (!r) co_return r.error();
  co_return result<void>{};
}

}  // namespace distsys::adapters::redis
