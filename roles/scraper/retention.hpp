// How long what is over is kept, and the task that deletes what is older.
#pragma once

#include "distsys/domain/geo/event_repository.hpp"
#include "distsys/domain/geo/history_partitions.hpp"
#include "distsys/foundation/error.hpp"
#include "distsys/foundation/metrics.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::roles::scraper {

/// Ages by source; the one without a name is for all the others. Zero: for ever.
using ages = std::map<std::string, std::chrono::microseconds, std::less<>>;

/// Of `AGE` and `SOURCE=AGE` ("30d", "usgs=365d", "sim=0s": for ever); 30 days for those not named. errc::invalid for
/// what is no age, shorter than a second, or said twice.
result<ages> parse_ages(std::span<const std::string> texts);
/// For the table of options: what is wrong with one of them.
std::string valid_age(std::string_view text);

struct retention_settings {
  ages events;   // ended and expired ones
  ages history;  // of those that go on
  std::chrono::milliseconds period{600'000};
  std::int64_t changes_a_partition = domain::geo::history_partitions::default_size;  // of the history, on PostgreSQL
};

/// Several may run at once, in one process or in many: each deletes in short transactions, and what is gone is gone.
/// On PostgreSQL large parts of the history go as whole partitions.
class retention {
 public:
  retention(domain::geo::event_repository& events, retention_settings settings);

  /// Now and once a period, until cancelled. A failure of the database is logged once each time they begin.
  awaitable<void> run();
  /// Deletes all that is too old now; how many rows.
  awaitable<result<std::size_t>> sweep();

 private:
  awaitable<result<std::size_t>> prune_rows(std::span<const domain::geo::history_horizon> horizons,
                                            const std::vector<domain::geo::sequence_range>& left,
                                            domain::geo::timestamp now);
  awaitable<result<std::size_t>> prune_all(domain::geo::retention what);
  awaitable<std::vector<domain::geo::sequence_range>> partitions_left(
      std::span<const domain::geo::history_horizon> horizons);
  awaitable<std::size_t> compact(std::span<const domain::geo::history_horizon> horizons);
  void tell(const error& why);

  domain::geo::event_repository& events_;
  const retention_settings settings_;
  domain::geo::history_partitions history_;
  bool told_ = false;  // that it cannot be changed
  metrics::counter& deleted_;
};

}  // namespace distsys::roles::scraper
