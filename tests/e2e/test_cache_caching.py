"""What the cache keeps, for how long, and in which form it sends it."""

import gzip
import re
import threading

import backends
import pytest
from cache_process import feature

FORMS = backends.BOTH


def test_cache_status_tells_misses_and_hits(city):
    # The follower of changes wakes once after the start; what is loaded meanwhile is not kept.
    for path in (f"/events?lat=-33.45&lon=-70.66&radius=5.{i}" for i in range(9)):
        first = city.get(path)
        if first.headers["cache-status"] != "distsys; fwd=stale":
            break
    assert first.headers["cache-status"] == "distsys; fwd=miss; stored"
    second = city.get(path)
    assert re.fullmatch(r"distsys; hit; ttl=\d+", second.headers["cache-status"])
    assert second.body == first.body
    assert second.headers["etag"] == first.headers["etag"]
    assert second.headers["cache-control"] == "public, max-age=1, stale-while-revalidate=1, stale-if-error=600"
    assert int(second.headers["age"]) <= 60
    metres = path.replace("radius=5.", "radius=5") + "00m"
    spelled = city.get(metres.replace("lat=-33.45", "lat=-33.450"))
    assert "; hit" in spelled.headers["cache-status"]


def test_an_answer_lives_as_long_as_its_ttl(store, start_cache):
    store.put(feature("x", 1, 2))
    cache = start_cache("--cache.ttl=200ms", "--cache.stale-while-revalidate=0s")
    assert cache.get("/events").headers["cache-control"] == "no-cache"
    cache.until("/events", lambda a: "hit" in a.headers["cache-status"])
    cache.until("/events", lambda a: a.headers["cache-status"] == "distsys; fwd=miss; stored")


def test_without_a_ttl_nothing_is_kept(store, start_cache):
    store.put(feature("x", 1, 2))
    cache = start_cache("--cache.ttl=0s")
    for _ in range(3):
        assert cache.get("/events").headers["cache-status"] == "distsys; fwd=miss"
    assert cache.get("/stats").json()["entries"] == 0


def test_a_change_drops_what_it_touches_and_nothing_else(store, city):
    here, there = "/events?lat=-33.45&lon=-70.66&radius=5", "/events?bbox=179,-20,-179,-10"
    for path in (here, there):
        city.until(path, lambda a: "hit" in a.headers["cache-status"])
    store.put(feature("new", -70.661, -33.451))
    city.until(here, lambda a: "new" in a.ids())  # the TTL is a minute: only the change can have done it
    assert "hit" in city.get(there).headers["cache-status"]


def test_conditional_requests(city):
    for path in ("/events?kind=jam", "/events/test/centre", "/assets/map.js"):
        tag = city.get(path).headers["etag"]
        for condition in (tag, f'"other", W/{tag}', "*"):
            again = city.get(path, If_None_Match=condition)
            assert (again.status, again.body) == (304, b""), path
            assert again.headers["etag"] == tag
        assert city.get(path, If_None_Match='"other"').status == 200


def is_hit(answer):
    return "; hit" in answer.headers["cache-status"]


@pytest.mark.parametrize("events", [20, 400])  # a few KiB, and what is compressed beside the loops
def test_answers_are_compressed(store, start_cache, events):
    store.put(*(feature(f"e{i}", i / 100, i / 100) for i in range(events)))
    cache = start_cache("--cache.ttl=60s")
    path = "/events?limit=1000"
    missed = cache.get(path, Accept_Encoding="gzip")
    plain = cache.get(path)
    hit = cache.until(path, is_hit, Accept_Encoding="br;q=0.5, gzip")
    assert "fwd=" in missed.headers["cache-status"]
    assert len(plain.json()["features"]) == events
    assert "content-encoding" not in plain.headers
    for packed in (missed, hit):
        assert packed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(packed.body) == plain.body
        assert len(packed.body) < len(plain.body) / 3
        assert packed.headers["etag"] == "W/" + plain.headers["etag"]
    for answer in (missed, plain, hit):
        assert answer.headers["vary"] == "Accept-Encoding"
    again = cache.get(path, If_None_Match=hit.headers["etag"], Accept_Encoding="gzip")
    assert (again.status, again.body, again.headers["vary"]) == (304, b"", "Accept-Encoding")
    assert again.headers["etag"] == hit.headers["etag"]


