#!/usr/bin/env python3
"""Converts Natural Earth's 1:50m countries, as Debian's r-cran-rnaturalearthdata has them, into the map's background.

    basemap.py DIRECTORY-OF-Rdata.rdb OUTPUT.json      also writes OUTPUT.json.gz
    basemap.py --none OUTPUT.json                      an empty one

The output is {"scale": 100, "rings": [[x, y, dx, dy, …], …]}: outlines in integer hundredths of a degree, each point
after the first as the difference from the one before. Of the R serialization format (R Internals, 1.8) only what these
files use is read.
"""
import gzip
import json
import lzma
import struct
import sys
import zlib
from pathlib import Path

SCALE = 100
SMALLEST = 0.0004  # square degrees: below this an island is less than a pixel at any zoom that shows only outlines

EMPTY = (241, 242, 247, 251, 252, 253, 254)  # NULL and the environments that have a code of their own
SYMSXP, LISTSXP, LANGSXP, CHARSXP, LGLSXP, INTSXP, REALSXP, STRSXP, VECSXP, S4SXP, REFSXP = (
    1, 2, 6, 9, 10, 13, 14, 16, 19, 25, 255)


class Value:
    """An R value: its data, and its attributes by name."""

    def __init__(self, data, attributes):
        self.data = data
        self.attributes = attributes


class Reader:
    def __init__(self, data):
        if data[:2] != b"X\n":
            raise ValueError("not an XDR serialization of R")
        self.data, self.at, self.references = data, 2, []
        version = self.integer()
        self.at += 8
        if version == 3:
            encoding_bytes = self.integer()
            self.at += encoding_bytes

    def integer(self):
        self.at += 4
        return struct.unpack_from(">i", self.data, self.at - 4)[0]

    def many(self, letter, width):
        count = self.integer()
        self.at += width * count
        return struct.unpack_from(f">{count}{letter}", self.data, self.at - width * count)

    def read(self):
        flags = self.integer() & 0xFFFFFFFF
        kind, has_attributes = flags & 0xFF, flags & 0x200
        if kind in EMPTY:
            return None
        if kind == REFSXP:
            return self.references[(flags >> 8 or self.integer()) - 1]
        if kind == SYMSXP:
            name = self.read()
            self.references.append(name)
            return name
        if kind in (LISTSXP, LANGSXP):
            return self.pairs(flags)
        if kind == CHARSXP:
            size = self.integer()
            if size < 0:
                return None
            self.at += size
            return self.data[self.at - size:self.at].decode("utf-8", "replace")
        if kind == S4SXP:
            return Value(None, self.pairs(self.integer()))
        if kind in (LGLSXP, INTSXP):
            data = self.many("i", 4)
        elif kind == REALSXP:
            data = self.many("d", 8)
        elif kind in (STRSXP, VECSXP):
            data = [self.read() for _ in range(self.integer())]
        else:
            raise ValueError(f"R type {kind} at byte {self.at} is not known here")
        return Value(data, self.read() if has_attributes else {})

    def pairs(self, flags):
        found = {}
        while flags & 0xFF in (LISTSXP, LANGSXP):
            if flags & 0x200:
                self.read()
            tag = self.read() if flags & 0x400 else len(found)
            found[tag] = self.read()
            flags = self.integer() & 0xFFFFFFFF
        return found


def decompress(chunk):
    """One object of an .rdb: its length, and the data as zlib, or as 'Z' with a raw LZMA2 stream."""
    size, letter = struct.unpack_from(">I", chunk)[0], chunk[4:5]
    if letter == b"Z":
        data = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2, "preset": 6}]).decompress(
            chunk[5:])
    else:
        data = zlib.decompress(chunk[4:])
    if len(data) != size:
        raise ValueError(f"an object of {size} bytes has {len(data)}")
    return data


def load(directory, name):
    index = Reader(zlib_or_gzip((directory / "Rdata.rdx").read_bytes())).read()
    variables = dict(zip(index.attributes["names"].data, index.data))["variables"]
    offset, size = dict(zip(variables.attributes["names"].data, variables.data))[name].data
    with open(directory / "Rdata.rdb", "rb") as rdb:
        rdb.seek(offset)
        return Reader(decompress(rdb.read(size))).read()


def zlib_or_gzip(data):
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else zlib.decompress(data)


def rings_of(countries):
    """Every outline of an sp SpatialPolygonsDataFrame as (area, [(lon, lat), …])."""
    for country in countries.attributes["polygons"].data:
        for polygon in country.attributes["Polygons"].data:
            numbers = polygon.attributes["coords"].data
            half = len(numbers) // 2
            yield polygon.attributes["area"].data[0], list(zip(numbers[:half], numbers[half:]))


def encode(points):
    grid = []
    for lon, lat in points:
        point = (round(lon * SCALE), round(lat * SCALE))
        if not grid or point != grid[-1]:
            grid.append(point)
    out, last = [], (0, 0)
    for point in grid:
        out += [point[0] - last[0], point[1] - last[1]]
        last = point
    return out


def outlines(directory):
    rings = [encode(points) for area, points in rings_of(load(directory, "countries50")) if area >= SMALLEST]
    rings = [ring for ring in rings if len(ring) >= 8]
    if len(rings) < 1000:
        raise ValueError(f"only {len(rings)} outlines in {directory}")
    return rings


def main():
    rings = [] if sys.argv[1] == "--none" else outlines(Path(sys.argv[1]))
    text = json.dumps({"scale": SCALE, "rings": rings}, separators=(",", ":")).encode()
    Path(sys.argv[2]).write_bytes(text)
    # Compressed here, because at start-up it would take a quarter of a second.
    Path(sys.argv[2] + ".gz").write_bytes(gzip.compress(text, 9, mtime=0))


if __name__ == "__main__":
    main()
