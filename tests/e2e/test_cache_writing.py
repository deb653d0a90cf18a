"""POST /events: who may, what becomes of each row, and that what is acknowledged is there at once and for good."""

import json
import threading

import backends
import pytest
from cache_process import feature

FORMS = backends.BOTH
PHONE = "phone-token-0123456789"
OPS = "operations-token-0123456789"
TOKENS = (f"--cache.token=phone={PHONE}", f"--cache.token=ops={OPS}:events:write,events:any-source,cache:purge",
          "--cache.token=reader=reader-token-0123456789:cache:purge")


@pytest.fixture
def cache(start_cache):
    return start_cache("--cache.ttl=600s", *TOKENS)


def collection(*features, **more):
    return {"type": "FeatureCollection", "features": list(features), **more}


def verdicts(answer):
    assert answer.status == 200, answer.body
    return [(row["row"], row.get("id"), row["verdict"]) for row in answer.json()["rows"]]


def letters(store):
    return backends.rows_of(store.data_dir, "SELECT source, reason, document FROM geo_dead_letters ORDER BY letter")


def test_without_tokens_nobody_writes(start_cache):
    cache = start_cache()
    answer = cache.post("/events", collection(), PHONE)
    assert answer.status == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert "--cache.token" in answer.json()["detail"]


def test_a_token_is_needed_and_its_scope(cache):
    for token in (None, "", "nonsense", PHONE + "x", PHONE[:-1]):
        answer = cache.post("/events", collection(feature("a", 1, 2)), token)
        assert answer.status == 401, token
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["cache-control"] == "no-store"
    without = cache.post("/events", collection(feature("a", 1, 2)), "reader-token-0123456789")
    assert without.status == 403
    assert 'error="insufficient_scope"' in without.headers["www-authenticate"]
    assert cache.get("/events").json()["numberMatched"] == 0


def test_tokens_are_never_shown(store, start_cache, run):
    secret = "very-secret-token-0123"
    wrong = run("--role=cache", "--check-config", f"--data-dir={store.data_dir}", f"--cache.token=Bad={secret}")
    assert wrong.returncode != 0
    assert "cache.token" in wrong.stderr and secret not in wrong.stderr + wrong.stdout
    shown = run("--role=cache", "--print-config", f"--data-dir={store.data_dir}", f"--cache.token=good={secret}")
    assert shown.returncode == 0 and secret not in shown.stdout + shown.stderr
    twice = run("--role=cache", "--check-config", f"--data-dir={store.data_dir}",
                f"--cache.token=a={secret}", f"--cache.token=a={secret}2")
    assert twice.returncode != 0 and secret not in twice.stderr


def test_every_row_has_its_verdict(store, cache):
    first = cache.post("/events", collection(feature("a", 1, 2), feature("b", 3, 4)), PHONE)
    assert verdicts(first) == [(0, "a", "added"), (1, "b", "added")]
    assert first.headers["cache-control"] == "no-store"
    answer = cache.post("/events", collection(
        feature("a", 1, 2), feature("b", 3, 4, severity=9), feature("c", 200, 0), 5, feature("d", 5, 6),
        feature("b", 3, 4, severity=9, status="deleted")), PHONE)
    assert verdicts(answer) == [(0, "a", "unchanged"), (1, "b", "older"), (2, None, "refused"), (3, None, "refused"),
                                (4, "d", "added"), (5, "b", "ended")]
    document = answer.json()
    assert {k: v for k, v in document.items() if k != "rows"} == {
        "added": 1, "changed": 0, "unchanged": 1, "older": 1, "ended": 1, "refused": 2}
    assert document["rows"][2]["reason"] == "out_of_range" and document["rows"][2]["detail"]
    assert cache.get("/events").ids() == {"a", "d"}
    assert cache.get("/events?source=phone").json()["numberMatched"] == 2
    assert [(source, reason) for source, reason, _ in letters(store)] == [
        ("phone", "out_of_range"), ("phone", "wrong_type")]


