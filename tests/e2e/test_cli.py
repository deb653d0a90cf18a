"""The command line of the program as it is shipped."""

import re
import subprocess

import pytest

from program import BINARY, ROOT

LISTED = subprocess.run([BINARY, "--list-roles"], capture_output=True, text=True, check=True).stdout
ROLES = [line.split()[0] for line in LISTED.splitlines()]


def test_help_fits_a_screen_and_names_every_role_and_command(run):
    for flag in ("--help", "-h"):
        shown = run(flag)
        assert shown.returncode == 0 and shown.stderr == ""
        lines = shown.stdout.splitlines()
        assert len(lines) <= 24 and max(map(len, lines)) <= 80
        for word in [*ROLES, "health", "migrate", "--config", "--check-config", "--help=ROLE"]:
            assert word in shown.stdout


@pytest.mark.parametrize("topic", [*ROLES, "health", "migrate", "process"])
def test_help_on_a_topic_has_defaults_and_variables(run, topic):
    shown = run(f"--help={topic}")
    assert shown.returncode == 0
    assert max(map(len, shown.stdout.splitlines())) <= 80
    if topic in ROLES:
        assert f"--role={topic}" in shown.stdout and "[DISTSYS_" in shown.stdout


def test_help_is_answered_whatever_else_is_wrong(run):
    assert run("--help", "--bogus", environment={"DISTSYS_BOGUS": "1"}).returncode == 0
    wrong = run("--help=cahce")
    assert wrong.returncode == 64 and "did you mean 'cache'?" in wrong.stderr


def test_version_names_commit_and_libraries(run):
    shown = run("--version")
    assert shown.returncode == 0
    assert re.match(r"distsys \d+\.\d+\.\d+ \([0-9a-f]{12}(-dirty)?\)\n", shown.stdout)
    for library in ("Boost", "OpenSSL", "zlib", "SQLite", "libcurl"):
        assert library.lower() in shown.stdout.lower()


def test_nothing_to_do_is_a_usage_error_with_help(run):
    done = run()
    assert done.returncode == 64 and "choose a role" in done.stderr and "--role=all" in done.stderr


def test_unknown_things_name_the_nearest(run):
    done = run("--role=cache", "--listn=:1")
    assert done.returncode == 64 and "--listn: unknown option 'listn'; did you mean 'listen'?" in done.stderr
    done = run("--role=cahce")
    assert done.returncode == 64 and "did you mean 'cache'?" in done.stderr
    done = run("helth")
    assert done.returncode == 64 and "did you mean 'health'?" in done.stderr
    done = run("--role=cache", environment={"DISTSYS_CACHE_LISTN": ":1"})
    assert done.returncode == 78 and "did you mean 'DISTSYS_CACHE_LISTEN'?" in done.stderr


def test_every_problem_at_once(run, tmp_path):
    (tmp_path / "bad.conf").write_text("listn = :1\n\ncache.listen = nowhere\nthreads = -1\n")
    done = run("--role=cache", "--config=bad.conf", environment={"DISTSYS_LOG_LEVEL": "loud"})
    assert done.returncode == 78
    assert "4 problems" in done.stderr
    for part in ("bad.conf:1: unknown key 'listn'", "bad.conf:3: cache.listen: ", "bad.conf:4: threads: ", "DISTSYS_LOG_LEVEL: 'loud'"):
        assert part in done.stderr


