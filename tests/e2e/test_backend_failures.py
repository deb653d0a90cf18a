"""The geographic flow while its servers fail: away at the start, killed again and again under load, silent, and back."""

import json
import os
import re
import subprocess
import time
from urllib.parse import urlsplit

import backends
import pytest
from cache_process import feature
from conftest import eventually, http
from loadgen_support import command as loadgen
from program import BINARY, ENVIRONMENT
from test_scraper import command as scraper
from test_scraper import history_length, make_recording, scrape_once, stored

FORMS = ("servers",)
pytestmark = pytest.mark.skipif(not BINARY.exists(), reason="distsys is not built")
RESTARTS = int(os.environ.get("DISTSYS_TEST_RESTARTS", "4"))
CITY = "/events?bbox=-71,-34,-70,-33&limit=2000"
ELSEWHERE = "/events?bbox=10,50,11,51"


@pytest.fixture(scope="module")
def running_servers():
    """Servers that these tests alone stop and kill."""
    servers = backends.Running()
    yield servers
    servers.stop()


def readiness(cache):
    """The lines of /readyz?verbose, and whether it says ready."""
    status, _, text = http(f"http://{cache.operations}/readyz?verbose")
    return status == 200, text


def test_it_waits_for_servers_that_are_away_at_the_start(running_servers, backend, store, start):
    store.put(feature("e1", -70.6, -33.4))
    running_servers.postgres.stop()
    running_servers.redis.stop()
    p = start("--role=cache", "--cache.listen=127.0.0.1:0", program=BINARY, wait=False)
    entry = p.wait_for_log("waiting for a database")
    assert "distsys@" not in json.dumps(entry)
    for service in running_servers.started:
        service.start()
    p.wait_until_started()
    eventually(lambda: http(p.operations + "readyz")[0] == 200)
    assert json.loads(http(p.addresses["cache"].rstrip("/") + CITY)[2])["numberMatched"] == 1


def test_a_database_that_is_silent_holds_nobody_for_ever(running_servers, backend, store, start_cache):
    store.put(feature("e1", -70.6, -33.4))
    relay = backends.Relay(urlsplit(running_servers.postgres.url).port)
    try:
        through = re.sub(r":\d+/", f":{relay.port}/", backend.database(store.data_dir))
        cache = start_cache("--cache.ttl=600s", f"--cache.database={through}")
        assert cache.get(CITY).ids() == {"e1"}
        relay.silent()
        stale = cache.until(CITY, lambda a: "stale-if-error" in a.headers["cache-status"])
        assert stale.status == 200 and stale.ids() == {"e1"}
        # Within the client's own limit: 504 when the question's time is over, 503 once the breaker is open.
        assert cache.get(ELSEWHERE).status in (503, 504)
        assert http(f"http://{cache.operations}/livez")[0] == 200
        relay.resume()
        store.put(feature("e2", -70.5, -33.5))
        cache.until(CITY, lambda a: a.ids() == {"e1", "e2"})
        eventually(lambda: readiness(cache)[0])
    finally:
        relay.end()


class Load:
    """1,000 requests a second for areas that nothing changes, in the background."""

    def __init__(self, address, seconds):
        self.process = subprocess.Popen(
            loadgen("--scenario=events", f"--target=http://{address}", "--rate=1000", "--connections=50", f"--duration={seconds}s", "--json",
                    "--areas=50", "--keys=uniform", "--center=50.5,10.5", threads=1),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)

    def result(self):
        out, err = self.process.communicate(timeout=120)
        assert self.process.returncode == 0, err
        return json.loads(out)


def test_restarts_of_both_servers_under_load_lose_nothing(running_servers, tmp_path, store, start_cache):
    """What no change has touched is served meanwhile, stale at most; what is scraped meanwhile, elsewhere, is stored once."""
    recording = tmp_path / "recording"
    active, total = make_recording(recording)
    files = len(list(recording.iterdir()))
    scrape_once(tmp_path / "calm", f"--scraper.source=replay:{recording}")
    seconds = 4 + 2 * RESTARTS
    cache = start_cache("--cache.ttl=600s", "--cache.stale-if-error=600s")
    # What the load asks for is kept before the first server falls.
    warm = Load(cache.address, 2).result()
    assert warm["errors_total"] == 0, warm["errors"]
    speed = 60 * files / seconds  # the recording has a file a minute, and lasts as long as the load
    scraping = subprocess.Popen(
        scraper(store.data_dir, f"--scraper.source=replay:{recording}?speed={speed:.0f}"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True, env=ENVIRONMENT)
    try:
        load = Load(cache.address, seconds)
        slowest = 0.0
        for turn in range(RESTARTS):
            service = running_servers.postgres if turn % 2 == 0 else running_servers.redis
            service.kill()
            service.start()
            back = time.monotonic()
            eventually(lambda: readiness(cache)[0], timeout=20)
            slowest = max(slowest, time.monotonic() - back)
        told = load.result()
        assert scraping.wait(120) == 0, scraping.stderr.read()
    finally:
        scraping.kill()
    print(f"{RESTARTS} restarts, ready again after {slowest:.2f} s at most; {told['status']}, {told['latency_us']['percentiles']}")
    assert told["status"].keys() == {"200"} and told["errors_total"] == 0, (told["status"], told["errors"])
    assert stored(store.data_dir) == stored(tmp_path / "calm")
    assert history_length(store.data_dir) == history_length(tmp_path / "calm")
    cache.until("/events?bbox=-180,-90,180,90&limit=1", lambda a: a.json()["numberMatched"] == active)
