// Structured logging: a message that never varies, and fields that do. Text on a terminal, one JSON object a line
// otherwise. Any thread. Line breaks and control characters in values are escaped, so that a line is one event.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace distsys::log {

enum class level { trace, debug, info, warn, error, off };

std::string_view name(level l) noexcept;
std::optional<level> parse_level(std::string_view text) noexcept;

/// What may stand in a field. Refers to the caller's text: for the duration of the call only.
class value {
 public:
  value(bool v) : v_(v) {}                                  // NOLINT(google-explicit-constructor)
  value(double v) : v_(v) {}                                // NOLINT(google-explicit-constructor)
  value(std::string_view v) : v_(v) {}                      // NOLINT(google-explicit-constructor)
  value(const std::string& v) : v_(std::string_view(v)) {}  // NOLINT(google-explicit-constructor)
  value(const char* v) : v_(std::string_view(v)) {}         // NOLINT(google-explicit-constructor)
  template <class I>
    requires(std::is_integral_v<I> && !std::is_same_v<I, bool>)
  value(I v) : v_(static_cast<std::int64_t>(v)) {}  // NOLINT(google-explicit-constructor)

  const std::variant<bool, std::int64_t, double, std::string_view>& get() const noexcept { return v_; }

 private:
  std::variant<bool, std::int64_t, double, std::string_view> v_;
};

struct field {
  std::string_view key;
  distsys::log::value value;
};
using fields = std::initializer_list<field>;

enum class format { automatic, text, json };

/// Before threads start. `automatic` is text (coloured) when standard error is a terminal, else JSON.
void configure(level threshold, format f = format::automatic);
/// Any time, any thread.
void set_level(level threshold) noexcept;
level get_level() noexcept;

bool enabled(level l) noexcept;
void write(level l, std::string_view message, fields f = {});

inline void trace(std::string_view message, fields f = {}) { write(level::trace, message, f); }
inline void debug(std::string_view message, fields f = {}) { write(level::debug, message, f); }
inline void info(std::string_view message, fields f = {}) { write(level::info, message, f); }
inline void warn(std::string_view message, fields f = {}) { write(level::warn, message, f); }
inline void error(std::string_view message, fields f = {}) { write(level::error, message, f); }

}  // namespace distsys::log
