// Caches on a real database that can be counted, held up and switched off, with their followers running.
#pragma once

#include "distsys/domain/geo/quad_image.hpp"
#include "distsys/ports/database.hpp"
#include "distsys/ports/kv_store.hpp"
#include "roles/cache/change_tail.hpp"
#include "roles/cache/engine.hpp"
#include "roles/cache/event_counts.hpp"
#include "roles/cache/event_handlers.hpp"
#include "tests/integration/geo/geo_database.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

namespace distsys::tests {

/// Passes everything on to another database.
class switched_database : public ports::database {
 public:
  explicit switched_database(std::shared_ptr<ports::database> inner) : database("switched"), inner_(std::move(inner)) {}

  ports::dialect sql_dialect() const noexcept override { return inner_->sql_dialect(); }
  awaitable<void> close() override { co_return; }

  std::atomic<bool> down{false};
  std::atomic<bool> held{false};              // what has been read is not handed over
  std::atomic<bool> log_held{false};          // the log of changes is not read
  std::atomic<errc> area_error{};             // what reading events ends in; none: nothing
  std::atomic<std::size_t> most_cells{1000};  // at once; more is too large, as where events are long
  std::atomic<bool> throws{false};            // reading events runs out of memory
  std::atomic<int> area_queries{0};
  // As many as read at a time, as in a pool of connections; 0: any number.
  std::atomic<int> readers{0};
  std::atomic<bool> deaf{false};                    // announcements of commits do not come through
  std::atomic<bool> elsewhere{false};               // they come as if another process had committed
  std::atomic<bool> past_held{false};               // what reads the past keeps its reader
  std::atomic<int> past_reading{0}, past_reads{0};  // now, and since the start

 private:
  awaitable<result<ports::batch_outcome>> do_execute(const ports::call_context& c, ports::batch b) override {
    if (down) co_return error{errc::unavailable, "switched off"};
    co_return co_await inner_->execute(c, std::move(b));
  }
  awaitable<result<ports::table>> do_query(const ports::call_context& c, ports::statement s,
                                           ports::read_options o) override {
    if (down) co_return error{errc::unavailable, "switched off"};
    while (reading_.fetch_add(1) >= readers && readers > 0) {
      --reading_;
      co_await runtime::sleep_for(std::chrono::milliseconds(1));
    }
    auto t = co_await read(c, std::move(s), o);
    --reading_;
    co_return t;
  }
  awaitable<result<ports::table>> read(const ports::call_context& c, ports::statement s, ports::read_options o) {
    const bool area = s.sql.find("geo_events WHERE cell BETWEEN") != std::string::npos;
    area_queries += area ? 1 : 0;
    if (s.sql.find("c.observed <= ?") != std::string::npos) {
      ++past_reading;
      ++past_reads;
      while (past_held) co_await runtime::sleep_for(std::chrono::milliseconds(1));
      --past_reading;
    }
    const bool log = s.sql.find("previous_lon") != std::string::npos;
    while (log && log_held) co_await runtime::sleep_for(std::chrono::milliseconds(1));
    if (area && throws) throw std::bad_alloc();
    const bool cells = s.sql.find(" AS n, cell, event_key") != std::string::npos;
    if (cells && s.parameters.columns() / 4 > most_cells) co_return error{errc::too_large, "told to fail"};
    if (const errc e = area_error; area && e != errc{}) co_return error{e, "told to fail"};
    auto t = co_await inner_->query(c, std::move(s), o);
    while (area && held) co_await runtime::sleep_for(std::chrono::milliseconds(1));
    co_return t;
  }
  awaitable<result<std::unique_ptr<ports::transaction>>> do_begin(const ports::call_context& c) override {
    return inner_->begin(c);
  }
  awaitable<result<std::uint64_t>> do_bulk_load(const ports::call_context& c, std::string t, std::vector<std::string> n,
                                                ports::table rows) override {
    return inner_->bulk_load(c, std::move(t), std::move(n), std::move(rows));
  }
  awaitable<result<void>> do_migrate(const ports::call_context& c, std::span<const ports::migration> m) override {
    return inner_->migrate(c, m);
  }
  awaitable<result<void>> do_check_migrations(const ports::call_context& c,
                                              std::span<const ports::migration> m) override {
    return inner_->check_migrations(c, m);
  }
  awaitable<result<void>> do_ping(const ports::call_context& c) override { return inner_->ping(c); }
  awaitable<result<void>> do_notify(const ports::call_context& c, std::string channel) override {
    return inner_->notify(c, std::move(channel));
  }
  std::unique_ptr<ports::change_listener> do_listen(std::string channel) override {
    return std::make_unique<ear>(inner_->listen(std::move(channel)), *this);
  }

