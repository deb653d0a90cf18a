// `replay:DIR?speed=N`: recorded answers in the order of their observation, with their timing, N times faster, or
// (0) as fast as possible.
#pragma once

#include "feed.hpp"
#include "recording.hpp"
#include "source_mapped.hpp"

#include "distsys/foundation/url.hpp"
#include "distsys/runtime/blocking_lane.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::roles::scraper {

class replay_feed final : public feed {
 public:
  /// `files` reads for it and outlives it. speed 0: no waiting. `mappings`: of recordings that name one, or whose
  /// source has one.
  replay_feed(const std::filesystem::path& directory, double speed, std::size_t max_document,
              std::shared_ptr<runtime::blocking_lane> files, mapping_set mappings = {});

  const std::string& name() const override { return name_; }
  /// By its directory, wherever the process was started.
  feed_identity identity() const override { return {"replay:" + directory_.string(), "", name_}; }
  /// The name of the file that was stored last: the one after it is next.
  void recall(std::string_view file) override;
  bool recorded() const override { return true; }
  awaitable<poll_result> ask() override;

 private:
  awaitable<result<void>> list();
  std::optional<std::chrono::milliseconds> time_to_next() const;
  result<answer> describe(const recorded_file& file, std::string document) const;

  const std::string name_ = "replay";
  const std::filesystem::path directory_;
  const double speed_;
  const std::size_t max_document_;
  const std::shared_ptr<runtime::blocking_lane> lane_;
  const mapping_set mappings_;
  std::vector<recorded_file> files_;
  std::size_t next_ = 0;
  std::string stored_;  // the place to go on from
  bool listed_ = false;
};

/// `as_fast_as_possible` overrides the URL's speed. errc::invalid for another parameter or no directory.
result<std::unique_ptr<feed>> make_replay_feed(const url& address, bool as_fast_as_possible, std::size_t max_document,
                                               std::shared_ptr<runtime::blocking_lane> files,
                                               mapping_set mappings = {});

}  // namespace distsys::roles::scraper
