"""Changes as Server-Sent Events: filters, resuming, limits."""

import backends
from cache_process import feature

FORMS = backends.BOTH


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


def test_streams_are_bounded(store, start_cache):
    cache = start_cache("--cache.max-streams=2")
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
