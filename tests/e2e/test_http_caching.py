"""HTTP caching as the cache claims it (the table in roles/cache/README.md), by raw requests.

RFC 9110 (validators, conditions, Vary), RFC 9111 (freshness), RFC 9211 (Cache-Status).
"""

import gzip
import re

import backends
import pytest
from cache_process import feature

FORMS = backends.BOTH
AREA = "/events?bbox=-80,-40,-60,-20&limit=900"
PAST = "/events?bbox=-80,-40,-60,-20&at=2020-01-01T00:00:00Z"
ONE = "/events/test/e1"
PAGE = "/"
ASSET = "/assets/map.js"
TOKEN = "phone-token-0123456789"
COUNT = "/events/count?bbox=-80,-40,-60,-20"
CELLS = "/events/count?by=cell&level=12&bbox=-71,-34,-70,-33"
KEPT = [AREA, COUNT, CELLS, PAST]  # what the process keeps
TAGGED = [*KEPT, ONE, PAGE, ASSET]  # what has a validator


class Message:
    def __init__(self, head, body):
        lines = head.decode().split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        self.fields = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:]]
        self.body = body

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name]

    def __getitem__(self, name):
        values = self.all(name)
        assert len(values) == 1, f"{name}: {values}"
        return values[0]

    def __contains__(self, name):
        return bool(self.all(name))


class Line:
    """A connection; every answer is framed by its own head alone."""

    def __init__(self, connection):
        self.connection = connection
        self.buffer = b""

    def _more(self):
        got = self.connection.recv(1 << 16)
        assert got, "the connection ended early"
        self.buffer += got

    def ask(self, target, *fields, method="GET"):
        head = "".join(f"{f}\r\n" for f in ("Host: x", *fields))
        self.connection.sendall(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode())
        return self.read(method)

    def read(self, method="GET"):
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        answer = Message(head, b"")
        length = 0 if method == "HEAD" or answer.status == 304 else int(answer["content-length"])
        while len(self.buffer) < length:
            self._more()
        answer.body, self.buffer = self.buffer[:length], self.buffer[length:]
        return answer


@pytest.fixture
def cache(store, start_cache):
    store.put(*(feature(f"e{i}", -70.9 + i / 1000, -33.9 + i / 1000, note="a note of some length") for i in range(800)))
    return start_cache("--cache.ttl=600s", f"--cache.token=phone={TOKEN}")


@pytest.fixture
def line(cache):
    with cache.raw(b"") as connection:
        yield Line(connection)


def until_hit(line, target, *fields):
    for _ in range(200):
        answer = line.ask(target, *fields)
        if "; hit" in answer["cache-status"]:
            return answer
    raise AssertionError("it is never a hit")


# --- validators and conditions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", TAGGED)
def test_the_plain_form_has_a_strong_tag(line, target):
    first, second = line.ask(target), line.ask(target)
    assert re.fullmatch(r'"[\x21\x23-\x7e]+"', first["etag"])
    assert second["etag"] == first["etag"]
    assert second.body == first.body


@pytest.mark.parametrize("target", TAGGED)
@pytest.mark.parametrize("condition", ["{tag}", "W/{tag}", '"a", {tag}', '"a" , W/"b",,{tag},', "*", ' \t"x",W/{tag}'])
def test_a_condition_that_holds_is_304(line, target, condition):
    whole = line.ask(target)
    for method in ("GET", "HEAD"):
        answer = line.ask(target, "If-None-Match: " + condition.format(tag=whole["etag"]), method=method)
        assert (answer.status, answer.body) == (304, b"")
    assert line.ask(target).status == 200  # the connection goes on behind it


@pytest.mark.parametrize("target", TAGGED)
def test_a_304_says_what_the_200_would(line, target):
    whole = line.ask(target)
    answer = line.ask(target, f"If-None-Match: {whole['etag']}")
    assert answer.status == 304
    for name in ("etag", "cache-control", "vary"):
        assert answer.all(name) == whole.all(name), name
    for name in ("content-type", "content-encoding", "transfer-encoding"):
        assert name not in answer
    assert "date" in answer


