#include "mapping_reader.hpp"
#include "record.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace distsys::domain::geo::codec {
namespace {

constexpr std::size_t most_entries = 4096, most_conditions = 64, most_properties = 128;

constexpr std::array<std::string_view, 19> members{
    "source",   "records", "observed", "where", "id",    "aliases", "replaces", "kind",    "subtype",   "severity",
    "position", "line",    "text",     "place", "ended", "started", "updated",  "expires", "properties"};

/// As every kind is written: "wild_fire".
bool is_word(const std::string& text) { return !text.empty() && word(text, "") == text; }

bool is_source(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

constexpr std::string_view a_word = "a word of a-z, 0-9 and '_'", a_level = "an integer from 0 to 10";

std::optional<std::string> read_word_value(const json::value& v) {
  if (!v.is_string()) return std::nullopt;
  std::string text(v.get_string());
  return is_word(text) ? std::optional(std::move(text)) : std::nullopt;
}

std::optional<int> read_level(const json::value& v) {
  return v.is_int64() && v.get_int64() >= 0 && v.get_int64() <= 10 ? std::optional(static_cast<int>(v.get_int64()))
                                                                   : std::nullopt;
}

}  // namespace

template <class T, class Read>
table<T> mapping_reader::read_table(const json::value& v, const std::string& at, Read read) {
  table<T> out;
  const json::object* o = v.if_object();
  if (o == nullptr) return out;
  constexpr std::string_view what = std::is_same_v<T, int> ? a_level : a_word;
  const auto one = [&](const json::value& from, const std::string& where) {
    auto value = read(from);
    if (!value) expect(where, what, &from);
    return value;
  };
  if (const auto* entries = o->if_contains("table")) {
    const std::string here = below(at, "table");
    const json::object* all = entries->if_object();
    if (all == nullptr || all->empty() || all->size() > most_entries) {
      expect(here, "an object of 1 to 4096 entries", entries);
      return out;
    }
    for (const auto& entry : *all) {
      const std::string_view key(entry.key().data(), entry.key().size());
      if (auto value = one(entry.value(), below(here, key))) out.entries.emplace(key, std::move(*value));
    }
  }
  if (const auto* otherwise = o->if_contains("default")) out.otherwise = one(*otherwise, below(at, "default"));
  return out;
}

word_field mapping_reader::read_word(const json::value& v, const std::string& at) {
  word_field f;
  f.value = read_field(v, at, {"table", "default"});
  f.words = read_table<std::string>(v, at, read_word_value);
  if (!f.value.constant.is_null() && !read_word_value(f.value.constant))
    expect(below(at, "constant"), a_word, &f.value.constant);
  return f;
}

severity_field mapping_reader::read_severity(const json::value& v, const std::string& at) {
  severity_field f;
  f.value = read_field(v, at, {"table", "default", "scale", "offset"});
  f.levels = read_table<int>(v, at, read_level);
  if (!f.value.constant.is_null() && !read_level(f.value.constant))
    expect(below(at, "constant"), a_level, &f.value.constant);
  if (const json::object* o = v.if_object()) {
    const bool scaled = o->contains("scale") || o->contains("offset");
    if (scaled && o->contains("table")) expect(at, "either a table or a scale", &v);
    f.scale = number(*o, at, "scale").value_or(1);
    f.offset = number(*o, at, "offset").value_or(0);
  }
  return f;
}

time_field mapping_reader::read_time(const json::value& v, const std::string& at) {
  time_field f;
  f.value = read_field(v, at, {"format", "zone"});
  const json::object* o = v.if_object();
  if (o == nullptr) return f;
  std::string format = "rfc3339", zone;
  for (const auto& [name, to] : {std::pair{"format", &format}, std::pair{"zone", &zone}}) {
    const auto* given = o->if_contains(name);
    if (given == nullptr) continue;
    if (!given->is_string() || given->get_string().empty()) {
      expect(below(at, name), "text", given);
      return f;
    }
    *to = given->get_string();
  }
  if (auto pattern = time_pattern::parse(format, zone)) {
    f.format = *pattern;
  } else {
    const char* wrong = time_pattern::parse(format) ? "zone" : "format";
    expect(below(at, wrong), pattern.error().detail, o->if_contains(wrong));
  }
  if (!f.value.constant.is_null()) expect(at, "a pointer: a time is not constant", &v);
  return f;
}

condition mapping_reader::read_condition(const json::value& v, const std::string& at) {
  condition c;
  c.value = read_field(v, at, {"present", "values", "except"});
  const json::object* o = v.if_object();
  if (o == nullptr) return c;  // a pointer alone: present
  const auto *present = o->if_contains("present"), *values = o->if_contains("values"),
             *except = o->if_contains("except");
  if ((present != nullptr) + (values != nullptr) + (except != nullptr) != 1) {
    expect(at, "exactly one of 'present', 'values' and 'except'", &v);
    return c;
  }
  if (present != nullptr) {
    if (!present->is_bool()) expect(below(at, "present"), "true or false", present);
    c.what = *present == true ? condition::test::present : condition::test::absent;
    return c;
  }
  c.what = values != nullptr ? condition::test::among : condition::test::not_among;
  const auto* list = values != nullptr ? values : except;
  const std::string here = below(at, values != nullptr ? "values" : "except");
  const json::array* all = list->if_array();
  if (all == nullptr || all->empty() || all->size() > most_entries) {
    expect(here, "an array of values", list);
    return c;
  }
  for (std::size_t i = 0; i < all->size(); ++i) {
    if (auto text = scalar_text((*all)[i]))
      c.values.push_back(std::move(*text));
    else
      expect(below(here, i), "text, a number, true or false", &(*all)[i]);
  }
  return c;
}

std::vector<condition> mapping_reader::read_conditions(const json::value& v, const std::string& at) {
  const json::array* all = v.if_array();
  if (all == nullptr) return {read_condition(v, at)};
  std::vector<condition> out;
  if (all->empty() || all->size() > most_conditions) expect(at, "1 to 64 conditions", &v);
  for (std::size_t i = 0; i < std::min(all->size(), most_conditions); ++i)
    out.push_back(read_condition((*all)[i], below(at, i)));
  return out;
}

position_field mapping_reader::read_position(const json::value& v, const std::string& at) {
  position_field f;
  const json::object* o = object(v, at, {"geometry", "lon", "lat", "absent"});
  if (o == nullptr) return f;
  const bool geometry = o->contains("geometry"), lon = o->contains("lon"), lat = o->contains("lat");
  if (lon != lat || geometry == lon) {
    expect(at, "either 'geometry', or 'lon' and 'lat'", &v);
    return f;
  }
  if (geometry) f.geometry = read_field(o->at("geometry"), below(at, "geometry"));
  if (lon) {
    f.lon = read_field(o->at("lon"), below(at, "lon"));
    f.lat = read_field(o->at("lat"), below(at, "lat"));
  }
  if (const auto* absent = o->if_contains("absent")) {
    f.skip_without = *absent == "skip";
    if (*absent != "skip" && *absent != "refuse") expect(below(at, "absent"), "'skip' or 'refuse'", absent);
  }
  return f;
}

line_field mapping_reader::read_line(const json::value& v, const std::string& at) {
  line_field f;
  f.value = read_field(v, at, {"lon", "lat"});
  f.lon = json_pointer::parse("/0").value();
  f.lat = json_pointer::parse("/1").value();
  const json::object* o = v.if_object();
  if (o == nullptr) return f;
  if (const auto* lon = o->if_contains("lon")) f.lon = pointer(*lon, below(at, "lon"));
  if (const auto* lat = o->if_contains("lat")) f.lat = pointer(*lat, below(at, "lat"));
  if (o->contains("lon") != o->contains("lat")) expect(at, "both 'lon' and 'lat', or neither", &v);
  return f;
}

std::vector<std::pair<std::string, field>> mapping_reader::read_properties(const json::value& v,
                                                                           const std::string& at) {
  std::vector<std::pair<std::string, field>> out;
  const json::object* o = v.if_object();
  if (o == nullptr || o->empty() || o->size() > most_properties) {
    expect(at, "an object of 1 to 128 names and their pointers", &v);
    return out;
  }
  for (const auto& member : *o) {
    const std::string_view name(member.key().data(), member.key().size());
    const std::string here = below(at, name);
    if (name.empty() || !fit_for_name(name)) expect(here, "a name of 1 to 255 bytes", &v);
    if (personal(name)) expect(here, "a name that does not tell of a person (such data are never kept)", &v);
    out.emplace_back(name, read_field(member.value(), here));
  }
  return out;
}

void mapping_reader::read_member(std::string_view name, const json::value& v, mapping_rules& out) {
  const std::string at = below("", name);
  if (name == "source") {
    if (v.is_string() && is_source({v.get_string().data(), v.get_string().size()}))
      out.source = v.get_string();
    else
      expect(at, "a name of a-z, 0-9, '-', '_', '.', of at most 64 bytes", &v);
  } else if (name == "records") {
    out.records = pointer(v, at);
  } else if (name == "observed") {
    out.observed = read_time(v, at);
  } else if (name == "where") {
    out.where = read_conditions(v, at);
  } else if (name == "ended") {
    out.ended = read_conditions(v, at);
  } else if (name == "id") {
    out.id = read_field(v, at);
    if (!out.id.constant.is_null()) expect(at, "a pointer: each event has its own id", &v);
  } else if (name == "aliases") {
    out.aliases = pointers(v, at, true);
  } else if (name == "replaces") {
    out.replaces = pointers(v, at, true);
  } else if (name == "kind") {
    out.kind = read_word(v, at);
  } else if (name == "subtype") {
    out.subtype = read_word(v, at);
  } else if (name == "severity") {
    out.severity = read_severity(v, at);
  } else if (name == "position") {
    out.position = read_position(v, at);
  } else if (name == "line") {
    out.line = read_line(v, at);
  } else if (name == "text") {
    out.text = read_field(v, at);
  } else if (name == "place") {
    out.place = read_field(v, at);
  } else if (name == "started") {
    out.started = read_time(v, at);
  } else if (name == "updated") {
    out.updated = read_time(v, at);
  } else if (name == "expires") {
    out.expires = read_time(v, at);
  } else if (name == "properties") {
    out.properties = read_properties(v, at);
  }
}

mapping_rules mapping_reader::read(const json::value& document) {
  mapping_rules out;
  const json::object* o = document.if_object();
  if (o == nullptr) {
    expect("", "an object", &document);
    return out;
  }
  check_members(*o, "", members);
  for (const auto name : members)
    if (const auto* v = o->if_contains(name)) read_member(name, *v, out);
  for (const std::string_view needed : {"source", "records", "id", "kind"})
    if (!o->contains(needed)) expect(below("", needed), "it to be there", nullptr);
  if (!o->contains("position") && !o->contains("line")) expect("/position", "it (or /line) to be there", nullptr);
  return out;
}

}  // namespace distsys::domain::geo::codec
