// The running scraper: takes the tiles that are due from the database, and polls them, all on one loop. What each poll
// does is tile_poller's.
#pragma once

#include "ingest.hpp"
#include "retention.hpp"
#include "tally.hpp"
#include "tile_poller.hpp"

#include "distsys/app/role.hpp"
#include "distsys/domain/geo/tile_repository.hpp"
#include "distsys/runtime/task_group.hpp"

#include <boost/asio/basic_waitable_timer.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace distsys::roles::scraper {

struct scraper_settings {
  std::optional<std::chrono::milliseconds> interval;  // given by the user
  std::chrono::milliseconds default_interval{60'000};
  std::optional<std::chrono::milliseconds> least_interval, most_interval;
  std::chrono::milliseconds lease{30'000};
  std::map<std::string, std::size_t> caps;  // by source, instead of the sources' own
  unsigned in_flight = 2;                   // to one host
  tile_poller::options polls;               // once, absences, backoff
  std::string record;                       // a directory, or empty
  retention_settings retained;
};

class scraper_service final : public app::service {
 public:
  /// `lane` decodes and does the files.
  scraper_service(app::role_context& context, scraper_settings settings, std::vector<std::unique_ptr<feed>> feeds,
                  std::shared_ptr<runtime::blocking_lane> lane);

  awaitable<result<void>> start() override;
  awaitable<result<void>> run() override;
  awaitable<void> drain(runtime::deadline limit) override;
  awaitable<void> stop() override;
  int exit_code() const override { return exit_code_; }

 private:
  struct held_tile {
    std::string feed, group;
    std::shared_ptr<bool> lost = std::make_shared<bool>(false);
  };

  void adopt(std::vector<std::unique_ptr<feed>> feeds);
  awaitable<result<void>> add_tiles();
  /// The wall clock was set back since it was last asked this: what is due is further away than it should be.
  bool clock_went_back();
  /// Until nothing of ours will ever be due again, cancelled, or broken.
  awaitable<void> keep_polling();
  bool polls_for_ever() const;
  awaitable<result<void>> take_due();
  awaitable<result<std::chrono::milliseconds>> time_to_next();
  awaitable<void> poll(domain::geo::leased_tile tile, std::shared_ptr<bool> lost);
  /// Renews the leases, and gives back those of dead processes.
  awaitable<void> keep_leases();
  awaitable<result<void>> release_dead();
  awaitable<void> report();
  awaitable<bool> doze(std::chrono::milliseconds longest);
  void wake();
  std::vector<domain::geo::claim_group> free_groups() const;
  domain::geo::claim_terms terms() const;
  void break_off(error why);

  using timer =
      asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, executor>;

  app::role_context& context_;
  const scraper_settings settings_;
  std::map<std::string, std::unique_ptr<root_tile>> roots_;  // by tile_view::feed
  std::map<std::string, domain::geo::claim_group> groups_;   // by host, or by feed where there is none
  std::vector<std::string> feeds_;                           // the keys of roots_
  const std::shared_ptr<runtime::blocking_lane> lane_;
  domain::geo::event_repository events_;
  domain::geo::tile_repository tiles_;
  retention retention_;
  const executor loop_;
  tally counts_;
  std::unique_ptr<ingest> ingest_;
  std::unique_ptr<tile_poller> poller_;
  std::string owner_;
  std::map<std::int64_t, held_tile> held_;  // by key; on loop_
  timer bell_;
  bool rung_ = false;
  std::chrono::milliseconds clock_offset_{0};  // of the wall clock to the steady one
  runtime::task_group polls_;                  // the scheduler and its polls
  runtime::task_group keepers_;                // what goes on as long as they do
  std::optional<error> broken_;                // on loop_; read when polls_ is empty
  runtime::steady_clock::time_point started_;
  domain::geo::timestamp began_;
  int exit_code_ = 0;
};

}  // namespace distsys::roles::scraper
