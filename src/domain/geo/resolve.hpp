// Which known event each event of an observation is: by its id, by an id or an alias that it had, and by what others
// are called.
#pragma once

#include "known_events.hpp"

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace distsys::domain::geo {

struct resolved_event {
  known_event kept;                 // it is this one
  std::vector<known_event> merged;  // and these, which were stored before it was known that they are one
  bool names_known = false;         // every name of the event leads to `kept` already
};

/// By the event's id; nothing of those that are new.
using resolved_events = std::unordered_map<std::string, resolved_event>;

struct asked_event {
  const event* what;
  std::int64_t content;
};

/// Of one source. `present` holds the ids of the whole observation: an event whose id the observation holds is that
/// event and no other. Of several known events that prove to be one, the one is kept that is active and was observed
/// last. What is known with the same content is not looked at further: its names were settled when it was stored.
awaitable<result<resolved_events>> resolve(const ports::call_context& context, ports::database& db, std::string source,
                                           std::span<const asked_event> events,
                                           const std::unordered_set<std::string_view>& present);

}  // namespace distsys::domain::geo
