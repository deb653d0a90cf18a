"""GET /events/count: by kind and by cell, against counting the events themselves."""

import datetime
import random

import backends
import pytest
from cache_process import feature

FORMS = backends.BOTH
TOKEN = "phone-token-0123456789"


def hit(answer):
    return "; hit" in answer.headers["cache-status"]


@pytest.fixture
def cache(start_cache):
    return start_cache("--cache.ttl=600s", f"--cache.token=phone={TOKEN}")


@pytest.fixture
def scattered(cache):
    rng = random.Random(11)
    kinds = ["jam", "hazard", "accident"]
    rows = [feature(f"e{i}", rng.uniform(-180, 180), rng.uniform(-85, 85), rng.choice(kinds), rng.randint(0, 10))
            for i in range(500)]
    rows += [feature(f"c{i}", rng.gauss(-70.6, 0.1), rng.gauss(-33.4, 0.1), rng.choice(kinds)) for i in range(500)]
    assert cache.post("/events", {"type": "FeatureCollection", "features": rows}, TOKEN).json()["added"] == 1000
    return cache


def kinds_of(features):
    counts = {}
    for f in features:
        counts[f["properties"]["kind"]] = counts.get(f["properties"]["kind"], 0) + 1
    return counts


@pytest.mark.parametrize("area", [
    "", "bbox=-71,-34,-70,-33", "bbox=170,-80,-100,80", "lat=-33.4&lon=-70.6&radius=12", "lat=80&lon=10&radius=4000",
    "polygon=-70.8,-33.6,-70.4,-33.6,-70.6,-33.2", "polygon=150,-40,-150,-40,-150,40,150,40"])
@pytest.mark.parametrize("filters", ["", "kind=jam,hazard", "min_severity=6", "source=phone", "source=nobody"])
def test_by_kind_counts_what_events_shows(scattered, area, filters):
    query = "&".join(filter(None, (area, filters)))
    features = scattered.get(f"/events?limit=10000&{query}").json()["features"]
    counted = scattered.get(f"/events/count?{query}")
    assert counted.headers["content-type"] == "application/json"
    assert counted.json() == {"by": "kind", "total": len(features), "counts": kinds_of(features)}
    assert scattered.get(f"/events/count?by=kind&{query}").json() == counted.json()


def inside(cell, position):
    (west, south, east, north), (lon, lat) = cell["bbox"], position
    return west <= lon < east and south <= lat < north


@pytest.mark.parametrize("area, level", [("", 0), ("", 3), ("", 6), ("bbox=-71,-34,-70,-33", 12),
                                         ("bbox=170,-80,-100,80", 5), ("lat=-33.4&lon=-70.6&radius=30", 14),
                                         ("polygon=-71,-34,-70,-34,-70.5,-33", 13)])
def test_by_cell_counts_whole_cells(scattered, area, level):
    everything = scattered.get("/events?limit=10000").json()["features"]
    document = scattered.get(f"/events/count?by=cell&level={level}&{area}").json()
    assert (document["by"], document["level"]) == ("cell", level)
    assert document["total"] == sum(c["count"] for c in document["cells"])
    names = [c["cell"] for c in document["cells"]]
    assert len(names) == len(set(names)) and all(len(n) == level + 1 for n in names)
    for cell in document["cells"]:
        there = [f for f in everything if inside(cell, f["geometry"]["coordinates"])]
        assert cell["count"] == len(there) > 0
        assert cell["kinds"] == kinds_of(there)
        assert inside(cell, cell["center"])
    wanted = {f["properties"]["id"] for f in scattered.get(f"/events?limit=10000&{area}").json()["features"]}
    shown = {f["properties"]["id"] for f in everything
             if any(inside(c, f["geometry"]["coordinates"]) for c in document["cells"])}
    assert wanted <= shown  # cells that the area only touches are told whole
    if not area:
        assert document["total"] == 1000


