"""What one client may take of the cache: requests a second, streams, and memory while it does not read."""

import json


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
