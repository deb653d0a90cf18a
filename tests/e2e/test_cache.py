"""The cache as a user runs it: areas, errors, pages, Cache-Status, streams, and what survives kill -9."""

import contextlib
import gzip
import http.client
import json
import math
import os
import pathlib
import queue
import random
import re
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from urllib.parse import quote, urlsplit

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("DISTSYS_BINARY", str(ROOT / "build" / "release" / "distsys"))
# The program refuses DISTSYS_ variables that it does not know, and these are the tests' own.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("DISTSYS_")}
EARTH_RADIUS_M = 6_371_008.8
DEADLINE = 20


def feature(identity, lon, lat, kind="hazard", severity=3, **properties):
    return {
        "type": "Feature",
        "id": identity,
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": {"kind": kind, "severity": severity, "title": f"event {identity}", **properties},
    }


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = body

    def json(self):
        return json.loads(self.body)

    def ids(self):
        return {f["properties"]["id"] for f in self.json()["features"]}


class Stream:
    """An open event stream; next() gives (event, id, data) and fails after DEADLINE."""

    def __init__(self, address, path, last_event_id=None):
        self.connection = http.client.HTTPConnection(address, timeout=60)
        headers = {"Last-Event-ID": str(last_event_id)} if last_event_id is not None else {}
        self.connection.request("GET", path, headers=headers)
        self.response = self.connection.getresponse()
        self.messages = queue.Queue()
        if self.response.status == 200:
            threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        message = {}
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException, AttributeError):
            while line := self.response.readline():
                text = line.decode().rstrip("\n")
                if text.startswith(":"):
                    continue
                if text:
                    name, _, value = text.partition(": ")
                    message[name] = value
                elif "event" in message:
                    self.messages.put((message["event"], int(message.get("id", -1)), json.loads(message["data"])))
                    message = {}
        self.messages.put(None)

    def next(self):
        return self.messages.get(timeout=DEADLINE)

    def close(self):
        with contextlib.suppress(OSError):
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.connection.close()


class Cache:
    """A running cache on the events of a folder."""

    def __init__(self, data_dir, *options, roles="cache"):
        self.data_dir = data_dir
        self.process = subprocess.Popen(
            [BINARY, f"--role={roles}", f"--data-dir={data_dir}", "--operations=127.0.0.1:0", "--cache.listen=127.0.0.1:0", *options],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=ENVIRONMENT)
        self.log = []
        self.address = None
        for line in self.process.stderr:
            self.log.append(line)
            record = json.loads(line) if line.startswith("{") else {}
            if record.get("address", "") and record.get("role") == "cache":
                self.address = urlsplit(record["address"]).netloc
            if "started" in line:
                break
        assert self.address, "".join(self.log)
        threading.Thread(target=lambda: self.log.extend(self.process.stderr), daemon=True).start()

    def get(self, path, method="GET", **headers):
        connection = http.client.HTTPConnection(self.address, timeout=DEADLINE)
        try:
            connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            return Answer(response, response.read())
        finally:
            connection.close()

    def stream(self, query="", last_event_id=None):
        return Stream(self.address, f"/events/stream{query}", last_event_id)

    def until(self, path, wanted, **headers):
        """Asks until the answer is as wanted: for what another process has just stored."""
        end = time.monotonic() + DEADLINE
        while True:
            answer = self.get(path, **headers)
            if wanted(answer):
                return answer
            assert time.monotonic() < end, (answer.status, answer.body[:500])
            time.sleep(0.01)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=DEADLINE)

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=DEADLINE)


class Store:
    """Puts documents into a folder's database, as the scraper does: one replay each."""

    def __init__(self, folder):
        self.folder = folder
        self.data_dir = folder / "data"
        self.data_dir.mkdir()
        self.time = int(time.time() * 1000) - 3_600_000
        self.count = 0

    def put(self, *features, title="test"):
        self.time += 1000
        self.count += 1
        documents = self.folder / f"replay-{self.count}"
        documents.mkdir()
        document = {"type": "FeatureCollection", "metadata": {"generated": self.time, "title": title}, "features": list(features)}
        (documents / "1.geojson").write_text(json.dumps(document))
        done = subprocess.run(
            [BINARY, "--role=scraper", f"--data-dir={self.data_dir}", "--operations=127.0.0.1:0", "--scraper.once",
             f"--scraper.source=replay:{documents}"], capture_output=True, text=True, timeout=60, env=ENVIRONMENT)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


