// Records of any JSON feed into events, as a mapping says.
#include "distsys/domain/geo/mapping.hpp"
#include "distsys/foundation/text.hpp"
#include "geometry_reader.hpp"
#include "mapping_rules.hpp"
#include "record.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_set>

namespace distsys::domain::geo {
namespace codec {

std::optional<std::string> scalar_text(const json::value& v) {
  if (v.is_string()) return std::string(v.get_string());
  if (v.is_structured() || v.is_null()) return std::nullopt;
  return canonical(v);
}

const json::value* field::find(const json::value& record) const noexcept {
  for (const auto& p : from)
    if (const auto* v = p.find(record)) return v;
  return constant.is_null() ? nullptr : &constant;
}

std::string field::where() const {
  std::string out;
  for (const auto& p : from) out += (out.empty() ? "" : " or ") + (p.text().empty() ? "the record" : p.text());
  return out;
}

namespace {

constexpr std::size_t most_other_ids = 256, most_property_bytes = 8192;

bool holds(const condition& c, const json::value& record) {
  const json::value* v = c.value.find(record);
  switch (c.what) {
    case condition::test::present:
      return v != nullptr;
    case condition::test::absent:
      return v == nullptr;
    case condition::test::among:
    case condition::test::not_among:
      break;
  }
  const auto text = v != nullptr ? scalar_text(*v) : std::nullopt;
  const bool among = text && std::find(c.values.begin(), c.values.end(), *text) != c.values.end();
  return among == (c.what == condition::test::among);
}

/// One record, applied to the rules; its faults are the record's (record.hpp).
class mapped_record {
 public:
  mapped_record(const mapping_rules& rules, const json::value& from) : rules_(rules), from_(from) {}

  bool good() const noexcept { return faults_.good(); }
  bool without_position() const noexcept { return without_position_; }
  void keep(event&& e, observation& seen) { codec::keep(faults_, std::move(e), from_, seen); }

  std::string id();
  std::vector<std::string> other_ids(const std::vector<json_pointer>& from, const std::string& own) const;
  void read(event& e);

 private:
  static const json::object& nothing() {
    static const json::object none;
    return none;
  }
  std::string text(const field& f);
  std::string word_of(const word_field& f, std::string_view name, bool needed);
  int severity();
  std::optional<timestamp> time(const time_field& f);
  std::optional<double> degrees(const json::value* v, const std::string& where);
  std::optional<position> vertex(const json::value* lon, const json::value* lat, const std::string& where);
  std::vector<position> line();
  std::optional<position> at();
  json::object properties() const;

