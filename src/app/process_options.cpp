#include "src/app/process_options.hpp"

#include "src/app/checks.hpp"

#include <algorithm>
#include <array>

namespace distsys::app {
namespace {

constexpr std::string_view levels[] = {"trace", "debug", "info", "warn", "error", "off"};
constexpr std::string_view formats[] = {"automatic", "text", "json"};
constexpr std::string_view migrations[] = {"auto", "check"};
constexpr std::string_view shells[] = {"bash"};

constexpr option flag(std::string_view name, std::string_view help) { return {name, kind::flag, "false", help}; }

constexpr std::array table{
    // Answers and exits; the command line alone has these.
    option{"help", kind::text, "", "this page; of a role, a command or the process: --help=cache"}.with_shorthand('h'),
    flag("version", "the version, the commit and the libraries").with_shorthand('V'),
    flag("list-roles", "the roles of this program"),
    flag("check-config", "check the configuration and exit; with --connect, each backend too"),
    flag("connect", "with --check-config: open and ping each backend"),
    flag("print-config", "the effective configuration and where each value comes from"),
    flag("print-template", "a commented configuration file for the chosen roles"),
    option{"completions", kind::text, "", "a completion script for this shell"}.one_of(shells),

    // What runs, and where.
    option{"role", kind::text, "", "what to run: names, or all"}.as_repeatable(),
    option{"config", kind::path, "", "a file of settings"},
    option{"data-dir", kind::path, "distsys-data", "where every embedded backend lives"},
    option{"host", kind::text, "127.0.0.1", "the address that endpoints without a host listen on"},
    option{"threads", kind::integer, "0", "event loops; 0 means one a processor"}.between(0, 1024),
    option{"operations", kind::endpoint, ":5090", "the operations port: health, metrics, settings"},
    option{"migrate", kind::text, "auto", "apply what a database lacks, or only check that it lacks nothing"}.one_of(
        migrations),
    option{"log-level", kind::text, "info", "the least level that is logged"}.one_of(levels).as_reloadable(),
    option{"log-format", kind::text, "automatic", "automatic is text on a terminal, else JSON"}.one_of(formats),
    option{"shutdown-delay", kind::duration, "0s", "how long to serve on, unready, before draining"},
    option{"drain-timeout", kind::duration, "20s", "how long accepted work may take to finish at a stop"},

    // Every HTTP server of the roles.
    option{"tls-certificate", kind::path, "", "a PEM chain: serve HTTPS; read again when it changes"}.checked_by(
        &readable_file),
    option{"tls-key", kind::path, "", "the PEM key of the certificate"}.checked_by(&readable_file),
    option{"trusted-proxies", kind::text, "", "addresses and blocks whose X-Forwarded-* headers count"}
        .as_repeatable()
        .checked_by(&valid_proxy_block),
    option{"cors-origin", kind::text, "", "an origin that may read answers, or *"}.as_repeatable().checked_by(
        &valid_origin),
    option{"rate-limit", kind::real, "0", "requests a second and client address; 0 means no limit"}.between(0, 1e9),
    option{"rate-burst", kind::real, "0", "requests a client may save up; 0 means ten seconds' worth"}.between(0, 1e9),
    option{"access-log", kind::flag, "false", "log a line for each request"},
    option{"http-max-connections", kind::integer, "20000", "connections a server keeps open"}.between(1, 1e7),
    option{"http-max-in-flight", kind::integer, "10000", "requests a server handles at a time"}.between(1, 1e7),
    option{"http-max-in-flight-bytes", kind::size, "256MiB", "bytes of request bodies a server holds"},
    option{"http-max-header", kind::size, "16KiB", "bytes of a request's header"},
    option{"http-max-target", kind::size, "8KiB", "bytes of a request's target"},
    option{"http-header-deadline", kind::duration, "20s", "from the first byte of a request to its header's end"}
        .at_least(0.001),
    option{"http-body-deadline", kind::duration, "20s", "from the header's end to the body's end"}.at_least(0.001),
    option{"http-write-deadline", kind::duration, "20s", "how long a client may not read"}.at_least(0.001),
    option{"http-idle-timeout", kind::duration, "75s", "between two requests of a connection"}.at_least(0.001),
};

constexpr std::array<std::string_view, 8> answers{"help",    "version",      "list-roles",     "check-config",
                                                  "connect", "print-config", "print-template", "completions"};

}  // namespace

std::span<const option> process_options() { return table; }

bool command_line_only(std::string_view name) {
  return std::find(answers.begin(), answers.end(), name) != answers.end();
}

bool value_is_optional(std::string_view name) { return name == "help"; }

}  // namespace distsys::app
