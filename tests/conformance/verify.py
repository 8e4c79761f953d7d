#!/usr/bin/python3
"""An independent verifier of chargeledger's logs, written from docs/log_format.md alone.

    verify.py tiles DIR --key VKEY [--key VKEY …]     checks an exported folder from the entries' bytes up
    verify.py proof FILE --key VKEY [--key VKEY …]    checks an inclusion or a consistency proof

Needs Python's standard library and `cryptography`. Exits 0 if everything is right, and 1 with one line on stderr that names
what is wrong.
"""

import base64
import hashlib
import pathlib
import re
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519, COSIGNATURE = 1, 4
MAX_HASHES = 64
SPACES = re.compile(r"[\s+\x00-\x20\x7f]")


class Wrong(Exception):
    """What is wrong, in words."""


def require(condition, what):
    if not condition:
        raise Wrong(what)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def leaf_hash(entry):
    return sha256(b"\x00", entry)


def node_hash(left, right):
    return sha256(b"\x01", left, right)


def root_of(hashes):
    """MTH of RFC 6962 section 2.1: complete subtrees from the left, joined from the right."""
    if not hashes:
        return sha256()
    peaks = []
    for index, node in enumerate(hashes):
        while index & 1:
            node = node_hash(peaks.pop(), node)
            index >>= 1
        peaks.append(node)
    root = peaks.pop()
    while peaks:
        root = node_hash(peaks.pop(), root)
    return root


def decode_base64(text, what):
    try:
        decoded = base64.b64decode(text, validate=True)
    except ValueError:
        raise Wrong(f"{what}: not base64") from None
    require(base64.b64encode(decoded).decode() == text, f"{what}: base64 in another form than the canonical one")
    return decoded


def decode_hash(text, what):
    decoded = decode_base64(text, what)
    require(len(decoded) == 32, f"{what}: {len(decoded)} bytes; a hash has 32")
    return decoded


def decode_number(text, what):
    require(re.fullmatch(r"0|[1-9][0-9]{0,18}", text) and int(text) < 2**63, f"{what}: {text!r} is no plain decimal number")
    return int(text)


class Key:
    """A verifier key, read from its text form (vkey)."""

    def __init__(self, vkey):
        parts = vkey.split("+", 2)
        require(len(parts) == 3, f"key {vkey!r}: not <name>+<key id>+<base64>")
        self.name = parts[0]
        material = decode_base64(parts[2], f"key {vkey!r}")
        require(len(material) == 33 and material[0] in (ED25519, COSIGNATURE), f"key {vkey!r}: not an Ed25519 key")
        self.type, self.public = material[0], material[1:]
        self.id = sha256(self.name.encode(), b"\n", material)[:4]
        require(self.name and not SPACES.search(self.name) and self.id.hex() == parts[1], f"key {vkey!r}: another key id")

    def check(self, text, signature):
        """Whether `signature` (without the key id) is this key's under `text`."""
        message = text
        if self.type == COSIGNATURE:
            require(len(signature) == 72, f"the cosignature of {self.name} has {len(signature)} bytes")
            time = int.from_bytes(signature[:8], "big")
            message, signature = b"cosignature/v1\ntime %d\n" % time + text, signature[8:]
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            raise Wrong(f"the signature of {self.name} is not one of this checkpoint") from None


class Checkpoint:
    """A signed checkpoint; at least one of `keys` signed it, and none that did is wrong."""

    def __init__(self, note, keys):
        try:
            decoded = note.decode()
        except UnicodeDecodeError:
            raise Wrong("the checkpoint is not UTF-8") from None
        require(not re.search(r"[\x00-\x09\x0b-\x1f]", decoded), "the checkpoint has a control character")
        text, gap, signatures = decoded.rpartition("\n\n")
        require(gap and signatures.endswith("\n"), "the checkpoint is no signed note")
        text += "\n"
        lines = text[:-1].split("\n")
        require(len(lines) >= 3 and all(lines), "the checkpoint's text is not origin, size and root")
        self.origin = lines[0]
        self.size = decode_number(lines[1], "the checkpoint's size")
        self.root = decode_hash(lines[2], "the checkpoint's root")
        signed = 0
        for line in signatures[:-1].split("\n"):
            parts = line.split(" ")
            require(len(parts) == 3 and parts[0] == "—" and parts[1], f"not a signature line: {line!r}")
            signature = decode_base64(parts[2], f"the signature of {parts[1]}")
            require(len(signature) > 4, f"the signature of {parts[1]} is too short")
            for key in keys:
                if (key.name, key.id) == (parts[1], signature[:4]):
                    key.check(text.encode(), signature[4:])
                    signed += 1
        require(signed, "none of the given keys signed the checkpoint")


def varint(data, at):
    value, shift = 0, 0
    while True:
        require(at < len(data) and shift < 64, "a varint is cut off")
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not data[at - 1] & 0x80:
            return value, at


def place_of(entry):
    """Generation and sequence that a serialised Entry says of itself (fields 1 and 2)."""
    place, at = {1: 0, 2: 0}, 0
    while at < len(entry):
        tag, at = varint(entry, at)
        kind = tag & 7
        if kind == 0:
            value, at = varint(entry, at)
            if tag >> 3 in place:
                place[tag >> 3] = value
        else:
            require(kind in (1, 2, 5), "a field of a kind that protobuf does not have")
            length, at = varint(entry, at) if kind == 2 else ({1: 8, 5: 4}[kind], at)
            at += length
            require(at <= len(entry), "a field is cut off")
    return place[1], place[2]


