"""clang-tidy reads what changed, and a bounded number of files."""

import subprocess

import pytest

from tidy_files import TIDY_LIMIT, tidy_files


def git(folder, *words):
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def tree(tmp_path):
    git(tmp_path, "init", "-q")
    for name in ("src/net/a.cpp", "src/net/b.cpp", "include/distsys/net/a.hpp", "include/distsys/net/only.hpp"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text('#include "distsys/net/only.hpp"\n' if name.endswith("b.cpp") else "\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    return tmp_path


COMPILED = ["src/net/a.cpp", "src/net/b.cpp"]


def change(tree, name):
    (tree / name).write_text((tree / name).read_text() + "// more\n")


def test_without_a_base_everything(tree):
    assert tidy_files(tree, COMPILED, everything=False) == (COMPILED, 0)


@pytest.mark.parametrize("changed, chosen", [
    ("src/net/b.cpp", ["src/net/b.cpp"]),
    ("include/distsys/net/a.hpp", ["src/net/a.cpp"]),
    ("include/distsys/net/only.hpp", ["src/net/b.cpp"]),
])
@pytest.mark.parametrize("committed", [False, True])
def test_what_changed(tree, changed, chosen, committed):
    git(tree, "commit", "-q", "--allow-empty", "-m", "two")
    change(tree, changed)
    if committed:
        git(tree, "commit", "-qam", "three")
    assert tidy_files(tree, COMPILED, everything=False) == (chosen, 0)
    assert tidy_files(tree, COMPILED, everything=True) == (COMPILED, 0)


def test_since_the_branch_left_the_main_one(tree):
    git(tree, "update-ref", "refs/remotes/origin/main", "HEAD")
    change(tree, "src/net/a.cpp")
    git(tree, "commit", "-qam", "two")
    change(tree, "src/net/b.cpp")
    git(tree, "commit", "-qam", "three")
    assert tidy_files(tree, COMPILED, everything=False) == (COMPILED, 0)


def test_no_more_than_the_limit(tree):
    many = [f"src/net/f{n:03}.cpp" for n in range(3 * TIDY_LIMIT)]
    chosen, left_out = tidy_files(tree, many, everything=False)
    assert len(set(chosen)) == TIDY_LIMIT and left_out == 2 * TIDY_LIMIT
    assert tidy_files(tree, many, everything=True) == (many, 0)
