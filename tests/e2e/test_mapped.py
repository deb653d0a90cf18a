"""Any JSON feed as a source, by a mapping file: live from a server of recorded answers, replayed, and wrong ones refused."""

import contextlib
import json
import pathlib
import re
import subprocess

import backends
import conftest
import pytest
from test_scraper import ENVIRONMENT, ROOT, command, feed_server, rows_of, scrape_once, stored, table

FORMS = backends.BOTH
MAPPINGS = ROOT / "config" / "mappings"
FEEDS = pathlib.Path(__file__).parent / "data" / "feeds"
URN = "urn:oid:2.49.0.1.840.0.aaaa00000000000000000000000000000000000%d.001.1"


def answers(*names):
    """Each poll gets the next file; the last one says that it has not changed to whoever knows it."""
    left = [(FEEDS / name).read_bytes() for name in names]

    def answer(path, headers):
        if path == "/robots.txt":
            return 404, {}, b""
        if len(left) == 1 and headers.get("If-None-Match") == '"last"':
            return 304, {}, b""
        body = left.pop(0) if len(left) > 1 else left[0]
        tag = '"last"' if body is left[0] and len(left) == 1 else '"first"'
        return 200, {"Content-Type": "application/json", "ETag": tag}, body

    return answer


def events(data_dir):
    sql = "SELECT id, cell >= 0, feature FROM geo_events ORDER BY id"
    return {i: (bool(active), json.loads(feature)["properties"]) for i, active, feature in rows_of(data_dir, sql)}


def options(mapping, url, *more):
    return [
        f"--scraper.mapping={mapping}",
        f"--scraper.source=mapped+{url}",
        "--scraper.allow-private-addresses",
        *more,
    ]


def test_weather_alerts_are_replaced_and_cancelled(tmp_path):
    with feed_server(answers("nws-1.json", "nws-2.json")) as server:
        wanted = options(MAPPINGS / "nws-alerts.json", f"{server.url}/alerts/active?area=OK,LA#nws")
        first = scrape_once(tmp_path, *wanted, f"--scraper.record={tmp_path}/recorded")
        known = events(tmp_path)
        second = scrape_once(tmp_path, *wanted, f"--scraper.record={tmp_path}/recorded")
    assert [path for path, _ in server.seen] == ["/robots.txt", "/alerts/active?area=OK,LA"] * 2
    assert table(first)["nws"] == dict(answers=1, new=3, changed=0, unchanged=0, older=0, ended=0, refused=0, documents=0)
    assert re.search(r"^nws +skipped +2$", first, re.M)
    assert set(known) == {URN % 1, URN % 2, URN % 5} and all(active for active, _ in known.values())
    tornado = known[URN % 1][1]
    assert (tornado["source"], tornado["kind"], tornado["subtype"], tornado["severity"]) == ("nws", "tornado", "tornado_warning", 10)
    assert tornado["started"] == "2026-05-04T21:10:00.000Z" and tornado["expires"] == "2199-05-04T22:00:00.000Z"
    assert tornado["source_properties"]["urgency"] == "Immediate" and "instruction" not in tornado["source_properties"]
    # The update takes the place of what it refers to; the cancellation, which has no shape, ends it.
    assert table(second)["nws"]["new"] == 1 and table(second)["nws"]["ended"] == 2
    assert {i for i, (active, _) in events(tmp_path).items() if active} == {URN % 5, URN % 6}

    replayed = tmp_path / "replayed"
    scrape_once(replayed, f"--scraper.mapping={MAPPINGS}/nws-alerts.json", f"--scraper.source=replay:{tmp_path}/recorded")
    assert stored(replayed) == stored(tmp_path)


def test_natural_events_move_and_close(tmp_path, start):
    with feed_server(answers("eonet-1.json", "eonet-2.json")) as server:
        process = start(
            "--role=scraper",
            *options(MAPPINGS / "eonet.json", f"{server.url}/api/v3/events?status=all#eonet", "--scraper.interval=100ms"),
            program=conftest.BINARY,
        )
        data = tmp_path / "data"
        conftest.eventually(lambda: len(server.seen) > 3, timeout=30)
        known = conftest.eventually(
            lambda: (lambda e: e if e.get("EONET_90001", (True,))[0] is False else None)(events(data)), timeout=30
        )
        page = process.operations + "metrics"
        metrics = conftest.eventually(lambda: (lambda m: m if 'not_modified",source="eonet"' in m else "")(conftest.http(page)[2]))
    assert 'distsys_scraper_refused_total{reason="no_position",source="eonet"} 1' in metrics
    assert {i: active for i, (active, _) in known.items()} == {"EONET_90001": False, "EONET_90002": True, "EONET_90004": True}
    storm = json.loads(rows_of(data, "SELECT feature FROM geo_events WHERE id = 'EONET_90002'")[0][0])
    assert storm["geometry"] == {"type": "Point", "coordinates": [-178.25, -16]}
    assert storm["properties"]["kind"] == "storm" and storm["properties"]["source_properties"]["magnitude"] == 55
    assert storm["properties"]["started"] == "2026-08-02T00:00:00.000Z"
    assert storm["properties"]["updated"] == "2026-08-02T12:00:00.000Z"


