"""Areas, filters, pages and single events, as a client of the cache asks for them."""

import math
import random
from urllib.parse import quote

import backends
import pytest
from cache_process import feature

FORMS = backends.BOTH
EARTH_RADIUS_M = 6_371_008.8


def distance_m(a, b):
    lon1, lat1, lon2, lat2 = map(math.radians, (*a, *b))
    h = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(h))


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


def test_pages_are_complete_and_without_repetition(store, start_cache):
    rng = random.Random(7)
    everything = {f"e{i}": (rng.uniform(-180, 180), rng.uniform(-90, 90)) for i in range(300)}
    store.put(*(feature(i, lon, lat) for i, (lon, lat) in everything.items()))
    cache = start_cache()
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


def test_one_event_with_its_history(store, start_cache):
    store.put(feature("x", 1, 2, severity=3))
    store.put(feature("x", 1, 2, severity=6))
    cache = start_cache()
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
