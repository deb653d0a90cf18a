#include "src/app/process_options.hpp"
#include "src/app/sources.hpp"

#include <algorithm>

namespace distsys::app {
namespace {

/// One pass over the words of the command line.
class reader {
 public:
  reader(const schema& keys, std::span<const std::string> words, std::span<const scope* const> chosen, problems& out)
      : keys_(keys), words_(words), chosen_(chosen), out_(out) {}

  arguments read() {
    find_command();
    bool options_end = false;
    for (next_ = 0; next_ < words_.size();) {
      const std::string_view word = words_[next_++];
      if (!options_end && word == "--") {
        options_end = true;
      } else if (!options_end && word.starts_with("--")) {
        read_long(word.substr(2));
      } else if (!options_end && word.size() > 1 && word.front() == '-') {
        read_short(word);
      } else {
        read_word(word);
      }
    }
    return std::move(found_);
  }

 private:
  // `--compare a.json b.json`: the words that follow are more of the list.
  static bool goes_on(const option& o) { return o.name == "compare" && o.type == kind::path && o.repeatable; }

  // The first word that is no option's value. Options before it may belong to it, so it is looked for first.
  void find_command() {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      const std::string_view word = words_[i];
      if (word == "--") return;
      if (word.starts_with("--")) {
        const auto name = word.substr(2);
        const option* o = name.find('=') == std::string_view::npos ? declared_anywhere(name) : nullptr;
        if (o != nullptr && o->type != kind::flag && !value_is_optional(o->name)) ++i;
      } else if (word.starts_with('-')) {
        const option* o = word.size() == 2 ? find_letter(keys_.process(), word[1]) : nullptr;
        if (o == nullptr) return;  // a letter of a role, which may take the next word: then there is no command
      } else {
        found_.command = keys_.find_command(word);
        command_word_ = found_.command != nullptr ? i : words_.size();
        return;
      }
    }
  }

  const option* declared_anywhere(std::string_view name) const {
    if (const auto k = keys_.find(name); k.declared != nullptr) return k.declared;
    for (const auto* c : keys_.commands()) {
      if (const auto* o = c->find(name)) return o;
    }
    return nullptr;
  }

  static const option* find_letter(const scope& s, char letter) {
    const auto found =
        std::find_if(s.options.begin(), s.options.end(), [&](const option& o) { return o.shorthand == letter; });
    return found == s.options.end() ? nullptr : &*found;
  }

  schema::key find(std::string_view name) const {
    if (found_.command != nullptr) {
      if (const auto* o = found_.command->find(name)) return {{}, std::string(name), false, {found_.command}, o};
    }
    return keys_.find(name);
  }

  void read_long(std::string_view text) {
    const auto equals = text.find('=');
    const std::string name(text.substr(0, equals));
    std::optional<std::string> value;
    if (equals != std::string_view::npos) value = text.substr(equals + 1);
    const origin at{origin_kind::flag, "--" + name.substr(0, 100)};
    auto key = find(name);
    bool negated = false;
    if (key.declared == nullptr && name.starts_with("no-")) {
      key = find(std::string_view(name).substr(3));
      negated = key.declared != nullptr && key.declared->type == kind::flag;
      if (!negated) key = {};
    }
    if (key.declared == nullptr) return refuse_unknown(at, name, value.has_value());
    if (negated) {
      if (value) return out_.add(at, "takes no value");
      return add(std::move(key), "false", at);
    }
    take_value(std::move(key), std::move(value), at);
  }

  void refuse_unknown(const origin& at, std::string_view name, bool has_value) {
    std::vector<std::string_view> candidates(keys_.key_names().begin(), keys_.key_names().end());
    for (const auto& o : process_options()) candidates.push_back(o.name);
    if (found_.command != nullptr) {
      for (const auto& o : found_.command->options) candidates.push_back(o.name);
    }
    out_.add(at, unknown("unknown option", name, candidates));
    // What follows may be its value, and a secret: it is not looked at.
    if (!has_value && next_ < words_.size() && next_ != command_word_ && !words_[next_].starts_with('-')) ++next_;
  }

