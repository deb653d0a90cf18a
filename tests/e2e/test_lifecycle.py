"""The life of a process, by the program with a plain eighth role: start, operations port, stop, and what goes wrong."""

import contextlib
import json
import os
import signal
import socket
import sqlite3
import stat
import threading
import time

import pytest

from conftest import eventually, http
from program import EIGHTH

pytestmark = pytest.mark.skipif(not EIGHTH.exists(), reason="distsys_eighth is not built")
ROLE = ("--role=eighth", "--listen=:0")


def test_the_eighth_role_is_a_role_like_any_other(run, start):
    assert "eighth" in run("--list-roles", program=EIGHTH).stdout
    assert "--greeting=TEXT" in run("--help=eighth", program=EIGHTH).stdout
    p = start(*ROLE, "--eighth.greeting=good day")
    assert http(p.addresses["eighth"])[2] == "good day\n"
    assert "(not in all)" in run("--list-roles", program=EIGHTH).stdout


def test_start_up_is_quick(start):
    best = min(start(*ROLE).start_up_seconds for _ in range(3))
    assert best < 0.3


def test_operations(start):
    p = start(*ROLE, "--token=hunter2", "--threads=2")
    ask = lambda path, *a, **k: http(p.operations + path, *a, **k)
    assert ask("livez")[0] == 200
    status, _, text = ask("readyz?verbose")
    assert status == 200
    assert "[+] process" in text and "[+] database sqlite:eighth.db" in text and "[+] eighth.mood" in text
    status, headers, text = ask("metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4")
    for name in ("process_resident_memory_bytes", "distsys_backend_calls_total"):
        assert name in text
    eventually(lambda: all(f'distsys_loop_lag_seconds_count{{loop="{i}"}}' in ask("metrics")[2] for i in (0, 1)))
    config = json.loads(ask("config")[2])
    assert config["eighth"]["token"] == {"value": "***", "source": "--token"}
    assert config["process"]["threads"]["value"] == "2"
    assert "hunter2" not in ask("config")[2]
    build = json.loads(ask("buildinfo")[2])
    assert build["version"] and build["commit"] and build["compiler"]
    assert {"Boost", "OpenSSL", "zlib", "sqlite:"} <= set(build["libraries"])
    assert ask("eighth")[2] == "calm"
    assert "readyz" in ask("")[2] and f"href='{p.addresses['eighth']}'" in ask("")[2]
    assert ask("nothing")[0] == 404


def test_the_log_level_changes_at_run_time(start):
    p = start(*ROLE)
    assert json.loads(http(p.operations + "loglevel")[2]) == {"level": "info"}
    assert http(p.operations + "loglevel", "PUT", b"debug")[0] == 200
    assert json.loads(http(p.operations + "loglevel")[2]) == {"level": "debug"}
    assert http(p.operations + "loglevel", "PUT", b'{"level": "warn"}')[0] == 200
    assert http(p.operations + "loglevel", "PUT", b"loud")[0] == 400
    assert json.loads(http(p.operations + "loglevel")[2]) == {"level": "warn"}


def test_sighup_reads_the_file_again(start, tmp_path):
    file = tmp_path / "c.conf"
    file.write_text("mood = calm\n")
    p = start(*ROLE, f"--config={file}")
    file.write_text("mood = merry\nlog-level = debug\neighth.greeting = later\n")
    p.signal(signal.SIGHUP)
    assert p.wait_for_log("a changed option takes effect at the next start")["option"] == "eighth.greeting"
    p.wait_for_log("the configuration was read again")
    assert http(p.operations + "eighth")[2] == "merry"
    assert json.loads(http(p.operations + "loglevel")[2]) == {"level": "debug"}
    assert http(p.addresses["eighth"])[2] == "hello from the eighth\n"
    file.write_text("mod = x\n")
    p.signal(signal.SIGHUP)
    assert p.wait_for_log("the configuration is not taken over")["where"] == f"{file}:1"
    assert http(p.operations + "eighth")[2] == "merry"


