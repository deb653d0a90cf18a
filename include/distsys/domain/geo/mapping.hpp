// Mapping files: what makes a source of any JSON feed, by declaration. roles/scraper/README.md describes the format.
//
// Where a record's values are is told by JSON Pointers (RFC 6901) relative to it; null and empty text are as absent. A
// record becomes an event, is over (`ended`), is left out (`where`, or without a position where the mapping says so),
// or is refused for one of the reasons of event.hpp; it never harms its neighbours.
#pragma once

#include "distsys/domain/geo/codecs.hpp"

#include <memory>

namespace distsys::domain::geo {

namespace codec {
struct mapping_rules;
}

/// A mapping file, read and checked. Immutable; copies share; any thread.
class mapping {
 public:
  static constexpr std::size_t most_bytes = 256u << 10;

  /// errc::invalid names each fault as "FILE: POINTER: expected …, found …"; errc::too_large.
  static result<mapping> parse(std::string_view text, std::string_view file);

  /// The name of its events' source unless somebody gives another.
  const std::string& source() const noexcept;
  const codec::mapping_rules& rules() const noexcept { return *rules_; }

 private:
  explicit mapping(std::shared_ptr<const codec::mapping_rules> rules) : rules_(std::move(rules)) {}
  std::shared_ptr<const codec::mapping_rules> rules_;
};

struct mapped_observation {
  observation seen;
  std::vector<std::string> ended;           // ids of what the source says is over, or has been replaced; none of seen's
  std::size_t skipped = 0;                  // records that the mapping leaves out
  std::size_t unplaced = 0;                 // of those, the ones without a position
  std::vector<std::string> unplaced_names;  // their ids, and other ids
  std::size_t records = 0;                  // of the document, whatever became of them
};

/// errc::invalid when the records are not where the mapping says, or when nobody says when the document is from. Pure.
result<mapped_observation> decode(const json::value& document, const mapping& by, const decode_options& options);
/// Parses first.
result<mapped_observation> decode(std::string_view document, const mapping& by, const decode_options& options);
inline result<mapped_observation> decode(const std::string& document, const mapping& by,
                                         const decode_options& options) {
  return decode(std::string_view(document), by, options);  // a json::value can be made of one too
}
inline result<mapped_observation> decode(const char* document, const mapping& by, const decode_options& options) {
  return decode(std::string_view(document), by, options);
}

}  // namespace distsys::domain::geo
