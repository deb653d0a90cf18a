#include "source_mapped.hpp"

#include "recording.hpp"

namespace distsys::roles::scraper {
namespace {

namespace geo = domain::geo;

struct named_file {
  std::string name;  // empty: as the mapping says
  std::string path;
};

named_file split_name(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos || !plain_name(text.substr(0, equals))) return {"", std::string(text)};
  return {std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

result<geo::mapping> read_mapping(const std::string& path) {
  const auto text = read_whole(path, geo::mapping::most_bytes);
  if (!text) return text.error();
  return geo::mapping::parse(*text, path);
}

struct mapped_address {
  std::string name, target;
  site_url site;
};

result<mapped_address> read_address(const url& address) {
  const std::string& text = address.text();
  const auto hash = text.find('#'), plus = text.find('+');
  if (hash == std::string::npos || !plain_name(std::string_view(text).substr(hash + 1))) {
    return error{errc::invalid,
                 address.masked() +
                     ": a mapped source ends in #NAME (letters a-z, digits, '-', '_', '.'), which is the "
                     "name of its mapping"};
  }
  mapped_address out;
  out.name = text.substr(hash + 1);
  out.target = text.substr(plus + 1, hash - plus - 1);
  auto site = site_url::parse(out.target);
  if (!site) return site.error();
  out.site = std::move(*site);
  return out;
}

}  // namespace

result<mapping_set> mapping_set::load(const std::vector<std::string>& texts) {
  mapping_set out;
  std::string faults;
  const auto fault = [&faults](const std::string& text) { faults += (faults.empty() ? "" : "; ") + text; };
  for (const auto& text : texts) {
    if (text.empty()) continue;
    auto [name, path] = split_name(text);
    auto read = read_mapping(path);
    if (!read) {
      fault(read.error().detail);
      continue;
    }
    if (name.empty()) name = read->source();
    if (!out.known_.emplace(name, std::make_shared<const geo::mapping>(std::move(*read))).second)
      fault(path + ": there is another mapping named '" + name + "': write NAME=FILE for one of them");
  }
  if (!faults.empty()) return error{errc::invalid, std::move(faults)};
  return out;
}

std::shared_ptr<const geo::mapping> mapping_set::find(std::string_view name) const {
  const auto found = known_.find(name);
  return found != known_.end() ? found->second : nullptr;
}

std::string mapping_set::names() const {
  std::string out;
  for (const auto& [name, ignored] : known_) out += (out.empty() ? "" : ", ") + name;
  return out.empty() ? "none" : out;
}

result<void> check_mapped_address(const url& address) {
  const auto read = read_address(address);
  if (!read) return read.error();
  return {};
}

result<std::vector<std::unique_ptr<feed>>> make_mapped_feeds(const url& address, const mapping_set& mappings,
                                                             const std::vector<watched_area>& areas,
                                                             const std::vector<source_header>& headers,
                                                             const std::shared_ptr<site_visitor>& visitor) {
  auto read = read_address(address);
  if (!read) return read.error();
  http_feed::options o;
  o.mapping = mappings.find(read->name);
  if (!o.mapping) {
    return error{errc::invalid, address.masked() + ": no mapping is named '" + read->name + "' (there is " +
                                    mappings.names() + "): give --scraper.mapping=" + read->name + "=FILE"};
  }
  o.name = o.source = read->name;
  o.identity = {address.masked(), read->site.host, "mapped"};
  o.url = [target = read->target](runtime::timestamp) { return target; };
  o.only = areas;
  o.headers = headers_for(headers, o.name, read->site.host);
  std::vector<std::unique_ptr<feed>> out;
  out.push_back(std::make_unique<http_feed>(visitor, std::move(o)));
  return out;
}

}  // namespace distsys::roles::scraper
