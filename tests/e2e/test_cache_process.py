"""The map page, and what survives kill -9."""

import gzip
import json
import re
import subprocess
import time

import backends
from cache_process import DEADLINE, feature
from program import BINARY, ENVIRONMENT

FORMS = backends.BOTH


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


def test_a_tile_server_is_named_in_the_policy(store, start_cache):
    cache = start_cache("--cache.tile-url=https://{s}.tile.example/{z}/{x}/{y}.png", '--cache.tile-attribution=<b>"us"</b>')
    page = cache.get("/")
    assert "https://*.tile.example" in page.headers["content-security-policy"]
    assert b"<b>" not in page.body
    refused = subprocess.run([str(BINARY), "--role=cache", f"--data-dir={store.data_dir}", "--cache.tile-url=https://x;script-src/{z}{x}{y}"],
                             capture_output=True, text=True, timeout=30, env=ENVIRONMENT)
    assert refused.returncode == 64
    assert "tile-url" in refused.stderr


def test_kill_nine_loses_nothing_and_harms_nobody(store, start_cache):
    last = None
    for round_ in range(5):
        cache = start_cache()
        stream = cache.stream(last_event_id=last)
        name, last, data = stream.next()
        if round_ > 0:  # what was stored while it was down
            assert (name, data["properties"]["id"]) == ("appeared", f"r{round_ - 1}")
        assert cache.get("/events").json()["numberMatched"] == round_
        cache.kill()
        store.put(feature(f"r{round_}", 1, 2))
    backends.current.check(store.data_dir)


def test_it_stops_when_asked(city):
    city.get("/events")
    assert city.stop() == 0


def test_the_debug_log_has_a_request_s_backend_calls_by_its_trace(store, start_cache):
    store.put(feature("centre", -70.66, -33.45))
    cache = start_cache("--log-level=debug")
    trace = "0af7651916cd43dd8448eb211c80319c"
    assert cache.get("/events/replay/centre", traceparent=f"00-{trace}-b7ad6b7169203331-01").status in (200, 404)
    end = time.monotonic() + DEADLINE
    while not (lines := [line for line in cache.log if '"backend call"' in line and trace in line]):
        assert time.monotonic() < end, cache.log
        time.sleep(0.01)
    call = json.loads(lines[0])
    driver = {"embedded": "sqlite", "servers": "postgres"}[backends.current.name]
    assert (call["port"], call["driver"], call["operation"], call["tries"]) == ("database", driver, "query", 1)
    assert call["outcome"] == "success" and call["duration_ms"] > 0
