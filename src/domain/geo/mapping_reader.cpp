#include "mapping_reader.hpp"

#include "distsys/foundation/text.hpp"
#include "record.hpp"

#include <algorithm>
#include <cmath>

namespace distsys::domain::geo::codec {
namespace {

constexpr std::size_t most_faults = 8, most_pointers = 16;

std::string shown(const json::value* v) {
  if (v == nullptr) return "nothing";
  if (v->is_object()) return "an object";
  if (v->is_array()) return "an array";
  std::string text = canonical(*v);
  return text.size() > 60 ? std::string(beginning(text, 60)) + "…" : text;
}

}  // namespace

std::string below(const std::string& at, std::string_view name) {
  std::string out = at + "/";
  for (const char c : name) {
    if (c == '~' || c == '/')
      out += c == '~' ? "~0" : "~1";
    else
      out += c;
  }
  return out;
}

std::string below(const std::string& at, std::size_t index) { return at + "/" + std::to_string(index); }

void mapping_reader::expect(const std::string& at, std::string_view what, const json::value* found) {
  if (faults_.size() == most_faults) return;
  faults_.push_back((at.empty() ? "the document" : at) + ": expected " + std::string(what) + ", found " + shown(found));
}

void mapping_reader::check_members(const json::object& o, const std::string& at,
                                   std::span<const std::string_view> known) {
  for (const auto& member : o) {
    const std::string_view name(member.key().data(), member.key().size());
    if (name == "about" || std::find(known.begin(), known.end(), name) != known.end()) continue;
    const auto meant = distsys::nearest(name, known);  // geo has a nearest of its own
    std::string text = below(at, name.substr(0, 60)) + ": there is no such member: ";
    if (!meant.empty()) {
      text += "did you mean '" + std::string(meant) + "'?";
    } else {
      text += "known are about";
      for (const auto k : known) text += ", " + std::string(k);
    }
    if (faults_.size() < most_faults) faults_.push_back(std::move(text));
  }
}

const json::object* mapping_reader::object(const json::value& v, const std::string& at, names known) {
  const json::object* o = v.if_object();
  if (o == nullptr)
    expect(at, "an object", &v);
  else
    check_members(*o, at, std::span(known.begin(), known.size()));
  return o;
}

std::optional<double> mapping_reader::number(const json::object& o, const std::string& at, std::string_view name) {
  const auto* v = o.if_contains(name);
  if (v == nullptr) return std::nullopt;
  const auto n = json::get_number(o, name);
  if (!n || std::abs(*n) > 1e12) expect(below(at, name), "a number", v);
  return n;
}

json_pointer mapping_reader::pointer(const json::value& v, const std::string& at, bool each) {
  if (!v.is_string()) {
    expect(at, "a JSON Pointer", &v);
    return {};
  }
  auto p = json_pointer::parse({v.get_string().data(), v.get_string().size()});
  if (!p) {
    expect(at, p.error().detail, &v);
    return {};
  }
  if (!each && p->has_each()) expect(at, "a pointer without '*', which is for aliases and replaces", &v);
  const auto all = p->names();
  if (std::any_of(all.begin(), all.end(), personal))
    expect(at, "a pointer to what does not tell of a person (such data are never kept)", &v);
  return std::move(*p);
}

std::vector<json_pointer> mapping_reader::pointers(const json::value& v, const std::string& at, bool each) {
  std::vector<json_pointer> out;
  const json::array* all = v.if_array();
  if (all == nullptr || all->empty() || all->size() > most_pointers) {
    expect(at, "an array of 1 to 16 JSON Pointers", &v);
    return out;
  }
  for (std::size_t i = 0; i < all->size(); ++i) out.push_back(pointer((*all)[i], below(at, i), each));
  return out;
}

field mapping_reader::read_field(const json::value& v, const std::string& at, names more) {
  field f;
  const json::object* o = v.if_object();
  if (o == nullptr) {
    f.from.push_back(pointer(v, at));
    return f;
  }
  std::vector<std::string_view> known{"pointer", "coalesce", "constant"};
  known.insert(known.end(), more.begin(), more.end());
  check_members(*o, at, known);
  const auto *one = o->if_contains("pointer"), *several = o->if_contains("coalesce"),
             *fixed = o->if_contains("constant");
  if ((one != nullptr) + (several != nullptr) + (fixed != nullptr) != 1) {
    expect(at, "exactly one of 'pointer', 'coalesce' and 'constant'", &v);
    return f;
  }
  if (one != nullptr) f.from.push_back(pointer(*one, below(at, "pointer")));
  if (several != nullptr) f.from = pointers(*several, below(at, "coalesce"), false);
  if (fixed != nullptr) {
    f.constant = *fixed;
    if (scalar_text(*fixed).value_or("").empty()) expect(below(at, "constant"), "text, a number, true or false", fixed);
  }
  return f;
}

}  // namespace distsys::domain::geo::codec
