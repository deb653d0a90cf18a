// What a stored feature says of itself, read without parsing all of it: for the history, which keeps only texts.
#pragma once

#include "distsys/domain/geo/event.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace distsys::domain::geo {

/// Of a text that to_feature() made; of another, whatever it seems to say.
struct feature_facts {
  std::string id, kind;
  int severity = 0;
  std::optional<timestamp> started, updated, expires;
};

feature_facts facts_of(std::string_view feature);

}  // namespace distsys::domain::geo
