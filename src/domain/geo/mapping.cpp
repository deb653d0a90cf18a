#include "distsys/domain/geo/mapping.hpp"

#include "mapping_reader.hpp"

namespace distsys::domain::geo {

result<mapping> mapping::parse(std::string_view text, std::string_view file) {
  const std::string name(file);
  const auto document = json::parse(text, most_bytes);
  if (!document) return error{document.error().code, name + ": " + document.error().detail};
  codec::mapping_reader reader;
  auto rules = reader.read(*document);
  if (reader.faults().empty()) return mapping(std::make_shared<const codec::mapping_rules>(std::move(rules)));
  std::string faults;
  for (const auto& fault : reader.faults()) faults += (faults.empty() ? "" : "; ") + name + ": " + fault;
  return error{errc::invalid, std::move(faults)};
}

const std::string& mapping::source() const noexcept { return rules_->source; }

}  // namespace distsys::domain::geo
