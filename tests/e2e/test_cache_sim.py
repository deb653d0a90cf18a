"""`distsys cache-sim`: key traces against the eviction policies, through the command line."""

import csv
import html.parser
import re
import subprocess

import pytest
from program import BINARY, ENVIRONMENT, ROOT

TRACES = ROOT.parent / "shared" / "data" / "traces"
POLICIES = ["lru", "lfu", "fifo", "s3-fifo", "w-tinylfu"]

# By hand, capacity 3, LRU: a b c miss; a hit; d miss (b goes); b miss (c goes); a hit; c miss (d goes); d miss (b goes); a hit.
# FIFO: a b c miss; a hit; d miss (a goes); b hit; a miss (b goes); c hit; d hit; a hit.
BY_HAND = "a b c a d b a c d a".split()


def sim(run, *words, trace=None, tmp_path=None):
    path = []
    if trace is not None:
        (tmp_path / "trace").write_text("".join(f"{key}\n" for key in trace))
        path = ["trace"]
    return run("cache-sim", *words, *path)


def counts(answer):
    assert answer.returncode == 0, answer.stderr
    found = re.fullmatch(r"hits (\d+) misses (\d+) ratio (\d\.\d{4})\n", answer.stdout)
    assert found, answer.stdout
    return int(found[1]), int(found[2]), float(found[3])


@pytest.mark.parametrize("policy, hits", [("lru", 3), ("fifo", 5)])
def test_a_trace_computed_by_hand(run, tmp_path, policy, hits):
    answer = sim(run, f"--policy={policy}", "--capacity=3", trace=BY_HAND, tmp_path=tmp_path)
    assert answer.stdout == f"hits {hits} misses {10 - hits} ratio {hits / 10:.4f}\n"


def test_lfu_keeps_what_is_asked_for_often(run, tmp_path):
    # a has three uses when c comes: b goes; d comes: c goes; a is still there.
    trace = "a a a b c d a".split()
    assert counts(sim(run, "--policy=lfu", "--capacity=2", trace=trace, tmp_path=tmp_path))[:2] == (3, 4)
    assert counts(sim(run, "--policy=fifo", "--capacity=2", trace=trace, tmp_path=tmp_path))[:2] == (2, 5)


@pytest.mark.parametrize("policy", POLICIES)
def test_what_holds_for_every_policy(run, tmp_path, policy):
    trace = [str(i * i % 97) for i in range(2000)]
    distinct = len(set(trace))
    everything = counts(sim(run, f"--policy={policy}", f"--capacity={distinct}", trace=trace, tmp_path=tmp_path))
    assert everything[:2] == (2000 - distinct, distinct)
    hits, misses, ratio = counts(sim(run, f"--policy={policy}", "--capacity=5", trace=trace, tmp_path=tmp_path))
    assert hits + misses == 2000 and 0 < hits < everything[0] and ratio == round(hits / 2000, 4)


def test_ttl_counts_requests(run, tmp_path):
    trace = ["a"] * 10
    assert counts(sim(run, "--policy=lru", "--capacity=1", trace=trace, tmp_path=tmp_path))[0] == 9
    # Asked for at 0, found at 1 and 2, gone at 3, and so on.
    assert counts(sim(run, "--policy=lru", "--capacity=1", "--ttl=3", trace=trace, tmp_path=tmp_path))[0] == 6


def test_bytes_as_capacity(run, tmp_path):
    trace = ["a 60", "b 40", "a 60", "c\t50", "b 40", "huge 101", "b 40"]
    # c makes a and b go (LRU: b then a); b is missed, what is larger than all is not kept, b is hit.
    answer = sim(run, "--policy=lru", "--capacity=100", "--by-bytes", trace=trace, tmp_path=tmp_path)
    assert counts(answer)[:2] == (2, 5)
    broken = sim(run, "--policy=lru", "--capacity=100", "--by-bytes", trace=["a 1", "b"], tmp_path=tmp_path)
    assert broken.returncode == 1 and "trace:2" in broken.stderr


def test_a_share_of_the_bytes(run, tmp_path):
    # Each key once, with its last size: 1000 + 3000 + 6000 bytes, of which half keeps a and b, and not c.
    trace = ["a 900", "b 3000", "c 6000", "a 1000", "b 3000", "c 6000"]
    answer = sim(run, "--policy=lru", "--capacity=50%", "--by-bytes", trace=trace, tmp_path=tmp_path)
    assert counts(answer)[:2] == (2, 4)
    table = sim(run, "--policy=lru", "--capacity=5%,50%", "--by-bytes", trace=trace, tmp_path=tmp_path).stdout
    assert [row.split()[2] for row in table.splitlines()[1:]] == ["500", "5000"]


