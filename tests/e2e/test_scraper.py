"""The scraper as a user runs it: recordings to their end, killed and resumed, live feeds, simulated cities."""

import contextlib
import http.server
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import threading
import time

import backends
import conftest
import pytest
from backends import rows_of

FORMS = backends.BOTH
ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("DISTSYS_BINARY", str(ROOT / "build" / "release" / "distsys"))
SHARED = ROOT.parent / "shared" / "data"
OWN = pathlib.Path(__file__).parent / "data" / "recording"
KILLS = int(os.environ.get("DISTSYS_KILLS", "10"))

# The program refuses DISTSYS_ variables that it does not know, and these are the tests' own.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("DISTSYS_")}
COLUMNS = ("answers", "new", "changed", "unchanged", "older", "ended", "refused", "documents")


def command(data_dir, *options):
    return [BINARY, "--role=scraper", *backends.current.options(data_dir, "scraper"), "--operations=127.0.0.1:0", *options]


def scrape_once(data_dir, *options, code=0):
    done = subprocess.run(command(data_dir, "--scraper.once", *options), capture_output=True, text=True, timeout=120, env=ENVIRONMENT)
    assert done.returncode == code, done.stderr
    return done.stdout


def table(summary):
    """The rows of the summary, by source."""
    rows = {}
    for line in summary.split("source", 1)[1].splitlines()[1:]:
        if not line.strip():
            break
        name, *numbers = line.split()
        rows[name] = dict(zip(COLUMNS, map(int, numbers)))
    return rows


def stored(data_dir):
    """Everything that the repository promises, without what is chosen at random or by the clock."""
    return rows_of(
        data_dir,
        "SELECT source, id, kind, severity, cell, lon, lat, since, expires, observed, feature FROM geo_events "
        "ORDER BY source, id",
    )


def history_length(data_dir):
    return rows_of(data_dir, "SELECT count(*) FROM geo_event_changes")[0][0]


def shared(folder):
    path = SHARED / folder
    if not path.is_dir():
        pytest.skip(f"not installable: {path} is not there")
    return path


def readable(folder):
    """The documents that are JSON, by name; the others' names."""
    good, bad = {}, []
    for path in sorted(folder.iterdir()):
        if path.suffix not in (".json", ".geojson", ".geojsonp", ".jsonp"):
            continue
        try:
            good[path.name] = json.loads(path.read_text())
        except ValueError:
            bad.append(path.name)
    return good, bad


def parts(document):
    return [cell["data"] for cell in document["celdas"]] if "celdas" in document else [document]


def on_earth(location):
    return location is not None and abs(location["x"]) <= 180 and abs(location["y"]) <= 90


def expected_georss(folder):
    good, bad = readable(folder)
    all_parts = [part for document in good.values() for part in parts(document)]
    alerts = {a["uuid"] for p in all_parts for a in p.get("alerts", []) if on_earth(a.get("location"))}
    jams = {j["uuid"] for p in all_parts for j in p.get("jams", [])}
    return alerts, jams, good, bad


def check_georss(folder, data_dir):
    alerts, jams, good, bad = expected_georss(folder)
    summary = scrape_once(data_dir, f"--scraper.source=replay:{folder}")
    counts = table(summary)["replay"]
    assert {i for (i,) in rows_of(data_dir, "SELECT id FROM geo_events WHERE id LIKE 'alert-%'")} == {
        f"alert-{a}" for a in alerts
    }
    assert {i for (i,) in rows_of(data_dir, "SELECT id FROM geo_events WHERE id LIKE 'jam-%'")} == {
        f"jam-{j}" for j in jams
    }
    assert counts["new"] == len(alerts) + len(jams)
    assert counts["answers"] == len(good) + len(bad)
    assert counts["documents"] == len(bad)
    for name in bad:
        assert re.search(rf"refused  {re.escape(name)}: .{{10,}}", summary)
    return summary, counts


def check_second_run_changes_nothing(folder, data_dir):
    before, changes = stored(data_dir), history_length(data_dir)
    letters = rows_of(data_dir, "SELECT count(*) FROM geo_dead_letters")
    counts = table(scrape_once(data_dir, f"--scraper.source=replay:{folder}"))["replay"]
    assert counts["new"] == counts["changed"] == counts["ended"] == 0
    assert stored(data_dir) == before
    assert history_length(data_dir) == changes
    assert rows_of(data_dir, "SELECT count(*) FROM geo_dead_letters") == letters