@pytest.fixture
def start(store):
    running = []

    def begin(*options, **more):
        running.append(Cache(store.data_dir, *options, **more))
        return running[-1]

    yield begin
    for cache in running:
        cache.kill()


@pytest.fixture
def city(store, start):
    """Five events about Santiago and two at the antimeridian, and a cache that keeps answers for a minute."""
    store.put(
        feature("centre", -70.66, -33.45, "jam", 5),
        feature("near", -70.67, -33.45, "hazard", 2),
        feature("north", -70.66, -33.36, "accident", 8),
        feature("far", -71.62, -33.05, "hazard", 4),
        feature("a/b c", -70.0, -30.0, "police", 1),
        feature("west-of", 179.9, -17.0, "hazard", 3),
        feature("east-of", -179.9, -17.0, "hazard", 3),
    )
    return start("--cache.ttl=60s")


def distance_m(a, b):
    lon1, lat1, lon2, lat2 = map(math.radians, (*a, *b))
    h = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(h))


# --- areas -----------------------------------------------------------------------------------------------------------


def test_a_circle_is_geojson(city):
    answer = city.get("/events?lat=-33.45&lon=-70.66&radius=5")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/geo+json"
    document = answer.json()
    assert document["type"] == "FeatureCollection"
    assert document["numberMatched"] == document["numberReturned"] == 2
    assert answer.ids() == {"centre", "near"}
    assert "nextCursor" not in document


@pytest.mark.parametrize("radius, ids", [
    ("0.1", {"centre"}), ("940m", {"centre", "near"}), ("900m", {"centre"}), ("1mi", {"centre", "near"}),
    ("11km", {"centre", "near", "north"}), ("0m", {"centre"})])
def test_a_radius_has_units(city, radius, ids):
    assert city.get(f"/events?lat=-33.45&lon=-70.66&radius={radius}").ids() == ids


def test_boxes(city):
    assert city.get("/events?bbox=-70.7,-33.5,-70.6,-33.4").ids() == {"centre", "near"}
    assert city.get("/events?bbox=179,-20,-179,-10").ids() == {"west-of", "east-of"}
    assert city.get("/events?bbox=179,-20,180,-10").ids() == {"west-of"}
    assert city.get("/events?bbox=-180,-90,180,90").json()["numberMatched"] == 7


def test_the_nearest_come_first(city):
    near = city.get("/events?near=-33.45,-70.661&k=3").json()["features"]
    assert [f["properties"]["id"] for f in near] == ["centre", "near", "north"]
    assert len(city.get("/events?near=-17,180&k=2").json()["features"]) == 2
    assert city.get("/events?near=-17,180&k=2").ids() == {"west-of", "east-of"}


def test_filters(city):
    assert city.get("/events?kind=hazard").ids() == {"near", "far", "west-of", "east-of"}
    assert city.get("/events?kind=jam,accident").ids() == {"centre", "north"}
    assert city.get("/events?kind=jam&kind=police").ids() == {"centre", "a/b c"}
    assert city.get("/events?min_severity=5").ids() == {"centre", "north"}
    assert city.get("/events?source=test").json()["numberMatched"] == 7
    assert city.get("/events?source=other").json()["numberMatched"] == 0
    assert city.get("/events?since=2001-01-01T00:00:00Z").json()["numberMatched"] == 7
    assert city.get("/events?since=2099-01-01T00:00:00Z").json()["numberMatched"] == 0


def test_every_bad_parameter_is_named(city):
    answer = city.get("/events?lat=100&lon=x&radius=5ft&limit=0&min_severity=11&since=now&colour=red")
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == 400
    for name in ("lat", "lon", "radius", "limit", "min_severity", "since", "colour"):
        assert f"{name}:" in problem["detail"]


