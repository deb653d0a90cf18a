// What a client posts: features of a GeoJSON document or of lines, read row by row, and what became of each.
#pragma once

#include "distsys/domain/geo/event_repository.hpp"
#include "distsys/foundation/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::roles::cache {

enum class upload_format : std::uint8_t { geojson, lines };

inline constexpr std::size_t max_upload_bytes = 16u << 20;
inline constexpr std::size_t max_upload_rows = 10'000;

enum class row_verdict : std::uint8_t { added, changed, unchanged, older, ended, refused };
std::string_view name(row_verdict v) noexcept;

struct upload_row {
  std::size_t number = 0;  // the feature's place in the collection, or the line's, from 0
  std::string id;          // empty where none could be read
  row_verdict verdict = row_verdict::refused;
  std::string reason, detail;  // of what is refused, or older than another row of the call
};

/// The rows, and what is to be stored: each id once, because of rows with one id the last counts (of those that both
/// say `updated`, the later).
struct upload {
  std::vector<upload_row> rows;
  domain::geo::observation seen;   // refused records too
  std::vector<std::size_t> live;   // the row of each event of `seen`
  std::vector<std::string> ended;  // ids whose row has the status "deleted"
  std::vector<std::size_t> over;   // the row of each of `ended`
};

/// A Feature or a FeatureCollection; or a Feature a line, blank lines left out. Every event gets the source. The
/// observation is of `now`, unless the collection says another time (metadata.generated, …). A bad row is refused and
/// harms no other. errc::invalid for what is no document, or is from the future; errc::too_large for too many rows.
/// Pure.
result<upload> read_upload(upload_format format, std::string_view body, const std::string& source,
                           domain::geo::timestamp now);

/// {"added":n,…,"refused":n,"rows":[{"row":0,"id":"…","verdict":"added"},…]}
std::string verdicts_json(const std::vector<upload_row>& rows);

}  // namespace distsys::roles::cache