def test_own_recording(tmp_path):
    summary, counts = check_georss(OWN, tmp_path)
    assert "truncated" in summary
    assert counts["changed"] == 2  # one alert and one jam recur, changed
    assert counts["refused"] == 2  # an alert without a position, one beyond the pole
    assert "no_position  1" in summary and "out_of_range  1" in summary
    check_second_run_changes_nothing(OWN, tmp_path)
    features = "".join(f for (f,) in rows_of(tmp_path, "SELECT feature FROM geo_events"))
    letters = "".join(d for (d,) in rows_of(tmp_path, "SELECT document FROM geo_dead_letters"))
    for person in ("somebody", "someone-else"):
        assert person not in features + letters


def test_live_map_captures(tmp_path):
    folder = shared("waze")
    summary, _ = check_georss(folder, tmp_path)
    assert re.search(r"refused  waze_santiago_20250411-235040.json: .*truncated", summary)
    # The second capture updates the alerts that recur: one row each, however often they were seen.
    first, second = (json.loads((folder / n).read_text()) for n in ("waze_data.json", "waze_data_20250409-140719.json"))
    recurring = {a["uuid"] for a in first["alerts"]} & {a["uuid"] for a in second["alerts"]}
    assert len(recurring) == 69
    for uuid in recurring:
        assert rows_of(tmp_path, "SELECT count(*) FROM geo_events WHERE id = ?", f"alert-{uuid}") == [(1,)]
    check_second_run_changes_nothing(folder, tmp_path)


def test_earthquake_feeds(tmp_path):
    folder = shared("usgs")
    good, bad = readable(folder)
    assert len(bad) == 1
    summary = scrape_once(tmp_path, f"--scraper.source=replay:{folder}")
    assert re.search(rf"refused  {re.escape(bad[0])}: JSONP", summary)
    ids, aliases = set(), {}
    for document in good.values():
        for feature in document["features"]:
            ids.add(feature["id"])
            for alias in feature["properties"]["ids"].split(","):
                aliases.setdefault(alias, set()).add(feature["id"])
    aliases.pop("", None)
    assert all(len(known) == 1 for known in aliases.values())  # no event changed its id between these documents
    assert {i for (i,) in rows_of(tmp_path, "SELECT id FROM geo_events")} == ids
    assert table(summary)["replay"]["new"] == len(ids)
    check_second_run_changes_nothing(folder, tmp_path)


def make_recording(folder, documents=40, events=250):
    """A feed in which events appear, move, change and are deleted."""
    folder.mkdir()
    chance = random.Random(7)
    state, next_id = {}, 0
    start = 1_744_221_840
    for n in range(documents):
        deleted = [i for i in state if chance.random() < 0.1]
        features = [feature(i, *state.pop(i), status="deleted") for i in deleted]
        for i, (lon, lat, level) in list(state.items()):
            if chance.random() < 0.3:
                state[i] = (lon + 0.001, lat, level + 1)
        while len(state) < events:
            state[f"e{next_id}"] = (chance.uniform(-71, -70), chance.uniform(-34, -33), 0)
            next_id += 1
        features += [feature(i, *s) for i, s in state.items()]
        stamp = time.strftime("%Y%m%dT%H%M%S.000Z", time.gmtime(start + 60 * n))
        (folder / f"{stamp}-made.json").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return len(state), next_id


def feature(i, lon, lat, level, **more):
    return {
        "type": "Feature",
        "id": i,
        "geometry": {"type": "Point", "coordinates": [round(lon, 6), round(lat, 6)]},
        "properties": {"kind": "test", "severity": level % 11, **more},
    }