@pytest.mark.parametrize("target", TAGGED)
@pytest.mark.parametrize("condition", ['"other"', 'W/"other"', '"*"', "other", ""])
def test_a_condition_that_does_not_hold_is_200(line, target, condition):
    whole = line.ask(target)
    assert line.ask(target, f"If-None-Match: {condition}").body == whole.body


@pytest.mark.parametrize("target", TAGGED)
def test_dates_are_no_validators_here(line, target):
    whole = line.ask(target)
    assert "last-modified" not in whole
    later = "Fri, 01 Jan 2100 00:00:00 GMT"
    assert line.ask(target, f"If-Modified-Since: {later}").status == 200
    assert line.ask(target, f"If-Modified-Since: {later}", 'If-None-Match: "other"').status == 200
    assert line.ask(target, "If-Modified-Since: nonsense", f"If-None-Match: {whole['etag']}").status == 304


def test_a_change_gives_another_tag(cache, line):
    before = until_hit(line, AREA)
    assert cache.post("/events", feature("new", -70, -30), TOKEN).status == 200
    after = line.ask(AREA, f"If-None-Match: {before['etag']}")
    assert after.status == 200
    assert after["etag"] != before["etag"]


# --- freshness -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", KEPT)
def test_kept_answers_say_how_long_caches_may_keep_them(line, target):
    for answer in (line.ask(target), until_hit(line, target)):
        assert re.fullmatch(r"public, max-age=\d+(, [a-z-]+(=\d+)?)*", answer["cache-control"])
        assert re.fullmatch(r"\d+", answer["age"])
        assert "date" in answer


def test_one_event_is_asked_for_again(line):
    answer = line.ask(ONE)
    assert answer["cache-control"] == "no-cache"
    assert answer["cache-status"] == "distsys; fwd=bypass"
    assert answer["age"] == "0"


def cache_status(text):
    """RFC 9211 on RFC 8941: one member here, a token with parameters."""
    name, *parameters = text.split("; ")
    assert re.fullmatch(r"[A-Za-z*][\w!#$%&'*+.^`|~:/-]*", name)
    found = {}
    for p in parameters:
        key, _, value = p.partition("=")
        assert re.fullmatch(r"[a-z*][a-z0-9_.*-]*", key) and key not in found
        found[key] = value or True
    assert set(found) <= {"hit", "fwd", "fwd-status", "ttl", "stored", "collapsed", "key", "detail"}
    assert ("hit" in found) != ("fwd" in found)
    if "fwd" in found:
        assert found["fwd"] in {"bypass", "method", "uri-miss", "vary-miss", "miss", "request", "stale", "partial"}
    if "ttl" in found:
        assert re.fullmatch(r"-?\d+", found["ttl"])
    assert found.get("stored", True) is True and found.get("collapsed", True) is True and found.get("hit", True) is True
    return name, found


@pytest.mark.parametrize("target", KEPT)
def test_cache_status_is_a_structured_field(line, target):
    name, first = cache_status(line.ask(target)["cache-status"])
    assert name == "distsys" and "fwd" in first
    name, hit = cache_status(until_hit(line, target)["cache-status"])
    assert name == "distsys" and hit["hit"] is True and int(hit["ttl"]) <= 660
    answer = line.ask(target, 'If-None-Match: *')
    assert answer.status == 304
    assert "hit" in cache_status(answer["cache-status"])[1]


@pytest.mark.parametrize("target", KEPT)
def test_only_if_cached_asks_no_database(line, target):
    miss = line.ask(target, "Cache-Control: max-stale, only-if-cached")
    if miss.status != 200:  # an answer made of what is kept is one too
        assert miss.status == 504
        assert miss["cache-control"] == "no-store"
    until_hit(line, target)
    hit = line.ask(target, "Cache-Control: only-if-cached")
    assert hit.status == 200
    assert "; hit" in hit["cache-status"]


@pytest.mark.parametrize("field", ["Cache-Control: no-cache", "Cache-Control: max-age=0", "Pragma: no-cache",
                                   "Cache-Control: no-store"])
def test_clients_do_not_make_it_ask_the_database(line, field):
    until_hit(line, AREA)
    answer = line.ask(AREA, field)
    assert answer.status == 200
    assert "; hit" in answer["cache-status"]  # there is nothing newer to be had


