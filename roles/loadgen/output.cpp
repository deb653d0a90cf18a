#include "output.hpp"

#include "distsys/foundation/json.hpp"
#include "distsys/foundation/version.hpp"
#include "hdr_log.hpp"
#include "page.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace distsys::roles::loadgen {

void write_to(std::FILE* where, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), where);
  std::fflush(where);
}

result<void> write_file(const std::string& path, std::string_view bytes) {
  const std::string beside = path + "." + std::to_string(::getpid()) + ".part";
  std::FILE* file = std::fopen(beside.c_str(), "wbe");
  bool good = file != nullptr;
  if (file != nullptr) {
    good = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
    good = std::fclose(file) == 0 && good;
  }
  if (good && std::rename(beside.c_str(), path.c_str()) == 0) return {};
  const int why = errno;
  ::unlink(beside.c_str());
  return error{why == ENOSPC ? errc::no_space : errc::unavailable, "cannot write " + path + ": " + std::strerror(why)};
}

std::string step_line(const search_step& s) {
  std::string line = s.held ? "held    " : s.valid ? "failed  " : "invalid ";
  std::string rate = grouped(whole(s.rate)) + "/s";
  rate.resize(std::max<std::size_t>(rate.size(), 14), ' ');
  line += rate + "  p50 " + human_time(static_cast<double>(s.p50)) + "  p99 " + human_time(static_cast<double>(s.p99)) +
          "  (" + s.why + ")";
  for (const std::string& note : s.notes) line += "\n          " + note;
  return line + "\n";
}

result<void> write_all(const report& r, const plan& p, bool colours) {
  const json::object o = as_json(r, p);
  const std::string machine = boost::json::serialize(o) + "\n";
  write_to(stdout, p.json ? machine : as_text(r, p, colours));
  if (!p.save_file.empty()) {
    if (auto done = write_file(p.save_file, machine); !done) return done;
  }
  if (!p.hdr_file.empty()) {
    const timeline none({}, std::chrono::seconds(1));
    const std::string log = hdr_log(r.line ? *r.line : none, r.began, "distsys " + std::string(version()));
    if (auto done = write_file(p.hdr_file, log); !done) return done;
  }
  if (!p.report_file.empty()) {
    const shown_run one[] = {{"", o}};
    if (auto done = write_file(p.report_file, as_page(one)); !done) return done;
  }
  return {};
}

}  // namespace distsys::roles::loadgen
