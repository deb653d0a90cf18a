"""The load generator and servers that fail, end connections, or speak TLS."""

import collections
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time

import pytest
from loadgen_support import Scripted, answer, measure

NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the default data directory is relative


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
