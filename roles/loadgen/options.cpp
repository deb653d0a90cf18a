#include "options.hpp"

#include "plan.hpp"
#include "plan_load.hpp"

#include <unistd.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace distsys::roles::loadgen {
namespace {

using app::kind;
using app::option;

constexpr std::string_view schemes[] = {"http", "https"};
constexpr std::string_view scenarios[] = {"url", "events"};

template <class T>
std::string wrong(const result<T>& parsed) {
  return parsed ? std::string() : parsed.error().detail;
}

std::string valid_target(std::string_view text) {
  plan unused;
  return wrong(add_url(unused, text));
}

std::string valid_header(std::string_view text) { return wrong(parse_header(text)); }
std::string valid_center(std::string_view text) { return wrong(parse_center(text)); }
std::string valid_delay(std::string_view text) { return wrong(delay::parse(text)); }
std::string valid_condition(std::string_view text) { return wrong(parse_condition(text)); }

std::string writable_file(std::string_view path) {
  const auto folder = std::filesystem::path(path).parent_path();
  const std::string where = folder.empty() ? "." : folder.string();
  const bool there = ::access(std::string(path).c_str(), F_OK) == 0;
  if (::access(there ? std::string(path).c_str() : where.c_str(), W_OK) == 0) return "";
  return "cannot write '" + std::string(path) + "'";
}

constexpr option options[] = {
    // What is asked.
    option{"target", kind::url, "", "a URL to ask, {key} in it a drawn key; with --scenario=events the server's"}
        .as_repeatable()
        .one_of(schemes)
        .checked_by(&valid_target),
    option{"targets", kind::path, "", "a file of URLs, one a line"}.checked_by(&app::readable_file),
    option{"header", kind::text, "", "a header line to send: 'Name: value'"}
        .with_shorthand('H')
        .as_repeatable()
        .as_secret()
        .checked_by(&valid_header),
    option{"method", kind::text, "GET", "the method; POST where a body is given"}.with_shorthand('X'),
    option{"body", kind::path, "", "a file to send as the body"}.checked_by(&app::readable_file),
    option{"data", kind::text, "", "a text to send as the body; {key} in it is a drawn key"},
    option{"timeout", kind::duration, "10s", "how long a connection or an answer may take"}.at_least(0.001),
    option{"insecure", kind::flag, "false", "do not verify the server's certificate"}.with_shorthand('k'),
    option{"no-keepalive", kind::flag, "false", "a connection for each request"},
    // How much, and when.
    option{"connections", kind::integer, "10", "how many connections, each a user"}.with_shorthand('c').between(1, 1e6),
    option{"requests", kind::integer, "", "how many requests, failed ones too"}.with_shorthand('n').between(1, 1e15),
    option{"duration", kind::duration, "10s", "for how long; without it as long as --requests or --arrivals say"}
        .at_least(0.001),
    option{"warm-up", kind::duration, "0s", "before that: sent, and not counted"}.between(0, 86400),
    option{"rate", kind::real, "0",
           "open loop: requests a second, however slow the answers; 0 means closed loop; the first rate of --find-max"}
        .between(0, 1e7),
    option{"arrivals", kind::text, "constant",
           "open loop: phases joined by commas, as constant:500@10s, ramp:500-2000@30s, poisson:2000, burst:100/2s, "
           "uniform:1s-3s, pause@5s; or file:PATH of times or rates; or log:PATH, an access log to replay"}
        .checked_by(&wrong_with_arrivals),
    option{"speed", kind::real, "1", "of --arrivals=log: 2 replays an hour in half an hour"}.between(1e-6, 1e6),
    option{"think", kind::text, "",
           "closed loop: how long a user thinks after an answer: 2s, uniform:1s-3s, exponential:2s, normal:2s/500ms"}
        .checked_by(&valid_delay),
    option{"session-length", kind::integer, "0",
           "requests of a user, who then leaves for another with a new connection; 0 means all"}
        .between(0, 1e15),
    option{"spin", kind::duration, "0s", "open loop: how much of a wait is spun instead of slept, to be on time"}
        .between(0, 0.01),
    option{"expected-interval", kind::duration, "",
           "closed loop: correct the latencies for a request so often; with --think the mean time of thinking"}
        .at_least(1e-6),
    // Which keys and areas.
    option{"scenario", kind::text, "url", "ask the URLs, or a cache for the events of areas"}.one_of(scenarios),
    option{"keys", kind::text, "zipf",
           "how keys and areas are drawn: zipf, normal, uniform, exponential; hotspot: a hot tenth that moves, of "
           "areas users who pan and zoom; file:PATH: one a line, in turn"}
        .checked_by(&wrong_with_keys),
    option{"key-count", kind::integer, "1000", "how many keys: {key} is 0 up to one less"}.between(1, 1e15),
    option{"zipf-exponent", kind::real, "1.3", "the exponent of Zipf's law"}.between(0.01, 20),
    option{"areas", kind::integer, "1000", "events: how many areas, or hot spots"}.between(1, 1e6),
    option{"area-radius", kind::real, "2", "events: radius of an area in km; of a user's view the least"}.between(
        0.001, 20000),
    option{"center", kind::text, "-33.45,-70.66", "events: latitude and longitude around which the areas lie"}
        .checked_by(&valid_center),
    option{"spread", kind::real, "15", "events: how far from there, in km"}.between(0, 5000),
    option{"seed", kind::integer, "1", "of everything random: the same seed, the same load"}.between(0, 9e15),
    // What is made of it.
    option{"find-max", kind::text, "",
           "search the highest rate that holds a condition, as 'p99<10ms && 5xx<0.1%'; unless it names 4xx or 5xx, 1 % "
           "of them fails a step; --duration is a step's, 3s"}
        .checked_by(&valid_condition),
    option{"find-max-time", kind::duration, "5m", "when a search ends at the latest"}.at_least(1),
    option{"fail-if", kind::text, "", "exit with 1 when this holds: 'p99>50ms', 'errors>1%', 'hit_ratio<80%'"}
        .as_repeatable()
        .checked_by(&valid_condition),
    option{"max-send-lag", kind::duration, "1ms",
           "open loop: INVALID is a run whose requests left later than this at p99"}
        .at_least(1e-6),
    option{"json", kind::flag, "false", "the summary as JSON"},
    option{"save", kind::path, "", "a file for the JSON, whatever is printed"}.checked_by(&writable_file),
    option{"report", kind::path, "", "a file for an HTML page of the run, or of the runs compared"}.checked_by(
        &writable_file),
    option{"hdr-log", kind::path, "", "a file for the latencies as HdrHistogram's tools read them"}.checked_by(
        &writable_file),
    option{"compare", kind::path, "", "instead of a run: JSON files of earlier ones, the first the base"}
        .as_repeatable()
        .checked_by(&app::readable_file),
    option{"quiet", kind::flag, "false", "no progress line"},
};

}  // namespace

constinit const std::span<const option> option_table{options};

}  // namespace distsys::roles::loadgen
