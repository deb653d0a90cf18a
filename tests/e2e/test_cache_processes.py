"""Several cache processes on one database: what one acknowledges the others show soon, whatever they keep."""

import http.client
import statistics
import time

from cache_process import DEADLINE, feature

TOKEN = "phone-token-0123456789"
WRITES = 40


def ask(connection, path):
    connection.request("GET", path)
    response = connection.getresponse()
    return response.read(), response.headers["Cache-Status"]


def test_a_write_is_soon_visible_in_another_process(start_cache):
    writer = start_cache("--cache.ttl=600s", f"--cache.token=phone={TOKEN}")
    reader = start_cache("--cache.ttl=600s")
    path = "/events?lat=-33.45&lon=-70.66&radius=5"
    connection = http.client.HTTPConnection(reader.address, timeout=DEADLINE)
    seen = []
    for number in range(WRITES):
        for _ in range(2):
            body, status = ask(connection, path)
        assert f'"numberMatched":{number},'.encode() in body
        assert "hit" in status  # the reader keeps it, and its ten minutes are not over
        assert writer.post("/events", feature(f"w{number}", -70.66, -33.45), TOKEN).status == 200
        acknowledged = time.monotonic()
        while f'"numberMatched":{number + 1},'.encode() not in ask(connection, path)[0]:
            assert time.monotonic() < acknowledged + DEADLINE
        seen.append(time.monotonic() - acknowledged)
    connection.close()
    milliseconds = sorted(s * 1000 for s in seen)
    print(f"\nvisible in the other process after {statistics.median(milliseconds):.1f} ms (median), {milliseconds[-1]:.1f} ms (worst)")
