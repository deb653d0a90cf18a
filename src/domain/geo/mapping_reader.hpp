// Reads a mapping file and collects what is wrong with it. For mapping.cpp.
#pragma once

#include "mapping_rules.hpp"

#include <initializer_list>
#include <span>

namespace distsys::domain::geo::codec {

class mapping_reader {
 public:
  mapping_rules read(const json::value& document);
  /// "POINTER: expected …, found …": the first few.
  const std::vector<std::string>& faults() const noexcept { return faults_; }

 private:
  using names = std::initializer_list<std::string_view>;

  // mapping_reader.cpp: values and fields
  void expect(const std::string& at, std::string_view what, const json::value* found);
  void check_members(const json::object& o, const std::string& at, std::span<const std::string_view> known);
  const json::object* object(const json::value& v, const std::string& at, names known);
  std::optional<double> number(const json::object& o, const std::string& at, std::string_view name);
  json_pointer pointer(const json::value& v, const std::string& at, bool each = false);
  std::vector<json_pointer> pointers(const json::value& v, const std::string& at, bool each);
  /// `more`: members that an object may have besides those of a field.
  field read_field(const json::value& v, const std::string& at, names more = {});

  // mapping_members.cpp: the members of the file
  template <class T, class Read>
  table<T> read_table(const json::value& v, const std::string& at, Read read);
  word_field read_word(const json::value& v, const std::string& at);
  severity_field read_severity(const json::value& v, const std::string& at);
  time_field read_time(const json::value& v, const std::string& at);
  condition read_condition(const json::value& v, const std::string& at);
  std::vector<condition> read_conditions(const json::value& v, const std::string& at);
  position_field read_position(const json::value& v, const std::string& at);
  line_field read_line(const json::value& v, const std::string& at);
  std::vector<std::pair<std::string, field>> read_properties(const json::value& v, const std::string& at);
  void read_member(std::string_view name, const json::value& v, mapping_rules& out);

  std::vector<std::string> faults_;
};

/// The JSON Pointer of a member.
std::string below(const std::string& at, std::string_view name);
std::string below(const std::string& at, std::size_t index);

}  // namespace distsys::domain::geo::codec