@pytest.mark.parametrize(
    "role, options, said",
    [
        ("scraper", ["--scraper.source=sim:?city=atlantis"], "--scraper.source: "),
        ("scraper", ["--scraper.source=replay:/nonexist?speed=abc"], "--scraper.source: "),
        ("scraper", ["--scraper.source=usgs:?hours=0"], "--scraper.source: "),
        ("scraper", ["--scraper.source=geojson+https:///nowhere"], "--scraper.source: "),
        ("scraper", ["--scraper.area=foo"], "--scraper.area: "),
        ("scraper", ["--scraper.interval=0s"], "--scraper.interval: 0s is less than 1ms"),
        ("cache", ["--trusted-proxies=foo"], "--trusted-proxies: 'foo'"),
        ("cache", ["--tls-certificate=/nonexist", "--tls-key=/nonexist"], "--tls-key: cannot read '/nonexist'"),
        ("cache", ["--cors-origin=garbage"], "--cors-origin: 'garbage'"),
        ("cache", ["--cache.tile-url=garbage"], "--cache.tile-url: not https://"),
        ("cache", ["--listen=:5090"], "cache.listen and operations are the same address"),
        ("loadgen", ["--target=http://localhost/", "--body=/nonexist"], "--body: cannot read '/nonexist'"),
        ("loadgen", ["--targets=/nonexist"], "--targets: cannot read '/nonexist'"),
        ("loadgen", ["--target=http://localhost/", "--center=here"], "--center: 'here'"),
    ],
)
def test_check_config_tells_what_a_start_would(run, role, options, said):
    for extra in ((), ("--check-config",)):
        done = run(f"--role={role}", *options, *extra)
        assert done.returncode == 64, done.stdout
        assert said in done.stderr


def test_check_config_asks_the_roles_about_all_together(run):
    done = run("--role=loadgen", "--check-config")
    assert done.returncode == 78 and "--role=loadgen: loadgen needs --target" in done.stderr
    done = run("--role=loadgen", "--check-config", "--target=http://localhost/", "--arrivals=poisson")
    assert done.returncode == 78 and "--rate" in done.stderr
    done = run("--role=scraper", "--check-config", *(f"--source=geojson+https://{h}.example/x#a" for h in "pq"))
    assert done.returncode == 78 and "both named 'a'" in done.stderr
    assert run("--check-config").returncode == 0


def test_problems_come_in_the_order_of_the_lines(run, tmp_path):
    (tmp_path / "bad.conf").write_text("area = foo\ncors-origin = x\nbogus = 1\ninterval = 0s\n")
    done = run("--role=scraper", "--config=bad.conf", "--check-config")
    assert done.returncode == 78
    assert re.findall(r"bad.conf:(\d+): ", done.stderr) == ["1", "2", "3", "4"]


def test_a_missing_file_is_a_problem(run):
    done = run("--role=cache", "--config=missing.conf")
    assert done.returncode == 78 and "missing.conf" in done.stderr and "No such file" in done.stderr


def test_check_config_is_quiet_about_what_is_good_and_makes_nothing(run, tmp_path):
    done = run("--role=all", "--check-config")
    assert done.returncode == 0, done.stderr
    assert "good" in done.stdout
    assert "2 backends\n" in run("--role=cache", "--check-config").stdout
    assert not list(tmp_path.iterdir())


def test_check_config_asks_the_drivers_about_their_urls(run):
    done = run("--role=cache", "--check-config", "--database=sqlite:geo.db?bogus=1")
    assert done.returncode == 78
    assert "cache.database" in done.stderr and "bogus" in done.stderr


def test_an_unknown_scheme_lists_the_valid_ones(run):
    done = run("--role=cache", "--check-config", "--database=oracle:x")
    assert done.returncode == 64 and "valid are: sqlite (sqlite:" in done.stderr


def test_check_config_connect_prints_a_table(run):
    done = run("--role=cache", "--check-config", "--connect", "--data-dir=d")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^database +sqlite:geo.db +\d+\.\d ms +cache\.database$", done.stdout, re.M)


def test_check_config_connect_tells_a_backend_that_fails(run, tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "geo.db").write_text("this is no database" * 100)
    done = run("--role=cache", "--check-config", "--connect", "--data-dir=d")
    assert done.returncode == 69, done.stdout + done.stderr
    assert "FAILED" in done.stdout