def test_a_single_feature_and_lines(cache):
    assert verdicts(cache.post("/events", feature("one", 1, 2), PHONE)) == [(0, "one", "added")]
    lines = "\n".join([json.dumps(feature("two", 1, 2)), "", "{broken", json.dumps(feature("one", 1, 2, severity=8)), ""])
    answer = cache.post("/events", lines, PHONE, Content_Type="application/x-ndjson; charset=utf-8")
    assert verdicts(answer) == [(0, "two", "added"), (2, None, "refused"), (3, "one", "changed")]
    assert answer.json()["rows"][1]["reason"] == "not_json"


def test_personal_data_is_not_kept(store, cache):
    cache.post("/events", collection(feature("a", 1, 2, reportBy="Jane"), feature("b", 999, 2, reportBy="Jane")), PHONE)
    assert b"Jane" not in cache.get("/events").body
    assert all("Jane" not in document for _, _, document in letters(store))


def test_the_source_is_the_tokens_own_name(cache):
    denied = cache.post("/events?source=ops", collection(feature("a", 1, 2)), PHONE)
    assert denied.status == 403
    assert cache.post("/events?source=phone", collection(feature("a", 1, 2)), PHONE).status == 200
    assert cache.post("/events?source=bus", collection(feature("a", 1, 2)), OPS).status == 200
    assert {f["properties"]["source"] for f in cache.get("/events").json()["features"]} == {"phone", "bus"}
    assert cache.post("/events?sauce=bus", collection(), OPS).status == 400


@pytest.mark.parametrize("body, content_type, status", [
    ("{", "application/geo+json", 400), ("", "application/geo+json", 400), ("[]", "application/geo+json", 400),
    ('{"type":"FeatureCollection"}', "application/geo+json", 400), ("\n", "application/x-ndjson", 400),
    ("{}", "text/plain", 415), ("{}", "application/x-www-form-urlencoded", 415),
    ('{"type":"FeatureCollection","features":[' + ",".join(["1"] * 10_001) + "]}", "application/geo+json", 413),
    ("1\n" * 10_001, "application/x-ndjson", 413), ("[" * 100_000, "application/geo+json", 400)])
def test_what_is_no_document_changes_nothing(cache, body, content_type, status):
    answer = cache.post("/events", body, PHONE, Content_Type=content_type)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert cache.get("/events").json()["numberMatched"] == 0


def test_a_body_is_bounded(cache):
    with cache.raw(b"POST /events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + PHONE.encode() +
                   b"\r\nContent-Type: application/geo+json\r\nContent-Length: 16777217\r\n\r\n") as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_ten_thousand_rows(cache):
    rows = [feature(f"e{i}", (i % 3600) / 10 - 180, (i % 1700) / 10 - 85) for i in range(10_000)]
    answer = cache.post("/events", "\n".join(map(json.dumps, rows)), PHONE, Content_Type="application/x-ndjson")
    assert answer.status == 200
    assert (answer.json()["added"], len(answer.json()["rows"])) == (10_000, 10_000)
    assert cache.get("/events").json()["numberMatched"] == 10_000


def test_what_is_acknowledged_is_seen_at_once(cache):
    """Answers are kept for ten minutes: only the write itself can have made room for the next."""
    stop, stale = threading.Event(), []

    def read_all_the_time():
        while not stop.is_set():
            cache.get("/events?bbox=0,0,10,10")
            cache.get("/events/count?bbox=0,0,10,10")

    readers = [threading.Thread(target=read_all_the_time) for _ in range(3)]
    for r in readers:
        r.start()
    try:
        for i in range(100):
            x = (i % 10) / 2
            assert cache.post("/events", feature("moving", x, 5, n=i), PHONE).status == 200
            [seen] = cache.get("/events?bbox=0,0,10,10").json()["features"]
            counted = cache.get("/events/count?bbox=0,0,10,10").json()["total"]
            if seen["geometry"]["coordinates"][0] != x or counted != 1:
                stale.append((i, seen, counted))
    finally:
        stop.set()
        for r in readers:
            r.join()
    assert not stale