def test_areas_and_names(tmp_path):
    with feed_server(answers("tfl.json")) as server:
        summary = scrape_once(
            tmp_path,
            *options(f"london={MAPPINGS}/tfl-roads.json", f"{server.url}/Road/all/Disruption#london"),
            "--scraper.area=51.5/-0.125/5km",
        )
        elsewhere = scrape_once(
            tmp_path / "elsewhere",
            *options(f"london={MAPPINGS}/tfl-roads.json", f"{server.url}/Road/all/Disruption#london"),
            "--scraper.area=santiago",
        )
    assert table(summary)["london"]["new"] == 1 and table(elsewhere)["london"]["new"] == 0
    assert rows_of(tmp_path, "SELECT source, id, kind FROM geo_events") == [("london", "TIMS-900001", "construction")]


def test_a_manifest_says_what_to_read_a_recording_by(tmp_path):
    recorded = tmp_path / "recorded"
    recorded.mkdir()
    (recorded / "a.json").write_bytes((FEEDS / "tfl.json").read_bytes())
    manifest = {"files": [{"name": "a.json", "observed": "2026-05-04T17:00:00Z", "mapping": "tfl"}]}
    (recorded / "manifest.json").write_text(json.dumps(manifest))
    source = f"--scraper.source=replay:{recorded}"
    scrape_once(tmp_path / "a", f"--scraper.mapping={MAPPINGS}/tfl-roads.json", source)
    assert rows_of(tmp_path / "a", "SELECT source, id FROM geo_events") == [("tfl", "TIMS-900001")]
    without = scrape_once(tmp_path / "b", source, code=1)
    assert "its manifest wants the mapping 'tfl' (there is none): give --scraper.mapping=tfl=FILE" in without


def check(tmp_path, *words):
    done = subprocess.run(
        [*command(tmp_path / "data", *words), "--check-config"], capture_output=True, text=True, timeout=30, env=ENVIRONMENT
    )
    return done.returncode, done.stderr


def test_the_shipped_mappings_are_right(tmp_path):
    shipped = sorted(MAPPINGS.glob("*.json"))
    assert len(shipped) >= 3
    for path in shipped:
        name = json.loads(path.read_text())["source"]
        assert check(tmp_path, *options(path, f"https://example.org/x#{name}")) == (0, "")


@pytest.mark.parametrize(
    "text, complaints",
    [
        ('{"source": "s", "records": "/r", "id": "/id", "knid": "/k", "position": {"lon": "/x"}}', ["/knid", "did you mean 'kind'", "/position"]),
        ('{"source": "s", ', ["JSON is truncated", "byte 16"]),
        (None, ["No such file"]),
        ('{"source": "other", "records": "", "id": "/id", "kind": "/k", "position": {"geometry": "/g"}}', ["no mapping is named 's' (there is other)"]),
    ],
)
def test_a_wrong_mapping_is_refused(tmp_path, text, complaints):
    bad = tmp_path / "bad.json"
    if text is not None:
        bad.write_text(text)
    code, report = check(tmp_path, *options(bad, "https://example.org/x#s"))
    assert code == 78, report
    for complaint in complaints:
        assert complaint in report
    # Not only when it is asked: it does not start either.
    done = subprocess.run(
        command(tmp_path / "data", "--scraper.once", *options(bad, "https://example.org/x#s")),
        capture_output=True,
        text=True,
        timeout=30,
        env=ENVIRONMENT,
    )
    assert done.returncode == 78 and complaints[0] in done.stderr, done.stderr
    with contextlib.suppress(*backends.NOT_YET):
        assert rows_of(tmp_path / "data", "SELECT count(*) FROM geo_events") == [(0,)]


def test_a_mapped_source_needs_a_name(tmp_path):
    code, report = check(tmp_path, *options(MAPPINGS / "tfl-roads.json", "https://example.org/x"))
    assert code in (64, 78) and "ends in #NAME" in report
