"""The load generator as a user runs it: what it sends, and what it says."""

import collections
import json
import os
import pty
import re
import signal
import subprocess
import time

import pytest
from conftest import ENVIRONMENT
from loadgen_support import Scripted, answer, command, load, measure


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the default data directory is relative


def test_exactly_n_requests_over_c_connections():
    with Scripted(lambda *_: answer()) as s:
        r = measure("--target", s.url + "a?b=c", "-n", 1001, "-c", 7)
    assert len(s.requests) == 1001
    assert s.connections == 7
    assert s.requests[0][2].startswith("GET /a?b=c HTTP/1.1\r\nHost: localhost:")
    assert r["sent"] == r["requests"] == r["succeeded"] == 1001
    assert r["status"] == {"200": 1001}
    assert r["errors_total"] == 0
    assert r["bytes"] == 1001 * len(answer())


def test_the_json_says_everything():
    with Scripted(lambda *_: answer()) as s:
        r = measure("--target", s.url, "-n", 200, "-H", "Authorization: Bearer hush", "--seed", 5)
    assert r["requests_per_second"] == pytest.approx(200 / r["duration_seconds"])
    latency = r["latency_us"]
    assert latency["count"] == 200
    assert list(latency["percentiles"]) == ["50", "75", "90", "95", "99", "99.9", "99.99", "99.999", "100"]
    values = list(latency["percentiles"].values())
    assert values == sorted(values)
    assert 0 < latency["min"] <= latency["mean"] <= latency["max"] == latency["percentiles"]["100"]
    assert latency["stddev"] >= 0
    assert set(r["errors"]) == {"connect", "write", "read", "closed_early", "timeout", "protocol"}
    assert set(r["generator"]) >= {"cpu_percent", "bottleneck", "send_lag_us", "warnings"}
    assert r["config"]["seed"] == 5
    assert r["config"]["headers"] == ["Authorization"]
    assert "hush" not in json.dumps(r)


def test_the_summary_is_for_people():
    with Scripted(lambda n, *_: answer(status=404 if n % 10 == 0 else 200)) as s:
        out = load("--target", s.url, "-n", 1000).stdout
    assert "1,000 answered" in out
    assert re.search(r"200\s+900\n", out) and re.search(r"404\s+100\n", out)
    assert re.search(r"99 %\s+[\d.]+ (us|ms)", out)
    assert "\x1b" not in out


def test_method_headers_and_bodies(tmp_path):
    (tmp_path / "body").write_bytes(b"\0\1binary" * 50_000)
    with Scripted(lambda *_: answer()) as s:
        measure("--target", s.url, "-n", 3, "--data", '{"a":1}', "-H", "Content-Type: application/json", "-H", "X-Two: b, c")
        measure("--target", s.url, "-n", 3, "-X", "PUT", "--body", tmp_path / "body", "-c", 1)
    _, _, head, body = s.requests[0]
    assert head.startswith("POST / ") and body == b'{"a":1}'
    assert "\r\nContent-Type: application/json" in head and "\r\nX-Two: b, c" in head
    _, _, head, body = s.requests[-1]
    assert head.startswith("PUT / ") and body == b"\0\1binary" * 50_000


def test_secret_headers_come_from_a_file(tmp_path):
    (tmp_path / "secret").write_text("Authorization: Bearer from-a-file\n")
    with Scripted(lambda *_: answer()) as s:
        measure("--target", s.url, "-n", 1, f"--header-file={tmp_path / 'secret'}")
    assert "\r\nAuthorization: Bearer from-a-file" in s.requests[0][2]


def test_a_list_of_urls(tmp_path):
    with Scripted(lambda *_: answer()) as s:
        (tmp_path / "urls").write_text(f"# some\n{s.url}one\n\n{s.url}two?x\n")
        measure("--targets", tmp_path / "urls", "--target", s.url + "three", "-n", 300, "-c", 3)
    asked = collections.Counter(head.split()[1] for _, _, head, _ in s.requests)
    assert sum(asked.values()) == 300
    # In turn on each event loop: two loops may both begin with the first.
    assert set(asked) == {"/one", "/two?x", "/three"} and max(asked.values()) - min(asked.values()) <= 2


def test_only_bad_statuses_is_exit_1():
    with Scripted(lambda *_: answer(status=503)) as s:
        r = measure("--target", s.url, "-n", 5, code=1)
    assert r["status"] == {"503": 5}


def test_settings_that_make_no_sense_are_refused():
    for options, said, code in [
        ([], "--target", 78),
        (["--target", "http://localhost:1/", "--arrivals", "poisson"], "--rate", 78),
        (["--target", "http://localhost:1/", "-H", "nonsense"], "colon", 64),
        (["--target", "http://localhost:1/", "--targets", "/no/such/file"], "/no/such/file", 64),
    ]:
        done = load(*options, code=code)
        assert said in done.stderr


def test_an_interrupt_writes_the_summary():
    with Scripted(lambda *_: answer()) as s:
        process = subprocess.Popen(
            command("--target", s.url, "--duration", "1m", "--json"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ENVIRONMENT
        )
        deadline = time.monotonic() + 20
        while len(s.requests) < 100 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    r = json.loads(out)
    assert r["interrupted"] and r["requests"] >= 90
    assert r["requests"] + r["unfinished"] == r["sent"]


def test_progress_on_a_terminal_and_nowhere_else():
    with Scripted(lambda *_: answer()) as s:
        quiet = load("--target", s.url, "--duration", "600ms")
        assert "req/s" not in quiet.stderr
        mine, theirs = pty.openpty()
        process = subprocess.Popen(
            command("--target", s.url, "--duration", "1s", "--json"), stdout=subprocess.PIPE, stderr=theirs, env=ENVIRONMENT
        )
        os.close(theirs)
        seen = b""
        while True:
            try:
                more = os.read(mine, 65536)
            except OSError:
                break
            if not more:
                break
            seen += more
        out, _ = process.communicate(timeout=20)
        os.close(mine)
    assert process.returncode == 0
    assert b"req/s" in seen and b"p99" in seen and b"s left" in seen
    json.loads(out)