def tile_name(level, index, width):
    groups = [f"{index % 1000:03}"]
    while index >= 1000:
        index //= 1000
        groups.insert(0, f"x{index % 1000:03}")
    return f"tile/{level}/" + "/".join(groups) + (f".p/{width}" if width < 256 else "")


def read_bundle(data, count, name):
    entries, at = [], 0
    while at < len(data):
        require(len(entries) < count and at + 2 <= len(data), f"{name}: more than its {count} entries")
        length = int.from_bytes(data[at:at + 2], "big")
        require(at + 2 + length <= len(data), f"{name}: entry {len(entries)} is cut off")
        entries.append(data[at + 2:at + 2 + length])
        at += 2 + length
    require(len(entries) == count, f"{name}: {len(entries)} entries instead of {count}")
    return entries


def verify_tiles(folder, keys):
    folder = pathlib.Path(folder)

    def read(name):
        try:
            return (folder / name).read_bytes()
        except OSError as error:
            raise Wrong(f"{name}: {error.strerror}") from None

    checkpoint = Checkpoint(read("checkpoint"), keys)
    generation = re.fullmatch(r".+/g([1-9][0-9]*)", checkpoint.origin)
    require(generation, f"the origin {checkpoint.origin!r} does not end with a generation")
    row = []
    for first in range(0, checkpoint.size, 256):
        width = min(256, checkpoint.size - first)
        name = tile_name("entries", first // 256, width)
        for number, entry in enumerate(read_bundle(read(name), width, name), first):
            says = place_of(entry)
            require(says == (int(generation[1]), number), f"entry {number} says that it is {says[1]} of generation {says[0]}")
            row.append(leaf_hash(entry))
    require(root_of(row) == checkpoint.root, "the entries do not hash to the signed root")
    level = 0
    while row:
        above = []
        for first in range(0, len(row), 256):
            tile = row[first:first + 256]
            name = tile_name(level, first // 256, len(tile))
            require(read(name) == b"".join(tile), f"{name}: not the hashes of what is below it")
            if len(tile) == 256:
                above.append(root_of(tile))
        row, level = above, level + 1
    return f"{checkpoint.origin}: {checkpoint.size} entries hash to the signed root"


def verify_inclusion(index, leaf, hashes, size, root):
    require(index < size, f"entry {index} is not among {size}")
    fn, sn, r = index, size - 1, leaf
    for p in hashes:
        require(sn, "the proof is too long")
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    require(sn == 0, "the proof is too short")
    require(r == root, "the proof does not lead to the signed root")


def verify_consistency(old, new, hashes):
    require(old.size <= new.size, "the older checkpoint is the larger one")
    if old.size in (0, new.size):
        require(not hashes, "the proof is too long")
        require(old.root == (new.root if old.size else sha256()), "the roots differ")
        return
    hashes = ([old.root] if old.size & (old.size - 1) == 0 else []) + hashes
    require(hashes, "the proof is too short")
    fn, sn = old.size - 1, new.size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = hashes[0]
    for p in hashes[1:]:
        require(sn, "the proof is too long")
        if fn & 1 or fn == sn:
            fr, sr = node_hash(p, fr), node_hash(p, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, p)
        fn, sn = fn >> 1, sn >> 1
    require(sn == 0, "the proof is too short")
    require((fr, sr) == (old.root, new.root), "the proof does not lead to the signed roots")


def take_line(data, what):
    line, newline, rest = data.partition(b"\n")
    require(newline, f"the file ends before {what}")
    return line.decode("ascii", "replace"), rest


def take_hashes(data):
    hashes = []
    while True:
        line, data = take_line(data, "the blank line behind the hashes")
        if not line:
            return hashes, data
        require(len(hashes) < MAX_HASHES, "more than 64 hashes")
        hashes.append(decode_hash(line, f"hash {len(hashes)}"))


def verify_proof(path, keys):
    try:
        data = pathlib.Path(path).read_bytes()
    except OSError as error:
        raise Wrong(f"{path}: {error.strerror}") from None
    header, data = take_line(data, "its first line")
    if header == "chargeledger/consistency-proof@v1":
        hashes, data = take_hashes(data)
        end = data.find(b"\n\n", data.find(b"\n\n") + 2)
        require(end > 0, "not two checkpoints")
        old, new = Checkpoint(data[:end + 1], keys), Checkpoint(data[end + 2:], keys)
        require(old.origin == new.origin, "the checkpoints are of different logs")
        verify_consistency(old, new, hashes)
        return f"{new.origin}: only grew from {old.size} to {new.size} entries"
    require(header == "c2sp.org/tlog-proof@v1", f"not a proof: {header!r}")
    extra, data = take_line(data, "extra")
    require(extra.startswith("extra "), "the proof does not carry its entry")
    index, data = take_line(data, "index")
    require(index.startswith("index "), "the proof has no index")
    number = decode_number(index[6:], "index")
    hashes, data = take_hashes(data)
    checkpoint = Checkpoint(data, keys)
    entry = decode_base64(extra[6:], "extra")
    verify_inclusion(number, leaf_hash(entry), hashes, checkpoint.size, checkpoint.root)
    require(place_of(entry)[1] == number, "the entry says of itself that it stands elsewhere")
    return f"{checkpoint.origin}: entry {number} is in it"


def main(arguments):
    command, path, *rest = arguments if len(arguments) >= 4 else ("", "")
    if command not in ("tiles", "proof") or len(rest) % 2 or set(rest[::2]) != {"--key"}:
        sys.exit(__doc__)
    try:
        keys = [Key(vkey) for vkey in rest[1::2]]
        print("verified:", (verify_tiles if command == "tiles" else verify_proof)(path, keys))
    except Wrong as wrong:
        print(f"verify.py: {wrong}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