def test_killed_and_resumed(tmp_path):
    active, total = make_recording(tmp_path / "recording")
    source = f"--scraper.source=replay:{tmp_path}/recording"
    begin = time.monotonic()
    scrape_once(tmp_path / "calm", source)
    whole = time.monotonic() - begin
    chance = random.Random(int(os.environ.get("DISTSYS_SEED", "1")))
    alive_when_killed = 0
    for _ in range(KILLS):
        process = subprocess.Popen(
            command(tmp_path / "killed", "--scraper.once", source),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=ENVIRONMENT,
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(chance.uniform(0, whole))
        alive_when_killed += process.poll() is None
        process.kill()
        process.wait()
    assert alive_when_killed > 0
    scrape_once(tmp_path / "killed", source)
    assert stored(tmp_path / "killed") == stored(tmp_path / "calm")
    assert rows_of(tmp_path / "killed", "SELECT count(*) FROM geo_events") == [(total,)]
    assert rows_of(tmp_path / "killed", "SELECT count(*) FROM geo_events WHERE cell >= 0") == [(active,)]
    assert history_length(tmp_path / "killed") == history_length(tmp_path / "calm")
    backends.current.check(tmp_path / "killed")


def test_scraper_and_cache_killed_together(tmp_path, start):
    active, total = make_recording(tmp_path / "recording")
    source = f"--scraper.source=replay:{tmp_path}/recording"
    begin = time.monotonic()
    scrape_once(tmp_path / "calm", source)
    whole = time.monotonic() - begin
    chance = random.Random(int(os.environ.get("DISTSYS_SEED", "2")))
    serve = [str(BINARY), "--role=cache", "--cache.listen=127.0.0.1:0", "--operations=127.0.0.1:0", *backends.current.options(tmp_path / "data", "cache")]
    for _ in range(KILLS):
        pair = [
            subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT)
            for words in (command(tmp_path / "data", "--scraper.once", source), serve)
        ]
        with contextlib.suppress(subprocess.TimeoutExpired):
            pair[0].wait(chance.uniform(0, whole))
        for process in chance.sample(pair, 2):
            process.kill()
            process.wait()
    scrape_once(tmp_path / "data", source)
    assert stored(tmp_path / "data") == stored(tmp_path / "calm")
    assert history_length(tmp_path / "data") == history_length(tmp_path / "calm")
    assert rows_of(tmp_path / "data", "SELECT count(*) FROM geo_events") == [(total,)]
    cache = start("--role=cache", "--cache.listen=127.0.0.1:0", program=BINARY).addresses["cache"]
    assert json.loads(conftest.http(cache.rstrip("/") + "/events?bbox=-180,-90,180,90")[2])["numberMatched"] == active


class feed_handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        status, headers, body = self.server.answer(self.path, self.headers)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextlib.contextmanager
def feed_server(answer):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), feed_handler)
    server.seen, server.answer = [], answer
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()


def own_alerts():
    return (OWN / "capture-a.json").read_bytes()


def test_feed_over_http_recorded_and_replayed(tmp_path):
    def answer(path, headers):
        if path == "/robots.txt":
            return 404, {}, b""
        return 200, {"Content-Type": "application/json"}, own_alerts()

    with feed_server(answer) as server:
        source = f"--scraper.source=georss+{server.url}/georss?env=row#live"
        summary = scrape_once(
            tmp_path / "a",
            source,
            "--scraper.allow-private-addresses",
            "--scraper.area=santiago/20km",
            f"--scraper.record={tmp_path}/recorded",
            "--scraper.header=live: X-Api-Key: s3cret",
            "--scraper.contact=https://example.org/us",
        )
        refused = scrape_once(tmp_path / "b", source, code=1)
    assert table(summary)["live"]["answers"] == 1
    (robots_path, robots_headers), (path, headers) = server.seen
    assert robots_path == "/robots.txt" and "X-Api-Key" not in robots_headers
    assert path.startswith("/georss?env=row&top=-33.2") and "&left=-70.8" in path
    assert headers["X-Api-Key"] == "s3cret"
    assert re.fullmatch(r"distsys/\S+ \(\+https://example.org/us\)", headers["User-Agent"])
    assert "permission_denied" in refused and "s3cret" not in summary

    recordings = sorted((tmp_path / "recorded").iterdir())
    assert [re.sub(r"^\d{8}T\d{6}\.\d{3}Z-", "", p.name) for p in recordings] == ["live.json"]
    assert "somebody" not in recordings[0].read_text() and "users" not in recordings[0].read_text()
    scrape_once(tmp_path / "c", f"--scraper.source=replay:{tmp_path}/recorded")
    assert stored(tmp_path / "c") == stored(tmp_path / "a")
    # Replayed into the same database, its bad records are the ones that are there.
    letters = rows_of(tmp_path / "a", "SELECT source, reason, document FROM geo_dead_letters ORDER BY letter")
    assert [source for source, _, _ in letters] == ["live", "live"]
    scrape_once(tmp_path / "a", f"--scraper.source=replay:{tmp_path}/recorded")
    assert rows_of(tmp_path / "a", "SELECT source, reason, document FROM geo_dead_letters ORDER BY letter") == letters
    assert {s for (s,) in rows_of(tmp_path / "a", "SELECT DISTINCT source FROM geo_events")} == {"live"}


