"""What was there then: ?at=, and how long it is kept."""

import datetime
import signal

import backends
import pytest
from cache_process import feature
from conftest import eventually
from program import BINARY

FORMS = backends.BOTH
TOKEN = "phone-token-0123456789"


@pytest.fixture
def cache(start_cache):
    return start_cache("--cache.ttl=600s", f"--cache.token=phone={TOKEN}")


def at(hour, minute=0):
    return datetime.datetime(2024, 5, 1, hour, minute, tzinfo=datetime.timezone.utc)


def written(when):
    return when.isoformat().replace("+00:00", "Z")


def say(cache, when, *features):
    document = {"type": "FeatureCollection", "features": list(features),
                "metadata": {"generated": int(when.timestamp() * 1000)}}
    answer = cache.post("/events", document, TOKEN)
    assert answer.status == 200 and answer.json()["refused"] == 0, answer.body


def then(cache, when, area=""):
    answer = cache.get(f"/events?at={written(when)}{area}")
    assert answer.status == 200, answer.body
    return {f["properties"]["id"]: f["properties"]["severity"] for f in answer.json()["features"]}


def test_the_past_is_as_it_was(cache):
    say(cache, at(10), feature("a", 1, 2, severity=3), feature("b", 50, 50, severity=1))
    say(cache, at(11), feature("a", 1, 2, severity=7))
    say(cache, at(12), feature("a", 101, 2, severity=7))
    say(cache, at(13), feature("b", 50, 50, severity=1, status="deleted"))
    assert then(cache, at(9)) == {}
    assert then(cache, at(10, 30)) == {"a": 3, "b": 1}
    assert then(cache, at(11, 30)) == {"a": 7, "b": 1}
    assert then(cache, at(14)) == {"a": 7}
    near = "&bbox=0,0,10,10"
    assert [then(cache, at(h, 30), near) for h in (10, 11, 12)] == [{"a": 3}, {"a": 7}, {}]
    assert then(cache, at(12, 30), "&bbox=100,0,110,10") == {"a": 7}
    assert cache.get("/events").ids() == {"a"}


def test_answers_about_the_past_are_kept_until_it_changes(cache):
    say(cache, at(10), feature("a", 1, 2))
    path = f"/events?bbox=0,0,10,10&at={written(at(12))}"
    kept = cache.until(path, lambda a: "; hit" in a.headers["cache-status"])
    assert kept.ids() == {"a"}
    parts = cache.get(path.replace("12:00:00Z", "12:00:00.250Z"))  # one second is one answer
    assert "; hit" in parts.headers["cache-status"]
    say(cache, at(11), feature("late", 2, 3))  # what is told late was there then
    assert cache.get(path).ids() == {"a", "late"}


@pytest.mark.parametrize("time", ["2999-01-01T00:00:00Z", "yesterday", "2024-05", ""])
def test_only_times_that_are_over(cache, time):
    answer = cache.get(f"/events?at={time}")
    assert answer.status == 400
    assert "at:" in answer.json()["detail"]


def rows(store, table):
    return backends.rows_of(store.data_dir, f"SELECT COUNT(*) FROM {table}")[0][0]


def test_what_is_over_is_deleted_when_it_is_old(store, cache, start):
    say(cache, at(10), *(feature(f"e{i}", i / 10, 2) for i in range(1200)))
    say(cache, at(11), *(feature(f"e{i}", i / 10, 2, status="deleted") for i in range(1100)))
    for severity in range(5):
        say(cache, at(12 + severity), *(feature(f"e{i}", i / 10, 2, severity=severity + 1) for i in range(1100, 1200)))
    assert (rows(store, "geo_events"), rows(store, "geo_event_changes")) == (1200, 1200 + 1100 + 500)
    last = cache.stream()
    _, sequence, _ = last.next()
    last.close()

    # A source that nobody answers for: the scraper stores nothing, it only clears away.
    def clear(*options):
        return start("--role=scraper", "--scraper.source=geojson+http://127.0.0.1:9/nobody",
                     "--scraper.allow-private-addresses", *options, program=BINARY)

    keeper = clear("--scraper.retention=0s", "--scraper.retention=other=1h", "--scraper.history=0s")
    keeper.signal(signal.SIGTERM)
    assert keeper.exit_code() == 0
    assert rows(store, "geo_events") == 1200
    clear("--scraper.retention=other=0s", "--scraper.retention=1h")
    clear("--scraper.retention=phone=1h")  # two at once harm nobody
    eventually(lambda: rows(store, "geo_events") == 100, timeout=30)
    assert rows(store, "geo_event_changes") == 600
    assert cache.get("/events?limit=2000").json()["numberMatched"] == 100
    stream = cache.stream()
    stream.next()
    say(cache, at(23), feature("new", 1, 1))
    name, number, _ = stream.next()
    assert (name, number > sequence) == ("appeared", True)  # sequences never begin anew
    stream.close()


@pytest.mark.parametrize("option, word", [
    ("--scraper.retention=soon", "retention"), ("--scraper.history==3d", "history"),
    ("--scraper.retention=10ms", "retention"), ("--scraper.history=a=1h,b", "history")])
def test_an_age_that_is_none_is_told(run, option, word):
    wrong = run("--role=scraper", "--check-config", option)
    assert wrong.returncode != 0
    assert f"scraper.{word}" in wrong.stderr


def test_an_age_twice_is_told(run):
    wrong = run("--role=scraper", "--check-config", "--scraper.retention=1d", "--scraper.retention=2d")
    assert wrong.returncode != 0
    assert "twice" in wrong.stderr
