#include "shared_cells.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

namespace distsys::roles::cache {
namespace {

namespace geo = domain::geo;
using namespace std::chrono_literals;
using ports::call_context;

constexpr auto read_limit = 50ms;   // beyond it the database is as quick
constexpr auto fill_limit = 500ms;  // nobody waits for it
constexpr auto start_limit = 10s;
constexpr std::size_t tail_page = 8192;
constexpr std::size_t most_waiting = 1024;              // cells to be stored
constexpr std::size_t most_waiting_bytes = 16u << 20;   // of theirs
constexpr std::size_t most_bytes_of_a_cell = 4u << 20;  // more would hold up the others' answers
constexpr unsigned time_bits = 20;

metrics::counter& read_counter(std::string_view outcome) {
  return metrics::get_counter("distsys_cache_shared_cells_total", "Cells asked of the shared store, by what came of it",
                              {{"outcome", outcome}});
}

metrics::counter& fill_counter(std::string_view outcome) {
  return metrics::get_counter("distsys_cache_shared_fills_total",
                              "Cells offered to the shared store, by what came of it", {{"outcome", outcome}});
}

/// Later changes are newer; of the same change, the later reading (which lives longer). The seconds begin anew after
/// twelve days: then the older stays until it expires.
std::uint64_t version_of(const geo::quad_image& image) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(image.read.time_since_epoch()).count();
  return static_cast<std::uint64_t>(image.sequence) << time_bits |
         (static_cast<std::uint64_t>(seconds) & ((std::uint64_t{1} << time_bits) - 1));
}

std::int64_t now_ms() { return runtime::now().time_since_epoch().count(); }

}  // namespace

shared_cells::shared_cells(std::shared_ptr<ports::kv_store> store, runtime::task_group& loads, std::size_t cell_events)
    : store_(std::move(store)),
      loads_(loads),
      cell_events_(cell_events),
      hits_(read_counter("hit")),
      misses_(read_counter("miss")),
      outdated_(read_counter("outdated")),
      corrupt_(read_counter("corrupt")),
      failures_(read_counter("failure")),
      stored_(fill_counter("stored")),
      older_(fill_counter("older")),
      failed_(fill_counter("failed")),
      dropped_(fill_counter("dropped")) {}

awaitable<result<void>> shared_cells::begin(geo::event_repository& events, std::int64_t last) {
  const call_context context = call_context::within(start_limit);
  const auto name = co_await events.identity(context);
  if (!name) co_return name.error();
  const auto most = static_cast<std::int64_t>(recent_touches::most);
  std::int64_t at = std::max<std::int64_t>(0, last - most);
  touches_.begin_at(at);
  while (at < last) {
    auto tail = co_await events.touches_after(context, at, tail_page);
    if (!tail) co_return tail.error();
    // What comes after `last` is the follower's.
    std::erase_if(*tail, [last](const auto& t) { return t.sequence > last; });
    if (tail->empty()) break;
    touches_.add(*tail);
    at = tail->back().sequence;
  }
  database_ = *name;
  prefix_ = "distsys:geo:cell:" + std::to_string(geo::quad_image::format) + ':' + database_ + ':' +
            std::to_string(cell_events_) + ':';
  co_return result<void>{};
}

// What is read of a time is rounded by a millisecond either way.
void shared_cells::forget() noexcept {
  const std::int64_t from = now_ms() + 2;
  std::int64_t before = not_before_.load(std::memory_order_relaxed);
  while (before < from && !not_before_.compare_exchange_weak(before, from, std::memory_order_relaxed)) {
  }
}

shared_counts shared_cells::counts() const noexcept {
  return {hits_.value(),   misses_.value(), outdated_.value(), corrupt_.value(), failures_.value(),
          stored_.value(), older_.value(),  failed_.value(),   dropped_.value()};
}