  void take_value(schema::key key, std::optional<std::string> value, const origin& at) {
    const option& o = *key.declared;
    list_ = goes_on(o) ? std::optional(key) : std::nullopt;
    if (!value && o.type == kind::flag) value = "true";
    if (!value && value_is_optional(o.name)) value = "";
    if (!value) {
      if (next_ == words_.size() || words_[next_].starts_with("--")) return out_.add(at, "needs a value");
      value = words_[next_++];
    }
    add(std::move(key), *std::move(value), at);
  }

  // -c 10, -c10, -kq: letters of the process, of the command, or of the one chosen role.
  void read_short(std::string_view word) {
    for (std::size_t i = 1; i < word.size(); ++i) {
      const origin at{origin_kind::flag, std::string("-") + word[i]};
      auto key = find_letter_key(word[i]);
      if (key.declared == nullptr) return refuse_letter(at, word[i]);
      if (key.declared->type == kind::flag || value_is_optional(key.name)) {
        take_value(std::move(key), std::nullopt, at);
        continue;
      }
      auto rest = word.substr(i + 1);
      if (rest.starts_with('=')) rest.remove_prefix(1);
      return take_value(std::move(key), rest.empty() ? std::nullopt : std::optional(std::string(rest)), at);
    }
  }

  schema::key find_letter_key(char letter) const {
    std::vector<const scope*> places{&keys_.process()};
    if (found_.command != nullptr) places.push_back(found_.command);
    if (found_.command == nullptr && chosen_.size() == 1) places.push_back(chosen_.front());
    for (const auto* s : places) {
      const option* o = find_letter(*s, letter);
      if (o == nullptr) continue;
      return {{}, std::string(o->name), false, {s}, o};
    }
    return {};
  }

  void refuse_letter(const origin& at, char letter) {
    for (const auto* r : keys_.roles()) {
      if (const auto* o = find_letter(*r, letter)) {
        const std::string role(r->name);
        return out_.add(at, "is short for --" + role + "." + std::string(o->name) + " only where --role=" + role +
                                " is chosen alone");
      }
    }
    out_.add(at, "unknown option");
  }

  void add(schema::key key, std::string value, const origin& at) {
    if (key.targets.front()->what == scope::type::command) {
      found_.command_options.push_back({std::move(key), {std::move(value)}, at});
      return;
    }
    if (key.targets.front()->what == scope::type::role && !chosen_.empty()) {
      const auto is_chosen = [&](const scope* s) {
        return std::find(chosen_.begin(), chosen_.end(), s) != chosen_.end();
      };
      if (std::none_of(key.targets.begin(), key.targets.end(), is_chosen)) {
        std::string roles;
        for (const auto* t : key.targets) roles.append(roles.empty() ? "" : ", ").append(t->name);
        return out_.add(at, "is an option of " + roles + ", which is not among the chosen roles");
      }
    }
    found_.given.push_back({std::move(key), {std::move(value)}, at});
  }

  void read_word(std::string_view word) {
    if (next_ - 1 == command_word_) return;
    if (found_.command != nullptr) {
      found_.words.emplace_back(word);
      return;
    }
    if (list_) return add(*list_, std::string(word), {origin_kind::flag, "--" + list_->name});
    std::vector<std::string_view> names;
    for (const auto* c : keys_.commands()) names.push_back(c->name);
    for (const auto* r : keys_.roles()) {
      if (r->name == word)
        return out_.add({origin_kind::flag, std::string(word)}, "roles are chosen by --role=" + std::string(word));
    }
    out_.add({origin_kind::flag, "command line"}, unknown("unexpected word", word, names));
  }

  const schema& keys_;
  std::span<const std::string> words_;
  std::span<const scope* const> chosen_;
  problems& out_;
  std::size_t next_ = 0;
  std::size_t command_word_ = static_cast<std::size_t>(-1);
  std::optional<schema::key> list_;  // of the last option, when words may follow it
  arguments found_;
};

}  // namespace

std::optional<std::string> arguments::last(std::string_view process_option) const {
  for (auto a = given.rbegin(); a != given.rend(); ++a) {
    if (a->key.targets.front()->what == scope::type::process && a->key.name == process_option) return a->values.front();
  }
  return std::nullopt;
}

arguments read_arguments(const schema& keys, std::span<const std::string> words, std::span<const scope* const> chosen,
                         problems& out) {
  return reader(keys, words, chosen, out).read();
}

}  // namespace distsys::app