def test_another_process_sees_it_soon(store, start_cache, cache):
    other = start_cache("--cache.ttl=600s")
    for i in range(5):
        assert other.get("/events").json()["numberMatched"] == i
        cache.post("/events", feature(f"e{i}", i, i), PHONE)
        other.until("/events", lambda a: a.json()["numberMatched"] == i + 1)


def test_what_is_acknowledged_survives_kill_nine(start_cache):
    for round_ in range(3):
        cache = start_cache(*TOKENS)
        assert cache.get("/events").json()["numberMatched"] == round_
        assert cache.post("/events", feature(f"r{round_}", 1, 2), PHONE).status == 200
        cache.kill()


def test_an_ended_event_leaves_every_answer(cache):
    cache.post("/events", feature("x", 1, 2), PHONE)
    for path in ("/events", "/events?lat=2&lon=1&radius=1", "/events?near=2,1&k=1"):
        assert cache.get(path).json()["numberReturned"] == 1
    stream = cache.stream()
    assert stream.next()[0] == "hello"
    assert verdicts(cache.post("/events", feature("x", 1, 2, status="deleted"), PHONE)) == [(0, "x", "ended")]
    for path in ("/events", "/events?lat=2&lon=1&radius=1", "/events?near=2,1&k=1"):
        assert cache.get(path).json()["numberReturned"] == 0
    assert stream.next()[0] == "ended"
    assert verdicts(cache.post("/events", feature("x", 1, 2, status="deleted"), PHONE)) == [(0, "x", "unchanged")]
    stream.close()


def test_an_observation_of_the_past_changes_nothing_newer(cache):
    cache.post("/events", feature("x", 1, 2, severity=5), PHONE)
    late = collection(feature("x", 1, 2, severity=1), metadata={"generated": 1_500_000_000_000})
    assert verdicts(cache.post("/events", late, PHONE)) == [(0, "x", "older")]
    future = collection(feature("x", 1, 2, severity=1), metadata={"generated": 4_000_000_000_000})
    assert cache.post("/events", future, PHONE).status == 400


# --- purge -----------------------------------------------------------------------------------------------------------


def test_purge_needs_its_scope(cache):
    assert cache.post("/purge", {"all": True}, PHONE).status == 403
    assert cache.post("/purge", {"all": True}).status == 401


def test_purge_by_area_cell_source_and_all(cache):
    cache.post("/events", collection(feature("here", 1, 2), feature("there", 101, 42)), PHONE)
    here, there = "/events?bbox=0,0,4,4", "/events?bbox=100,40,104,44"

    def fill():
        for path in (here, there):
            cache.until(path, lambda a: "; hit" in a.headers["cache-status"])

    def hits():
        return ["; hit" in cache.get(path).headers["cache-status"] for path in (here, there)]

    for what, left in (({"bbox": [0, 0, 2, 3]}, [False, True]), ({"all": True}, [False, False]),
                       ({"source": "phone"}, [False, False]), ({"cell": "w3"}, [False, False])):
        fill()
        answer = cache.post("/purge", what, OPS, Content_Type="application/json")
        assert answer.status == 200, answer.body
        assert answer.headers["cache-control"] == "no-store"
        assert answer.json()["answers"] >= 1
        assert hits() == left, what
    fill()
    assert cache.post("/purge", {"cell": "w0"}, OPS).status == 200  # the south-west: nothing of these
    assert hits() == [True, True]


@pytest.mark.parametrize("body", ["", "{", "[]", "{}", '{"all":false}', '{"bbox":[1,2,3]}', '{"bbox":[0,9,1,8]}',
                                  '{"cell":"x"}', '{"all":true,"source":"a"}', '{"everything":true}', '{"source":7}'])
def test_a_bad_purge_is_told(cache, body):
    answer = cache.post("/purge", body, OPS, Content_Type="application/json")
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"
