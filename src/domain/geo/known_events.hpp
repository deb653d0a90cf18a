// What the database knows of the events of an observation: read by id, and by alias for those not found.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "distsys/domain/geo/event_repository.hpp"

namespace distsys::domain::geo {

struct known_event {
  std::int64_t key = 0, observed = 0, since = 0, revision = 0, content = 0;
  std::string id;  // its own, which may be another than the one asked for
  position at;
  bool ended = false;
};

/// How the id of a row begins that became part of another: no source gives such an id.
inline constexpr char retired_mark = '\x1f';

/// By id as asked for.
using known_events = std::unordered_map<std::string, known_event>;

awaitable<result<known_events>> read_known(const ports::call_context& context, ports::database& db, std::string source,
                                           std::vector<std::string> ids);

/// Which event each of these other ids belongs to: by alias.
awaitable<result<known_events>> read_known_by_alias(const ports::call_context& context, ports::database& db,
                                                    std::string source, std::vector<std::string> aliases);

}  // namespace distsys::domain::geo
