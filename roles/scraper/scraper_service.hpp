// The running scraper: one coroutine a feed, all on one loop.
#pragma once

#include "feed.hpp"
#include "gate.hpp"
#include "ingest.hpp"
#include "tally.hpp"

#include "distsys/app/role.hpp"
#include "distsys/runtime/task_group.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace distsys::roles::scraper {

struct scraper_settings {
  std::optional<std::chrono::milliseconds> interval;  // given by the user
  std::chrono::milliseconds default_interval{60'000};
  std::chrono::milliseconds longest_backoff{600'000};
  bool once = false;
  std::string record;  // a directory, or empty
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
  struct followed {
    std::unique_ptr<feed> source;
    gate storing{1};  // the answers of one feed are stored in their order
  };
  awaitable<void> follow(followed* f);
  /// Takes what was said; false when it cannot be stored. Of a recording the next answer is read and decoded while this
  /// one is being stored.
  awaitable<bool> take(followed* f, answer a);
  awaitable<void> store(followed* f, decoded content, gate::pass held);
  void break_off(error why);

  app::role_context& context_;
  const scraper_settings settings_;
  std::vector<std::unique_ptr<followed>> feeds_;
  const std::shared_ptr<runtime::blocking_lane> lane_;
  domain::geo::event_repository events_;
  const executor loop_;
  tally counts_;
  std::unique_ptr<ingest> ingest_;
  runtime::task_group followers_;
  std::optional<error> broken_;  // on loop_; read when followers_ is empty
  runtime::steady_clock::time_point started_;
  int exit_code_ = 0;
};

}  // namespace distsys::roles::scraper
