#include "command.hpp"

#include <charconv>

namespace distsys::adapters::redis {
namespace {

constexpr std::size_t worth_referring = 16u << 10;  // below it a copy costs less than one more buffer

void append_number(std::string& out, char kind, std::size_t n) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, n).ptr;
  out += kind;
  out.append(digits, end).append("\r\n");
}

}  // namespace

command::command(std::size_t arguments) {
  text_.reserve(128);
  then(arguments);
}

command& command::then(std::size_t arguments) {
  append_number(text_, '*', arguments);
  ++count_;
  return *this;
}

command& command::add(std::string_view argument) {
  append_number(text_, '$', argument.size());
  text_.append(argument).append("\r\n");
  return *this;
}

command& command::add(std::int64_t number) {
  char digits[24];
  return add(std::string_view(digits, std::to_chars(digits, digits + sizeof digits, number).ptr));
}

command& command::add(std::string_view head, const ports::shared_bytes& value) {
  append_number(text_, '$', head.size() + value->size());
  text_.append(head);
  if (value->size() < worth_referring) {
    text_.append(*value);
  } else {
    values_.emplace_back(text_.size(), value);
    value_bytes_ += value->size();
  }
  text_.append("\r\n");
  return *this;
}

}  // namespace distsys::adapters::redis
