#include "resolve.hpp"

#include <algorithm>
#include <tuple>

namespace distsys::domain::geo {
namespace {

/// Has the source given other ids to any event yet?
awaitable<result<bool>> has_aliases(const ports::call_context& context, ports::database& db, std::string source) {
  const auto rows = co_await db.query(context,
                                      {.sql = "SELECT event_key FROM geo_event_aliases WHERE source = ? LIMIT 1",
                                       .parameters = ports::table::row(source)},
                                      {.primary = true});
  if (!rows) co_return rows.error();
  co_return rows->rows() > 0;
}

/// What is known under the names of an observation.
struct names {
  known_events by_id, by_alias;
};

const known_event* find(const known_events& known, std::string_view name) {
  const auto hit = known.find(std::string(name));
  return hit == known.end() ? nullptr : &hit->second;
}

/// The content alone settles it.
bool settled(const asked_event& e, const names& n) {
  const auto* own = find(n.by_id, e.what->id);
  return own != nullptr && !own->ended && (own->content == e.content || e.what->aliases.empty());
}

class candidates {
 public:
  candidates(const event& e, const std::unordered_set<std::string_view>& present,
             const std::unordered_set<std::int64_t>& taken)
      : event_(e), present_(present), taken_(taken) {}

  void add(const known_event* k) {
    if (k == nullptr || taken_.contains(k->key)) return;
    if (k->id != event_.id && present_.contains(k->id)) return;
    if (std::none_of(found_.begin(), found_.end(), [&](const known_event& f) { return f.key == k->key; }))
      found_.push_back(*k);
  }
  void add(const names& n) {
    const auto* own = find(n.by_id, event_.id);
    add(own);
    // An ended event's id may have become another's.
    if (own == nullptr || own->ended) add(find(n.by_alias, event_.id));
    for (const auto& a : event_.aliases) {
      if (present_.contains(a)) continue;
      add(find(n.by_id, a));
      add(find(n.by_alias, a));
    }
  }
  bool empty() const noexcept { return found_.empty(); }

  resolved_event take(const names& n) {
    const auto worse = [&](const known_event& a, const known_event& b) {
      const auto rank = [&](const known_event& k) {
        return std::tuple(!k.ended, k.observed, k.since, static_cast<std::uint64_t>(k.content), k.id == event_.id);
      };
      return rank(a) < rank(b);
    };
    std::iter_swap(found_.begin(), std::max_element(found_.begin(), found_.end(), worse));
    resolved_event r{std::move(found_.front()), {}, true};
    r.merged.assign(std::make_move_iterator(found_.begin() + 1), std::make_move_iterator(found_.end()));
    const auto leads = [&](std::string_view name) {
      const auto* k = find(n.by_alias, name);
      return name == r.kept.id || (k != nullptr && k->key == r.kept.key);
    };
    r.names_known = leads(event_.id) && std::all_of(event_.aliases.begin(), event_.aliases.end(),
                                                    [&](const auto& a) { return present_.contains(a) || leads(a); });
    return r;
  }

 private:
  const event& event_;
  const std::unordered_set<std::string_view>& present_;
  const std::unordered_set<std::int64_t>& taken_;
  std::vector<known_event> found_;
};

/// Reads what is known under the other names of those whose own id does not settle it.
awaitable<result<void>> read_names(const ports::call_context& context, ports::database& db, std::string source,
                                   std::span<const asked_event> events,
                                   const std::unordered_set<std::string_view>& present, names& n) {
  std::vector<std::string> ids, aliases;
  for (const auto& e : events) {
    if (settled(e, n)) continue;
    aliases.push_back(e.what->id);
    for (const auto& a : e.what->aliases) {
      if (present.contains(a)) continue;
      ids.push_back(a);
      aliases.push_back(a);
    }
  }
  if (!ids.empty()) {
    auto by_id = co_await read_known(context, db, source, std::move(ids));
    if (!by_id) co_return by_id.error();
    n.by_id.merge(*by_id);
  }
  if (aliases.empty()) co_return result<void>{};
  const auto given = co_await has_aliases(context, db, source);
  if (!given) co_return given.error();
  if (!*given) co_return result<void>{};
  auto by_alias = co_await read_known_by_alias(context, db, source, std::move(aliases));
  if (!by_alias) co_return by_alias.error();
  n.by_alias = std::move(*by_alias);
  co_return result<void>{};
}

}  // namespace

awaitable<result<resolved_events>> resolve(const ports::call_context& context, ports::database& db, std::string source,
                                           std::span<const asked_event> events,
                                           const std::unordered_set<std::string_view>& present) {
  std::vector<std::string> ids;
  ids.reserve(events.size());
  for (const auto& e : events) ids.push_back(e.what->id);
  auto own = co_await read_known(context, db, source, std::move(ids));
  if (!own) co_return own.error();
  names n{std::move(*own), {}};
  const auto read = co_await read_names(context, db, std::move(source), events, present, n);
  if (!read) co_return read.error();

  resolved_events resolved;
  resolved.reserve(events.size());
  std::unordered_set<std::int64_t> taken;  // one row is one event
  for (const auto& e : events) {
    if (settled(e, n)) {
      const auto& k = *find(n.by_id, e.what->id);
      taken.insert(k.key);
      resolved.emplace(e.what->id, resolved_event{k, {}, true});
    }
  }
  for (const auto& e : events) {
    if (settled(e, n)) continue;
    candidates c(*e.what, present, taken);
    c.add(n);
    if (c.empty()) continue;
    auto r = c.take(n);
    taken.insert(r.kept.key);
    for (const auto& m : r.merged) taken.insert(m.key);
    resolved.emplace(e.what->id, std::move(r));
  }
  co_return resolved;
}

}  // namespace distsys::domain::geo
