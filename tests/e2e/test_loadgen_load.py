"""The load generator's loads: rates, phases, files, logs, users, keys and areas."""

import collections
import re
import threading
import time

import pytest
from loadgen_support import Scripted, answer, load, measure


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the default data directory is relative


def test_duration_ends_a_run():
    with Scripted(lambda *_: answer()) as s:
        begun = time.monotonic()
        r = measure("--target", s.url, "--duration", "700ms", "-c", 2)
        took = time.monotonic() - begun
    assert r["duration_seconds"] == pytest.approx(0.7)
    assert took >= 0.7
    assert s.requests[-1][0] - s.requests[0][0] <= 0.8
    assert r["sent"] == len(s.requests) > 10


@pytest.mark.parametrize("arrivals", ["constant", "poisson"])
def test_an_open_loop_has_the_rate(arrivals):
    with Scripted(lambda *_: answer()) as s:
        r = measure("--target", s.url, "--rate", 300, "--arrivals", arrivals, "--duration", "2s", "-c", 20)
    # 600 intended; of a Poisson process give or take four deviations.
    slack = 0 if arrivals == "constant" else 98
    due = r["sent"] + r["generator"]["unsent"]
    assert 600 - slack <= due <= 600 + slack
    assert r["sent"] >= 0.95 * due
    assert len(s.requests) == r["sent"]
    assert r["generator"]["send_lag_us"]["count"] > 0


def test_latency_counts_from_the_intended_time():
    def play(n, *_):
        if n == 50:
            time.sleep(0.5)  # one pause; 100 requests fall due in it
        return answer()

    with Scripted(play) as s:
        r = measure("--target", s.url, "--rate", 200, "-n", 200, "-c", 1)
    assert r["requests"] == 200
    # Of 200, the 100 that waited for up to 500 ms: a generator that omits them would show one slow answer.
    assert r["latency_us"]["percentiles"]["90"] > 200_000
    assert r["generator"]["waited_for_connection"] > 80
    assert any("free connection" in w for w in r["generator"]["warnings"])


@pytest.mark.parametrize("keys", ["zipf", "normal", "uniform"])
def test_events_draw_areas_and_count_hits(keys):
    known, lock = set(), threading.Lock()

    def play(_, head, __):
        target = head.split()[1]
        with lock:
            hit = target in known
            known.add(target)
        return answer(b"{}", extra=b"Cache-Status: distsys; " + (b"hit" if hit else b"fwd=miss; stored") + b"\r\n")

    with Scripted(play) as s:
        r = measure("--target", s.url, "--scenario", "events", "--keys", keys, "--areas", 50, "--area-radius", 3,
                    "--center", "10.5,20.25", "-n", 1000)  # fmt: skip
    asked = collections.Counter(head.split()[1] for _, _, head, _ in s.requests)
    assert all(re.fullmatch(r"/events\?lat=1\d\.\d{5}&lon=(19|20)\.\d{5}&radius=3", t) for t in asked)
    assert r["cache"]["misses"] == len(known) == len(asked) <= 50
    assert r["cache"]["hits"] == 1000 - len(known)
    assert r["cache"]["hit_ratio"] == pytest.approx(1 - len(known) / 1000)
    first = asked.most_common(1)[0][1]
    if keys == "zipf":  # 1/H(50, 1.3) = 33 % of the draws
        assert 250 < first < 420
    if keys == "uniform":
        assert first < 60


def arrivals_of(server):
    first = server.requests[0][0]
    return [at - first for at, *_ in server.requests]


def test_phases_follow_each_other_and_end_the_run():
    with Scripted(lambda *_: answer()) as s:
        r = measure("--target", s.url, "--arrivals", "constant:50@400ms, pause@300ms, burst:20/1s@1s", "-c", 30)
    assert r["sent"] == len(s.requests) == 40
    assert r["config"]["arrivals"].startswith("constant:50@400ms")
    at = arrivals_of(s)
    assert max(at[:20]) < min(at[20:])  # the burst comes after the pause
    assert at[20] - at[0] > 0.6