def test_check_config_connect_tells_a_backend_that_nobody_needs_apart(run):
    done = run(
        "--role=cache", "--check-config", "--connect", "--data-dir=d", "--cache.kv-store=redis://127.0.0.1:1"
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "DEGRADED" in done.stdout and "FAILED" not in done.stdout


def test_print_config_tells_sources_and_hides_secrets(run, tmp_path):
    (tmp_path / "c.conf").write_text("cache.listen = :6000\n")
    done = run(
        "--role=cache,loadgen", "--config=c.conf", "--threads=2", "--loadgen.header=Authorization: hunter2", "--print-config",
        environment={"DISTSYS_HOST": "0.0.0.0"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.search(r"^cache\.listen = :6000 +# c\.conf:1$", done.stdout, re.M)
    assert re.search(r"^threads = 2 +# --threads$", done.stdout, re.M)
    assert re.search(r"^host = 0\.0\.0\.0 +# DISTSYS_HOST$", done.stdout, re.M)
    assert re.search(r"^cache\.database = sqlite:geo\.db +# default$", done.stdout, re.M)
    assert "hunter2" not in done.stdout and "***" in done.stdout


def test_what_print_config_prints_can_be_loaded(run, tmp_path):
    first = run("--role=all", "--print-config")
    (tmp_path / "again.conf").write_text(first.stdout)
    again = run("--config=again.conf", "--print-config")
    assert again.returncode == 0, again.stderr
    settings = lambda text: [line.split(" # ")[0].rstrip() for line in text.splitlines()]
    assert settings(again.stdout) == settings(first.stdout)


@pytest.mark.parametrize("role", ["all", *ROLES])
def test_the_files_in_config_are_what_the_tables_say(run, role):
    shown = run(f"--role={role}", "--print-template")
    assert shown.returncode == 0
    path = ROOT / "config" / f"{role}.conf"
    assert path.exists() and path.read_text() == shown.stdout, "run config/generate"
    needed = ["--target=http://localhost/"] if role == "loadgen" else []
    assert run(f"--role={role}", "--check-config", f"--config={path}", *needed).returncode == 0


def test_the_file_of_all_serves_a_single_role(run):
    done = run("--role=cache", "--check-config", f"--config={ROOT / 'config' / 'all.conf'}")
    assert done.returncode == 0, done.stderr


def test_the_reference_is_what_the_tables_say(run):
    shown = run("--help=markdown")
    assert shown.returncode == 0
    assert (ROOT / "config" / "REFERENCE.md").read_text() == shown.stdout, "run config/generate"


def complete(run, *words):
    script = run("--completions=bash").stdout
    quoted = " ".join(f"'{w}'" for w in words)
    line = f"{script}\nCOMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _distsys 2>/dev/null; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True).stdout.split()


def test_completions(run):
    assert complete(run, "distsys", "--check") == ["--check-config"]
    assert "--cache.listen=" in complete(run, "distsys", "--cache.")
    assert complete(run, "distsys", "--role", "=", "ca") == ["cache"]
    assert complete(run, "distsys", "--role", "=", "cache,scr") == ["cache,scraper"]
    assert complete(run, "distsys", "--log-level", "=", "de") == ["debug"]
    assert complete(run, "distsys", "he") == ["health"]


def test_corrupt_files_are_refused_by_line(run, tmp_path):
    for content, line in ((b"\xff\xfe\x00", 1), (b"role = cache\nhost = \x00\n", 2), (b"role = cache\n= 1\n", 2), (b"{}\n", 1)):
        (tmp_path / "c.conf").write_bytes(content)
        done = run("--config=c.conf")
        assert done.returncode == 78, done.stderr
        assert f"c.conf:{line}: " in done.stderr


def test_health_without_a_process(run):
    done = run("health", "http://127.0.0.1:1/")
    assert done.returncode == 1 and "127.0.0.1:1" in done.stderr
    assert run("health", "ftp://x/").returncode == 64
    assert run("health", "http://127.0.0.1:1/", "more").returncode == 64


def test_a_role_without_a_database_makes_no_data_directory(run, tmp_path):
    done = run("--role=loadgen", "--target=http://127.0.0.1:1/", "-n", "1", "--quiet", "--operations=:0")
    assert done.returncode == 1, done.stderr
    assert not list(tmp_path.iterdir())


def test_migrate(run, tmp_path):
    missing = run("migrate", "--role=cache", "--migrate=check", "--data-dir=d")
    assert missing.returncode == 1, missing.stdout + missing.stderr
    assert run("migrate", "--data-dir=d").returncode == 0
    assert (tmp_path / "d" / "geo.db").exists()
    assert run("migrate", "--role=cache", "--migrate=check", "--data-dir=d").returncode == 0
