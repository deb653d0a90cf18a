"""The whole flow in one process: simulated events appear, are served and streamed; a stop under load loses no answer."""

import json
import os
import re
import signal
import socket
import threading
import time
import urllib.parse
from http.client import HTTPConnection

import backends
import pytest

from conftest import eventually, http
from program import BINARY

FORMS = backends.BOTH
pytestmark = pytest.mark.skipif(not BINARY.exists(), reason="distsys is not built")
ALL = ("--role=all", "--cache.listen=:0")
SANTIAGO = "events?lat=-33.45&lon=-70.66&radius=50"
STOPS = int(os.environ.get("DISTSYS_TEST_STOPS", "5"))


def cache_of(process):
    return process.addresses["cache"].rstrip("/") + "/"


def test_a_bare_machine_shows_live_events_within_five_seconds(start):
    p = start(*ALL, program=BINARY)
    end = p.started_at + 5
    cache = cache_of(p)
    stream = urllib.parse.urlsplit(cache)
    connection = HTTPConnection(stream.hostname, stream.port, timeout=5)
    connection.request("GET", "/events/stream?bbox=-180,-90,180,90")
    lines = connection.getresponse()
    seen = set()
    while "appeared" not in seen or not seen & {"changed", "ended"}:
        line = lines.readline().decode()
        assert line and time.monotonic() < end, f"only {seen} in five seconds"
        if line.startswith("event:"):
            seen.add(line.split(":", 1)[1].strip())
    connection.close()

    status, headers, text = http(cache + SANTIAGO)
    answer = json.loads(text)
    assert status == 200 and headers["Content-Type"] == "application/geo+json"
    assert answer["type"] == "FeatureCollection" and answer["numberMatched"] > 0
    assert headers["Cache-Status"].startswith("distsys;")


def test_one_start_is_enough_for_the_whole_system(start):
    p = start(*ALL, program=BINARY)
    assert p.start_up_seconds < 1  # the measured figure is in tests/bench; this only catches a start that waits
    assert http(p.operations + "readyz")[0] == 200
    assert "<html" in http(cache_of(p))[2]


class Client(threading.Thread):
    """Asks over one kept connection, four requests at a time, until the server closes it; remembers what was answered."""

    BATCH = 4
    ANSWER = re.compile(rb"HTTP/1\.1 (\d+) .*?\r\n\r\n", re.S)

    def __init__(self, number, address):
        super().__init__(daemon=True)
        self.number, self.address = number, address
        self.answered, self.wrong = set(), []
        self.half_answer = b""

    def run(self):
        where = urllib.parse.urlsplit(self.address)
        count = 0
        try:
            with socket.create_connection((where.hostname, where.port), timeout=10) as s:
                while True:
                    ids = [f"client-{self.number}-{count + i}" for i in range(self.BATCH)]
                    count += self.BATCH
                    s.sendall(b"".join(self.request(i) for i in ids))
                    for name in ids:
                        if not self.read_answer(s, name):
                            return
        except ConnectionError:
            return  # closed before it read this request

    @staticmethod
    def request(name):
        return f"GET /{SANTIAGO} HTTP/1.1\r\nHost: x\r\nX-Request-Id: {name}\r\n\r\n".encode()

    def read_answer(self, s, name):
        """False at the end of the connection."""
        buffer = self.half_answer
        while (head := self.ANSWER.match(buffer)) is None:
            more = s.recv(65536)
            if not more:
                if buffer:
                    self.wrong.append(f"{name}: cut off after {len(buffer)} bytes")
                return False
            buffer += more
        text = head.group(0).decode().lower()
        length = int(re.search(r"content-length: (\d+)", text).group(1))
        while len(buffer) < head.end() + length:
            more = s.recv(65536)
            if not more:
                self.wrong.append(f"{name}: a body of {length} bytes was cut off")
                return False
            buffer += more
        self.half_answer = buffer[head.end() + length:]
        if head.group(1) != b"200" or f"x-request-id: {name}\r\n" not in text:
            self.wrong.append(text)
        self.answered.add(name)
        return True


@pytest.mark.parametrize("turn", range(STOPS))
def test_a_stop_under_load_answers_every_request_that_was_read(start, turn):
    p = start(*ALL, "--access-log", program=BINARY)
    eventually(lambda: json.loads(http(cache_of(p) + SANTIAGO)[2])["numberMatched"] > 0)
    clients = [Client(n, cache_of(p)) for n in range(8)]
    for c in clients:
        c.start()
    eventually(lambda: all(len(c.answered) > 20 + 10 * turn for c in clients))
    p.signal(signal.SIGTERM)
    assert p.exit_code() == 0
    for c in clients:
        c.join(10)
        assert not c.is_alive()
    assert [w for c in clients for w in c.wrong] == []
    read = {e["request_id"] for e in p.log if e["message"] == "request" and e["request_id"].startswith("client-")}
    answered = set().union(*(c.answered for c in clients))
    assert len(read) > 160
    assert read == answered
