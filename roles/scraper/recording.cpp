#include "recording.hpp"

#include "distsys/domain/geo/codecs.hpp"
#include "distsys/foundation/json.hpp"
#include "distsys/foundation/text.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace distsys::roles::scraper {
namespace {

namespace fs = std::filesystem;
using domain::geo::timestamp;

constexpr std::size_t max_document = 64u << 20;
constexpr std::string_view manifest_name = "manifest.json";

bool digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

error from_errno(int code, const fs::path& path) {
  errc kind = errc::unavailable;
  if (code == ENOENT || code == ENOTDIR) kind = errc::not_found;
  if (code == EACCES || code == EPERM || code == EROFS) kind = errc::permission_denied;
  if (code == ENOSPC || code == EDQUOT) kind = errc::no_space;
  if (code == EISDIR) kind = errc::invalid;
  return {kind, path.string() + ": " + std::strerror(code)};
}

std::optional<timestamp> time_of_digits(std::string_view d) {  // YYYYMMDDhhmmss[mmm]
  const auto part = [&d](std::size_t at, std::size_t n) { return std::string(d.substr(at, n)); };
  std::string text = part(0, 4) + "-" + part(4, 2) + "-" + part(6, 2) + "T" + part(8, 2) + ":" + part(10, 2) + ":" +
                     part(12, 2) + "." + (d.size() > 14 ? part(14, 3) : "000") + "Z";
  const auto t = parse_time(text);
  return t ? std::optional(*t) : std::nullopt;
}

/// "20250409T180400.000Z-"
std::optional<timestamp> own_time(std::string_view name) {
  if (name.size() < 22 || name[8] != 'T' || name[15] != '.' || name[19] != 'Z' || name[20] != '-') return std::nullopt;
  const auto d = std::string(name.substr(0, 8)) + std::string(name.substr(9, 6)) + std::string(name.substr(16, 3));
  return digits(d) ? time_of_digits(d) : std::nullopt;
}

/// A date and a time of day written with digits and any of "-_T:." between.
std::optional<timestamp> time_somewhere(std::string_view name) {
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (i > 0 && digits(name.substr(i - 1, 1))) continue;
    std::string found;
    for (std::size_t j = i; j < name.size() && found.size() < 14; ++j) {
      const char c = name[j];
      if (c >= '0' && c <= '9') {
        found += c;
      } else if (found.size() < 4 || std::string_view("-_T:.").find(c) == std::string_view::npos) {
        break;
      }
    }
    if (found.size() == 14)
      if (const auto t = time_of_digits(found)) return t;
  }
  return std::nullopt;
}

/// "name.2", as a second copy would be.
bool ends_in_number(std::string_view name) {
  const auto dot = name.rfind('.');
  return dot != std::string_view::npos && digits(name.substr(dot + 1));
}

bool is_recording(const fs::directory_entry& entry) {
  const std::string name = entry.path().filename().string();
  const std::string type = lower(entry.path().extension().string());
  std::error_code ec;
  return !name.starts_with('.') && name != manifest_name && entry.is_regular_file(ec) &&
         (type == ".json" || type == ".geojson" || type == ".jsonp" || type == ".geojsonp" || type == ".georss");
}

struct manifest {
  std::unordered_map<std::string, recorded_file> files;
  bool only = false;
};

result<manifest> read_manifest(const fs::path& directory) {
  manifest out;
  const fs::path path = directory / manifest_name;
  const auto text = read_whole(path, max_document);
  if (!text) {
    if (text.error().code == errc::not_found) return out;
    return text.error();
  }
  const auto wrong = [&path](std::string why) { return error{errc::invalid, path.string() + ": " + std::move(why)}; };
  const auto document = json::parse(*text);
  if (!document) return wrong(document.error().detail);
  const json::object* top = document->if_object();
  const json::array* files = top != nullptr ? json::get_array(*top, "files") : nullptr;
  if (files == nullptr) return wrong("it has no array of files");
  out.only = json::get_bool(*top, "only").value_or(false);
  for (const auto& item : *files) {
    const json::object* o = item.if_object();
    const auto name = o != nullptr ? json::get_string(*o, "name") : std::nullopt;
    if (!name) return wrong("a file without a name");
    recorded_file f;
    f.source = json::get_string(*o, "source").value_or("");
    f.mapping = json::get_string(*o, "mapping").value_or("");
    if (const auto observed = json::get_string(*o, "observed")) {
      const auto t = parse_time(*observed);
      if (!t) return wrong(std::string(*name) + ": observed: " + t.error().detail);
      f.observed = *t;
    }
    out.files.emplace(*name, std::move(f));
  }
  return out;
}

std::optional<timestamp> time_in_document(const fs::path& path) {
  const auto text = read_whole(path, max_document);
  if (!text) return std::nullopt;
  const auto document = json::parse(*text);
  return document ? domain::geo::observation_time(*document) : std::nullopt;
}

