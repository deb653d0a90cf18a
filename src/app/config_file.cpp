#include "src/app/process_options.hpp"
#include "src/app/sources.hpp"
#include "src/app/value.hpp"

#include "distsys/foundation/text.hpp"

namespace distsys::app {
namespace {

constexpr std::size_t max_file_bytes = 1u << 20;

// The length of a well-formed UTF-8 sequence (RFC 3629) at the start of `s`; 0 when it is broken.
std::size_t utf8_length(std::string_view s) noexcept {
  const auto byte = [&](std::size_t i) { return i < s.size() ? static_cast<unsigned char>(s[i]) : 0u; };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool good = !(lead == 0xE0 && byte(1) < 0xA0) && !(lead == 0xED && byte(1) > 0x9F);
    return good && tail(1) && tail(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool good = !(lead == 0xF0 && byte(1) < 0x90) && !(lead == 0xF4 && byte(1) > 0x8F);
    return good && tail(1) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

/// Why a line cannot be text; empty when it can.
std::string_view damage(std::string_view line) noexcept {
  for (std::size_t i = 0; i < line.size();) {
    const auto byte = static_cast<unsigned char>(line[i]);
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f) return "a control character";
    const auto length = utf8_length(line.substr(i));
    if (length == 0) return "bytes that are not UTF-8";
    i += length;
  }
  return {};
}

// Where a comment begins: a '#' after a space or at the start, outside of a quoted item.
std::size_t comment_start(std::string_view line) noexcept {
  bool quoted = false, item_start = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
    } else if (c == '"' && item_start) {
      quoted = true;
    } else if (c == '#' && (i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t')) {
      return i;
    }
    item_start = c == ',' || c == '=' || (item_start && (c == ' ' || c == '\t'));
  }
  return line.size();
}

result<std::string> scalar(std::string_view text) {
  if (!text.starts_with('"')) return std::string(text);
  auto items = split_list(text);
  if (!items) return items.error();
  if (items->size() != 1) return error{errc::invalid, "text follows the closing quotation mark"};
  return items->front();
}

class reader {
 public:
  reader(const schema& keys, std::string_view file_name, problems& out) : keys_(keys), file_(file_name), out_(out) {}

  void line(std::string_view text, std::size_t number) {
    at_ = {origin_kind::file, file_ + ":" + std::to_string(number)};
    if (const auto why = damage(text); !why.empty()) return out_.add(at_, "the line holds " + std::string(why));
    text = trim(text.substr(0, comment_start(text)));
    if (text.empty()) return;
    const auto equals = text.find('=');
    // The text itself is not shown: it may be a secret that lost its key.
    if (equals == std::string_view::npos) return out_.add(at_, "not of the form 'key = value'");
    assign(trim(text.substr(0, equals)), trim(text.substr(equals + 1)));
  }

  std::vector<assignment> take() { return std::move(found_); }

 private:
  void assign(std::string_view name, std::string_view value) {
    auto key = keys_.find(name);
    if (key.declared == nullptr) return refuse_unknown(name);
    if (key.targets.front()->what == scope::type::process && command_line_only(key.name))
      return out_.add(at_, "'" + key.name + "' can only be given on the command line");
    if (key.name == "config") return out_.add(at_, "a file cannot name another file");
    assignment a{std::move(key), {}, at_};
    if (a.key.declared->repeatable && !a.key.names_file) {
      auto items = split_list(value);
      if (!items) return out_.add(at_, std::string(name) + ": " + items.error().detail);
      a.values = *std::move(items);
    } else {
      auto one = scalar(value);
      if (!one) return out_.add(at_, std::string(name) + ": " + one.error().detail);
      a.values.push_back(*std::move(one));
    }
    found_.push_back(std::move(a));
  }

  // Looking for the nearest key takes time, and what is beyond the limit is not shown.
  void refuse_unknown(std::string_view name) {
    const bool shown = out_.found().size() < problems::limit;
    out_.add(at_, shown ? unknown("unknown key", name, keys_.key_names()) : std::string());
  }

  const schema& keys_;
  const std::string file_;
  problems& out_;
  origin at_;
  std::vector<assignment> found_;
};

}  // namespace

std::string unknown(std::string_view what, std::string_view name, std::span<const std::string_view> candidates) {
  std::string out = std::string(what) + " '" + std::string(name.substr(0, 100)) + "'";
  if (name.size() > 100) return out;
  if (const auto near = nearest(name, candidates); !near.empty()) out += "; did you mean '" + std::string(near) + "'?";
  return out;
}

std::vector<assignment> read_file(const schema& keys, std::string_view file_name, std::string_view text,
                                  problems& out) {
  if (text.size() > max_file_bytes) {
    out.add({origin_kind::file, std::string(file_name)}, "the file is larger than 1 MiB");
    return {};
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  reader r(keys, file_name, out);
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    r.line(line, number);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return r.take();
}

}  // namespace distsys::app
