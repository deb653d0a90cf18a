#include "distsys/domain/geo/codecs.hpp"
#include "distsys/foundation/text.hpp"
#include "record.hpp"

#include <algorithm>
#include <array>

namespace distsys::domain::geo {

bool codec::personal(std::string_view key) noexcept {
  static constexpr std::array<std::string_view, 9> names{"users",    "username", "user_name", "nickname", "nick",
                                                         "wazedata", "email",    "e-mail",    "phone"};
  static constexpr std::string_view reporter = "reportBy";
  if (key.size() >= reporter.size() && equal_ignoring_case(key.substr(0, reporter.size()), reporter))
    return key != "reportByMunicipalityUser";  // a flag: was it an authority?
  return std::any_of(names.begin(), names.end(), [&](auto n) { return equal_ignoring_case(key, n); });
}

json::value without_personal_data(json::value document) {
  if (auto* array = document.if_array()) {
    for (auto& item : *array) item = without_personal_data(std::move(item));
  } else if (auto* object = document.if_object()) {
    for (auto it = object->begin(); it != object->end();) {
      if (codec::personal(it->key())) {
        it = object->erase(it);
      } else {
        it->value() = without_personal_data(std::move(it->value()));
        ++it;
      }
    }
  }
  return document;
}

}  // namespace distsys::domain::geo
