"""Where the program under test is, and an environment that it does not refuse."""

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]


def find_binary():
    named = os.environ.get("DISTSYS_BINARY")
    candidates = [pathlib.Path(named)] if named else [ROOT / "build" / b / "distsys" for b in ("debug", "release")]
    return next((c.resolve() for c in candidates if c.exists()), candidates[0])


BINARY = find_binary()
# The program with one role more (tests/support/eighth_role).
EIGHTH = pathlib.Path(os.environ.get("DISTSYS_EIGHTH", BINARY.parent / "distsys_eighth"))
# The program refuses DISTSYS_ variables that it does not know, and these are the tests' own.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("DISTSYS_")}
