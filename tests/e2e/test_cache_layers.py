"""The second layer of the cache: what one process has read, another need not; and nothing depends on it."""

import http.client
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest
import services
from cache_process import DEADLINE, feature

TOKEN = "0123456789abcdef-test"
CITY = "/events?lat=-33.45&lon=-70.66&radius=5"


@pytest.fixture
def redis():
    with services.running("redis") as server:
        yield server


@pytest.fixture
def postgres():
    with services.running("postgres") as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def on_database(request):
    """Options that choose a database of each kind."""
    if request.param == "sqlite":
        return []
    return [f"--cache.database={request.getfixturevalue('postgres').url}"]


@pytest.fixture
def start_sharing(redis, start_cache):
    """Starts caches that share what they read."""
    return lambda *options: start_cache(f"--cache.kv-store={redis.url}", f"--cache.token=test={TOKEN}", *options)


def stats(cache):
    return cache.get("/stats").json()


def eventually(condition, what):
    end = time.monotonic() + DEADLINE
    while not (found := condition()):
        assert time.monotonic() < end, what
        time.sleep(0.01)
    return found


def readiness(cache):
    connection = http.client.HTTPConnection(cache.operations, timeout=DEADLINE)
    connection.request("GET", "/readyz?verbose")
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def wait_until_stored(cache, cells):
    """Until as many cells as that are in the store, and none waits."""
    eventually(lambda: stats(cache)["shared"]["stored"] >= cells and stats(cache)["shared"]["waiting"] == 0, stats(cache)["shared"])


def command(url, *words):
    """One command to Redis, by hand: the client of tests that damage what is in it."""
    where = urlsplit(url)
    message = b"*%d\r\n" % len(words)
    for word in words:
        word = word if isinstance(word, bytes) else word.encode()
        message += b"$%d\r\n%s\r\n" % (len(word), word)
    with socket.create_connection((where.hostname, where.port), timeout=DEADLINE) as connection:
        connection.sendall(message)
        with connection.makefile("rb") as answer:
            return reply(answer)


def reply(stream):
    line = stream.readline().rstrip(b"\r\n")
    if line[:1] == b"$":
        return None if line == b"$-1" else stream.read(int(line[1:]) + 2)[:-2]
    if line[:1] == b"*":
        return [reply(stream) for _ in range(int(line[1:]))]
    return line[1:]


def move(cache, identity, lon, lat):
    answer = cache.post("/events", feature(identity, lon, lat), token=TOKEN)
    assert answer.status == 200, answer.body


def test_what_one_process_has_read_another_need_not(store, start_sharing):
    store.put(feature("centre", -70.66, -33.45), feature("near", -70.67, -33.45))
    first, second = start_sharing(), start_sharing()
    read = first.get(CITY)
    assert read.headers["cache-status"] == "distsys; fwd=miss; stored"
    wait_until_stored(first, 1)
    shared = second.get(CITY)
    assert shared.body == read.body
    assert shared.headers["cache-status"].startswith("distsys; hit; ttl=")
    assert shared.headers["cache-status"].endswith("; detail=shared")
    figures = stats(second)
    assert figures["database"]["queries"] == 0
    assert figures["misses"] == 0 and figures["hits"] == 1
    assert figures["shared"]["hits"] == figures["cells"]["shared_hits"] > 0
    assert second.metric('distsys_cache_shared_cells_total{outcome="hit"}') == figures["shared"]["hits"]
    explained = second.get(CITY.replace("/events", "/explain")).json()
    assert {c["read_by"] for c in explained["cells"]} == {"another process"}


def test_a_write_is_seen_in_both_processes(on_database, start_sharing):
    writer, other = start_sharing("--cache.ttl=10m", *on_database), start_sharing("--cache.ttl=10m", *on_database)
    move(writer, "resting", -70.66, -33.45)
    writer.get(CITY)
    wait_until_stored(writer, 1)
    other.until(CITY, lambda answer: answer.ids() == {"resting"})
    times = []
    for n in range(20):
        assert writer.get(CITY).ids() == other.get(CITY).ids()  # kept in both, and in the store
        move(writer, "moving", -70.66 if n % 2 else -10, -33.45)
        acknowledged = time.monotonic()
        wanted = {"resting", "moving"} if n % 2 else {"resting"}
        assert writer.get(CITY).ids() == wanted
        other.until(CITY, lambda answer, ids=wanted: answer.ids() == ids)
        times.append(time.monotonic() - acknowledged)
    print(f"a write was seen in the other process after {sorted(times)[10] * 1000:.1f} ms (median), {max(times) * 1000:.1f} ms (at most)")
    figures = stats(other)["shared"]
    assert figures["outdated"] + figures["hits"] > 0, figures


def test_without_the_database_what_is_stale_is_served_for_a_while(postgres, start_sharing):
    cache = start_sharing(f"--cache.database={postgres.url}", "--cache.stale-if-error=8s")
    move(cache, "centre", -70.66, -33.45)
    fresh = cache.get(CITY)
    assert fresh.ids() == {"centre"}
    postgres.kill()
    stale = cache.until(CITY, lambda answer: "stale-if-error" in answer.headers.get("cache-status", ""))
    assert (stale.status, stale.body) == (200, fresh.body)
    missing = cache.get("/events?lat=10&lon=10&radius=5")
    assert missing.status == 503 and int(missing.headers["retry-after"]) > 0
    assert readiness(cache)[0] == 503
    eventually(lambda: "breaker open" in readiness(cache)[1], "the breaker stays closed")
    gone = cache.until(CITY, lambda answer: answer.status == 503)
    assert int(gone.headers["retry-after"]) > 0
    postgres.start()
    back = cache.until(CITY, lambda answer: answer.status == 200)
    assert back.body == fresh.body
    eventually(lambda: readiness(cache)[0] == 200, "it stays unready")


