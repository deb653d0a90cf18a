"""The load generator as a user runs it: against a scripted server that counts what it is asked, and against nginx."""

import collections
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import socket
import socketserver
import ssl
import subprocess
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = str(pathlib.Path(os.environ.get("DISTSYS_BINARY", ROOT / "build" / "release" / "distsys")).resolve())
NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")

# The program refuses DISTSYS_ variables that it does not know, and these are the tests' own.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("DISTSYS_")}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the default data directory is relative


class Scripted:
    """Answers each request with what `play(number, head, body)` returns: bytes, or None to close without an answer."""

    def __init__(self, play, tls=None):
        self.requests = []  # (arrival, connection, head, body)
        self.connections = 0
        lock = threading.Lock()
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                with lock:
                    outer.connections += 1
                    connection = outer.connections
                if tls:
                    try:
                        self.request = tls.wrap_socket(self.request, server_side=True)
                    except (ssl.SSLError, OSError):
                        return
                data = b""
                while True:
                    while b"\r\n\r\n" not in data:
                        try:
                            more = self.request.recv(65536)
                        except OSError:
                            return
                        if not more:
                            return
                        data += more
                    head, data = data.split(b"\r\n\r\n", 1)
                    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
                    length = int(length[1]) if length else 0
                    while len(data) < length:
                        data += self.request.recv(65536)
                    body, data = data[:length], data[length:]
                    with lock:
                        number = len(outer.requests)
                        outer.requests.append((time.monotonic(), connection, head.decode(), body))
                    answer = play(number, head.decode(), body)
                    if answer is None:
                        return
                    try:
                        self.request.sendall(answer)
                    except OSError:
                        return
                    if b"onnection: close" in answer:
                        return

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 128

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"{'https' if tls else 'http'}://localhost:{self.server.server_address[1]}/"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def answer(body=b"hello", status=200, extra=b""):
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n%s\r\n%s" % (status, len(body), extra, body)


def command(*options, threads=2):
    return [BINARY, "--role=loadgen", "--operations=127.0.0.1:0", f"--threads={threads}", *map(str, options)]


def load(*options, code=0, env=None):
    done = subprocess.run(command(*options), capture_output=True, text=True, timeout=60, env={**ENVIRONMENT, **(env or {})})
    assert done.returncode == code, f"{done.returncode}: {done.stdout}{done.stderr}"
    return done


def measure(*options, code=0, env=None):
    return json.loads(load("--json", *options, code=code, env=env).stdout)


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
    assert list(latency["percentiles"]) == ["50", "75", "90", "95", "99", "99.9", "99.99", "100"]
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


def test_duration_ends_a_run():
    with Scripted(lambda *_: answer()) as s:
        begun = time.monotonic()
        r = measure("--target", s.url, "--duration", "700ms", "-c", 2)
        took = time.monotonic() - begun
    assert r["duration_seconds"] == pytest.approx(0.7)
    assert took >= 0.7
    assert s.requests[-1][0] - s.requests[0][0] <= 0.8
    assert r["sent"] == len(s.requests) > 10


@pytest.mark.parametrize("arrivals", ["constant", "poisson"])
def test_an_open_loop_has_the_rate(arrivals):
    with Scripted(lambda *_: answer()) as s:
        r = measure("--target", s.url, "--rate", 300, "--arrivals", arrivals, "--duration", "2s", "-c", 20)
    # 600 intended; of a Poisson process give or take four deviations.
    slack = 0 if arrivals == "constant" else 98
    due = r["sent"] + r["generator"]["unsent"]
    assert 600 - slack <= due <= 600 + slack
    assert r["sent"] >= 0.95 * due
    assert len(s.requests) == r["sent"]
    assert r["generator"]["send_lag_us"]["count"] > 0


def test_latency_counts_from_the_intended_time():
    def play(n, *_):
        if n == 50:
            time.sleep(0.5)  # one pause; 100 requests fall due in it
        return answer()

    with Scripted(play) as s:
        r = measure("--target", s.url, "--rate", 200, "-n", 200, "-c", 1)
    assert r["requests"] == 200
    # Of 200, the 100 that waited for up to 500 ms: a generator that omits them would show one slow answer.
    assert r["latency_us"]["percentiles"]["90"] > 200_000
    assert r["generator"]["waited_for_connection"] > 80
    assert any("free connection" in w for w in r["generator"]["warnings"])


def test_a_server_that_fails_in_every_way():
    kinds = [
        answer(),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nTrailer: t\r\n\r\n",
        answer(status=500),
        None,  # closed early
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nX: onnection: close\r\n\r\npart",  # and closed
        b"ICY 200 OK\r\n\r\n",
    ]
    with Scripted(lambda n, *_: kinds[n % 6]) as s:
        r = measure("--target", s.url, "-n", 60, "-c", 1, "--quiet")
    assert r["status"] == {"200": 20, "500": 10}
    assert r["succeeded"] == 20
    assert r["errors"]["closed_early"] == 20
    assert r["errors"]["protocol"] == 10
    assert r["errors_total"] == 30
    assert len(s.requests) == 60


def test_timeouts_are_counted_apart():
    hold = threading.Event()

    def play(n, *_):
        if n % 4 == 3:
            hold.wait(20)
        return answer()

    with Scripted(play) as s:
        r = measure("--target", s.url, "-n", 12, "-c", 1, "--timeout", "100ms")
        hold.set()
    assert r["errors"]["timeout"] == 3
    assert r["requests"] == 9
    assert s.connections == 3  # a connection whose answer was late is not used again


