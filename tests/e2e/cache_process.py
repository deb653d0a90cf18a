"""A running cache and what puts events into its database: shared by the tests of the cache role."""

import contextlib
import http.client
import json
import queue
import signal
import socket
import subprocess
import threading
import time
from urllib.parse import urlsplit

import backends
from program import BINARY, ENVIRONMENT

DEADLINE = 20


def feature(identity, lon, lat, kind="hazard", severity=3, **properties):
    return {
        "type": "Feature",
        "id": identity,
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": {"kind": kind, "severity": severity, "title": f"event {identity}", **properties},
    }


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = body

    def json(self):
        return json.loads(self.body)

    def ids(self):
        return {f["properties"]["id"] for f in self.json()["features"]}


class Stream:
    """An open event stream; next() gives (event, id, data) and fails after DEADLINE."""

    def __init__(self, address, path, last_event_id=None, **headers):
        self.connection = http.client.HTTPConnection(address, timeout=60)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if last_event_id is not None:
            headers["Last-Event-ID"] = str(last_event_id)
        self.connection.request("GET", path, headers=headers)
        self.response = self.connection.getresponse()
        self.messages = queue.Queue()
        if self.response.status == 200:
            threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        message = {}
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException, AttributeError):
            while line := self.response.readline():
                text = line.decode().rstrip("\n")
                if text.startswith(":"):
                    continue
                if text:
                    name, _, value = text.partition(": ")
                    message[name] = value
                elif "event" in message:
                    self.messages.put((message["event"], int(message.get("id", -1)), json.loads(message["data"])))
                    message = {}
        self.messages.put(None)

    def next(self):
        return self.messages.get(timeout=DEADLINE)

    def close(self):
        with contextlib.suppress(OSError):
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.connection.close()


class Cache:
    """A running cache on the events of a folder."""

    def __init__(self, data_dir, *options, roles="cache"):
        self.data_dir = data_dir
        self.process = subprocess.Popen(
            [str(BINARY), f"--role={roles}", *backends.current.options(data_dir, roles), "--operations=127.0.0.1:0",
             "--cache.listen=127.0.0.1:0", *options],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=ENVIRONMENT)
        self.log = []
        self.address = None
        for line in self.process.stderr:
            self.log.append(line)
            record = json.loads(line) if line.startswith("{") else {}
            if record.get("address", "") and record.get("role") == "cache":
                self.address = urlsplit(record["address"]).netloc
            if record.get("message") == "started":
                self.operations = urlsplit(record["operations"]).netloc
                break
        assert self.address, "".join(self.log)
        threading.Thread(target=lambda: self.log.extend(self.process.stderr), daemon=True).start()

    def get(self, path, method="GET", body=None, **headers):
        connection = http.client.HTTPConnection(self.address, timeout=DEADLINE)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body=body, headers=named)
            response = connection.getresponse()
            return Answer(response, response.read())
        finally:
            connection.close()

    def post(self, path, body, token=None, **headers):
        """With a bearer token; what is not text or bytes is sent as JSON."""
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        headers.setdefault("Content_Type", "application/geo+json")
        return self.get(path, method="POST", body=body, **headers)

    def raw(self, data, timeout=DEADLINE):
        """A connection of its own that has sent these bytes."""
        host, port = self.address.rsplit(":", 1)
        connection = socket.create_connection((host, int(port)), timeout=timeout)
        connection.sendall(data)
        return connection

    def memory(self):
        """Resident bytes of the process."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS:"))

    def stream(self, query="", last_event_id=None, **headers):
        return Stream(self.address, f"/events/stream{query}", last_event_id, **headers)

    def metric(self, name):
        """Of the operations port: the value of a series, written as Prometheus does."""
        connection = http.client.HTTPConnection(self.operations, timeout=DEADLINE)
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
        connection.close()
        return float(next(line for line in lines if line.startswith(name + " ")).rsplit(" ", 1)[1])

    def until(self, path, wanted, **headers):
        """Asks until the answer is as wanted: for what another process has just stored."""
        end = time.monotonic() + DEADLINE
        while True:
            answer = self.get(path, **headers)
            if wanted(answer):
                return answer
            assert time.monotonic() < end, (answer.status, answer.body[:500])
            time.sleep(0.01)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=DEADLINE)

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=DEADLINE)


class Store:
    """Puts documents into a folder's database, as the scraper does: one replay each."""

    def __init__(self, folder):
        self.folder = folder
        self.data_dir = folder / "data"
        self.data_dir.mkdir()
        self.time = int(time.time() * 1000) - 3_600_000
        self.count = 0

    def put(self, *features, title="test"):
        self.time += 1000
        self.count += 1
        documents = self.folder / f"replay-{self.count}"
        documents.mkdir()
        document = {"type": "FeatureCollection", "metadata": {"generated": self.time, "title": title}, "features": list(features)}
        (documents / "1.geojson").write_text(json.dumps(document))
        done = subprocess.run(
            [str(BINARY), "--role=scraper", *backends.current.options(self.data_dir, "scraper"), "--operations=127.0.0.1:0", "--scraper.once",
             f"--scraper.source=replay:{documents}"], capture_output=True, text=True, timeout=60, env=ENVIRONMENT)
        assert done.returncode == 0, done.stderr
