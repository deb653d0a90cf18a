// What a mapping file says, ready to be applied: the members are those of the file.
#pragma once

#include "json_pointer.hpp"
#include "time_pattern.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace distsys::domain::geo::codec {

/// A value: what is at the first of the pointers that lead to something, else the constant.
struct field {
  std::vector<json_pointer> from;
  json::value constant;  // null: none

  bool given() const noexcept { return !from.empty() || !constant.is_null(); }
  /// nullptr when there is nothing.
  const json::value* find(const json::value& record) const noexcept;
  std::string where() const;  // for messages
};

/// Values of the feed, as text, and what they become. Empty without `table`.
template <class T>
struct table {
  std::map<std::string, T, std::less<>> entries;
  std::optional<T> otherwise;
};

struct word_field {
  field value;
  table<std::string> words;
};

/// By table, or round(scale * number + offset); 0 … 10 either way.
struct severity_field {
  field value;
  table<int> levels;
  double scale = 1, offset = 0;
};

struct time_field {
  field value;
  time_pattern format;
};

struct condition {
  enum class test { present, absent, among, not_among };
  field value;
  test what = test::present;
  std::vector<std::string> values;
};

struct position_field {
  field geometry, lon, lat;
  bool skip_without = false;  // else a record without position is refused
};

/// A GeoJSON geometry, or an array of vertices.
struct line_field {
  field value;
  json_pointer lon, lat;  // of a vertex
};

struct mapping_rules {
  std::string source;
  json_pointer records;  // in the document
  time_field observed;   // in the document
  std::vector<condition> where, ended;
  field id;
  std::vector<json_pointer> aliases, replaces;
  word_field kind, subtype;
  severity_field severity;
  position_field position;
  line_field line;
  field text, place;
  time_field started, updated, expires;
  std::vector<std::pair<std::string, field>> properties;
};

/// Text of a string, number, true or false; nothing of other values.
std::optional<std::string> scalar_text(const json::value& v);

}  // namespace distsys::domain::geo::codec