  const mapping_rules& rules_;
  const json::value& from_;
  record faults_{nothing()};
  bool without_position_ = false;
};

std::string mapped_record::id() {
  const json::value* v = rules_.id.find(from_);
  if (v == nullptr) {
    faults_.refuse("no_id", "nothing at " + rules_.id.where());
    return {};
  }
  if (!v->is_string() && !v->is_int64() && !v->is_uint64()) {
    faults_.refuse("wrong_type", rules_.id.where() + " is not text or an integer: " + shown(*v));
    return {};
  }
  auto text = *scalar_text(*v);
  if (!fit_for_name(text)) faults_.refuse("out_of_range", rules_.id.where() + " is no id: " + shown(*v));
  return text;
}

std::vector<std::string> mapped_record::other_ids(const std::vector<json_pointer>& from, const std::string& own) const {
  std::vector<std::string> out;
  for (const auto& p : from)
    for (const auto* v : p.find_each(from_, most_other_ids)) {
      auto text = scalar_text(*v);
      if (text && *text != own && fit_for_name(*text) && out.size() < most_other_ids &&
          std::find(out.begin(), out.end(), *text) == out.end())
        out.push_back(std::move(*text));
    }
  return out;
}

std::string mapped_record::text(const field& f) {
  const json::value* v = f.find(from_);
  if (v == nullptr) return {};
  auto text = scalar_text(*v);
  if (!text) faults_.refuse("wrong_type", f.where() + " is not text: " + shown(*v));
  return std::move(text).value_or("");
}

std::string mapped_record::word_of(const word_field& f, std::string_view name, bool needed) {
  const std::string said = text(f.value);
  const auto entry = f.words.entries.find(said);
  if (entry != f.words.entries.end()) return entry->second;
  std::string found = f.words.entries.empty() ? word(said, "") : "";
  if (!found.empty()) return found;
  if (f.words.otherwise) return *f.words.otherwise;
  if (needed) {
    faults_.refuse("out_of_range", said.empty()
                                       ? "nothing at " + f.value.where() + ", which tells the " + std::string(name)
                                       : "no " + std::string(name) + " for '" + std::string(beginning(said, 80)) + "'");
  }
  return {};
}

int mapped_record::severity() {
  const auto& f = rules_.severity;
  const json::value* v = f.value.find(from_);
  if (v != nullptr && !f.levels.entries.empty()) {
    const auto entry = f.levels.entries.find(scalar_text(*v).value_or(""));
    if (entry != f.levels.entries.end()) return entry->second;
  } else if (v != nullptr) {
    boost::json::error_code ignored;
    std::optional<double> n;
    if (v->is_number()) n = v->to_number<double>(ignored);
    if (v->is_string())
      if (const auto read = parse_real(std::string_view(v->get_string().data(), v->get_string().size()))) n = *read;
    if (n) return static_cast<int>(std::lround(std::clamp(*n * f.scale + f.offset, 0.0, 10.0)));
    faults_.refuse("wrong_type", f.value.where() + " is not a number: " + shown(*v));
  }
  return f.levels.otherwise.value_or(0);
}

std::optional<timestamp> mapped_record::time(const time_field& f) {
  const json::value* v = f.value.find(from_);
  if (v == nullptr) return std::nullopt;
  const auto t = f.format.read(*v);
  if (!t) faults_.refuse("bad_time", f.value.where() + " is no time: " + shown(*v));
  return t;
}

std::optional<double> mapped_record::degrees(const json::value* v, const std::string& where) {
  if (v == nullptr) {
    faults_.refuse("no_position", "nothing at " + where);
    return std::nullopt;
  }
  boost::json::error_code ignored;
  if (v->is_number()) return v->to_number<double>(ignored);
  if (v->is_string())
    if (const auto n = parse_real(std::string_view(v->get_string().data(), v->get_string().size()))) return *n;
  faults_.refuse("wrong_type", where + " is not a number: " + shown(*v));
  return std::nullopt;
}

std::optional<position> mapped_record::vertex(const json::value* lon, const json::value* lat,
                                              const std::string& where) {
  const auto x = degrees(lon, where), y = x ? degrees(lat, where) : std::nullopt;
  if (!x || !y) return std::nullopt;
  const position p{*x + 0.0, *y + 0.0};  // -0.0 and 0.0 are one place
  if (valid(p)) return p;
  faults_.refuse("out_of_range", where + " is nowhere: longitude " + shown(*lon) + ", latitude " + shown(*lat));
  return std::nullopt;
}

std::vector<position> mapped_record::line() {
  const auto& f = rules_.line;
  const json::value* v = f.value.find(from_);
  if (v == nullptr) return {};
  if (v->is_object()) return read_line_string(faults_, *v);
  const json::array* vertices = v->if_array();
  if (vertices == nullptr) {
    faults_.refuse("wrong_type", f.value.where() + " is neither a geometry nor an array: " + shown(*v));
    return {};
  }
  std::vector<position> out;
  out.reserve(vertices->size());
  for (const auto& one : *vertices) {
    const auto p = vertex(f.lon.find(one), f.lat.find(one), f.value.where());
    if (!p) return {};
    out.push_back(*p);
  }
  return out;
}

std::optional<position> mapped_record::at() {
  const auto& f = rules_.position;
  if (f.geometry.given()) {
    if (const auto* v = f.geometry.find(from_)) return representative_point(faults_, *v);
  } else if (f.lon.given()) {
    const auto *lon = f.lon.find(from_), *lat = f.lat.find(from_);
    if (lon != nullptr && lat != nullptr) return vertex(lon, lat, f.lon.where() + ", " + f.lat.where());
  }
  without_position_ = f.skip_without;
  faults_.refuse("no_position", "nothing at " + (f.geometry.given() ? f.geometry.where() : f.lon.where()));
  return std::nullopt;
}

json::object mapped_record::properties() const {
  json::object out;
  for (const auto& [name, f] : rules_.properties) {
    const json::value* v = f.find(from_);
    if (v == nullptr) continue;
    auto kept = v->is_structured() ? without_personal_data(*v) : *v;
    if (v->is_structured() && canonical(kept).size() > most_property_bytes) continue;
    out.emplace(name, std::move(kept));
  }
  return out;
}

void mapped_record::read(event& e) {
  e.line = line();
  if (e.line.size() < 2) e.line.clear();
  if (!e.line.empty())
    e.at = e.line.front();
  else if (const auto p = good() ? at() : std::nullopt)
    e.at = *p;
  e.kind = word_of(rules_.kind, "kind", true);
  e.subtype = word_of(rules_.subtype, "subtype", false);
  e.severity = severity();
  e.text = text(rules_.text);
  e.place = text(rules_.place);
  e.started = time(rules_.started);
  e.updated = time(rules_.updated);
  e.expires = time(rules_.expires);
  e.properties = properties();
}

void read_record(const mapping_rules& rules, const json::value& from, const std::string& source,
                 mapped_observation& out) {
  if (!std::all_of(rules.where.begin(), rules.where.end(), [&](const auto& c) { return holds(c, from); })) {
    ++out.skipped;
    return;
  }
  mapped_record r(rules, from);
  event e;
  e.source = source;
  e.id = r.id();
  if (r.good()) {
    e.aliases = r.other_ids(rules.aliases, e.id);
    auto replaced = r.other_ids(rules.replaces, e.id);
    const bool over =
        std::any_of(rules.ended.begin(), rules.ended.end(), [&](const auto& c) { return holds(c, from); });
    if (over) {
      replaced.insert(replaced.end(), e.aliases.begin(), e.aliases.end());
      replaced.push_back(e.id);
    } else {
      r.read(e);
    }
    // What it takes the place of is over, wherever it is itself.
    if (r.good() || r.without_position()) std::move(replaced.begin(), replaced.end(), std::back_inserter(out.ended));
    if (over) return;
  }
  if (!r.good() && r.without_position()) {
    ++out.skipped;
    ++out.unplaced;
    std::move(e.aliases.begin(), e.aliases.end(), std::back_inserter(out.unplaced_names));
    out.unplaced_names.push_back(std::move(e.id));
  } else {
    r.keep(std::move(e), out.seen);
  }
}

/// Each id once, and none of what the same answer says is there.
void settle(mapped_observation& out) {
  std::unordered_set<std::string_view> taken;
  for (const auto& e : out.seen.events) taken.insert(e.id);
  std::sort(out.ended.begin(), out.ended.end());
  out.ended.erase(std::unique(out.ended.begin(), out.ended.end()), out.ended.end());
  std::erase_if(out.ended, [&taken](const std::string& id) { return taken.contains(id); });
}

}  // namespace
}  // namespace codec

result<mapped_observation> decode(const json::value& document, const mapping& by, const decode_options& options) {
  const auto& rules = by.rules();
  const json::value* found = rules.records.find(document);
  const json::array* records = found != nullptr ? found->if_array() : nullptr;
  if (records == nullptr) {
    const auto& at = rules.records.text();
    return error{errc::invalid, at.empty() ? "the document is not an array" : "the document has no array at " + at};
  }
  const std::string source = options.source.empty() ? rules.source : options.source;
  if (!codec::fit_for_name(source)) return error{errc::invalid, "the source's name is too long"};
  const json::value* stated = rules.observed.value.find(document);
  auto observed = stated != nullptr ? rules.observed.format.read(*stated) : std::nullopt;
  if (!observed) observed = options.observed;
  if (!observed) return error{errc::invalid, "neither the document nor its name says when it is from"};

  mapped_observation out;
  out.seen.observed = *observed;
  out.records = records->size();
  for (const auto& record : *records) codec::read_record(rules, record, source, out);
  codec::fold_duplicates(out.seen);
  codec::settle(out);
  return out;
}

result<mapped_observation> decode(std::string_view document, const mapping& by, const decode_options& options) {
  const auto parsed = json::parse(document);
  if (!parsed) return parsed.error();
  return decode(*parsed, by, options);
}

}  // namespace distsys::domain::geo