std::optional<geo::quad_image> shared_cells::read(const geo::quad& q, const ports::shared_bytes& bytes) {
  if (!bytes) {
    misses_.add();
    return std::nullopt;
  }
  result<geo::quad_image> image = error{errc::corrupt};
  try {
    image = geo::decode_quad_image(*bytes);
  } catch (const std::bad_alloc&) {
    image = error{errc::no_space};  // the database's answer may be smaller
  }
  if (!image || image->where != q) {
    corrupt_.add();
    return std::nullopt;
  }
  // Read later than now, by a clock that is ahead: what expires in between is missing.
  const std::int64_t at = image->read.time_since_epoch().count();
  if (at < not_before_.load(std::memory_order_relaxed) || at > now_ms()) {
    outdated_.add();
    return std::nullopt;
  }
  return *std::move(image);
}

awaitable<std::vector<std::optional<geo::quad_image>>> shared_cells::get(std::vector<geo::quad> quads) {
  std::vector<std::optional<geo::quad_image>> found(quads.size());
  if (prefix_.empty()) co_return found;
  std::vector<std::string> keys;
  keys.reserve(quads.size());
  for (const auto& q : quads) keys.push_back(key_of(q));
  const call_context context = call_context::within(read_limit);
  const auto got = co_await store_->get_many(context, std::move(keys));
  if (!got || got->size() != quads.size()) {
    failures_.add(quads.size());
    co_return found;
  }
  std::vector<recent_touches::question> asked;
  std::vector<std::size_t> index;
  for (std::size_t i = 0; i < quads.size(); ++i) {
    found[i] = read(quads[i], (*got)[i]);
    if (!found[i]) continue;
    asked.push_back({quads[i], found[i]->sequence});
    index.push_back(i);
  }
  const auto holds = touches_.untouched(asked);
  for (std::size_t n = 0; n < index.size(); ++n) {
    auto& image = found[index[n]];
    const bool usable = holds[n] || !image->rows;  // that a cell is split stays right, whatever happens
    if (usable) continue;
    outdated_.add();
    image.reset();
  }
  co_return found;
}

void shared_cells::judged(std::size_t used, std::size_t too_old) noexcept {
  hits_.add(used);
  outdated_.add(too_old);
}

void shared_cells::offer(std::span<const shared_cell> cells, executor where) {
  if (prefix_.empty()) return;
  std::size_t bytes = 0;
  for (const auto& c : cells) bytes += c->heap_bytes();
  const auto waiting = waiting_.fetch_add(cells.size(), std::memory_order_relaxed) + cells.size();
  const auto waiting_bytes = waiting_bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  metrics::counter* outcome = &dropped_;
  try {
    const bool room = waiting <= most_waiting && waiting_bytes <= most_waiting_bytes;
    if (room && !store_->health().breaker_open) return loads_.spawn(where, fill({cells.begin(), cells.end()}));
  } catch (const std::exception&) {  // the answer has been given: it is not shared
    outcome = &failed_;
  }
  waiting_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  waiting_.fetch_sub(cells.size(), std::memory_order_relaxed);
  outcome->add(cells.size());
}

awaitable<void> shared_cells::fill(std::vector<shared_cell> cells) {
  co_await asio::this_coro::throw_if_cancelled(false);
  bool answers = true;
  for (auto& c : cells) {
    if (!answers || !c->valid()) {
      dropped_.add();
    } else {
      try {
        answers = co_await store(*c);
      } catch (const std::exception&) {  // of a task nobody catches what is thrown
        failed_.add();
      }
    }
    waiting_bytes_.fetch_sub(c->heap_bytes(), std::memory_order_relaxed);
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    c.reset();
  }
}

// False when the store does not answer.
awaitable<bool> shared_cells::store(const cell& c) {
  const auto now = runtime::steady_now();
  const auto ms = [](auto d) { return std::chrono::duration_cast<std::chrono::milliseconds>(d); };
  const auto left = ms(c.fresh_until - now);
  const geo::quad_image image{c.where, c.rows, c.seen, runtime::now() - ms(now - c.filled)};
  auto bytes = std::make_shared<const std::string>(geo::encode(image));
  if (left <= 0ms || bytes->size() > most_bytes_of_a_cell) {
    dropped_.add();
    co_return true;
  }
  const call_context context = call_context::within(fill_limit);
  const auto done = co_await store_->set_if_newer(context, key_of(c.where), std::move(bytes), version_of(image), left);
  const bool older = !done && done.error() == errc::conflict;
  (done ? stored_ : older ? older_ : failed_).add();
  co_return done || older;
}

}  // namespace distsys::roles::cache
