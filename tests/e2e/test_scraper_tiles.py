"""The scraper's tiles as a user runs them: split at a source's cap, shared by processes, ended by absence, shown."""

import contextlib
import json
import pathlib
import random
import shutil
import signal
import subprocess
import threading
import time
import urllib.parse
import urllib.request

import backends
import pytest
from test_scraper import (
    ENVIRONMENT,
    KILLS,
    SHARED,
    command,
    feed_server,
    history_length,
    make_recording,
    rows_of,
    scrape_once,
    stored,
    table,
    wait_until,
)

from conftest import BINARY, http

FORMS = backends.BOTH
pytestmark = pytest.mark.skipif(not BINARY.exists(), reason="distsys is not built")
CAP = 200
AREA = "-71/-34/-70/-33"
LOCAL = ("--scraper.allow-private-addresses", "--scraper.robots=false")


class CappedMap:
    """A live map that answers at most 200 alerts of a window."""

    def __init__(self, count, seed=1, delay=0.0):
        chance = random.Random(seed)
        # Half of them in one corner, so that some tiles split deeper than others.
        near = [(chance.uniform(-70.95, -70.9), chance.uniform(-33.95, -33.9)) for _ in range(count // 2)]
        far = [(chance.uniform(-71, -70), chance.uniform(-34, -33)) for _ in range(count - len(near))]
        self.places = {f"a{n}": place for n, place in enumerate(near + far)}
        self.delay = delay
        self.asked, self.overlaps, self.guard, self.open = [], [], threading.Lock(), {}

    def __call__(self, path, headers):
        window = {k: float(v[0]) for k, v in urllib.parse.parse_qs(urllib.parse.urlsplit(path).query).items()}
        with self.guard:
            self.asked.append((path, headers["User-Agent"]))
            if self.open.get(path):
                self.overlaps.append(path)
            self.open[path] = self.open.get(path, 0) + 1
        time.sleep(self.delay)
        inside = [
            (name, x, y)
            for name, (x, y) in sorted(self.places.items())
            if window["left"] <= x <= window["right"] and window["bottom"] <= y <= window["top"]
        ]
        alerts = [
            {"uuid": name, "type": "HAZARD", "location": {"x": x, "y": y}, "pubMillis": 1_744_221_840_000}
            for name, x, y in inside[:CAP]
        ]
        with self.guard:
            self.open[path] -= 1
        return 200, {}, json.dumps({"alerts": alerts, "jams": []}).encode()

    def ids(self):
        return {f"alert-{name}" for name in self.places}


def active(data_dir):
    return {i for (i,) in rows_of(data_dir, "SELECT id FROM geo_events WHERE cell >= 0")}


def tiles(data_dir, what="count(*)", where="state = 0"):
    return rows_of(data_dir, f"SELECT {what} FROM geo_tiles WHERE {where}")


def test_a_tile_at_the_cap_splits_until_all_are_found(tmp_path):
    server_map = CappedMap(1000)
    with feed_server(server_map) as server:
        source = f"--scraper.source=georss+{server.url}/georss#map"
        summary = scrape_once(tmp_path, source, f"--scraper.area={AREA}", *LOCAL)
    assert active(tmp_path) == server_map.ids()
    assert tiles(tmp_path, where="state = 0 AND capped = 1") == [(0,)]
    leaves, inner = tiles(tmp_path)[0][0], tiles(tmp_path, where="state = 1")[0][0]
    assert leaves == 3 * inner + 1 > 4
    # Each tile was asked once, the split ones too.
    paths = [path for path, _ in server_map.asked]
    assert len(paths) == len(set(paths)) == leaves + inner == table(summary)["map"]["answers"]


def test_a_source_that_ignores_the_area_is_not_split_for_ever(tmp_path):
    def always_the_same(path, headers):
        alerts = [
            {"uuid": f"a{n}", "type": "HAZARD", "location": {"x": -70.9 + n * 1e-5, "y": -33.9}, "pubMillis": 1}
            for n in range(CAP)
        ]
        return 200, {}, json.dumps({"alerts": alerts}).encode()

    with feed_server(always_the_same) as server:
        scrape_once(tmp_path, f"--scraper.source=georss+{server.url}/g#map", f"--scraper.area={AREA}", *LOCAL)
        assert len(server.seen) < 80
    assert tiles(tmp_path, where="state = 0 AND capped = 1")[0][0] > 0  # and it says that not all is covered


@contextlib.contextmanager
def scraping(data_dir, *options):
    """A scraper that is ended whatever happens."""
    process = subprocess.Popen(command(data_dir, *options), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_host_that_asks_to_be_left_alone_is_not_asked_for_other_tiles(tmp_path):
    areas = [f"--scraper.area={west}/-34/{west + 1}/-33" for west in range(-74, -70)]
    earliest = "SELECT min(next_poll) FROM geo_tiles"
    with feed_server(lambda path, headers: (429, {"Retry-After": "3600"}, b"")) as server:
        options = (f"--scraper.source=georss+{server.url}/g#map", *areas, *LOCAL, "--scraper.in-flight=1")
        before = time.time()
        with scraping(tmp_path / "a", *options):
            wait_until(
                lambda: tiles(tmp_path / "a") == [(4,)] and rows_of(tmp_path / "a", earliest)[0][0] > 1000 * (before + 3500)
            )
        assert len(server.seen) == 1
        assert tiles(tmp_path / "a", where="last_poll IS NOT NULL") == [(1,)]
        server.seen.clear()
        scrape_once(tmp_path / "b", *options, code=1)
        assert len(server.seen) == 1


def test_the_cap_of_a_source_can_be_said(tmp_path):
    server_map = CappedMap(100)
    with feed_server(server_map) as server:
        options = [f"--scraper.source=georss+{server.url}/georss#map", f"--scraper.area={AREA}", *LOCAL]
        scrape_once(tmp_path / "as-it-is", *options)
        scrape_once(tmp_path / "said", *options, "--scraper.cap=map=40")
    assert tiles(tmp_path / "as-it-is") == [(1,)]
    assert tiles(tmp_path / "said")[0][0] > 1
    assert active(tmp_path / "said") == server_map.ids()


def test_a_simulated_city_with_a_cap_is_covered_by_its_tiles(tmp_path):
    scrape_once(tmp_path, "--scraper.source=sim:?seed=4&density=17&cap=200")
    assert tiles(tmp_path, where="state = 0 AND capped = 1") == [(0,)]
    assert tiles(tmp_path, "max(last_count)")[0][0] < 200
    assert tiles(tmp_path, "sum(last_count)")[0][0] >= len(active(tmp_path)) > 600
    assert tiles(tmp_path)[0][0] >= 7


class Pair:
    """Two scrapers on one database, which can be killed and started again."""

    def __init__(self, data_dir, *options):
        self.words = [command(data_dir, f"--scraper.contact=https://example.org/{n}", *options) for n in (1, 2)]
        self.logs = [open(data_dir.parent / f"log-{n}", "ab") for n in (1, 2)]
        self.running = [None, None]

    def start(self, n):
        if self.running[n] is None or self.running[n].poll() is not None:
            self.running[n] = subprocess.Popen(
                self.words[n], stdout=self.logs[n], stderr=self.logs[n], env=ENVIRONMENT
            )

    def kill(self, n):
        alive = self.running[n].poll() is None
        self.running[n].kill()
        self.running[n].wait()
        return alive

    def text(self):
        return "".join(open(log.name).read() for log in self.logs)


@contextlib.contextmanager
def two_scrapers(data_dir, *options):
    data_dir.mkdir(parents=True, exist_ok=True)
    pair = Pair(data_dir, *options)
    try:
        for n in (0, 1):
            pair.start(n)
        yield pair
    finally:
        for n in (0, 1):
            if pair.running[n]:
                pair.kill(n)
            pair.logs[n].close()


def test_two_scrapers_share_tiles_and_never_poll_one_at_once(tmp_path):
    server_map = CappedMap(1000, delay=0.02)
    with feed_server(server_map) as server:
        options = [
            f"--scraper.source=georss+{server.url}/georss#map",
            f"--scraper.area={AREA}",
            "--scraper.interval=300ms",
            "--scraper.max-interval=300ms",
            *LOCAL,
        ]
        with two_scrapers(tmp_path / "data", *options):
            wait_until(lambda: active(tmp_path / "data") == server_map.ids(), 60)
            wait_until(lambda: len({agent for _, agent in server_map.asked}) == 2, 60)
            enough = len(server_map.asked) + 200
            wait_until(lambda: len(server_map.asked) > enough, 60)
    assert server_map.overlaps == []
    agents = [agent for _, agent in server_map.asked]
    assert min(agents.count(a) for a in set(agents)) > len(agents) / 20  # both do their part


def test_two_scrapers_killed_in_turn_during_a_replay(tmp_path):
    recording = tmp_path / "recording"
    make_recording(recording, documents=30)
    if (SHARED / "waze").is_dir():
        for path in (SHARED / "waze").glob("*.json"):
            shutil.copy(path, recording)
    source = f"--scraper.source=replay:{recording}?speed=0"
    begin = time.monotonic()
    scrape_once(tmp_path / "calm", source)
    whole = time.monotonic() - begin
    chance = random.Random(3)
    data = tmp_path / "killed" / "data"
    alive = 0
    # The recording is old: by default what a replay holds is not tidied away.
    with two_scrapers(data, source, "--scraper.lease=5s") as pair:
        for n in range(KILLS):
            time.sleep(chance.uniform(0.05, whole))  # when it is killed is the test
            alive += pair.kill(n % 2)
            for m in (0, 1):
                pair.start(m)
        for m in (0, 1):
            assert pair.running[m].wait(120) == 0, pair.text()  # the recording is over for both
        assert "a dead scraper's tiles are taken over" in pair.text()
    assert alive > 0
    assert stored(data) == stored(tmp_path / "calm")
    assert history_length(data) == history_length(tmp_path / "calm")
    backends.current.check(data)


def test_a_killed_replay_goes_on_where_its_last_stored_file_was(tmp_path):
    recording = tmp_path / "recording"
    make_recording(recording, documents=60, events=20)
    source = f"--scraper.source=replay:{recording}?speed=600"  # a file each 100 ms
    data = tmp_path / "data"
    with two_scrapers(data, source) as pair:
        wait_until(lambda: tiles(data, "count(*)", "memory > ''") == [(1,)])
        wait_until(lambda: history_length(data) > 100)
        for n in (0, 1):
            pair.kill(n)
    ((place,),) = tiles(data, "memory", "state = 0")
    left = [p.name for p in sorted(recording.iterdir()) if p.name > place]
    assert 0 < len(left) < 60
    assert table(scrape_once(data, source))["replay"]["answers"] == len(left)
    # Played to its end, it begins anew.
    assert table(scrape_once(data, source))["replay"]["answers"] == 60


def test_two_scrapers_killed_in_turn_find_all_below_a_cap(tmp_path):
    server_map = CappedMap(1000)
    chance = random.Random(4)
    data = tmp_path / "data"
    with feed_server(server_map) as server:
        options = [
            f"--scraper.source=georss+{server.url}/georss#map",
            f"--scraper.area={AREA}",
            "--scraper.interval=200ms",
            "--scraper.lease=3s",
            *LOCAL,
        ]
        with two_scrapers(data, *options) as pair:
            for n in range(KILLS):
                time.sleep(chance.uniform(0.05, 0.6))  # when it is killed is the test
                pair.kill(n % 2)
                pair.start(n % 2)
            wait_until(lambda: active(data) == server_map.ids(), 60)
            wait_until(lambda: tiles(data, where="state = 0 AND (capped = 1 OR last_complete IS NULL)") == [(0,)], 60)
    assert rows_of(data, "SELECT count(*) FROM geo_event_changes WHERE kind = 2") == [(0,)]  # none was given up
    backends.current.check(data)


def is_stopped_between_transactions(process, data):
    """Stops it; where it holds a lock that others wait for, it goes on and is stopped another time."""
    process.send_signal(signal.SIGSTOP)
    wait_until(lambda: pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(") ", 1)[1].startswith("T"))
    if backends.current.is_writable(data):
        return True
    process.send_signal(signal.SIGCONT)
    return False


def test_the_tile_of_a_scraper_that_hangs_moves_when_its_lease_is_over(tmp_path):
    asked, go_on = [], threading.Event()
    body = json.dumps({"type": "FeatureCollection", "features": [quake("e1")]}).encode()

    def answer(path, headers):
        asked.append(headers["User-Agent"])
        if len(asked) == 1:
            go_on.wait(60)
        return 200, {}, body

    data = tmp_path / "data"
    data.mkdir()
    with feed_server(answer) as server:
        options = [f"--scraper.source=geojson+{server.url}/f#feed", "--scraper.interval=1h", "--scraper.lease=2s", *LOCAL]
        pair = Pair(data, *options)
        try:
            pair.start(0)
            wait_until(lambda: len(asked) == 1)
            assert tiles(data, where="owner > ''") == [(1,)]
            wait_until(lambda: is_stopped_between_transactions(pair.running[0], data))  # alive, and yet it does nothing
            pair.start(1)
            wait_until(lambda: tiles(data, where="complete_polls = 1 AND owner = ''") == [(1,)], 60)
            assert len(set(asked)) == 2
            pair.running[0].send_signal(signal.SIGCONT)
            go_on.set()
            wait_until(lambda: "a tile was taken over" in pair.text())
            assert tiles(data, "complete_polls") == [(1,)]  # what came too late was not recorded
        finally:
            print(pair.text())  # shown when it failed
            go_on.set()
            for n in (0, 1):
                if pair.running[n]:
                    pair.kill(n)
                pair.logs[n].close()


def quake(i, lon=-70.5, lat=-33.5):
    return {
        "type": "Feature",
        "id": i,
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": {"kind": "test"},
    }


def test_what_is_absent_from_three_polls_is_over_also_across_restarts(tmp_path):
    there = ["e1", "e2"]

    def answer(path, headers):
        return 200, {}, json.dumps({"type": "FeatureCollection", "features": [quake(i) for i in there]}).encode()

    with feed_server(answer) as server:
        once = [f"--scraper.source=geojson+{server.url}/f#feed", *LOCAL]
        scrape_once(tmp_path, *once)
        early = time.time() - 1
        there.remove("e2")
        for _ in range(2):
            scrape_once(tmp_path, *once)
            assert active(tmp_path) == {"e1", "e2"}  # absence once, or twice, is not deletion
        there.append("e2")
        scrape_once(tmp_path, *once)
        there.remove("e2")
        for _ in range(2):
            scrape_once(tmp_path, *once)
            assert active(tmp_path) == {"e1", "e2"}  # and being back begins anew
        assert table(scrape_once(tmp_path, *once))["feed"]["ended"] == 1
        assert active(tmp_path) == {"e1"}

        # A late, older observation does not bring it back; a new one does.
        recording = tmp_path / "late"
        recording.mkdir()
        stamp = time.strftime("%Y%m%dT%H%M%S.000Z", time.gmtime(early))
        document = {"type": "FeatureCollection", "features": [quake("e2", lon=-70.4)]}
        (recording / f"{stamp}-feed.json").write_text(json.dumps(document))
        assert table(scrape_once(tmp_path, f"--scraper.source=replay:{recording}"))["replay"]["older"] == 1
        assert active(tmp_path) == {"e1"}
        there.append("e2")
        scrape_once(tmp_path, *once)
        assert active(tmp_path) == {"e1", "e2"}

        there.clear()
        for _ in range(5):
            scrape_once(tmp_path, *once, "--scraper.absent-after=0")
        assert active(tmp_path) == {"e1", "e2"}


def test_a_jam_seen_from_two_tiles_is_one_and_over_when_both_say_so(tmp_path):
    shown = {"west": True, "east": True}

    def answer(path, headers):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query)
        side = "west" if float(query["left"][0]) < -71 else "east"
        jam = {"uuid": 7, "id": 7, "level": 3, "line": [{"x": -71.001, "y": -33.5}, {"x": -70.999, "y": -33.5}]}
        return 200, {}, json.dumps({"alerts": [], "jams": [jam] if shown[side] else []}).encode()

    with feed_server(answer) as server:
        once = [
            f"--scraper.source=georss+{server.url}/g#map",
            "--scraper.area=-72/-34/-71/-33",
            "--scraper.area=-71/-34/-70/-33",
            *LOCAL,
        ]
        scrape_once(tmp_path, *once)
        shown["west"] = False
        for _ in range(5):
            scrape_once(tmp_path, *once)
            assert active(tmp_path) == {"jam-7"}
        shown["east"] = False
        for _ in range(2):
            scrape_once(tmp_path, *once)
            assert active(tmp_path) == {"jam-7"}
        scrape_once(tmp_path, *once)
        assert active(tmp_path) == set()


def test_conditional_requests_survive_a_restart(tmp_path):
    def answer(path, headers):
        if headers["If-None-Match"] == '"v1"':
            return 304, {"ETag": '"v1"'}, b""
        return 200, {"ETag": '"v1"'}, json.dumps({"type": "FeatureCollection", "features": [quake("e1")]}).encode()

    with feed_server(answer) as server:
        once = [f"--scraper.source=geojson+{server.url}/f?api_key=s3cret#feed", *LOCAL]
        assert table(scrape_once(tmp_path, *once))["feed"]["new"] == 1
        assert table(scrape_once(tmp_path, *once))["feed"]["unchanged"] == 0
        assert [headers.get("If-None-Match") for _, headers in server.seen] == [None, '"v1"']
    assert "s3cret" not in str(rows_of(tmp_path, "SELECT * FROM geo_tiles"))


def test_the_schedule_survives_a_restart_and_is_shown(tmp_path, start):
    body = json.dumps({"type": "FeatureCollection", "features": [quake("e1")]}).encode()
    with feed_server(lambda *_: (200, {}, body)) as server:
        options = [
            "--role=scraper",
            f"--scraper.source=geojson+{server.url}/f#feed",
            "--scraper.area=-71/-34/-70/-33",
            "--scraper.interval=1h",
            *LOCAL,
        ]

        def shown(process):
            sources = json.loads(http(process.operations + "scraper")[2])["sources"]
            return sources[0]["tiles"][0] if sources else {}

        p = start(*options, program=BINARY)
        wait_until(lambda: shown(p).get("last_answer"))
        before = shown(p)
        assert before["state"] == "covered" and before["records"] == 1 and before["holder"] is None
        p.process.kill()
        p.process.wait()
        p = start(*options, program=BINARY)
        wait_until(lambda: metric(p, 'distsys_scraper_area_square_metres{source="feed",state="covered"}') > 1e9)
        assert shown(p)["next_poll"] == before["next_poll"]
        assert len(server.seen) == 1

        request = urllib.request.Request(p.operations + "scraper", headers={"Accept": "text/html"})
        page = urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10)
        text = page.read().decode()
        assert page.headers["Content-Type"].startswith("text/html") and "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert "<h2>feed</h2>" in text and "covered" in text
        status, headers, css = http(p.operations + "scraper/style.css")
        assert status == 200 and headers["Content-Type"].startswith("text/css") and ".badge" in css
        index = http(p.operations)[2]
        assert "href='/scraper'" in index and "style.css" not in index


def metric(process, name):
    for line in http(process.operations + "metrics")[2].splitlines():
        if line.startswith(name):
            return float(line.split()[-1])
    return 0.0


@pytest.mark.parametrize(
    "options, text",
    [
        (["--scraper.cap=map"], "NAME=N"),
        (["--scraper.cap=map=-1"], "NAME=N"),
        (["--scraper.min-interval=2m", "--scraper.max-interval=1m"], "longer than --scraper.max-interval"),
        (["--scraper.lease=0s"], "lease"),
        (["--scraper.absent-after=-1"], "absent-after"),
        (["--scraper.source=sim:?cap=x"], "cap is a number"),
        (["--scraper.source=usgs:?cap=0"], "cap is a number"),
    ],
)
def test_wrong_settings_are_refused(run, options, text):
    done = run("--role=scraper", "--check-config", *options, program=BINARY)
    assert done.returncode in (64, 78), done.stderr
    assert text in done.stdout + done.stderr
