#include "request_template.hpp"

namespace distsys::roles::loadgen {
namespace {

std::vector<std::string> pieces(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t begin = 0;;) {
    const std::size_t end = text.find(key_mark, begin);
    out.emplace_back(text.substr(begin, end - begin));
    if (end == std::string_view::npos) return out;
    begin = end + key_mark.size();
  }
}

void join(const std::vector<std::string>& parts, std::string_view key, std::string& out) {
  out += parts.front();
  for (std::size_t i = 1; i < parts.size(); ++i) {
    out += key;
    out += parts[i];
  }
}

}  // namespace

request_template::request_template(std::string_view method, std::string_view target, std::string_view headers,
                                   std::string_view body, bool with_length)
    : target_(pieces(target)), body_(pieces(body)), method_(method), headers_(headers), with_length_(with_length) {
  method_ += ' ';
}

void request_template::fill(std::string_view key, std::string& out) const {
  out.assign(method_);
  join(target_, key, out);
  out += headers_;
  if (with_length_) {
    std::size_t size = (body_.size() - 1) * key.size();
    for (const std::string& piece : body_) size += piece.size();
    out += "Content-Length: " + std::to_string(size) + "\r\n";
  }
  out += "\r\n";
  join(body_, key, out);
}

}  // namespace distsys::roles::loadgen
