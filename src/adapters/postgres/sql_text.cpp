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

bool is_word(std::string_view text, std::string_view word) { return lower(text) == word; }

/// What stands before `(`, what is within, and what is behind `)`; nothing when that is not so, or more parentheses
/// are within.
struct parenthesised {
  std::string_view before, within, behind;
};
std::optional<parenthesised> split_parentheses(std::string_view sql) {
  std::size_t open = std::string_view::npos;
  for (std::size_t at = 0; at < sql.size(); ++at) {
    if (const auto end = skip_quoted(sql, at); end != at) {
      at = end - 1;
    } else if (sql[at] == '(') {
      if (open != std::string_view::npos) return std::nullopt;
      open = at;
    } else if (sql[at] == ')') {
      if (open == std::string_view::npos) return std::nullopt;
      return parenthesised{sql.substr(0, open), sql.substr(open + 1, at - open - 1), sql.substr(at + 1)};
    }
  }
  return std::nullopt;
}

/// With it a row may be left out, but none is written twice: one statement does the same as many.
bool leaves_conflicts(std::string_view tail) {
  const std::string text = lower(tail);
  for (const std::string_view other : {"?", "--", "/*", "do update"})
    if (text.find(other) != std::string::npos) return false;
  return text.starts_with("on conflict ") && text.ends_with(" do nothing");
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

std::optional<row_insert> parse_row_insert(std::string_view sql) {
  const auto columns = split_parentheses(sql);
  if (!columns || !is_word(trim(columns->before).substr(0, 12), "insert into ")) return std::nullopt;
  const auto row = split_parentheses(columns->behind);
  if (!row || !is_word(trim(row->before), "values")) return std::nullopt;
  row_insert insert;
  for (const std::string_view part : split(row->within, ',')) {
    const std::string_view value = trim(part);
    if (value != "?" && !parse_integer(value)) return std::nullopt;
    insert.values.emplace_back(value);
  }
  insert.head = std::string(trim(columns->before)) + " (" + std::string(columns->within) + ")";
  insert.tail = trim(row->behind);
  if (!insert.tail.empty() && !leaves_conflicts(insert.tail)) return std::nullopt;
  return insert;
}

std::string insert_of_arrays(const row_insert& insert, const std::vector<std::string_view>& types) {
  std::string selected, arrays, names;
  std::size_t n = 0;
  for (const std::string& value : insert.values) {
    const std::string name = "v" + std::to_string(n + 1);
    selected += (selected.empty() ? "" : ", ") + (value == "?" ? name : value);
    if (value != "?") continue;
    arrays += (n == 0 ? "CAST($" : ", CAST($") + std::to_string(n + 1) + " AS " + std::string(types.at(n)) + ")";
    names += (n == 0 ? "" : ", ") + name;
    ++n;
  }
  return insert.head + " SELECT " + selected + " FROM unnest(" + arrays + ") AS r (" + names + ") " + insert.tail;
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