def test_a_schedule_file(tmp_path):
    (tmp_path / "rates").write_text("# from rate\n0 100\n500ms 0\n")
    (tmp_path / "times").write_text("0\n0.1\n100ms\n0.3\n")
    with Scripted(lambda *_: answer()) as s:
        assert measure("--target", s.url, f"--arrivals=file:{tmp_path / 'rates'}")["sent"] == 50
        assert measure("--target", s.url, f"--arrivals=file:{tmp_path / 'times'}")["sent"] == 4
    (tmp_path / "bad").write_text("0 100\n0 200\n")
    assert "bad:2: the times do not ascend" in load("--target", s.url, f"--arrivals=file:{tmp_path / 'bad'}", code=78).stderr


def test_an_access_log_is_replayed_with_its_methods_paths_and_timing(tmp_path):
    lines = [
        '10.0.0.1 - - [24/Nov/2026:10:00:00 +0000] "GET /first?a=1 HTTP/1.1" 200 12',
        '10.0.0.1 - - [24/Nov/2026:10:00:01 +0000] "HEAD /second HTTP/1.1" 200 0 "-" "curl/8"',
        "not a line of a log",
        '10.0.0.1 - bob [24/Nov/2026:10:00:02 +0000] "DELETE /third HTTP/1.0" 404 1',
    ]
    (tmp_path / "access.log").write_text("\n".join(lines))
    with Scripted(lambda _, head, __: answer(b"" if head.startswith("HEAD") else b"x")) as s:
        r = measure("--target", s.url, f"--arrivals=log:{tmp_path / 'access.log'}", "--speed=4", "-c", 1)
    assert [head.split(" HTTP")[0] for _, _, head, _ in s.requests] == ["GET /first?a=1", "HEAD /second", "DELETE /third"]
    at = arrivals_of(s)
    assert 0.45 < at[2] and at[1] > 0.2  # two seconds at four times the speed
    assert r["requests"] == 3
    assert any("1 lines" in w for w in r["generator"]["warnings"])
    assert any("access.log:3: no time in brackets" in w for w in r["generator"]["warnings"])


def test_single_times_have_no_rate_to_warm_up_with(tmp_path):
    (tmp_path / "times").write_text("0\n0.1\n")
    (tmp_path / "rates").write_text("0 100\n200ms 0\n")
    line = '10.0.0.1 - - [24/Nov/{}:10:00:00 +0000] "GET / HTTP/1.1" 200 12\n'
    (tmp_path / "log").write_text(line.format(2026))
    for arrivals in (f"file:{tmp_path / 'times'}", f"log:{tmp_path / 'log'}"):
        said = load("--target", "http://localhost:1/", f"--arrivals={arrivals}", "--warm-up=1s", code=78).stderr
        assert "--warm-up" in said and "--arrivals=" + arrivals.split(":")[0] + ":PATH" in said
    with Scripted(lambda *_: answer()) as s:
        r = measure("--target", s.url, f"--arrivals=file:{tmp_path / 'rates'}", "--warm-up=100ms")
    assert (r["sent"], r["warm_up"]["sent"]) == (20, 10)
    (tmp_path / "log").write_text(line.format(2001) + line.format(2026))
    said = load("--target", "http://localhost:1/", f"--arrivals=log:{tmp_path / 'log'}", code=78).stderr
    assert "over ten years at --speed=1" in said


def test_users_think_and_sessions_end():
    with Scripted(lambda *_: answer()) as s:
        r = measure("--target", s.url, "--think", "uniform:20ms-40ms", "--session-length", 4, "-c", 2, "-n", 24)  # one user a loop
    assert s.connections == 6
    assert r["sessions"] == 6
    by_connection = collections.defaultdict(list)
    for at, connection, *_ in s.requests:
        by_connection[connection].append(at)
    gaps = [b - a for times in by_connection.values() for a, b in zip(times, times[1:])]
    assert min(gaps) >= 0.0195 and len(gaps) == 18
    assert r["corrected_latency_us"]["count"] >= r["raw_latency_us"]["count"] == 24