def test_reads_the_standard_input_and_odd_lines():
    text = "key one\r\n\nkey one\nkey two\n" + "k" * 9000 + "\nkey two\n" + "k" * 9000
    answer = subprocess.run(
        [str(BINARY), "cache-sim", "--policy=lru", "--capacity=10", "-"],
        input=text,
        capture_output=True,
        text=True,
        timeout=20,
        env=ENVIRONMENT,
    )
    assert answer.stdout == "hits 3 misses 3 ratio 0.5000\n"


def test_several_make_a_table(run, tmp_path):
    answer = sim(run, "--policy=lru,fifo", "--capacity=3,4", "--ttl=0,2", trace=BY_HAND, tmp_path=tmp_path)
    assert answer.returncode == 0
    head, *rows = answer.stdout.splitlines()
    assert head.split() == ["trace", "ttl", "capacity", "lru", "fifo"]
    assert [row.split()[:3] for row in rows] == [
        ["trace", ttl, capacity] for ttl in ("none", "2") for capacity in ("3", "4")
    ]
    assert rows[0].split()[3:] == ["0.3000", "0.5000*"]


@pytest.mark.parametrize(
    "words, code, said",
    [
        (["--policy=mru", "--capacity=1", "trace"], 64, "mru"),
        (["--capacity=0", "trace"], 64, "--capacity"),
        (["--capacity=200%", "trace"], 64, "200%"),
        (["--ttl=-1", "--capacity=1", "trace"], 64, "--ttl"),
        (["--policy=lru", "trace"], 64, "--capacity"),
        (["--policy=lru", "--capacity=1"], 64, "TRACE"),
        (["--policy=lru", "--capacity=1", "nowhere"], 1, "nowhere"),
        (["--matrix", "--by-bytes"], 64, "--by-bytes"),
    ],
)
def test_mistakes_are_named(run, words, code, said):
    answer = run("cache-sim", *words)
    assert answer.returncode == code, answer.stderr
    assert said in answer.stderr and answer.stdout == ""


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.links = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [v for k, v in attributes if k in ("src", "href", "action")]


def test_the_matrix_is_printed_and_drawn(run, tmp_path):
    (tmp_path / "<odd>&name").write_text("a\nb\na\n")
    words = ["--matrix", "--keys=500", "--requests=20000", "--capacity=2%,10%", "--ttl=0,1000", "--report=report.html"]
    answer = run("cache-sim", *words, "<odd>&name")
    assert answer.returncode == 0, answer.stderr
    head, *rows = answer.stdout.splitlines()
    assert head.split()[3:] == POLICIES
    # Four traces with two TTLs and two capacities each; of two keys both capacities are one entry (and one row).
    assert [row.split()[0] for row in rows] == ["zipf"] * 4 + ["normal"] * 4 + ["uniform"] * 4 + ["<odd>&name"] * 2
    zipf = [float(cell.rstrip("*")) for cell in rows[1].split()[3:]]
    uniform = [float(cell.rstrip("*")) for cell in rows[9].split()[3:]]
    assert min(zipf) > 0.6 and all(abs(u - 0.1) < 0.03 for u in uniform)
    assert answer.stdout == run("cache-sim", *words, "<odd>&name").stdout  # the same seed, the same keys

    text = (tmp_path / "report.html").read_text()
    page = Page()
    page.feed(text)
    assert page.tags.count("table") == 8 and page.tags.count("section") == 8
    assert page.tags.count("polyline") == 8 * len(POLICIES)
    assert page.links == [] and "url(" not in text and "<script" not in text
    assert "&lt;odd&gt;&amp;name" in text and "<odd>" not in text
    assert "prefers-color-scheme: dark" in text


def test_the_matrix_has_capacities_and_ttls_of_its_own(run):
    answer = run("cache-sim", "--matrix", "--keys=1000", "--requests=5000", "--policy=lru")
    rows = [row.split()[:2] for row in answer.stdout.splitlines()[1:]]
    assert rows == [[name, ttl] for name in ("zipf", "normal", "uniform") for ttl in ("none", "1000") for _ in range(4)]


def test_the_report_must_be_writable(run):
    answer = run("cache-sim", "--matrix", "--requests=10", "--report=nowhere/report.html")
    assert answer.returncode == 1 and "nowhere/report.html" in answer.stderr


@pytest.mark.skipif(not TRACES.exists(), reason="the traces are not beside this checkout")
def test_lru_and_fifo_reproduce_the_reference(run):
    rows = list(csv.DictReader((TRACES / "REFERENCE_hits.csv").open()))
    assert rows
    for row in rows:
        for policy in ("lru", "fifo"):
            answer = run("cache-sim", f"--policy={policy}", f"--capacity={row['capacity']}", str(TRACES / f"{row['trace']}.txt"))
            assert counts(answer)[:2] == (int(row[f"{policy}_hits"]), int(row["requests"]) - int(row[f"{policy}_hits"]))
