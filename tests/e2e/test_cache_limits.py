"""What one client may take of the cache: requests a second, streams, and memory while it does not read."""

import json
import socket
import time

import backends
from cache_process import feature

FORMS = backends.BOTH
TOKEN = "phone-token-0123456789"


def test_a_rate_by_address(store, start_cache):
    cache = start_cache("--rate-limit=2", "--rate-burst=5", "--trusted-proxies=127.0.0.1")
    answers = [cache.get("/health") for _ in range(20)]
    assert {a.status for a in answers[:5]} == {200}
    refused = [a for a in answers if a.status == 429]
    assert refused
    for a in refused:
        assert a.headers["content-type"] == "application/problem+json"
        assert 1 <= int(a.headers["retry-after"]) <= 5
        assert a.headers["cache-control"] == "no-store"
    # Another address has its own; behind a trusted proxy the client's counts.
    assert cache.get("/health", X_Forwarded_For="203.0.113.9").status == 200
    cache.until("/health", lambda a: a.status == 200)


def test_streams_of_one_address(store, start_cache):
    cache = start_cache("--cache.max-streams-per-address=2", "--cache.max-streams=5", "--trusted-proxies=127.0.0.1")
    mine = [cache.stream() for _ in range(2)]
    for s in mine:
        assert s.next()[0] == "hello"
    refused = cache.stream()
    assert refused.response.status == 429
    assert int(refused.response.headers["Retry-After"]) > 0
    assert "this address" in json.loads(refused.response.read())["detail"]
    others = [cache.stream(X_Forwarded_For=f"2001:db8::{i}") for i in (1, 2)]
    for s in others:
        assert s.next()[0] == "hello"
    assert cache.stream(X_Forwarded_For="2001:db8::3").response.status == 429  # one /64 is one client
    last = cache.stream(X_Forwarded_For="203.0.113.9")
    assert last.next()[0] == "hello"
    whole = cache.stream(X_Forwarded_For="203.0.113.10")
    assert whole.response.status == 503  # five are open: that is the limit of all
    assert whole.response.headers["Retry-After"]
    mine[0].close()
    cache.until("/stats", lambda a: a.json()["streams"] == 4)
    again = cache.stream()
    assert again.next()[0] == "hello"
    for s in (*mine[1:], *others, last, again):
        s.close()
    cache.until("/stats", lambda a: a.json()["streams"] == 0)


def test_a_reader_that_does_not_read_is_dropped(store, start_cache):
    cache = start_cache("--http-write-deadline=300ms", f"--cache.token=phone={TOKEN}")
    good = cache.stream("?kind=jam")
    assert good.next()[0] == "hello"
    slow = []
    for _ in range(20):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        host, port = cache.address.rsplit(":", 1)
        connection.connect((host, int(port)))
        connection.sendall(b"GET /events/stream HTTP/1.1\r\nHost: x\r\n\r\n")
        slow.append(connection)
    cache.until("/stats", lambda a: a.json()["streams"] == 21)
    before = cache.memory()
    sent, end = 0, time.monotonic() + 60
    while cache.get("/stats").json()["streams"] > 1:
        assert time.monotonic() < end, "slow readers are still there"
        features = [feature(f"e{i}", i / 100, 1, note="x" * 2000, round=sent) for i in range(500)]
        answer = cache.post("/events", {"type": "FeatureCollection", "features": features}, TOKEN)
        assert answer.status == 200
        sent += 500
    assert cache.memory() - before < 96 << 20  # of the 20 x 2 KiB x `sent` that they did not read, nothing is left
    dropped = cache.metric('distsys_cache_streams_total{what="dropped"}')
    assert dropped == 20
    # Who reads is not harmed by who does not.
    cache.post("/events", feature("jam", 5, 5, "jam"), TOKEN)
    name, _, data = good.next()
    assert (name, data["properties"]["id"]) == ("appeared", "jam")
    for connection in slow:
        connection.close()
    good.close()


def test_a_reader_that_falls_behind_is_told_why(store, start_cache):
    cache = start_cache("--http-write-deadline=30s", f"--cache.token=phone={TOKEN}")
    connection = cache.raw(b"GET /events/stream HTTP/1.1\r\nHost: x\r\n\r\n")
    cache.until("/stats", lambda a: a.json()["streams"] == 1)
    for round_ in range(6):
        features = [feature(f"e{i}", i / 100, 1, note="y" * 4000, round=round_) for i in range(1000)]
        assert cache.post("/events", {"type": "FeatureCollection", "features": features}, TOKEN).status == 200
    tail = b""
    while not tail.endswith(b"0\r\n\r\n"):  # it reads again: what was sent, then the reason, then the end
        got = connection.recv(1 << 16)
        assert got, "the end is missing"
        tail = (tail + got)[-2000:]
    assert b'event: dropped\ndata: {"reason":"the client read too slowly"}' in tail
    connection.close()
