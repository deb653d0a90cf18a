#include "distsys/foundation/log.hpp"

#include "distsys/foundation/json.hpp"
#include "distsys/foundation/text.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>

namespace distsys::log {
namespace {

constexpr std::array<std::string_view, 6> names{"trace", "debug", "info", "warn", "error", "off"};

spdlog::level::level_enum native(level l) noexcept {
  switch (l) {
    case level::trace:
      return spdlog::level::trace;
    case level::debug:
      return spdlog::level::debug;
    case level::info:
      return spdlog::level::info;
    case level::warn:
      return spdlog::level::warn;
    case level::error:
      return spdlog::level::err;
    case level::off:
      break;
  }
  return spdlog::level::off;
}

struct output {
  bool json = true;
  std::shared_ptr<spdlog::logger> logger;

  output() { open(format::automatic); }

  void open(format f) {
    json = f == format::json || (f == format::automatic && isatty(STDERR_FILENO) == 0);
    if (json) {
      logger = std::make_shared<spdlog::logger>("distsys", std::make_shared<spdlog::sinks::stderr_sink_mt>());
      logger->set_pattern("%v");
    } else {
      logger = std::make_shared<spdlog::logger>("distsys", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
      logger->set_pattern("%H:%M:%S.%e %^%-5l%$ %v");
    }
    logger->flush_on(spdlog::level::trace);
  }
};

output& out() {
  static output instance;
  return instance;
}

// A line is one event: what would break it, or drive a terminal, is escaped.
void append_text(std::string& line, std::string_view text) {
  const bool plain = !text.empty() && text.find_first_of(" =\"\\") == std::string_view::npos &&
                     std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > 0x20 && c != 0x7f; });
  if (plain) {
    line += text;
  } else {
    json::append_string(line, text);
  }
}

void append_value(std::string& line, const value& v, bool as_json) {
  std::visit(
      [&](const auto& x) {
        using T = std::decay_t<decltype(x)>;
        if constexpr (std::is_same_v<T, bool>) {
          line += x ? "true" : "false";
        } else if constexpr (std::is_same_v<T, std::string_view>) {
          as_json ? json::append_string(line, x) : append_text(line, x);
        } else {
          json::append_number(line, x);
        }
      },
      v.get());
}

std::string json_line(level l, std::string_view message, fields f) {
  std::string line = R"({"time":")";
  line += format_time(std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()));
  line += R"(","level":")";
  line += name(l);
  line += R"(","message":)";
  json::append_string(line, message);
  for (const auto& [key, v] : f) {
    line += ',';
    json::append_string(line, key);
    line += ':';
    append_value(line, v, true);
  }
  line += '}';
  return line;
}

std::string text_line(std::string_view message, fields f) {
  std::string line(message);
  for (const auto& [key, v] : f) {
    line.append("  ").append(key).append("=");
    append_value(line, v, false);
  }
  return line;
}

}  // namespace

std::string_view name(level l) noexcept { return names[static_cast<std::size_t>(l)]; }

std::optional<level> parse_level(std::string_view text) noexcept {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == text) return static_cast<level>(i);
  }
  return std::nullopt;
}

void configure(level threshold, format f) {
  out().open(f);
  set_level(threshold);
}

void set_level(level threshold) noexcept { out().logger->set_level(native(threshold)); }

level get_level() noexcept {
  const auto current = out().logger->level();
  for (const auto l : {level::trace, level::debug, level::info, level::warn, level::error}) {
    if (native(l) == current) return l;
  }
  return level::off;
}

bool enabled(level l) noexcept { return out().logger->should_log(native(l)); }

void write(level l, std::string_view message, fields f) {
  if (!enabled(l)) return;
  out().logger->log(native(l), spdlog::string_view_t(out().json ? json_line(l, message, f) : text_line(message, f)));
}

}  // namespace distsys::log