def test_cells_of_some_kinds(scattered):
    both = scattered.get("/events/count?by=cell&level=6&kind=jam,hazard").json()
    assert {k for c in both["cells"] for k in c["kinds"]} == {"jam", "hazard"}
    by_kind = scattered.get("/events/count?kind=jam,hazard").json()
    assert both["total"] == by_kind["total"]


@pytest.mark.parametrize("query, names", [
    ("by=cell", ["level"]), ("by=cell&level=25", ["level"]), ("by=cell&level=x", ["level"]), ("by=colour", ["by"]),
    ("by=cell&level=3&source=a&since=2025-01-01T00:00:00Z", ["source", "since"]), ("level=3", ["level"]),
    ("near=1,1&k=3", ["near"]), ("limit=3&cursor=x", ["limit", "cursor"]), ("polygon=1,2,3", ["polygon"]),
    ("by=cell&level=3&at=2020-01-01T00:00:00Z", ["at"]), ("at=2999-01-01T00:00:00Z&bbox=1", ["at", "bbox"])])
def test_what_makes_no_sense_is_refused(cache, query, names):
    answer = cache.get(f"/events/count?{query}")
    assert answer.status == 400
    for name in names:
        assert f"{name}:" in answer.json()["detail"]


def test_too_many_cells_name_the_level_that_fits(cache):
    answer = cache.get("/events/count?by=cell&level=12")
    assert answer.status == 400
    assert "level 6" in answer.json()["detail"]
    assert cache.get("/events/count?by=cell&level=6").status == 200


def test_counts_are_kept_and_dropped_by_what_touches_them(scattered):
    here, there = "/events/count?by=cell&level=8&bbox=-71,-34,-70,-33", "/events/count?by=cell&level=8&bbox=100,40,101,41"
    kinds = "/events/count?bbox=-71,-34,-70,-33"
    for path in (here, there, kinds):
        scattered.until(path, hit)
    before = scattered.get(here).json()["total"]
    scattered.post("/events", feature("new", -70.5, -33.5, "police"), TOKEN)
    after = scattered.get(here)
    assert not hit(after) and after.json()["total"] == before + 1
    assert scattered.get(kinds).json()["counts"]["police"] == 1
    assert hit(scattered.get(there))
    scattered.post("/events", feature("new", 100.5, 40.5, "police"), TOKEN)  # it moves
    assert scattered.get(here).json()["total"] == before
    assert scattered.get(there).json()["total"] >= 1


def test_areas_that_overlap_share_tiles(scattered):
    # Until the follower of changes has settled after the writes.
    scattered.until("/events/count?by=cell&level=10&bbox=-72,-35,-69,-32", hit)

    def tiles():
        return scattered.metric('distsys_cache_count_tiles_total{outcome="miss"}')

    before = tiles()
    scattered.get("/events/count?by=cell&level=10&bbox=-71.9,-34.9,-69.1,-32.1")
    scattered.get("/events/count?by=cell&level=10&kind=jam&bbox=-71.8,-34.8,-69.2,-32.2")
    assert tiles() == before


def test_an_event_that_expires_leaves_the_counts(cache):
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)
    cache.post("/events", feature("short", 1, 2, expires=soon.isoformat().replace("+00:00", "Z")), TOKEN)
    paths = ("/events/count?bbox=0,0,3,3", "/events/count?by=cell&level=6&bbox=0,0,3,3")
    for path in paths:
        assert cache.get(path).json()["total"] == 1
    for path in paths:
        cache.until(path, lambda a: a.json()["total"] == 0)  # answers are kept for ten minutes otherwise


def test_memory_for_counts_is_bounded(scattered):
    for i in range(300):
        west = -180 + i
        scattered.get(f"/events/count?by=cell&level=8&bbox={west},-30,{west + 20},30")
    assert 0 < scattered.metric("distsys_cache_count_tiles_bytes") <= 4 << 20  # a sixteenth of --cache.cache-size