@pytest.mark.parametrize("query, name", [
    ("bbox=1,2,3", "bbox"), ("bbox=0,10,1,5", "bbox"), ("near=1", "near"), ("k=3", "k"), ("lat=1&lon=1", "radius"),
    ("near=1,1&bbox=0,0,1,1", "bbox"), ("cursor=nonsense", "cursor"), ("near=1,1&k=0", "k"), ("limit=10001", "limit"),
    ("lat=nan&lon=0&radius=1", "lat"), ("kind=%ff%fe%", "kind")])
def test_bad_requests(city, query, name):
    answer = city.get(f"/events?{query}")
    assert answer.status == 400
    assert name in answer.json()["detail"]


def test_pages_are_complete_and_without_repetition(store, start):
    rng = random.Random(7)
    everything = {f"e{i}": (rng.uniform(-180, 180), rng.uniform(-90, 90)) for i in range(300)}
    store.put(*(feature(i, lon, lat) for i, (lon, lat) in everything.items()))
    cache = start()
    for area, contains in [
        ("", lambda p: True),
        ("lat=10&lon=175&radius=3000", lambda p: distance_m((175, 10), p) <= 3_000_000),
        ("lat=89&lon=0&radius=2500", lambda p: distance_m((0, 89), p) <= 2_500_000),
        ("bbox=100,-60,-100,60", lambda p: (p[0] >= 100 or p[0] <= -100) and -60 <= p[1] <= 60),
    ]:
        expected = {i for i, p in everything.items() if contains(p)}
        seen, cursor = [], ""
        while True:
            page = cache.get(f"/events?{area}&limit=17{cursor}").json()
            assert page["numberMatched"] == len(expected)
            assert page["numberReturned"] == len(page["features"]) <= 17
            seen += [f["properties"]["id"] for f in page["features"]]
            if "nextCursor" not in page:
                break
            cursor = "&cursor=" + quote(page["nextCursor"])
        assert len(seen) == len(set(seen))
        assert set(seen) == expected


# --- one event -------------------------------------------------------------------------------------------------------


def test_one_event_with_its_history(store, start):
    store.put(feature("x", 1, 2, severity=3))
    store.put(feature("x", 1, 2, severity=6))
    cache = start()
    answer = cache.get("/events/test/x")
    assert answer.headers["content-type"] == "application/geo+json"
    document = answer.json()
    assert document["type"] == "Feature"
    assert document["properties"]["severity"] == 6
    assert document["ended"] is False
    assert [c["change"] for c in document["history"]] == ["appeared", "changed"]
    assert [c["feature"]["properties"]["severity"] for c in document["history"]] == [3, 6]
    store.put(feature("x", 1, 2, severity=6, status="deleted"))
    ended = cache.until("/events/test/x", lambda a: a.json()["ended"])
    assert ended.json()["history"][-1]["change"] == "ended"
    assert cache.until("/events", lambda a: a.json()["numberReturned"] == 0)


def test_ids_may_hold_slashes_and_spaces(city):
    for path in ("/events/test/a/b%20c", "/events/test/a%2Fb%20c"):
        answer = city.get(path)
        assert answer.status == 200, path
        assert answer.json()["properties"]["id"] == "a/b c"
    missing = city.get("/events/test/none")
    assert missing.status == 404
    assert missing.headers["content-type"] == "application/problem+json"


# --- caching ---------------------------------------------------------------------------------------------------------


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
    assert second.headers["cache-control"] == "public, max-age=60"
    assert int(second.headers["age"]) <= 60
    metres = path.replace("radius=5.", "radius=5") + "00m"
    spelled = city.get(metres.replace("lat=-33.45", "lat=-33.450"))
    assert "; hit" in spelled.headers["cache-status"]


def test_an_answer_lives_as_long_as_its_ttl(store, start):
    store.put(feature("x", 1, 2))
    cache = start("--cache.ttl=200ms")
    assert cache.get("/events").headers["cache-control"] == "no-cache"
    cache.until("/events", lambda a: "hit" in a.headers["cache-status"])
    cache.until("/events", lambda a: a.headers["cache-status"] == "distsys; fwd=miss; stored")


def test_without_a_ttl_nothing_is_kept(store, start):
    store.put(feature("x", 1, 2))
    cache = start("--cache.ttl=0s")
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
def test_answers_are_compressed(store, start, events):
    store.put(*(feature(f"e{i}", i / 100, i / 100) for i in range(events)))
    cache = start("--cache.ttl=60s")
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