def test_head_has_no_body_and_close_delimited_ends():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    with Scripted(lambda *_: head) as s:
        assert measure("--target", s.url, "-n", 50, "-X", "HEAD", "-c", 1)["requests"] == 50
        assert s.connections == 1
    with Scripted(lambda *_: b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end") as s:
        assert measure("--target", s.url, "-n", 20, "-c", 2)["requests"] == 20
        assert s.connections == 20


def test_no_keepalive():
    with Scripted(lambda *_: answer(extra=b"Connection: close\r\n")) as s:
        r = measure("--target", s.url, "-n", 30, "-c", 3, "--no-keepalive")
    assert s.connections == 30 and r["connect_us"]["count"] == 30
    assert all("\r\nConnection: close" in head for _, _, head, _ in s.requests)


def test_nobody_there_is_exit_1_and_not_hammered():
    with Scripted(lambda *_: answer()) as s:
        url = s.url
    begun = time.monotonic()
    r = measure("--target", url, "--duration", "1m", "-c", 2, code=1)
    assert time.monotonic() - begun < 15  # it gives up
    assert 4 <= r["errors"]["connect"] <= 40
    assert r["errors_total"] == r["errors"]["connect"]


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


@pytest.mark.parametrize("keys", ["zipf", "normal", "uniform"])
def test_events_draw_areas_and_count_hits(keys):
    known, lock = set(), threading.Lock()

    def play(_, head, __):
        target = head.split()[1]
        with lock:
            hit = target in known
            known.add(target)
        return answer(b"{}", extra=b"Cache-Status: distsys; " + (b"hit" if hit else b"fwd=miss; stored") + b"\r\n")

    with Scripted(play) as s:
        r = measure("--target", s.url, "--scenario", "events", "--keys", keys, "--areas", 50, "--area-radius", 3,
                    "--center", "10.5,20.25", "-n", 1000)  # fmt: skip
    asked = collections.Counter(head.split()[1] for _, _, head, _ in s.requests)
    assert all(re.fullmatch(r"/events\?lat=1\d\.\d{5}&lon=(19|20)\.\d{5}&radius=3", t) for t in asked)
    assert r["cache"]["misses"] == len(known) == len(asked) <= 50
    assert r["cache"]["hits"] == 1000 - len(known)
    assert r["cache"]["hit_ratio"] == pytest.approx(1 - len(known) / 1000)
    first = asked.most_common(1)[0][1]
    if keys == "zipf":  # 1/H(50, 1.3) = 33 % of the draws
        assert 250 < first < 420
    if keys == "uniform":
        assert first < 60


def certificate(folder):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def test_tls_is_verified_unless_told_otherwise(tmp_path):
    with Scripted(lambda *_: answer(b"x" * 100_000), tls=certificate(tmp_path)) as s:
        refused = measure("--target", s.url, "-n", 3, "-c", 1, code=1)
        assert refused["errors"]["connect"] == 3
        assert measure("--target", s.url, "-n", 20, "-c", 2, "-k")["requests"] == 20
        trusted = {"SSL_CERT_FILE": str(tmp_path / "cert.pem")}
        assert measure("--target", s.url, "-n", 20, "-c", 2, env=trusted)["requests"] == 20
        other = s.url.replace("localhost", "127.0.0.1")  # not a name of the certificate
        assert measure("--target", other, "-n", 2, "-c", 1, env=trusted, code=1)["errors"]["connect"] == 2


@pytest.fixture
def nginx(tmp_path):
    if not NGINX:
        pytest.skip("nginx is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "big").write_bytes(b"b" * 1_000_000)
    (tmp_path / "nginx.conf").write_text(
        f"""{"user root;" if os.geteuid() == 0 else ""} worker_processes 1; pid {tmp_path}/pid; error_log stderr crit; daemon off;
        events {{ worker_connections 256; }}
        http {{ access_log {tmp_path}/access; keepalive_requests 100; client_body_temp_path {tmp_path}; proxy_temp_path {tmp_path};
          fastcgi_temp_path {tmp_path}; uwsgi_temp_path {tmp_path}; scgi_temp_path {tmp_path};
          server {{ listen 127.0.0.1:{port}; root {tmp_path}; location = /small {{ return 200 "small"; }}
                   location = /gone {{ return 410; }} }} }}"""
    )
    process = subprocess.Popen([NGINX, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")], stderr=subprocess.PIPE)
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}/", tmp_path / "access"
    process.terminate()
    process.wait(10)


def test_nginx_sees_what_was_reported(nginx):
    url, log = nginx
    # keepalive_requests 100: nginx ends each connection in good order every 100 requests, which is no error.
    r = measure("--target", url + "small", "--target", url + "gone", "-n", 5000, "-c", 8)
    assert r["requests"] == 5000 and r["errors_total"] == 0
    big = measure("--target", url + "big", "-n", 40, "-c", 4)
    assert big["bytes"] > 40_000_000
    seen = collections.Counter(re.search(r'" (\d{3}) ', line)[1] for line in log.read_text().splitlines())
    assert seen["200"] == r["status"]["200"] + 40
    assert seen["410"] == r["status"]["410"]
