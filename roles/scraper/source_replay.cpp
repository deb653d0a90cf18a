#include "source_replay.hpp"

#include "distsys/foundation/text.hpp"

#include <algorithm>

namespace distsys::roles::scraper {
namespace {

/// One name for one directory: absolute, without a '/' at its end.
std::filesystem::path plain(const std::filesystem::path& directory) {
  auto out = std::filesystem::absolute(directory).lexically_normal();
  return out.has_filename() ? out : out.parent_path();
}

}  // namespace

replay_feed::replay_feed(const std::filesystem::path& directory, double speed, std::size_t max_document,
                         std::shared_ptr<runtime::blocking_lane> files, mapping_set mappings)
    : directory_(plain(directory)),
      speed_(speed),
      max_document_(max_document),
      lane_(std::move(files)),
      mappings_(std::move(mappings)) {}

awaitable<result<void>> replay_feed::list() {
  auto found = co_await lane_->run([directory = directory_] { return list_recordings(directory); });
  if (!found) co_return found.error();
  files_ = std::move(*found);
  listed_ = true;
  const auto last = std::find_if(files_.begin(), files_.end(),
                                 [this](const recorded_file& f) { return f.path.filename().string() == stored_; });
  next_ = last == files_.end() ? 0 : static_cast<std::size_t>(last - files_.begin()) + 1;
  if (files_.empty()) co_return error{errc::not_found, directory_.string() + ": no recordings (*.json, *.geojson)"};
  co_return result<void>{};
}

std::optional<std::chrono::milliseconds> replay_feed::time_to_next() const {
  if (speed_ <= 0 || next_ == 0 || next_ >= files_.size()) return std::chrono::milliseconds(0);
  const auto before = files_[next_ - 1].observed, after = files_[next_].observed;
  if (!before || !after) return std::chrono::milliseconds(0);
  return std::chrono::duration_cast<std::chrono::milliseconds>((*after - *before) / speed_);
}

result<answer> replay_feed::describe(const recorded_file& file, std::string document) const {
  answer a;
  a.origin = file.path.filename().string();
  a.mapping = mappings_.find(file.mapping.empty() ? file.source : file.mapping);
  if (!a.mapping && !file.mapping.empty()) {
    return error{errc::invalid, a.origin + ": its manifest wants the mapping '" + file.mapping + "' (there is " +
                                    mappings_.names() + "): give --scraper.mapping=" + file.mapping + "=FILE"};
  }
  a.source = file.source.empty() && a.mapping ? file.mapping : file.source;
  a.observed = file.observed;
  a.stamped = file.observed.has_value();
  a.recorded = true;
  // What was recorded of a named source stays that source's, as it was when it was live.
  a.trusted_own = file.source.empty();
  a.document = std::move(document);
  return a;
}

void replay_feed::recall(std::string_view file) {
  stored_ = file;
  listed_ = false;
}

awaitable<poll_result> replay_feed::ask() {
  if (!listed_) {
    if (auto ok = co_await list(); !ok) {
      poll_result p = poll_result::failure(ok.error());
      p.finished = listed_;  // an empty directory stays empty; one that is not there may come
      co_return p;
    }
  }
  if (next_ >= files_.size()) {  // it was killed between its last file and saying so
    poll_result p;
    p.finished = true;
    co_return p;
  }
  const recorded_file& file = files_[next_++];
  auto text = co_await lane_->run([path = file.path, most = max_document_] { return read_whole(path, most); });
  poll_result p;
  auto said = text ? describe(file, std::move(*text)) : result<answer>(text.error());
  if (said)
    p.said = std::move(*said);
  else
    p.failed = said.error();
  p.wait = time_to_next();
  p.finished = next_ >= files_.size();
  co_return p;
}

result<std::unique_ptr<feed>> make_replay_feed(const url& address, bool as_fast_as_possible, std::size_t max_document,
                                               std::shared_ptr<runtime::blocking_lane> files, mapping_set mappings) {
  constexpr std::string_view known[] = {"speed"};
  if (auto ok = address.check_parameters(known); !ok) return ok.error();
  if (!address.host().empty() || address.path().empty()) {
    return error{errc::invalid, "'" + address.masked() + "': write replay:DIR?speed=N"};
  }
  const auto speed = parse_real(address.parameter("speed").value_or("1"));
  if (!speed || *speed < 0 || *speed > 1e6) {
    return error{errc::invalid, address.masked() + ": speed is a number from 0 (as fast as possible) to 1000000"};
  }
  return std::unique_ptr<feed>(std::make_unique<replay_feed>(address.path(), as_fast_as_possible ? 0 : *speed,
                                                             max_document, std::move(files), std::move(mappings)));
}

}  // namespace distsys::roles::scraper