def test_health_command(run, start):
    p = start(*ROLE)
    done = run("health", p.operations + "readyz", program=EIGHTH)
    assert done.returncode == 0 and "200" in done.stdout
    for address in (p.operations, p.operations.rstrip("/")):
        done = run("health", address, program=EIGHTH)
        assert done.returncode == 0 and done.stdout.endswith("readyz: 200\nready\n")
    port = p.operations.rstrip("/").rsplit(":", 1)[1]
    assert run("health", f"--operations=:{port}", program=EIGHTH).returncode == 0
    moody = start(*ROLE, "--unready")
    done = run("health", moody.operations, program=EIGHTH)
    assert done.returncode == 1 and "not in the mood" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_with_0(start, number):
    p = start(*ROLE)
    p.signal(number)
    assert p.exit_code() == 0
    assert p.messages()[-1] == "stopped"


def test_a_request_that_was_read_is_answered(start):
    p = start(*ROLE, "--hold=500ms")
    answers = []
    asking = [threading.Thread(target=lambda: answers.append(http(p.addresses["eighth"])[0])) for _ in range(8)]
    for t in asking:
        t.start()
    eventually(lambda: in_flight(p) >= 8)
    p.signal(signal.SIGTERM)
    for t in asking:
        t.join()
    assert answers == [200] * 8
    assert p.exit_code() == 0


def in_flight(p):
    """Connections to the role's port that are open, as the kernel counts them."""
    port = int(p.addresses["eighth"].rstrip("/").rsplit(":", 1)[1])
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return sum(1 for r in rows if r[3] == "01" and int(r[1].split(":")[1], 16) == port)


def test_unready_before_the_delay_ends_and_still_serving(start):
    p = start(*ROLE, "--shutdown-delay=1500ms")
    p.signal(signal.SIGTERM)
    p.wait_for_log("stopping")
    assert eventually(lambda: http(p.operations + "readyz")[0] == 503)
    assert "it is stopping" in http(p.operations + "readyz")[2]
    assert http(p.addresses["eighth"])[0] == 200
    assert p.exit_code() == 0


def test_the_drain_deadline_ends_what_does_not(start):
    p = start(*ROLE, "--stubborn", "--drain-timeout=300ms")
    p.signal(signal.SIGTERM)
    assert p.exit_code() == 0
    assert "accepted work did not finish before the drain deadline" in p.messages()


def test_a_second_signal_ends_at_once(start):
    p = start(*ROLE, "--stubborn", "--drain-timeout=60s")
    p.signal(signal.SIGTERM)
    p.wait_for_log("stopping")
    began = time.monotonic()
    p.signal(signal.SIGTERM)
    assert p.exit_code() == 128 + signal.SIGTERM
    assert time.monotonic() - began < 1


def test_a_process_whose_work_is_done_ends_with_0(run):
    done = run(*ROLE, "--once", "--operations=:0", program=EIGHTH)
    assert done.returncode == 0 and done.stdout == "hello from the eighth\n"


@pytest.mark.parametrize("where, code", [("start", 69), ("run", 69), ("exception", 70)])
def test_failures_have_their_codes(run, where, code):
    done = run(*ROLE, f"--fail={where}", "--operations=:0", program=EIGHTH)
    assert done.returncode == code
    assert "eighth" in done.stderr and ("asked to" in done.stderr)


def test_a_backend_that_is_broken_is_fatal(run, tmp_path):
    (tmp_path / "distsys-data").mkdir()
    (tmp_path / "distsys-data" / "eighth.db").write_text("no database " * 200)
    done = run(*ROLE, "--operations=:0", program=EIGHTH)
    assert done.returncode in (69, 70)
    assert "eighth.db" in done.stderr or "corrupt" in done.stderr


def test_a_second_copy_is_refused(start, run):
    p = start(*ROLE)
    port = p.addresses["eighth"].rstrip("/").rsplit(":", 1)[1]
    done = run("--role=eighth", f"--listen=:{port}", "--operations=:0", program=EIGHTH)
    assert done.returncode == 69 and port in done.stderr
    assert http(p.addresses["eighth"])[0] == 200


