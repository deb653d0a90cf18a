#include "record.hpp"

#include "distsys/domain/geo/codecs.hpp"
#include "distsys/foundation/text.hpp"

#include <algorithm>
#include <cmath>

namespace distsys::domain::geo::codec {

std::string_view beginning(std::string_view text, std::size_t most) noexcept {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0u) == 0x80u) --most;
  return text.substr(0, most);
}

std::string shown(const json::value& v) {
  constexpr std::size_t most = 80;
  const std::string text = canonical(v);
  return text.size() > most ? std::string(beginning(text, most)) + "…" : text;
}

namespace {

/// No shorter than its canonical text: a character is at most six when it is escaped.
std::size_t most_bytes(std::string_view text) noexcept { return 6 * text.size() + 3; }

std::size_t most_bytes(const json::value& v) {
  std::size_t n = 32;
  if (const auto* text = v.if_string()) n += most_bytes(std::string_view(text->data(), text->size()));
  if (const auto* array = v.if_array())
    for (const auto& item : *array) n += most_bytes(item);
  if (const auto* object = v.if_object())
    for (const auto& member : *object) n += most_bytes(std::string_view(member.key())) + most_bytes(member.value());
  return n;
}

/// Most events are far from the limit, which the sum of their parts says without writing them.
bool too_large(const event& e) {
  constexpr std::size_t names_of_members = 512, vertex = 160;  // with a cut at the antimeridian
  std::size_t most = names_of_members + vertex * e.line.size();
  for (const std::string* text : {&e.source, &e.source, &e.id, &e.id, &e.kind, &e.subtype, &e.text, &e.place})
    most += most_bytes(*text);
  for (const auto& alias : e.aliases) most += most_bytes(alias);
  for (const auto& member : e.properties)
    most += most_bytes(std::string_view(member.key())) + most_bytes(member.value());
  return most > max_feature_bytes && to_feature(e).size() > max_feature_bytes;
}

}  // namespace

void keep(record& r, event&& e, const json::value& item, observation& seen) {
  if (r.good() && too_large(e))
    r.refuse("too_large", "as a feature it is longer than " + std::to_string(max_feature_bytes) + " bytes");
  if (r.good())
    seen.events.push_back(std::move(e));
  else
    seen.refused.push_back(r.fault(item));
}

void record::refuse(std::string_view reason, std::string detail) {
  if (!good()) return;
  reason_ = reason;
  detail_ = std::move(detail);
}

refusal record::fault(const json::value& whole) const {
  return {std::string(reason_), detail_, canonical(without_personal_data(whole))};
}

std::string_view record::text(std::string_view key) {
  const json::value* v = json::find(object_, key);
  if (v == nullptr) return {};
  if (!v->is_string()) {
    refuse("wrong_type", std::string(key) + " is not a string: " + shown(*v));
    return {};
  }
  return {v->get_string().data(), v->get_string().size()};
}

std::string record::id(std::string_view key) {
  const json::value* v = json::find(object_, key);
  if (v == nullptr) return {};
  std::string text;
  if (v->is_string()) {
    text = v->get_string();
  } else if (const auto number = json::get_integer(object_, key); number && !v->is_double()) {
    text = std::to_string(*number);
  } else {
    refuse("wrong_type", std::string(key) + " is not a string or an integer: " + shown(*v));
  }
  if (!text.empty() && !fit_for_name(text)) refuse("out_of_range", std::string(key) + " is no id: " + shown(*v));
  return text;
}

std::optional<double> record::number(std::string_view key, double low, double high) {
  const json::value* v = json::find(object_, key);
  if (v == nullptr) return std::nullopt;
  const auto number = json::get_number(object_, key);
  if (!number)
    refuse("wrong_type", std::string(key) + " is not a number: " + shown(*v));
  else if (!(*number >= low && *number <= high))
    refuse("out_of_range", std::string(key) + " cannot be " + shown(*v));
  else
    return number;
  return std::nullopt;
}

std::optional<timestamp> record::time(std::string_view key) {
  const json::value* v = json::find(object_, key);
  if (v == nullptr) return std::nullopt;
  const auto t = time_of(*v);
  if (!t) refuse("bad_time", std::string(key) + " is no time: " + shown(*v));
  return t;
}