def test_a_warm_up_is_shown_and_not_counted():
    with Scripted(lambda *_: answer()) as s:
        r = measure("--target", s.url, "--rate", 100, "--warm-up", "300ms", "--duration", "500ms")
        text = load("--target", s.url, "--rate", 100, "--warm-up", "200ms", "-n", 10).stdout
    assert r["requests"] == r["latency_us"]["count"] == 50
    assert r["warm_up"] == {"seconds": 0.3, "sent": 30, "requests": 30}
    assert re.search(r"Warm-up +20 answered in 200ms before that, not counted", text)


@pytest.mark.parametrize("keys", ["zipf", "normal", "uniform", "exponential", "hotspot"])
def test_keys_fill_in_a_url(keys):
    with Scripted(lambda *_: answer()) as s:
        measure("--target", s.url + "items/{key}?again={key}", "--keys", keys, "--key-count", 50, "-n", 1000)
    asked = collections.Counter(head.split()[1] for _, _, head, _ in s.requests)
    numbers = {int(re.fullmatch(r"/items/(\d+)\?again=\1", t)[1]): n for t, n in asked.items()}
    assert max(numbers) < 50 and len(numbers) > 10
    if keys == "zipf":
        assert numbers[0] == max(numbers.values()) > 250
    if keys == "uniform":
        assert len(numbers) == 50 and max(numbers.values()) < 60


def test_keys_of_a_file_fill_in_a_body(tmp_path):
    (tmp_path / "keys").write_text("alpha\nbeta gamma\n")
    with Scripted(lambda *_: answer()) as s:
        options = ["--target", s.url, "--data", '{"name":"{key}"}', f"--keys=file:{tmp_path / 'keys'}"]
        measure(*options, "--rate", 100, "-n", 4)
        measure("--target", s.url + "{key}", f"--keys=file:{tmp_path / 'keys'}", "--rate", 100, "-n", 2)
    assert sorted(body for *_, body in s.requests[:4]) == [b'{"name":"alpha"}'] * 2 + [b'{"name":"beta gamma"}'] * 2
    assert {head.split()[1] for _, _, head, _ in s.requests[4:]} == {"/alpha", "/beta%20gamma"}


def test_viewports_pan_over_a_cache():
    with Scripted(lambda *_: answer(b"{}")) as s:
        measure("--target", s.url, "--scenario", "events", "--keys", "hotspot", "--areas", 5, "--area-radius", 1, "-n", 300)
    boxes = [re.fullmatch(r"/events\?bbox=([-\d.]+),([-\d.]+),([-\d.]+),([-\d.]+)", head.split()[1]) for _, _, head, _ in s.requests]
    assert all(boxes)
    for west, south, east, north in ([float(n) for n in box.groups()] for box in boxes):
        assert west < east and south < north and abs(south + 33.45) < 1


@pytest.mark.parametrize(
    "options, said, code",
    [
        (["--arrivals=poison:5"], "did you mean poisson?", 64),
        (["--arrivals=constant:5,poisson:5"], "only the last phase", 64),
        (["--arrivals=log:/no/such"], "/no/such", 64),
        (["--arrivals=constant:5", "--rate=5"], "--rate has no meaning", 78),
        (["--arrivals=constant:5", "--think=1s"], "--think is for the closed loop", 78),
        (["--speed=2"], "--speed is for --arrivals=log:PATH", 78),
        (["--keys=paretto"], "keys are zipf", 64),
        (["--think=gaussian:1s"], "a span is", 64),
        (["--scenario=events", "--keys=file:/dev/null"], "--keys=file:PATH is for {key}", 78),
    ],
)
def test_loads_that_make_no_sense_are_refused(options, said, code):
    assert said in load("--target", "http://localhost:1/", *options, code=code).stderr