  class ear : public ports::change_listener {
   public:
    ear(std::unique_ptr<ports::change_listener> inner, const switched_database& of)
        : inner_(std::move(inner)), of_(of) {}
    awaitable<result<void>> wait(const ports::call_context& c) override {
      auto woken = co_await inner_->wait(c);
      while (woken && of_.deaf) woken = co_await inner_->wait(c);
      co_return woken;
    }
    std::uint64_t announced() const noexcept override {
      if (!of_.deaf) heard_ = inner_->announced();
      return heard_;
    }
    std::uint64_t announced_own() const noexcept override {
      if (!of_.deaf && !of_.elsewhere) own_ = inner_->announced_own();
      return own_;
    }

   private:
    std::unique_ptr<ports::change_listener> inner_;
    const switched_database& of_;
    mutable std::atomic<std::uint64_t> heard_{0}, own_{0};
  };

  std::shared_ptr<ports::database> inner_;
  std::atomic<int> reading_{0};
};

/// A store that processes share, which can be switched off; and whose answers can be damaged on the way.
class switched_store : public ports::kv_store {
 public:
  explicit switched_store(std::shared_ptr<ports::kv_store> inner) : kv_store("switched"), inner_(std::move(inner)) {}

  bool shared_between_processes() const noexcept override { return true; }
  awaitable<void> close() override { co_return; }

  std::atomic<bool> down{false}, damaging{false};
  std::atomic<bool> throws{false};                                             // runs out of memory
  std::atomic<std::chrono::milliseconds> ahead{std::chrono::milliseconds(0)};  // the clock of who has stored
  std::atomic<int> questions{0}, stored{0};

 private:
  using context = ports::call_context;
  using bytes = ports::shared_bytes;
  using ttl = ports::time_to_live;

  bytes passed(bytes b) const {
    if (const auto by = ahead.load(); b && by.count() > 0) {
      auto image = domain::geo::decode_quad_image(*b).value();
      image.read += by;
      return std::make_shared<const std::string>(domain::geo::encode(image));
    }
    if (!b || !damaging) return b;
    std::string other = *b;
    other[other.size() / 2] = static_cast<char>(other[other.size() / 2] ^ 1);
    return std::make_shared<const std::string>(std::move(other));
  }
  awaitable<result<bytes>> do_get(const context& c, std::string key) override {
    if (down) co_return error{errc::unavailable, "switched off"};
    auto got = co_await inner_->get(c, std::move(key));
    if (!got) co_return got.error();
    co_return passed(*std::move(got));
  }
  awaitable<result<std::vector<bytes>>> do_get_many(const context& c, std::vector<std::string> keys) override {
    ++questions;
    if (throws) throw std::bad_alloc();
    if (down) co_return error{errc::unavailable, "switched off"};
    auto got = co_await inner_->get_many(c, std::move(keys));
    if (!got) co_return got.error();
    for (auto& b : *got) b = passed(std::move(b));
    co_return got;
  }
  awaitable<result<void>> do_set(const context& c, std::string key, bytes value, ttl t) override {
    return inner_->set(c, std::move(key), std::move(value), t);
  }
  awaitable<result<void>> do_set_if_absent(const context& c, std::string key, bytes value, ttl t) override {
    return inner_->set_if_absent(c, std::move(key), std::move(value), t);
  }
  awaitable<result<void>> do_set_if_newer(const context& c, std::string key, bytes value, std::uint64_t version,
                                          ttl t) override {
    if (throws) throw std::bad_alloc();
    if (down) co_return error{errc::unavailable, "switched off"};
    auto done = co_await inner_->set_if_newer(c, std::move(key), std::move(value), version, t);
    stored += done ? 1 : 0;
    co_return done;
  }
  awaitable<result<void>> do_invalidate(const context& c, std::string key, std::uint64_t version, ttl t) override {
    return inner_->invalidate(c, std::move(key), version, t);
  }
  awaitable<result<bool>> do_erase(const context& c, std::string key) override {
    return inner_->erase(c, std::move(key));
  }
  awaitable<result<std::int64_t>> do_increment(const context& c, std::string key, std::int64_t by, ttl t) override {
    return inner_->increment(c, std::move(key), by, t);
  }
  awaitable<result<void>> do_publish(const context& c, std::string channel, std::string message) override {
    return inner_->publish(c, std::move(channel), std::move(message));
  }
  std::unique_ptr<ports::message_listener> do_subscribe(std::string channel) override {
    return inner_->subscribe(std::move(channel));
  }
  awaitable<result<void>> do_ping(const context& c) override { return inner_->ping(c); }