std::optional<position> record::checked(const json::value* lon, const json::value* lat, std::string_view key) {
  if (lon == nullptr || lat == nullptr || lon->is_null() || lat->is_null()) {
    refuse("no_position", std::string(key) + " lacks a coordinate");
    return std::nullopt;
  }
  if (!lon->is_number() || !lat->is_number()) {
    refuse("wrong_type", std::string(key) + " is not numbers: " + shown(lon->is_number() ? *lat : *lon));
    return std::nullopt;
  }
  boost::json::error_code ignored;
  const position p{lon->to_number<double>(ignored), lat->to_number<double>(ignored)};
  if (!valid(p)) {
    refuse("out_of_range", std::string(key) + " is nowhere: longitude " + shown(*lon) + ", latitude " + shown(*lat));
    return std::nullopt;
  }
  // -0.0 and 0.0 are one place: they must give one text.
  return position{p.lon + 0.0, p.lat + 0.0};
}

std::optional<position> record::xy(const json::value* v, std::string_view key) {
  if (v == nullptr || v->is_null()) {
    refuse("no_position", std::string(key) + " is absent");
    return std::nullopt;
  }
  if (!v->is_object()) {
    refuse("wrong_type", std::string(key) + " is not an object: " + shown(*v));
    return std::nullopt;
  }
  return checked(v->get_object().if_contains("x"), v->get_object().if_contains("y"), key);
}

std::optional<position> record::coordinates(const json::value& v) {
  const json::array* a = v.if_array();
  if (a == nullptr) {
    refuse("wrong_type", "coordinates are not an array: " + shown(v));
    return std::nullopt;
  }
  return checked(!a->empty() ? &(*a)[0] : nullptr, a->size() > 1 ? &(*a)[1] : nullptr, "coordinates");
}

bool fit_for_name(std::string_view text) noexcept {
  return text.size() <= max_name_bytes && std::none_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

std::optional<timestamp> time_of(const json::value& v) {
  using namespace std::chrono;
  static constexpr timestamp first = sys_days(year{1} / 1 / 1);
  static constexpr timestamp last = sys_days(year{10000} / 1 / 1) - milliseconds(1);
  timestamp t;
  if (v.is_string()) {
    const auto parsed = parse_time({v.get_string().data(), v.get_string().size()});
    if (!parsed) return std::nullopt;
    t = *parsed;
  } else if (v.is_number()) {
    boost::json::error_code ignored;
    const double ms = v.to_number<double>(ignored);
    if (!(std::abs(ms) < 1e15)) return std::nullopt;
    t = timestamp(milliseconds(v.is_int64() ? v.get_int64() : std::llround(ms)));
  } else {
    return std::nullopt;
  }
  return t >= first && t <= last ? std::optional(t) : std::nullopt;
}

std::string word(std::string_view text, std::string_view fallback) {
  std::string out;
  for (const char c : lower(trim(text))) {
    const bool kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (kept)
      out += c;
    else if (!out.empty() && out.back() != '_')
      out += '_';
    if (out.size() == 64) break;
  }
  while (!out.empty() && out.back() == '_') out.pop_back();
  return out.empty() ? std::string(fallback) : out;
}

void copy_scalar(const json::object& from, json::object& to, std::string_view key) {
  const json::value* v = json::find(from, key);
  if (v == nullptr || v->is_structured() || (v->is_string() && v->get_string().empty())) return;
  to.emplace(key, *v);
}

void fold_duplicates(observation& seen) {
  std::unordered_map<std::string, std::size_t> first;
  first.reserve(seen.events.size());
  std::size_t kept = 0;
  for (std::size_t i = 0; i < seen.events.size(); ++i) {
    event& e = seen.events[i];
    const auto [known, added] = first.emplace(e.source + "/" + e.id, kept);
    if (added) {
      if (kept != i) seen.events[kept] = std::move(e);
      ++kept;
      continue;
    }
    ++seen.duplicates;
    event& stays = seen.events[known->second];
    if (!(e.updated < stays.updated)) stays = std::move(e);
  }
  seen.events.erase(seen.events.begin() + static_cast<std::ptrdiff_t>(kept), seen.events.end());
}

std::optional<timestamp> santiago_time(std::string_view text) {
  using namespace std::chrono;
  const auto parsed = parse_time(std::string(text) + "Z");
  if (text.size() < 19 || !parsed) return std::nullopt;
  const timestamp local = *parsed;
  const year y = year_month_day(floor<days>(local)).year();
  const auto sunday = [&](month m, unsigned not_before) {
    const sys_days from(y / m / std::chrono::day(not_before));
    return from + (Sunday - weekday(from));
  };
  // In local time: summer ends when its clock shows the Sunday's 00:00 and goes back to 23:00; from that 23:00 on it is
  // winter. Winter ends at the Sunday's 00:00.
  const timestamp summer_ends = sunday(April, 2) - hours(1);
  const timestamp summer_begins = sunday(September, y == year{2022} ? 9 : 2);
  const bool winter = local >= summer_ends && local < summer_begins;
  return local + (winter ? hours(4) : hours(3));
}

}  // namespace distsys::domain::geo::codec
