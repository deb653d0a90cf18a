"""The include check finds violations planted in a small tree, and finds none in this project."""

import os
import subprocess

import pytest

CHECK = os.path.join(os.path.dirname(__file__), "check-includes")

GOOD = {
    "include/distsys/foundation/error.hpp": "#pragma once\n#include <string>\n#include <boost/system/result.hpp>\n",
    "include/distsys/runtime/clock.hpp": '#pragma once\n#include "distsys/foundation/error.hpp"\n',
    "include/distsys/ports/database.hpp": '#pragma once\n#include "distsys/runtime/clock.hpp"\n',
    "include/distsys/net/router.hpp": '#pragma once\n#include "distsys/foundation/error.hpp"\n',
    "include/distsys/app/role.hpp": '#pragma once\n#include "distsys/net/router.hpp"\n#include "distsys/ports/database.hpp"\n',
    "include/distsys/domain/geo/event.hpp": '#pragma once\n#include "distsys/ports/database.hpp"\n',
    "src/runtime/clock.cpp": '#include "distsys/runtime/clock.hpp"\nauto t = std::chrono::steady_clock::now();\n',
    "src/net/parser.hpp": "#pragma once\n",
    "src/net/server.cpp": '#include "parser.hpp"\n#include <boost/beast/http.hpp>\n#include <sys/socket.h>\n',
    "src/adapters/sqlite/statement.hpp": "#pragma once\n#include <sqlite3.h>\n",
    "src/adapters/sqlite/driver.cpp": '#include "statement.hpp"\n#include "distsys/ports/database.hpp"\n',
    "src/adapters/curl/driver.hpp": "#pragma once\n",
    "src/adapters/drivers.cpp": '#include "curl/driver.hpp"\n',
    "src/main.cpp": '#include "distsys/app/role.hpp"\n',
    "roles/cache/role.hpp": "#pragma once\n",
    "roles/cache/role.cpp": '#include "role.hpp"\n#include "distsys/app/role.hpp"\n'
                            "clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);\n"
                            "// steady_clock::now() in a comment is not a use\n"
                            'const char* help = "std::random_device";\n',
    "roles/scraper/role.hpp": "#pragma once\n",
    "roles/scraper/poll.hpp": "#pragma once\n",
    "roles/roles.cpp": '#include "roles/cache/role.hpp"\n#include "roles/scraper/role.hpp"\n',
}

# file, the line added at its end, what the report says
PLANTED = [
    ("src/domain/geo/query.cpp", "#include <sqlite3.h>", "domain may not include <sqlite3.h>; only adapters/sqlite may"),
    ("src/domain/geo/query.cpp", '#include "distsys/net/router.hpp"', "domain may not include net"),
    ("src/foundation/error.cpp", '#include "distsys/runtime/clock.hpp"', "foundation may not include runtime"),
    ("src/ports/table.cpp", '#include "distsys/net/router.hpp"', "ports may not include net"),
    ("src/net/server.cpp", '#include "distsys/ports/database.hpp"', "net may not include ports"),
    ("src/app/app.cpp", '#include "distsys/domain/geo/event.hpp"', "app may not include domain"),
    ("src/app/app.cpp", '#include "roles/cache/role.hpp"', "app may not include a private header of roles/cache"),
    ("src/commands/health.cpp", '#include "distsys/net/router.hpp"', "commands may not include net"),
    ("src/adapters/curl/client.cpp", '#include "distsys/net/router.hpp"', "adapters may not include net"),
    ("src/adapters/curl/client.cpp", '#include "../sqlite/statement.hpp"', "private header of adapters/sqlite"),
    ("src/adapters/curl/client.cpp", "#include <sqlite3.h>", "adapters/curl may not include <sqlite3.h>"),
    ("src/adapters/drivers.cpp", '#include "roles/cache/role.hpp"', "adapters may not include a private header of roles/cache"),
    ("roles/cache/handlers.cpp", '#include "roles/scraper/role.hpp"', "private header of roles/scraper"),
    ("roles/cache/handlers.cpp", '#include "../scraper/poll.hpp"', "private header of roles/scraper"),
    ("roles/cache/handlers.cpp", '#include "src/net/parser.hpp"', "private header of net"),
    ("roles/cache/handlers.cpp", "#include <boost/beast/http.hpp>", "only net may"),
    ("src/domain/geo/query.cpp", "#include <boost/asio/ip/tcp.hpp>", "domain may not include <boost/asio/ip/tcp.hpp>"),
    ("roles/cache/handlers.cpp", "asio::ip::tcp::socket peer{loop};", "sockets are opened by"),
    ("roles/cache/handlers.cpp", "#include <spdlog/spdlog.h>", "only foundation may"),
    ("roles/cache/handlers.cpp", "#include <curl/curl.h>", "only adapters/curl may"),
    ("roles/cache/handlers.cpp", '#include "orders.grpc.pb.h"', "may not include generated"),
    ("roles/cache/handlers.cpp", "#include <catch2/catch.hpp>", "only tests may"),
    ("roles/cache/handlers.cpp", "#include <fancy/new.h>", "a library that the rules do not know"),
    ("roles/cache/handlers.cpp", "  #  include <distsys/app/role.hpp>", "not <distsys/app/role.hpp>"),
    ("roles/cache/handlers.cpp", '#include "missing.hpp"', "no such file"),
    ("roles/cache/handlers.cpp", '#include "../../include/distsys/app/role.hpp"', "instead of a relative path"),
    ("roles/roles.cpp", '#include "roles/scraper/poll.hpp"', "roles may not include a private header of roles/scraper"),
    ("src/main.cpp", '#include "roles/cache/role.hpp"', "main may not include a private header of roles/cache"),
    ("roles/cache/handlers.cpp", "auto now = std::chrono::system_clock::now();", "time comes from"),
    ("roles/cache/handlers.cpp", "clock_gettime(CLOCK_REALTIME, &t);", "time comes from"),
    ("roles/cache/handlers.cpp", "std::random_device seed;", "randomness comes from"),
    ("src/net/server.cpp", "co_spawn(loop, work(), boost::asio::detached);", "task_group"),
    ("src/runtime/lane.cpp", "std::this_thread::sleep_for(1s);", "await a timer"),
]


def run(root):
    return subprocess.run([CHECK, str(root)], capture_output=True, text=True, timeout=60)


@pytest.fixture
def tree(tmp_path):
    for path, text in GOOD.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def test_a_clean_tree_passes(tree):
    answer = run(tree)
    assert answer.returncode == 0, answer.stdout
    assert f"{len(GOOD)} files, 0 violations" in answer.stdout


@pytest.mark.parametrize("path, line, report", PLANTED, ids=[f"{path}: {line}" for path, line, _ in PLANTED])
def test_a_planted_violation_is_found(tree, path, line, report):
    file = tree / path
    before = GOOD.get(path, "")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(before + line + "\n")
    answer = run(tree)
    assert answer.returncode == 1
    found = [row for row in answer.stdout.splitlines() if row.startswith(f"{path}:{before.count(chr(10)) + 1}: ")]
    assert len(found) == 1 and report in found[0], answer.stdout
    assert "1 violations" in answer.stdout


def test_an_empty_tree_is_an_error(tmp_path):
    assert run(tmp_path).returncode == 1


def test_this_project_keeps_the_rules():
    answer = subprocess.run([CHECK], capture_output=True, text=True, timeout=60)
    assert answer.returncode == 0, answer.stdout