/// All bytes, to the disk, then under its name: a reader sees the whole file or none.
result<void> write_atomically(const fs::path& path, std::string_view bytes) {
  const fs::path hidden = path.parent_path() / ("." + path.filename().string() + ".part");
  const int fd = ::open(hidden.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return from_errno(errno, hidden);
  int failed = 0;
  while (!bytes.empty() && failed == 0) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno != EINTR) {
      failed = errno;
    }
  }
  if (failed == 0 && ::fdatasync(fd) != 0) failed = errno;
  if (::close(fd) != 0 && failed == 0) failed = errno;
  if (failed == 0 && ::rename(hidden.c_str(), path.c_str()) != 0) failed = errno;
  if (failed == 0) return {};
  ::unlink(hidden.c_str());
  return from_errno(failed, path);
}

}  // namespace

recording_name read_name(std::string_view file_name) {
  recording_name out;
  if (const auto t = own_time(file_name)) {
    out.observed = t;
    out.own = true;
    auto rest = file_name.substr(21);
    rest = rest.substr(0, rest.rfind('.'));
    if (ends_in_number(rest)) rest = rest.substr(0, rest.rfind('.'));
    out.source = rest;
    if (out.source == "-") out.source.clear();
    return out;
  }
  out.observed = time_somewhere(file_name);
  return out;
}

std::string make_name(timestamp observed, std::string_view source, unsigned copy) {
  std::string stamp = format_time(observed);  // 2025-04-09T18:04:00.000Z
  std::erase_if(stamp, [](char c) { return c == '-' || c == ':'; });
  std::string safe;
  for (const char c : source) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                       (c == '-' && !safe.empty()) || (c == '.' && !safe.empty() && safe.back() != '_');
    safe += plain ? c : '_';
  }
  if (safe.empty()) safe = "-";
  return stamp + "-" + safe + (copy > 0 || ends_in_number(safe) ? "." + std::to_string(copy + 1) : "") + ".json";
}

result<std::string> read_whole(const fs::path& file, std::size_t max_bytes) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return from_errno(errno, file);
  struct closer {
    int fd;
    ~closer() { ::close(fd); }
  } const close_it{fd};
  struct stat about{};
  if (::fstat(fd, &about) != 0) return from_errno(errno, file);
  std::string out;
  out.reserve(std::min(static_cast<std::size_t>(about.st_size) + 1, max_bytes));
  std::array<char, 1u << 16> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): read() fills it
  for (;;) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n == 0) return out;
    if (n < 0) {
      if (errno == EINTR) continue;
      return from_errno(errno, file);
    }
    if (out.size() + static_cast<std::size_t>(n) > max_bytes) {
      return error{errc::too_large, file.string() + ": over " + std::to_string(max_bytes) + " bytes"};
    }
    out.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

result<std::vector<recorded_file>> list_recordings(const fs::path& directory) {
  std::error_code ignored;
  const auto what = fs::status(directory, ignored);
  if (fs::exists(what) && !fs::is_directory(what)) {
    return error{errc::invalid, directory.string() +
                                    " is not a directory: replay: wants one with recordings in it, as " +
                                    "replay:" + (directory.has_parent_path() ? directory.parent_path().string() : ".")};
  }
  auto said = read_manifest(directory);
  if (!said) return said.error();
  std::error_code ec;
  fs::directory_iterator entries(directory, ec);
  if (ec) return from_errno(ec.value(), directory);
  std::vector<recorded_file> out;
  for (const auto& entry : entries) {
    const std::string name = entry.path().filename().string();
    const auto listed = said->files.find(name);
    if (listed == said->files.end() && (said->only || !is_recording(entry))) continue;
    recorded_file f;
    if (listed != said->files.end()) f = listed->second;
    f.path = entry.path();
    const auto by_name = read_name(name);
    if (f.source.empty()) f.source = by_name.source;
    if (!f.observed && by_name.own) f.observed = by_name.observed;
    if (!f.observed) f.observed = time_in_document(f.path);
    if (!f.observed) f.observed = by_name.observed;
    out.push_back(std::move(f));
  }
  static constexpr timestamp never = timestamp::max();
  std::sort(out.begin(), out.end(), [](const recorded_file& a, const recorded_file& b) {
    const auto ta = a.observed.value_or(never), tb = b.observed.value_or(never);
    return ta != tb ? ta < tb : a.path < b.path;
  });
  return out;
}

result<recorder> recorder::open(fs::path directory) {
  std::error_code ec;
  fs::create_directories(directory, ec);
  if (ec) return from_errno(ec.value(), directory);
  return recorder(std::move(directory));
}

result<void> recorder::write(timestamp observed, std::string_view source, std::string_view document) {
  constexpr unsigned most_copies = 1000;
  for (unsigned copy = 0; copy < most_copies; ++copy) {
    const fs::path path = directory_ / make_name(observed, source, copy);
    const auto there = read_whole(path, max_document);
    if (there && *there == document) return {};
    if (!there && there.error().code == errc::not_found) return write_atomically(path, document);
  }
  return error{errc::already_exists, "a thousand recordings of one source at one time"};
}

}  // namespace distsys::roles::scraper