def test_without_redis_answers_go_on_and_with_it_they_are_shared_again(store, redis, start_sharing):
    store.put(*[feature(f"e{n}", n, 10) for n in range(40)])
    first, second = start_sharing(), start_sharing()
    assert readiness(first)[0] == 200
    redis.kill()
    lons = iter(range(40))

    def asked():
        n = next(lons)
        answer = first.get(f"/events?lat=10&lon={n}&radius=5")
        assert (answer.status, answer.ids()) == (200, {f"e{n}"})
        return answer.headers["cache-status"]

    said = [asked() for _ in range(10)]
    assert said[-1] == "distsys; fwd=miss; stored; detail=kv-store-unavailable", said
    status, text = eventually(lambda: (r := readiness(first)) and "breaker open" in r[1] and r, "the breaker stays closed")
    assert status == 200 and text.endswith("ready\n")
    assert "[!] kv_store redis://" in text and "degraded, but ready without it" in text, text
    assert not stats(first)["shared"]["available"]
    assert first.metric('distsys_backend_breaker_openings_total{driver="redis",port="kv_store"}') >= 1
    assert first.get("/events?lat=10&lon=0&radius=5").headers["cache-status"].startswith("distsys; hit")

    redis.start()
    eventually(lambda: "breaker" not in readiness(first)[1] and "breaker" not in readiness(second)[1], "the breaker stays open")
    before = stats(first)["shared"]["stored"]
    assert asked() == "distsys; fwd=miss; stored"
    wait_until_stored(first, before + 1)
    last = next(lons) - 1
    assert second.get(f"/events?lat=10&lon={last}&radius=5").headers["cache-status"].endswith("detail=shared")


def test_a_redis_that_hangs_is_left_alone(store, redis, start_sharing):
    store.put(*[feature(f"e{n}", n, 10) for n in range(30)])
    cache = start_sharing()
    with redis.hanging():
        for n in range(30):
            answer = cache.get(f"/events?lat=10&lon={n}&radius=5")
            assert (answer.status, answer.ids()) == (200, {f"e{n}"})
        assert answer.headers["cache-status"] == "distsys; fwd=miss; stored; detail=kv-store-unavailable"
        assert "breaker open" in readiness(cache)[1]
        assert stats(cache)["database"]["queries"] == 30
    eventually(lambda: stats(cache)["shared"]["available"], "it is not used again")


def test_a_start_without_redis_is_ready(store, redis, start_sharing):
    store.put(feature("centre", -70.66, -33.45))
    redis.kill()
    cache = start_sharing()
    assert cache.get(CITY).ids() == {"centre"}
    eventually(lambda: "[!] kv_store" in readiness(cache)[1], "it is not said")
    assert readiness(cache)[0] == 200


def test_garbage_in_redis_makes_no_answer_wrong(store, redis, start_sharing):
    store.put(*[feature(f"e{n}", n, 10) for n in range(8)])
    asked = [f"/events?lat=10&lon={n}&radius=5" for n in range(8)]
    first = start_sharing()
    right = [first.get(path).body for path in asked]
    wait_until_stored(first, 8)
    keys = sorted(command(redis.url, "KEYS", "distsys:geo:cell:*"))
    assert len(keys) >= 8
    values = [command(redis.url, "GET", key) for key in keys]
    flipped = bytearray(values[-1])
    flipped[len(flipped) // 2] ^= 0x40
    damage = [b"", b"garbage", b"\xc1", b"\xc1v" + b"9" * 20 + b"garbage", values[0][:-1], values[0], bytes(flipped), b"\x00" * 100_000]
    for n, key in enumerate(keys):
        command(redis.url, "SET", key, damage[n % len(damage)])
    command(redis.url, "DEL", keys[0])
    command(redis.url, "LPUSH", keys[0], "a list")
    second = start_sharing()
    assert [second.get(path).body for path in asked] == right
    figures = stats(second)["shared"]
    assert figures["corrupt"] + figures["failures"] >= 4, figures
    assert second.get("/events").json()["numberMatched"] == 8


def test_many_callers_of_one_cell_ask_redis_and_the_database_once(store, start_sharing):
    store.put(feature("centre", -70.66, -33.45))
    cache = start_sharing()
    # Within one cell, each with an answer of its own.
    answers = []

    def ask(n):
        answers.append(cache.get(f"/events?bbox=-70.661,-33.451,-70.659,-33.449&limit={n}").ids())

    threads = [threading.Thread(target=ask, args=(n + 1,)) for n in range(100)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert answers == [{"centre"}] * 100
    figures = stats(cache)
    assert figures["database"]["queries"] == 1
    asked = figures["shared"]
    assert asked["misses"] + asked["hits"] + asked["failures"] + asked["outdated"] == figures["cells"]["misses"]


def test_a_store_of_this_process_alone_is_no_second_layer(store, start_cache):
    store.put(feature("centre", -70.66, -33.45))
    cache = start_cache()
    assert cache.get(CITY).headers["cache-status"] == "distsys; fwd=miss; stored"
    assert stats(cache)["shared"] == {"used": False}