def test_a_taken_operations_port_is_fatal_when_chosen_and_else_passed_by(start, run):
    p = start(*ROLE)
    port = p.operations.rstrip("/").rsplit(":", 1)[1]
    done = run(*ROLE, f"--operations=127.0.0.1:{port}", program=EIGHTH)
    assert done.returncode == 69 and f"operations port 127.0.0.1:{port}" in done.stderr
    first = start(*ROLE, operations=None)
    second = start(*ROLE, operations=None)
    assert first.operations != second.operations


def test_data_is_private(start, tmp_path):
    start(*ROLE)
    assert stat.S_IMODE(os.stat(tmp_path / "data").st_mode) == 0o700
    assert stat.S_IMODE(os.stat(tmp_path / "data" / "eighth.db").st_mode) == 0o600


def test_a_data_dir_that_cannot_be_is_told(run, tmp_path):
    (tmp_path / "file").write_text("")
    done = run(*ROLE, "--data-dir=file/below", program=EIGHTH)
    assert done.returncode == 78 and "data-dir" in done.stderr


def test_the_limit_of_open_files_is_raised(start):
    p = start(*ROLE)
    with open(f"/proc/{p.process.pid}/limits") as limits:
        row = next(line for line in limits if line.startswith("Max open files"))
    soft, hard = row.split()[3:5]
    assert soft == hard


@pytest.fixture
def manager(tmp_path):
    """Takes the place of systemd: what a service says to it."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        s.settimeout(10)
        yield path, s


def heard(s, word):
    while True:
        message = s.recv(4096).decode()
        if word in message.splitlines():
            return message


def test_type_notify(start, manager):
    path, s = manager
    p = start(*ROLE, environment={"NOTIFY_SOCKET": path})
    assert "STATUS=eighth" in heard(s, "READY=1")
    p.signal(signal.SIGHUP)
    assert "MONOTONIC_USEC=" in heard(s, "RELOADING=1")
    heard(s, "READY=1")
    p.signal(signal.SIGTERM)
    heard(s, "STOPPING=1")
    assert p.exit_code() == 0


def test_the_watchdog_is_fed(start, manager):
    path, s = manager
    start(*ROLE, environment={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "600000"})
    for _ in range(3):
        heard(s, "WATCHDOG=1")


def test_another_processs_watchdog_is_not(start, manager):
    path, s = manager
    start(*ROLE, environment={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "60000", "WATCHDOG_PID": "1"})
    heard(s, "READY=1")
    s.settimeout(0.5)
    with pytest.raises(socket.timeout):
        heard(s, "WATCHDOG=1")


def test_migrate_before_the_start(run, start, tmp_path):
    where = f"--data-dir={tmp_path / 'data'}"
    checked = run("migrate", "--role=eighth", "--migrate=check", where, program=EIGHTH)
    assert checked.returncode == 1 and "eighth.database" in checked.stdout
    refused = run(*ROLE, "--migrate=check", where, "--operations=:0", program=EIGHTH)
    assert refused.returncode == 69
    assert run("migrate", "--role=eighth", where, program=EIGHTH).returncode == 0
    start(*ROLE, "--migrate=check")


def test_a_database_that_is_busy_is_waited_for(run, start, tmp_path):
    assert run("migrate", "--role=eighth", f"--data-dir={tmp_path / 'data'}", program=EIGHTH).returncode == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "eighth.db", isolation_level=None)) as db:
        db.execute("DELETE FROM schema_migrations")
        db.execute("DROP TABLE eighth_visits")
        db.execute("BEGIN IMMEDIATE")
        p = start(*ROLE, wait=False)
        p.wait_for_log("waiting for a database", timeout=20)
        assert p.process.poll() is None
        db.execute("ROLLBACK")
    p.wait_until_started()
    assert http(p.operations + "readyz")[0] == 200


def test_twenty_stops(start):
    for _ in range(20):
        p = start(*ROLE)
        p.signal(signal.SIGTERM)
        assert p.exit_code() == 0