def test_a_plain_hit_becomes_a_compressed_one(store, start):
    store.put(*(feature(f"e{i}", i / 100, i / 100) for i in range(400)))
    cache = start("--cache.ttl=60s")
    plain = cache.get("/events?limit=1000")
    assert plain.headers["vary"] == "Accept-Encoding"
    for _ in range(2):
        packed = cache.until("/events?limit=1000", is_hit, Accept_Encoding="gzip")
        assert packed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(packed.body) == plain.body
    assert "content-encoding" not in cache.get("/events?limit=1000", Accept_Encoding="gzip;q=0").headers


def test_one_event_is_compressed_when_it_is_long(store, start):
    store.put(feature("long", 1, 1, note="over and over " * 200), feature("short", 1, 1))
    cache = start()
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
    refused = city.get("/events", method="POST")
    assert refused.status == 405
    assert "GET" in refused.headers["allow"]


def test_misses_at_once_are_one_load(store, start):
    store.put(*(feature(f"e{i}", i / 100, i / 100) for i in range(2000)))
    cache = start("--cache.ttl=60s")
    answers = []
    gate = threading.Barrier(16)

    def ask():
        gate.wait()
        answers.append(cache.get("/events?limit=2000"))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len({a.body for a in answers}) == 1
    status = [a.headers["cache-status"] for a in answers]
    assert all(s.endswith(("; collapsed", "; stored")) or "; hit" in s for s in status), status
    # A second load only where the first change of the log was announced in between.
    loads = sum(s.endswith("; stored") for s in status)
    assert loads == 1 or (loads == 2 and any("fwd=stale" in s for s in status)), status
    stats = cache.get("/stats").json()
    assert stats["misses"] == loads
    assert stats["hits"] + stats["coalesced"] == 16 - loads


def test_statistics(city):
    def figures():
        stats = city.get("/stats").json()
        return stats["hits"], stats["misses"], stats["refused"]

    # The follower of changes wakes once after the start, which may add a miss to the first round.
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


def test_memory_for_answers_is_bounded(store, start):
    store.put(*(feature(f"e{i}", i / 100, i / 100) for i in range(200)))
    cache = start("--cache.ttl=60s", "--cache.cache-size=1MiB")
    for limit in range(1, 120):
        cache.get(f"/events?limit={limit}")
    stats = cache.get("/stats").json()
    assert stats["bytes"] <= 1 << 20
    assert stats["evictions"] > 0


def test_health(city):
    answer = city.get("/health")
    assert (answer.status, answer.json()) == (200, {"status": "healthy"})


# --- streams ---------------------------------------------------------------------------------------------------------


def test_a_stream_tells_what_happens(store, city):
    stream = city.stream()
    assert stream.response.headers["Content-Type"].startswith("text/event-stream")
    name, first, data = stream.next()
    assert (name, data) == ("hello", {"sequence": first})
    store.put(feature("new", 5, 5, "jam", 4))
    store.put(feature("new", 5, 5, "jam", 7))
    store.put(feature("new", 5, 5, "jam", 7, status="deleted"))
    seen = [stream.next() for _ in range(3)]
    assert [name for name, _, _ in seen] == ["appeared", "changed", "ended"]
    assert [s for _, s, _ in seen] == sorted(s for _, s, _ in seen)
    assert seen[0][1] > first
    assert seen[1][2]["properties"]["severity"] == 7
    assert city.get("/stats").json()["streams"] == 1
    stream.close()


def test_a_stream_resumes_where_it_was_left(store, city):
    stream = city.stream()
    _, begun, _ = stream.next()
    store.put(feature("one", 5, 5))
    _, last, _ = stream.next()
    stream.close()
    store.put(feature("two", 5, 5))
    store.put(feature("three", 5, 5))
    for resumed in (city.stream(last_event_id=last), city.stream(f"?last_event_id={last}")):
        assert [resumed.next()[2]["properties"]["id"] for _ in range(2)] == ["two", "three"]
        resumed.close()
    again = city.stream(last_event_id=begun)
    assert [again.next()[2]["properties"]["id"] for _ in range(3)] == ["one", "two", "three"]
    store.put(feature("four", 5, 5))
    assert again.next()[2]["properties"]["id"] == "four"
    again.close()


