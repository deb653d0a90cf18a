"""The shipped binary has the protections that the compiler and the linker can give it."""

import os
import re
import subprocess

import pytest

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BINARY = os.environ.get("DISTSYS_BINARY", os.path.join(ROOT, "build", "release", "distsys"))


def readelf(*options):
    return subprocess.run(["readelf", "--wide", *options, BINARY], capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.fixture(scope="module")
def symbols():
    return readelf("--dyn-syms")


@pytest.fixture(scope="module")
def dynamic():
    return readelf("--dynamic")


def test_position_independent(dynamic):
    assert re.search(r"Type:\s+DYN", readelf("--file-header"))
    assert re.search(r"\(FLAGS_1\).*\bPIE\b", dynamic)


def test_relocations_are_read_only_after_binding_at_start(dynamic):
    assert "GNU_RELRO" in readelf("--program-headers")
    assert re.search(r"\(FLAGS\).*\bBIND_NOW\b", dynamic) or re.search(r"\(FLAGS_1\).*\bNOW\b", dynamic)


def test_no_segment_is_writable_and_executable():
    segments = re.findall(r"^\s*(GNU_STACK|LOAD)\s+(?:0x\w+\s+){5}([RWE ]{3})", readelf("--program-headers"), re.M)
    assert {name for name, _ in segments} == {"GNU_STACK", "LOAD"}
    assert [flags for _, flags in segments if "W" in flags and "E" in flags] == []


def test_stack_protector(symbols):
    assert "__stack_chk_fail" in symbols


def test_fortified_library_calls(symbols):
    assert re.search(r"\b__\w+_chk@", symbols.replace("__stack_chk_fail", ""))


def test_no_search_path_for_libraries(dynamic):
    assert "(RPATH)" not in dynamic and "(RUNPATH)" not in dynamic
