#include "src/app/settings.hpp"

#include "distsys/foundation/text.hpp"

#include <algorithm>

namespace distsys::app {
namespace {

constexpr std::size_t max_secret_bytes = 64u << 10;

bool speaks_to(const assignment& a, const scope& s) {
  return std::find(a.key.targets.begin(), a.key.targets.end(), &s) != a.key.targets.end();
}

std::string full_name(const assignment& a) {
  return (a.key.prefix.empty() ? "" : a.key.prefix + ".") + a.key.name + (a.key.names_file ? "-file" : "");
}

// A flag and a variable are their key; a line of a file does not tell it.
std::string placed(const assignment& a, const std::string& why) {
  return a.source.kind == origin_kind::file || a.key.names_file ? full_name(a) + ": " + why : why;
}

// An empty value of text or a path is a value; of anything else it is none, which only an option without a default
// can be.
bool means_none(const option& o, std::string_view text) {
  return text.empty() && o.default_value.empty() && o.type != kind::text && o.type != kind::path;
}

// "sqlite:" alone is the option's own default file: `--database=sqlite:` for several roles at once.
std::string complete(const option& o, const std::string& text) {
  if (!is_backend(o.type)) return text;
  const auto given = url::parse(text);
  const auto standard = url::parse(o.default_value);
  if (!given || !standard || given->scheme() != standard->scheme()) return text;
  if (given->has_authority() || !given->path().empty()) return text;
  const auto query = text.find('?');
  std::string out(o.default_value.substr(0, o.default_value.find('?')));
  return query == std::string::npos ? std::string(o.default_value) : out + text.substr(query);
}

// The assignments that decide, in the order given: all of the highest rank.
std::vector<const assignment*> winners(const scope& of, const option& o, std::span<const assignment> given) {
  using rank_type = std::pair<bool, origin_kind>;
  std::vector<const assignment*> best;
  rank_type best_rank{};
  for (const auto& a : given) {
    if (a.key.name != o.name || !speaks_to(a, of)) continue;
    const rank_type rank{!a.key.prefix.empty(), a.source.kind};
    if (!best.empty() && rank < best_rank) continue;
    if (!best.empty() && rank > best_rank) best.clear();
    best_rank = rank;
    best.push_back(&a);
  }
  return best;
}

class resolver {
 public:
  resolver(const scope& of, std::span<const assignment> given, const schema& keys, const file_reader& read,
           problems& out)
      : of_(of), given_(given), keys_(keys), read_(read), out_(out) {}

  setting decide(const option& o) {
    setting s{.declared = &o, .source = {origin_kind::standard, "default"}};
    const auto deciding = winners(of_, o, given_);
    if (deciding.empty()) {
      if (!o.default_value.empty()) take_default(s);
      return s;
    }
    s.source = deciding.back()->source;
    refuse_doubles(o, deciding);
    for (const auto* a : deciding) {
      if (a->key.names_file) {
        read_secret(s, *a);
      } else {
        for (const auto& text : a->values) take_given(s, *a, text);
      }
    }
    return s;
  }

 private:
  void refuse_doubles(const option& o, const std::vector<const assignment*>& deciding) {
    if (o.repeatable || deciding.size() < 2) return;
    for (std::size_t i = 1; i < deciding.size(); ++i) {
      out_.add(deciding[i]->source, full_name(*deciding[i]) + " is given twice; before as " +
                                        full_name(*deciding[i - 1]) + " at " + deciding[i - 1]->source.where);
    }
  }

  void take_default(setting& s) {
    const auto text = std::string(s.declared->default_value);
    if (s.declared->repeatable) {
      auto items = split_list(text);
      if (!items) throw std::logic_error("the default of " + std::string(s.declared->name) + " is no list");
      for (const auto& item : *items) take(s, item);
    } else {
      take(s, text);
    }
    if (s.values.empty())
      out_.add({origin_kind::standard, "default"},
               std::string(of_.name) + "." + std::string(s.declared->name) + ": '" + text + "' is not possible here");
  }

  void take_given(setting& s, const assignment& a, const std::string& text) {
    const auto taken = s.values.size();
    take(s, text);
    if (s.values.size() == taken || s.declared->check == nullptr || text.empty()) return;
    if (const auto why = s.declared->check(text); !why.empty()) out_.add(a.source, placed(a, why));
  }

  // What is wrong with a given value was told by check_values().
  void take(setting& s, const std::string& text) {
    if (means_none(*s.declared, text)) return;
    const auto completed = complete(*s.declared, text);
    auto value = parse_value(*s.declared, completed, keys_.drivers());
    if (!value) return;
    s.texts.push_back(completed);
    s.values.push_back(*std::move(value));
  }

  void read_secret(setting& s, const assignment& a) {
    s.file = a.values.front();
    auto content = read_(s.file);
    if (!content) return out_.add(a.source, full_name(a) + ": " + content.error().detail);
    if (content->size() > max_secret_bytes)
      return out_.add(a.source, full_name(a) + ": " + s.file + " is larger than 64 KiB");
    while (content->ends_with('\n') || content->ends_with('\r')) content->pop_back();
    if (!parse_value(*s.declared, *content, keys_.drivers()))
      return out_.add(a.source, full_name(a) + ": the content of " + s.file + " is not valid");
    take_given(s, a, *content);
  }

  const scope& of_;
  std::span<const assignment> given_;
  const schema& keys_;
  const file_reader& read_;
  problems& out_;
};

}  // namespace

const setting* settings::find(std::string_view name) const noexcept {
  const auto found =
      std::find_if(settings_.begin(), settings_.end(), [&](const setting& s) { return s.declared->name == name; });
  return found == settings_.end() ? nullptr : &*found;
}

std::vector<std::string> settings::reload(const settings& newer) {
  std::vector<std::string> unchanged;
  for (auto& mine : settings_) {
    const auto* other = newer.find(mine.declared->name);
    if (other == nullptr || other->texts == mine.texts) continue;
    if (mine.declared->reloadable) {
      mine = *other;
    } else {
      unchanged.push_back((of_->name.empty() ? "" : std::string(of_->name) + ".") + std::string(mine.declared->name));
    }
  }
  return unchanged;
}

void check_values(std::span<const assignment> given, const schema& keys, problems& out) {
  for (const auto& a : given) {
    if (a.key.names_file) continue;
    for (const auto* target : a.key.targets) {
      const option& o = *target->find(a.key.name);
      if (o.repeatable != a.key.declared->repeatable && a.values.size() != 1)
        out.add(a.source, std::string(target->name) + "." + a.key.name + " takes one value");
      for (const auto& text : a.values) {
        if (means_none(o, text)) continue;
        const auto value = parse_value(o, text, keys.drivers());
        if (value) continue;
        out.add(a.source, placed(a, o.secret ? "the value is not valid" : value.error().detail));
      }
    }
  }
}

settings resolve(const scope& of, std::span<const assignment> given, const schema& keys, const file_reader& read,
                 problems& out) {
  settings decided(of);
  resolver r(of, given, keys, read, out);
  for (const auto& o : of.options) decided.add(r.decide(o));
  return decided;
}

}  // namespace distsys::app
