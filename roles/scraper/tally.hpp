// What happened, counted twice: in the process's metrics, and for the summary of a run.
#pragma once

#include "distsys/domain/geo/event_repository.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::roles::scraper {

/// What became of one asking.
enum class answer_outcome { fresh, not_modified, failed, refused };
std::string_view name(answer_outcome o) noexcept;

/// Used on the scraper's loop only; the metrics may be read anywhere.
class tally {
 public:
  void count_answer(const std::string& feed, answer_outcome outcome);
  void count_events(const std::string& feed, const domain::geo::store_outcome& what);
  /// True for the first one of this kind: the one to log.
  bool count_refused(const std::string& feed, const std::string& reason, std::uint64_t n = 1);
  void count_duplicates(const std::string& feed, std::uint64_t n) { feeds_[feed].duplicates += n; }
  /// Records that a mapping leaves out.
  void count_skipped(const std::string& feed, std::uint64_t n);
  void document_refused(const std::string& feed, const std::string& origin, const std::string& why);
  void failed(const std::string& feed, const std::string& why);

  /// A table for people, by feed, then what was refused and what failed.
  std::string summary(std::chrono::milliseconds took) const;
  /// There was a feed, and none of them ever answered.
  bool all_failed() const;

 private:
  struct of_feed {
    std::uint64_t fresh = 0, not_modified = 0, failed = 0, refused = 0;  // answers
    domain::geo::store_outcome events;
    std::uint64_t duplicates = 0, skipped = 0;
    std::map<std::string, std::uint64_t> refusals;  // by reason
    std::vector<std::string> problems;              // the first few; refused documents and failures
    std::uint64_t more_problems = 0;
  };
  void add_problem(const std::string& feed, std::string text);

  std::map<std::string, of_feed> feeds_;
};

}  // namespace distsys::roles::scraper