# --- representations -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [AREA, PAGE, ASSET])
def test_the_forms_vary_by_accept_encoding_and_have_tags_of_their_own(line, target):
    plain = line.ask(target)
    packed = line.ask(target, "Accept-Encoding: gzip")
    for _ in range(200):  # the form of what is kept is made by the first who takes it
        if "content-encoding" in packed:
            break
        packed = line.ask(target, "Accept-Encoding: gzip")
    assert packed["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    for answer in (plain, packed, line.ask(target, "If-None-Match: *"),
                   line.ask(target, "If-None-Match: *", "Accept-Encoding: gzip")):
        assert "accept-encoding" in answer["vary"].lower()
    assert packed["etag"] != plain["etag"]  # other bytes: never the same strong tag
    for tag in (plain["etag"], packed["etag"]):
        for coding in ("gzip", "identity"):
            assert line.ask(target, f"If-None-Match: {tag}", f"Accept-Encoding: {coding}").status == 304


@pytest.mark.parametrize("coding", ["gzip;q=0", "identity", "br", "*;q=0, identity", ""])
def test_who_does_not_accept_gzip_is_not_sent_it(line, coding):
    until_hit(line, AREA, "Accept-Encoding: gzip")
    assert "content-encoding" not in line.ask(AREA, f"Accept-Encoding: {coding}")


@pytest.mark.parametrize("target", TAGGED)
@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_head_is_gets_head(line, target, coding):
    field = f"Accept-Encoding: {coding}"
    for _ in range(3):
        line.ask(target, field)
    whole = line.ask(target, field)
    head = line.ask(target, field, method="HEAD")
    assert (head.status, head.body) == (200, b"")
    ignored = {"date", "age", "cache-status"}
    assert [f for f in head.fields if f[0].lower() not in ignored] == [
        f for f in whole.fields if f[0].lower() not in ignored]
    assert int(head["content-length"]) == len(whole.body)


@pytest.mark.parametrize("target", [AREA, ONE, ASSET])
def test_ranges_are_answered_whole(line, target):
    whole = line.ask(target)
    for more in ((), (f"If-Range: {whole['etag']}",)):
        answer = line.ask(target, "Range: bytes=0-9", *more)
        assert (answer.status, answer.body) == (200, whole.body)
        assert "content-range" not in answer
    assert whole.all("accept-ranges") in ([], ["none"])


# --- what is not kept ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target, status", [
    ("/events?colour=red", 400), ("/events?limit=0", 400), ("/events?at=x", 400),
    ("/events/count?by=colour", 400),
    ("/events/test/none", 404), ("/nothing", 404), ("/assets/none.js", 404)])
def test_errors_are_never_kept(line, target, status):
    for fields in ((), ("If-None-Match: *",), ("Range: bytes=0-1",)):
        answer = line.ask(target, *fields)
        assert answer.status == status
        assert answer["cache-control"] == "no-store"
        assert "etag" not in answer
        for name in ("age", "expires", "last-modified"):
            assert name not in answer


def test_other_methods_are_never_kept(line):
    whole = until_hit(line, AREA)
    for method in ("PUT", "DELETE", "PATCH"):
        answer = line.ask(AREA, f"If-None-Match: {whole['etag']}", "Content-Length: 0", method=method)
        assert answer.status == 405
        assert answer["cache-control"] == "no-store"
        assert {"GET", "HEAD", "OPTIONS"} <= set(answer["allow"].split(", "))
    post = line.ask("/events", f"Authorization: Bearer {TOKEN}", "Content-Type: application/geo+json",
                    "Content-Length: 0", "If-None-Match: *", method="POST")
    assert post.status == 400
    assert post["cache-control"] == "no-store"
    assert "; hit" in line.ask(AREA)["cache-status"]


@pytest.mark.parametrize("target", ["/stats", "/health"])
def test_figures_are_of_the_moment(line, target):
    answer = line.ask(target)
    assert answer.status == 200
    assert answer["cache-control"] == "no-store"


def test_streams_are_never_kept(cache):
    with cache.raw(b"GET /events/stream HTTP/1.1\r\nHost: x\r\n\r\n") as connection:
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(4096)
    answer = Message(head.split(b"\r\n\r\n")[0], b"")
    assert answer.status == 200
    assert "no-store" in answer["cache-control"] or "no-cache" in answer["cache-control"]
    assert "etag" not in answer