def test_a_plain_hit_becomes_a_compressed_one(store, start_cache):
    store.put(*(feature(f"e{i}", i / 100, i / 100) for i in range(400)))
    cache = start_cache("--cache.ttl=60s")
    plain = cache.get("/events?limit=1000")
    assert plain.headers["vary"] == "Accept-Encoding"
    for _ in range(2):
        packed = cache.until("/events?limit=1000", is_hit, Accept_Encoding="gzip")
        assert packed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(packed.body) == plain.body
    assert "content-encoding" not in cache.get("/events?limit=1000", Accept_Encoding="gzip;q=0").headers


def test_one_event_is_compressed_when_it_is_long(store, start_cache):
    store.put(feature("long", 1, 1, note="over and over " * 200), feature("short", 1, 1))
    cache = start_cache()
    plain = cache.get("/events/test/long")
    packed = cache.get("/events/test/long", Accept_Encoding="gzip")
    assert (packed.headers["content-encoding"], packed.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert gzip.decompress(packed.body) == plain.body
    assert plain.headers["vary"] == "Accept-Encoding"
    assert plain.headers["cache-status"] == packed.headers["cache-status"] == "distsys; fwd=bypass"
    again = cache.get("/events/test/long", If_None_Match=packed.headers["etag"], Accept_Encoding="gzip")
    assert (again.status, again.body) == (304, b"")
    assert "content-encoding" not in cache.get("/events/test/short", Accept_Encoding="gzip").headers


def test_head_and_other_methods(city):
    whole = city.get("/events?kind=jam")
    head = city.get("/events?kind=jam", method="HEAD")
    assert head.status == 200
    assert head.body == b""
    assert head.headers["content-length"] == str(len(whole.body))
    refused = city.get("/events", method="PUT")
    assert refused.status == 405
    assert "GET" in refused.headers["allow"]


def ask_at_once(cache, target, clients=16):
    answers = []
    gate = threading.Barrier(clients)

    def ask():
        gate.wait()
        answers.append(cache.get(target))

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return answers


def test_misses_at_once_are_one_load(store, start_cache):
    store.put(*(feature(f"e{i}", i / 100, i / 100) for i in range(2000)))
    cache = start_cache("--cache.ttl=60s")
    # A file's first look at commits of others is announced once for nothing, and a load that began before is not joined
    # after it: where it fell into the first round, it is over in the second, which asks for another area.
    for corner in (1, 15):
        before = cache.get("/stats").json()
        answers = ask_at_once(cache, f"/events?limit=2000&bbox={corner},{corner},{corner + 4},{corner + 4}")
        assert len({a.body for a in answers}) == 1
        assert len(answers[0].ids()) == 401
        status = [a.headers["cache-status"] for a in answers]
        assert all(s.endswith(("; collapsed", "; stored")) or "; hit" in s for s in status), status
        loads = sum(s.endswith("; stored") for s in status)
        after = cache.get("/stats").json()
        assert after["misses"] - before["misses"] == loads
        assert after["hits"] + after["coalesced"] - before["hits"] - before["coalesced"] == 16 - loads
        if loads == 1:
            break
    assert loads == 1, status


def test_statistics(city):
    def figures():
        stats = city.get("/stats").json()
        return stats["hits"], stats["misses"], stats["refused"]

    # The follower of changes wakes once after the start_cache, which may add a miss to the first round.
    for kind in ("jam", "hazard", "accident"):
        before = figures()
        for _ in range(4):
            city.get(f"/events?kind={kind}")
        city.get("/events?limit=0")
        gained = tuple(now - then for now, then in zip(figures(), before))
        if gained == (3, 1, 1):
            break
    assert gained == (3, 1, 1)
    stats = city.get("/stats").json()
    assert stats["ratio"] == pytest.approx(stats["hits"] / (stats["hits"] + stats["misses"]), abs=0.001)
    assert stats["entries"] >= 1
    assert 0 < stats["bytes"] < 30_000
    assert stats["streams"] == 0
    assert stats["events"] == {"jam": 1, "hazard": 4, "accident": 1, "police": 1}


def test_memory_for_answers_is_bounded(store, start_cache):
    store.put(*(feature(f"e{i}", i / 100, i / 100) for i in range(200)))
    cache = start_cache("--cache.ttl=60s", "--cache.cache-size=1MiB")
    for limit in range(1, 120):
        cache.get(f"/events?limit={limit}")
    stats = cache.get("/stats").json()
    assert stats["bytes"] <= 1 << 20
    assert stats["evictions"] > 0


def test_health(city):
    answer = city.get("/health")
    assert (answer.status, answer.json()) == (200, {"status": "healthy"})
