#include "sql_text.hpp"

#include "distsys/foundation/text.hpp"
#include "pg_error.hpp"

#include <algorithm>
#include <array>

namespace distsys::adapters::postgres {

namespace {

/// Where the quoted text or the comment that begins at `at` ends; `at` when none begins there.
std::size_t skip_quoted(std::string_view sql, std::size_t at) {
  const auto after = [&](std::string_view end, std::size_t from) {
    const auto found = sql.find(end, from);
    return found == std::string_view::npos ? sql.size() : found + end.size();
  };
  const std::string_view rest = sql.substr(at);
  if (rest.starts_with('\'') || rest.starts_with('"')) return after(rest.substr(0, 1), at + 1);
  if (rest.starts_with("--")) return after("\n", at);
  if (rest.starts_with("/*")) return after("*/", at + 2);
  return at;
}

}  // namespace

numbered_sql number_parameters(std::string_view sql) {
  numbered_sql out;
  out.text.reserve(sql.size() + 16);
  for (std::size_t at = 0; at < sql.size();) {
    if (const auto end = skip_quoted(sql, at); end != at) {
      out.text += sql.substr(at, end - at);
      at = end;
      continue;
    }
    if (sql[at] == '?')
      out.text += "$" + std::to_string(++out.parameters);
    else
      out.text += sql[at];
    ++at;
  }
  return out;
}

result<void> check_statement(std::string_view sql) {
  constexpr std::array<std::string_view, 12> refused{"begin",      "start", "commit",    "end",
                                                     "rollback",   "abort", "savepoint", "release",
                                                     "deallocate", "copy",  "discard",   "listen"};
  const std::string_view text = trim(sql);
  if (text.empty() || text == ";") return error{errc::invalid, "a statement without SQL"};
  const std::string first = lower(text.substr(0, text.find_first_of(" \t\r\n;")));
  if (std::ranges::find(refused, first) != refused.end())
    return error{errc::invalid, "`" + first_words(sql) + "` is not for a batch or a query"};
  return {};
}

std::vector<std::string> split_script(std::string_view script) {
  std::vector<std::string> statements;
  std::string current;
  for (const std::string_view line : split(script, '\n')) {
    const std::string_view text = trim(line);
    if (text.empty()) continue;
    current.append(line).append("\n");
    if (!text.ends_with(';')) continue;
    statements.push_back(std::move(current));
    current.clear();
  }
  if (!current.empty()) statements.push_back(std::move(current));
  return statements;
}

std::string quote_name(std::string_view name) {
  std::string text = "\"";
  for (const char c : name) text.append(c == '"' ? 2 : 1, c);
  return text + '"';
}

}  // namespace distsys::adapters::postgres
