// The names of recorded answers, and the directory that holds them.
#pragma once

#include "distsys/domain/geo/event.hpp"
#include "distsys/foundation/error.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace distsys::roles::scraper {

/// What a file's name says of it.
struct recording_name {
  std::optional<domain::geo::timestamp> observed;
  std::string source;  // empty: as the document says
  bool own = false;    // in our own form: the name is to be believed
};

/// Our own form is "20250409T180400.000Z-waze.json", "20250409T180400.000Z-waze.2.json" for a second one of the same
/// time. Of other names the first "20250409-140719", "2025-04-09_14-07-19" or the like is read, as UTC.
recording_name read_name(std::string_view file_name);
std::string make_name(domain::geo::timestamp observed, std::string_view source, unsigned copy = 0);

/// A file of a recording, in the order in which it is to be played.
struct recorded_file {
  std::filesystem::path path;
  std::optional<domain::geo::timestamp> observed;
  std::string source;
  std::string mapping;  // the name of the one to read it by; empty: that of its source, if there is one
};

/// The recordings below `directory` (not its subdirectories) by observation time: what `manifest.json` says, our own
/// names, the documents themselves, other names, in that order of trust. Files without any time come last, by name.
/// Blocks: reads foreign documents whole, one after another. errc::not_found, errc::permission_denied, errc::invalid
/// (manifest, or a file instead of a directory).
///
/// manifest.json: {"files": [{"name": "a.json", "observed": "2025-04-09T18:04:00Z", "source": "waze"}, …]}; with
/// "only": true other files are left out; a "mapping": "NAME" beside a file's name says what to read it by.
result<std::vector<recorded_file>> list_recordings(const std::filesystem::path& directory);

/// errc::too_large over `max_bytes`.
result<std::string> read_whole(const std::filesystem::path& file, std::size_t max_bytes);

/// Writes recordings. Blocks: for a lane.
class recorder {
 public:
  /// Creates the directory. errc::permission_denied, errc::no_space, …
  static result<recorder> open(std::filesystem::path directory);

  /// One file an answer, complete or not there at all. Equal content at the same name is written once.
  result<void> write(domain::geo::timestamp observed, std::string_view source, std::string_view document);

 private:
  explicit recorder(std::filesystem::path directory) : directory_(std::move(directory)) {}
  std::filesystem::path directory_;
};

}  // namespace distsys::roles::scraper
