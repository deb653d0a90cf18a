"""Chooses the files that clang-tidy reads."""

import os
import subprocess

TIDY_LIMIT = 24  # files a run, unless all are asked for
LOOK_BACK = 20  # commits, where nothing says since when: on the main branch itself


def git(root, *words):
    answer = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)
    return answer.stdout.strip() if answer.returncode == 0 else ""


def changed_files(root):
    """The sources that differ from the base (what is not committed included), or None where there is no base."""
    head = git(root, "rev-parse", "HEAD")
    base = git(root, "merge-base", "HEAD", "origin/main")
    if not base or base == head:
        base = git(root, "rev-list", "--first-parent", f"--max-count={LOOK_BACK + 1}", "HEAD").split("\n")[-1]
    if not base or base == head:
        return None
    names = git(root, "diff", "--name-only", "--diff-filter=d", base).splitlines()
    return sorted(set(names + git(root, "ls-files", "--others", "--exclude-standard").splitlines()))


def tidy_files(root, compiled, everything):
    """Which of the compiled sources clang-tidy reads now, and how many it leaves out for the sake of time."""
    changed = None if everything else changed_files(root)
    if changed is None:
        chosen = list(compiled)
    else:
        chosen = {name for name in changed if name in compiled}
        texts = {}
        for header in (name for name in changed if name.endswith(".hpp")):
            # A header is read through the source of its own name, or else through the first one that includes it.
            stem = header.removeprefix("include/distsys/").removesuffix(".hpp")
            own = [name for name in compiled if name.removesuffix(".cpp").endswith(stem)]
            if not own:
                include = header.removeprefix("include/")
                for name in compiled:
                    if name not in texts:
                        with open(os.path.join(root, name), encoding="utf-8") as file:
                            texts[name] = file.read()
                    if f'"{include}"' in texts[name]:
                        own = [name]
                        break
            chosen.update(own[:1])
        chosen = sorted(chosen)
    if everything or len(chosen) <= TIDY_LIMIT:
        return chosen, 0
    # Which ones depends on the commit, so that in the course of many commits every file has its turn.
    turn = int((git(root, "rev-parse", "HEAD") or "0")[:8], 16) % len(chosen)
    return sorted((chosen + chosen)[turn:turn + TIDY_LIMIT]), len(chosen) - TIDY_LIMIT
