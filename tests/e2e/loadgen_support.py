"""What the tests of the load generator share: a scripted server that notes what it is asked, and ways to run the program."""

import json
import re
import socketserver
import ssl
import subprocess
import threading
import time

from conftest import BINARY as FOUND
from conftest import ENVIRONMENT

BINARY = str(FOUND)


class Scripted:
    """Answers each request with what `play(number, head, body)` returns: bytes, or None to close without an answer."""

    def __init__(self, play, tls=None):
        self.requests = []  # (arrival, connection, head, body)
        self.connections = 0
        lock = threading.Lock()
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                with lock:
                    outer.connections += 1
                    connection = outer.connections
                if tls:
                    try:
                        self.request = tls.wrap_socket(self.request, server_side=True)
                    except (ssl.SSLError, OSError):
                        return
                data = b""
                while True:
                    while b"\r\n\r\n" not in data:
                        try:
                            more = self.request.recv(65536)
                        except OSError:
                            return
                        if not more:
                            return
                        data += more
                    head, data = data.split(b"\r\n\r\n", 1)
                    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
                    length = int(length[1]) if length else 0
                    while len(data) < length:
                        data += self.request.recv(65536)
                    body, data = data[:length], data[length:]
                    with lock:
                        number = len(outer.requests)
                        outer.requests.append((time.monotonic(), connection, head.decode(), body))
                    answer = play(number, head.decode(), body)
                    if answer is None:
                        return
                    try:
                        self.request.sendall(answer)
                    except OSError:
                        return
                    if b"onnection: close" in answer:
                        return

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 128

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"{'https' if tls else 'http'}://localhost:{self.server.server_address[1]}/"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def answer(body=b"hello", status=200, extra=b""):
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n%s\r\n%s" % (status, len(body), extra, body)


def command(*options, threads=2):
    return [BINARY, "--role=loadgen", "--operations=127.0.0.1:0", f"--threads={threads}", *map(str, options)]


def load(*options, code=0, env=None):
    done = subprocess.run(command(*options), capture_output=True, text=True, timeout=60, env={**ENVIRONMENT, **(env or {})})
    assert done.returncode == code, f"{done.returncode}: {done.stdout}{done.stderr}"
    return done


def measure(*options, code=0, env=None):
    return json.loads(load("--json", *options, code=code, env=env).stdout)
