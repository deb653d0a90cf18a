#include "http_server_state.hpp"

#include <array>
#include <cstdio>

namespace distsys::net {

void server_loop::insert(loop_connection& c) noexcept {
  const bool was_empty = first == nullptr;
  c.next = first;
  c.link = &first;
  if (first != nullptr) first->link = &c.next;
  first = &c;
  if (was_empty) sweep.cancel();
}

void server_loop::remove(loop_connection& c) noexcept {
  if (c.link == nullptr) return;
  *c.link = c.next;
  if (c.next != nullptr) c.next->link = c.link;
  c.link = nullptr;
}

const std::string& server_loop::date_line(runtime::deadline now) {
  if (now < date_until_) return date_;
  using namespace std::chrono;
  const auto wall = floor<seconds>(runtime::now());
  const auto day = floor<days>(wall);
  const year_month_day ymd{day};
  const hh_mm_ss time{wall - day};
  static constexpr std::array<const char*, 7> week{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> month{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::array<char, 64> text{};
  const int n = std::snprintf(text.data(), text.size(), "Date: %s, %02u %s %04d %02d:%02d:%02d GMT\r\n",
                              week[weekday{day}.c_encoding()], static_cast<unsigned>(ymd.day()),
                              month[static_cast<unsigned>(ymd.month()) - 1], static_cast<int>(ymd.year()),
                              static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                              static_cast<int>(time.seconds().count()));
  date_.assign(text.data(), static_cast<std::size_t>(n));
  date_until_ = now + seconds(1) - (runtime::now() - wall);
  return date_;
}

server_state::server_state(runtime::runtime& r, http_server_options o, router table)
    : loops(r), options(std::move(o)), routes(std::move(table)) {
  if (options.rate_limit > 0)
    limiter = std::make_unique<rate_limiter>(
        options.rate_limit, options.rate_burst > 0 ? options.rate_burst : std::max(1.0, options.rate_limit * 10));
  for (unsigned i = 0; i < loops.size(); ++i) {
    parts.push_back(std::make_unique<server_loop>(loops.loop(i), i));
    parts.back()->durations.resize(routes.size() + 1);
  }
}

bool server_state::admits(const server_loop& mine) const noexcept {
  const std::size_t limit = options.limits.max_in_flight;
  if (mine.in_flight.load(std::memory_order_relaxed) < limit / (4 * parts.size())) return true;
  std::size_t sum = 0;
  for (const auto& p : parts) sum += p->in_flight.load(std::memory_order_relaxed);
  return sum < limit;
}

void server_state::refused(std::string_view reason) const {
  metrics::get_counter("distsys_http_refused_total", "requests and connections refused, by reason",
                       {{"role", options.role}, {"reason", reason}})
      .add();
}

metrics::histogram& server_state::duration(server_loop& part, const router::route* route, method m, int status) const {
  const std::size_t row = route != nullptr ? route->index : routes.size();
  const unsigned key = static_cast<unsigned>(status) * 8 + static_cast<unsigned>(m);
  auto& cached = part.durations[row];
  for (const auto& c : cached)
    if (c.key == key) return *c.durations;
  auto& h = metrics::get_histogram(
      "distsys_http_request_duration_seconds", "from the whole header to the last byte of the answer",
      {{"role", options.role},
       {"route", route != nullptr ? std::string_view(route->pattern) : std::string_view("none")},
       {"method", name(m)},
       {"status", std::to_string(status)}});
  cached.push_back({key, &h});
  return h;
}

}  // namespace distsys::net