def test_an_id_of_another_time_means_begin_anew(city):
    stream = city.stream(last_event_id=10**12)
    assert stream.next()[0] == "reset"
    stream.close()
    assert city.stream(last_event_id="x").response.status == 400


def test_a_stream_shows_its_box_and_kinds_only(store, city):
    box = city.stream("?bbox=170,-20,-170,-10&kind=jam")
    box.next()
    store.put(feature("outside", 0, 0, "jam"), feature("other", 175, -15, "hazard"), feature("inside", 175, -15, "jam"))
    assert box.next()[2]["properties"]["id"] == "inside"
    store.put(feature("inside", 0, -15, "jam"))  # it leaves the box
    name, _, data = box.next()
    assert (name, data["properties"]["id"]) == ("ended", "inside")
    store.put(feature("inside", -175, -15, "jam"))
    assert box.next()[0] == "appeared"
    box.close()


def test_streams_are_bounded(store, start):
    cache = start("--cache.max-streams=2")
    open_streams = [cache.stream() for _ in range(2)]
    for stream in open_streams:
        stream.next()
    refused = cache.stream()
    assert refused.response.status == 503
    assert refused.response.headers["Retry-After"]
    open_streams[0].close()
    cache.until("/stats", lambda a: a.json()["streams"] == 1)
    third = cache.stream()
    assert third.next()[0] == "hello"
    third.close()


def test_streams_end_when_the_cache_stops(city):
    stream = city.stream()
    stream.next()
    assert city.stop() == 0
    assert stream.next() is None


# --- the page --------------------------------------------------------------------------------------------------------


def test_the_page_is_strict_and_complete(city):
    page = city.get("/")
    assert page.status == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    html = page.body.decode()
    assert "<script>" not in html and "style=" not in html and "{{" not in html
    for path in re.findall(r'(?:src|href)="(/[^"]+\.\w+)"', html):
        assert city.get(path).status == 200, path
    basemap = city.get("/assets/basemap.json", Accept_Encoding="gzip")
    assert basemap.status == 200
    assert len(basemap.body) < 400_000


def test_the_page_is_compressed_and_asked_for_once(city):
    plain = city.get("/")
    packed = city.get("/", Accept_Encoding="gzip")
    assert (packed.headers["content-encoding"], packed.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body)
    for tag in (plain.headers["etag"], packed.headers["etag"]):
        for coding in ("identity", "gzip"):
            again = city.get("/", If_None_Match=tag, Accept_Encoding=coding)
            assert (again.status, again.body) == (304, b"")
            assert again.headers["vary"] == "Accept-Encoding"
            assert "default-src 'none'" in again.headers["content-security-policy"]


def test_a_tile_server_is_named_in_the_policy(store, start):
    cache = start("--cache.tile-url=https://{s}.tile.example/{z}/{x}/{y}.png", '--cache.tile-attribution=<b>"us"</b>')
    page = cache.get("/")
    assert "https://*.tile.example" in page.headers["content-security-policy"]
    assert b"<b>" not in page.body
    refused = subprocess.run([BINARY, "--role=cache", f"--data-dir={store.data_dir}", "--cache.tile-url=https://x;script-src/{z}{x}{y}"],
                             capture_output=True, text=True, timeout=30, env=ENVIRONMENT)
    assert refused.returncode == 64
    assert "tile-url" in refused.stderr


# --- the process -----------------------------------------------------------------------------------------------------


def test_kill_nine_loses_nothing_and_harms_nobody(store, start):
    last = None
    for round_ in range(5):
        cache = start()
        stream = cache.stream(last_event_id=last)
        name, last, data = stream.next()
        if round_ > 0:  # what was stored while it was down
            assert (name, data["properties"]["id"]) == ("appeared", f"r{round_ - 1}")
        assert cache.get("/events").json()["numberMatched"] == round_
        cache.kill()
        store.put(feature(f"r{round_}", 1, 2))
    with contextlib.closing(sqlite3.connect(store.data_dir / "geo.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_it_stops_when_asked(city):
    city.get("/events")
    assert city.stop() == 0