  std::shared_ptr<ports::kv_store> inner_;
};

inline std::shared_ptr<ports::kv_store> open_store(runtime::runtime& loops, std::string_view address) {
  const url where = url::parse(address).value();
  for (const auto& d : ports::drivers()) {
    if (d.scheme != where.scheme()) continue;
    const auto open = std::get<ports::open_function<ports::kv_store>>(d.open);
    return open(where, {.loops = loops, .data_dir = {}}).value();
  }
  throw failure(error{errc::not_found, "this build has no driver for " + where.scheme()});
}

/// One cache: its engine, its follower of the log, and the way that requests take.
struct running_cache {
  std::shared_ptr<switched_database> database;
  roles::cache::engine engine;
  roles::cache::event_handlers handlers{engine};
  roles::cache::event_counts counts{engine, 1u << 20};
  roles::cache::change_tail tail{engine};
  runtime::task_group following;

  running_cache(std::shared_ptr<ports::database> db, const roles::cache::engine_settings& s,
                std::shared_ptr<ports::kv_store> store = nullptr)
      : database(std::make_shared<switched_database>(std::move(db))), engine(database, 4, s, std::move(store)) {}

  awaitable<void> start(executor where) {
    (co_await tail.begin()).value();
    following.spawn(where, tail.run());
  }
  awaitable<void> stop() {
    following.cancel();
    co_await following.wait();
    co_await engine.stop();
  }

  struct reply {
    int status = 0;
    std::string body, cache_status, age, retry_after;
  };
  awaitable<reply> ask(std::string query, std::string cache_control = {}) {
    const net::header_field fields[] = {{"Cache-Control", cache_control}};
    net::http_request request;
    request.query = query;
    request.headers = fields;
    request.deadline = runtime::steady_now() + std::chrono::seconds(30);
    co_return reply_of(co_await handlers.area(request));
  }
  awaitable<reply> ask_count(std::string query) {
    net::http_request request;
    request.query = query;
    request.deadline = runtime::steady_now() + std::chrono::seconds(30);
    co_return reply_of(co_await counts.count(request));
  }
  static reply reply_of(const net::http_response& r) {
    reply out{.status = r.status};
    if (const auto* shared = std::get_if<net::shared_body>(&r.body)) out.body = shared->bytes;
    for (const auto& [name, value] : r.headers) {
      if (name == "Cache-Status") out.cache_status = value;
      if (name == "Age") out.age = value;
      if (name == "Retry-After") out.retry_after = value;
    }
    return out;
  }
};

inline domain::geo::event event_at(std::string id, domain::geo::position at, std::string kind = "jam") {
  domain::geo::event e;
  e.source = "sim";
  e.id = std::move(id);
  e.kind = std::move(kind);
  e.at = at;
  return e;
}

/// When a source says something: it always moves on.
inline domain::geo::timestamp next_observation() {
  static std::atomic<std::int64_t> time{1'000'000};
  return domain::geo::timestamp(std::chrono::milliseconds(++time));
}

inline awaitable<void> put(domain::geo::event_repository& events, std::vector<domain::geo::event> all) {
  domain::geo::observation seen;
  seen.observed = next_observation();
  seen.events = std::move(all);
  const ports::call_context context = ports::call_context::within(std::chrono::seconds(30));
  (co_await events.store(context, std::move(seen))).value();
}

}  // namespace distsys::tests