def test_feeds_without_a_name_do_not_overwrite_each_other(tmp_path):
    def answer(path, headers):
        # Each says that it is both itself and the earthquake service.
        own = feature("e0", -70.6, -33.4, 1, title=path)
        other = {**feature("usgs/e9", -70.6, -33.4, 1), "properties": {"source": "usgs", "id": "e9", "kind": "quake"}}
        return 200, {}, json.dumps({"type": "FeatureCollection", "features": [own, other]}).encode()

    with feed_server(answer) as server:
        urls = [f"{server.url}/A", f"{server.url}/B", f"{server.url}/A".replace("127.0.0.1", "localhost")]
        sources = [f"--scraper.source=geojson+{url}" for url in urls]
        options = ["--scraper.allow-private-addresses", "--scraper.robots=false", f"--scraper.record={tmp_path}/recorded"]
        summary = scrape_once(tmp_path / "a", *sources, *options)
    names = {name for name, _ in rows_of(tmp_path / "a", "SELECT source, id FROM geo_events WHERE id = 'e0'")}
    assert len(names) == 3 and names == set(table(summary))
    assert sorted(re.sub("-[0-9a-f]{8}$", "", name) for name in names) == ["127.0.0.1", "127.0.0.1", "localhost"]
    assert {i for (i,) in rows_of(tmp_path / "a", "SELECT id FROM geo_events")} == {"e0", "usgs/e9"}
    scrape_once(tmp_path / "b", f"--scraper.source=replay:{tmp_path}/recorded")
    assert stored(tmp_path / "b") == stored(tmp_path / "a")


def test_one_source_of_two_fails(tmp_path):
    with feed_server(lambda *_: (500, {}, b"")) as server:
        summary = scrape_once(
            tmp_path, f"--scraper.source=geojson+{server.url}/x#broken", "--scraper.source=sim:", "--scraper.allow-private-addresses"
        )
    rows = table(summary)
    assert rows["sim"]["new"] >= 30
    assert "broken  failed" in summary


@contextlib.contextmanager
def running(data_dir, *options):
    process = subprocess.Popen(command(data_dir, *options), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_until(condition, seconds=20):
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        with contextlib.suppress(*backends.NOT_YET):
            if condition():
                return
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def test_simulated_city_lives_and_stops(tmp_path):
    kinds = "SELECT count(*) FROM geo_event_changes WHERE kind = {}"

    def count(kind):
        return rows_of(tmp_path, kinds.format(kind))[0][0]

    with running(tmp_path, "--scraper.source=sim:?city=santiago&seed=3&density=4") as process:
        wait_until(lambda: rows_of(tmp_path, "SELECT count(*) FROM geo_events WHERE cell >= 0")[0][0] >= 100)
        first = count(0)
        wait_until(lambda: count(0) > first and count(1) >= 3 and count(2) >= 1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0, process.stdout.read()
    backends.current.check(tmp_path)


def test_replay_keeps_its_timing(tmp_path):
    folder = tmp_path / "recording"
    folder.mkdir()
    for second in (0, 60, 120):
        stamp = time.strftime("%Y%m%dT%H%M%S.000Z", time.gmtime(1_744_221_840 + second))
        document = {"type": "FeatureCollection", "features": [feature(f"e{second}", 1, 1, 1)]}
        (folder / f"{stamp}-made.json").write_text(json.dumps(document))
    begin = time.monotonic()
    done = subprocess.run(
        command(tmp_path, f"--scraper.source=replay:{folder}?speed=60"), capture_output=True, timeout=60, env=ENVIRONMENT
    )
    took = time.monotonic() - begin
    assert done.returncode == 0  # the recording is over, so the role is done
    assert 2 <= took < 10
    assert len(stored(tmp_path)) == 3


def test_replay_of_a_file_says_what_it_wants(tmp_path):
    file = OWN / "capture-a.json"
    summary = scrape_once(tmp_path, f"--scraper.source=replay:{file}", code=1)
    assert f"{file} is not a directory: replay: wants one with recordings in it, as replay:{OWN}" in summary


@pytest.mark.parametrize(
    "options, text",
    [
        (["--scraper.source=sim:?city=santigo"], "did you mean 'santiago'"),
        (["--scraper.source=ftp://example.org/x"], "replay"),
        (["--scraper.area=91/0/5"], "area '91/0/5'"),
        (["--scraper.source=replay:x?speed=fast"], "speed"),
        (["--scraper.header=no-colons-s3cret"], "SOURCE: Name: value"),
        (["--scraper.header=nobody: X-Key: s3cret", "--scraper.source=geojson+http://h/x#a"], "'nobody', which is no source"),
        (["--scraper.header=https://h/x: X-Key: s3cret", "--scraper.source=geojson+https://h/x"], "SOURCE: Name: value"),
        (["--scraper.source=geojson+http://h/x#a", "--scraper.source=geojson+http://g/y#a"], "are both named 'a'"),
        (["--scraper.interval=0s"], "interval"),
    ],
)
def test_wrong_settings_are_refused(tmp_path, options, text):
    done = subprocess.run(
        command(tmp_path, "--scraper.once", *options), capture_output=True, text=True, timeout=30, env=ENVIRONMENT
    )
    assert done.returncode in (64, 78), done.stderr
    assert text in done.stderr
    assert "s3cret" not in done.stderr
