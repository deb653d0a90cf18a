#include "tally.hpp"

#include "distsys/foundation/metrics.hpp"
#include "distsys/foundation/text.hpp"
#include "distsys/runtime/clock.hpp"

#include <algorithm>
#include <array>

namespace distsys::roles::scraper {
namespace {

constexpr std::size_t most_problems = 1000;

void count_change(const std::string& feed, std::string_view change, std::uint64_t n) {
  if (n == 0) return;
  metrics::get_counter("distsys_scraper_events_total", "Events by what storing them changed.",
                       {{"source", feed}, {"change", change}})
      .add(n);
}

template <std::size_t Columns>
std::string lay_out(const std::vector<std::array<std::string, Columns>>& rows) {
  std::array<std::size_t, Columns> width{};
  for (const auto& row : rows)
    for (std::size_t i = 0; i < Columns; ++i) width[i] = std::max(width[i], row[i].size());
  std::string out;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < Columns; ++i) {
      const std::string gap(width[i] - row[i].size(), ' ');
      out += i == 0 ? row[i] + gap : "  " + gap + row[i];  // names to the left, numbers to the right
    }
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  }
  return out;
}

}  // namespace

std::string_view name(answer_outcome o) noexcept {
  switch (o) {
    case answer_outcome::fresh:
      return "fresh";
    case answer_outcome::not_modified:
      return "not_modified";
    case answer_outcome::failed:
      return "failed";
    case answer_outcome::refused:
      return "refused";
  }
  return "unknown";
}

void tally::count_answer(const std::string& feed, answer_outcome outcome) {
  auto& f = feeds_[feed];
  switch (outcome) {
    case answer_outcome::fresh:
      ++f.fresh;
      break;
    case answer_outcome::not_modified:
      ++f.not_modified;
      break;
    case answer_outcome::failed:
      ++f.failed;
      break;
    case answer_outcome::refused:
      ++f.refused;
      break;
  }
  metrics::get_counter("distsys_scraper_answers_total", "Answers of the sources by what became of them.",
                       {{"source", feed}, {"outcome", name(outcome)}})
      .add();
  if (outcome == answer_outcome::fresh || outcome == answer_outcome::not_modified) {
    metrics::get_gauge("distsys_scraper_last_success_timestamp_seconds", "When the source last gave a good answer.",
                       {{"source", feed}})
        .set(std::chrono::duration<double>(runtime::now().time_since_epoch()).count());
  }
}

void tally::count_events(const std::string& feed, const domain::geo::store_outcome& what) {
  feeds_[feed].events += what;
  count_change(feed, "new", what.added);
  count_change(feed, "changed", what.changed);
  count_change(feed, "unchanged", what.unchanged);
  count_change(feed, "older", what.older);
  count_change(feed, "ended", what.ended);
}

bool tally::count_refused(const std::string& feed, const std::string& reason, std::uint64_t n) {
  auto& count = feeds_[feed].refusals[reason];
  const bool first = count == 0;
  count += n;
  metrics::get_counter("distsys_scraper_refused_total", "Records refused, by reason.",
                       {{"source", feed}, {"reason", reason}})
      .add(n);
  return first;
}

void tally::count_skipped(const std::string& feed, std::uint64_t n) {
  if (n == 0) return;
  feeds_[feed].skipped += n;
  metrics::get_counter("distsys_scraper_skipped_total", "Records that the source's mapping leaves out.",
                       {{"source", feed}})
      .add(n);
}

void tally::add_problem(const std::string& feed, std::string text) {
  auto& f = feeds_[feed];
  if (f.problems.size() < most_problems) {
    f.problems.push_back(std::move(text));
  } else {
    ++f.more_problems;
  }
}

void tally::document_refused(const std::string& feed, const std::string& origin, const std::string& why) {
  count_answer(feed, answer_outcome::refused);
  add_problem(feed, "refused  " + origin + ": " + why);
}

void tally::failed(const std::string& feed, const std::string& why) {
  count_answer(feed, answer_outcome::failed);
  add_problem(feed, "failed   " + why);
}

std::string tally::summary(std::chrono::milliseconds took) const {
  std::vector<std::array<std::string, 9>> rows{
      {"source", "answers", "new", "changed", "unchanged", "older", "ended", "refused", "documents refused"}};
  std::vector<std::array<std::string, 3>> reasons;
  std::string problems;
  for (const auto& [feed, f] : feeds_) {
    std::uint64_t refused = 0;
    for (const auto& [reason, n] : f.refusals) {
      refused += n;
      reasons.push_back({feed, reason, std::to_string(n)});
    }
    const auto& e = f.events;
    rows.push_back({feed, std::to_string(f.fresh + f.not_modified + f.refused), std::to_string(e.added),
                    std::to_string(e.changed), std::to_string(e.unchanged), std::to_string(e.older),
                    std::to_string(e.ended), std::to_string(refused), std::to_string(f.refused)});
    if (f.skipped > 0) reasons.push_back({feed, "skipped", std::to_string(f.skipped)});
    for (const auto& p : f.problems) problems += feed + "  " + p + "\n";
    if (f.more_problems > 0) problems += feed + "  and " + std::to_string(f.more_problems) + " more\n";
  }
  std::string out = "scraped once in " + format_duration(took) + "\n\n" + lay_out(rows);
  if (!reasons.empty()) out += "\nrecords refused or skipped\n" + lay_out(reasons);
  if (!problems.empty()) out += "\nproblems\n" + problems;
  return out;
}

bool tally::all_failed() const {
  return !feeds_.empty() && std::all_of(feeds_.begin(), feeds_.end(), [](const auto& entry) {
    return entry.second.fresh + entry.second.not_modified == 0;
  });
}

}  // namespace distsys::roles::scraper
