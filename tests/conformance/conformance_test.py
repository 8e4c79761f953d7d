#!/usr/bin/python3
"""Holds verify.py, and the project's own tool beside it, to docs/log_format.md.

Builds a log of its own from the document, in Python: a folder, an inclusion and a consistency proof. Both verifiers must
accept them, and reject each of the mutations below.
"""

import base64
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))
import verify  # noqa: E402

DOCUMENT = HERE.parent.parent / "docs" / "log_format.md"
ORIGIN = "acme/north/30313233343536373839616263646566/g1"
SIZE, OLD_SIZE, INDEX = 600, 100, 300


class Signer:
    def __init__(self, name, kind, seed):
        self.name, self.kind = name, kind
        self.key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        material = bytes([kind]) + self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.id = verify.sha256(name.encode(), b"\n", material)[:4]
        self.vkey = f"{name}+{self.id.hex()}+{base64.b64encode(material).decode()}"

    def line(self, text, time=1772366400):
        stamp = time.to_bytes(8, "big") if self.kind == verify.COSIGNATURE else b""
        message = (b"cosignature/v1\ntime %d\n" % time if stamp else b"") + text
        return f"— {self.name} {base64.b64encode(self.id + stamp + self.key.sign(message)).decode()}\n".encode()


AUTHOR = Signer(ORIGIN, verify.ED25519, 1)
HOLDER = Signer("chargeledger", verify.COSIGNATURE, 2)
STRANGER = Signer("stranger", verify.ED25519, 3)


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def make_entry(sequence, generation=1):
    place = b"\x08" + varint(generation) + (b"\x10" + varint(sequence) if sequence else b"")
    payload = b"frame %d" % sequence
    frame = b"\x2a" + varint(len(payload)) + payload
    return place + b"\x52" + varint(len(frame)) + frame


def mth(hashes):
    """RFC 6962 word by word."""
    if len(hashes) <= 1:
        return hashes[0] if hashes else verify.sha256()
    k = 1 << (len(hashes) - 1).bit_length() - 1
    return verify.node_hash(mth(hashes[:k]), mth(hashes[k:]))


def path(m, hashes):
    if len(hashes) == 1:
        return []
    k = 1 << (len(hashes) - 1).bit_length() - 1
    return path(m, hashes[:k]) + [mth(hashes[k:])] if m < k else path(m - k, hashes[k:]) + [mth(hashes[:k])]


def subproof(m, hashes, known):
    if m == len(hashes):
        return [] if known else [mth(hashes)]
    k = 1 << (len(hashes) - 1).bit_length() - 1
    if m <= k:
        return subproof(m, hashes[:k], known) + [mth(hashes[k:])]
    return subproof(m - k, hashes[k:], False) + [mth(hashes[:k])]


def text_of(hashes, origin=ORIGIN):
    return f"{origin}\n{len(hashes)}\n{base64.b64encode(mth(hashes)).decode()}\n".encode()


def sign(text, signers=(AUTHOR, HOLDER)):
    return text + b"\n" + b"".join(signer.line(text) for signer in signers)


def lines(hashes):
    return b"".join(base64.b64encode(h) + b"\n" for h in hashes)


def write(root, name, data):
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


def export(root, entries, origin=ORIGIN):
    row, level = [verify.leaf_hash(e) for e in entries], 0
    write(root, "checkpoint", sign(text_of(row, origin), (Signer(origin, verify.ED25519, 1), HOLDER)))
    for first in range(0, len(entries), 256):
        bundle = entries[first:first + 256]
        write(root, verify.tile_name("entries", first // 256, len(bundle)),
              b"".join(len(e).to_bytes(2, "big") + e for e in bundle))
    while row:
        above = []
        for first in range(0, len(row), 256):
            tile = row[first:first + 256]
            write(root, verify.tile_name(level, first // 256, len(tile)), b"".join(tile))
            above += [mth(tile)] if len(tile) == 256 else []
        row, level = above, level + 1


ENTRIES = [make_entry(n) for n in range(SIZE)]
LEAVES = [verify.leaf_hash(e) for e in ENTRIES]
INCLUSION = (b"c2sp.org/tlog-proof@v1\nextra " + base64.b64encode(ENTRIES[INDEX]) + b"\nindex %d\n" % INDEX
             + lines(path(INDEX, LEAVES)) + b"\n" + sign(text_of(LEAVES)))
CONSISTENCY = (b"chargeledger/consistency-proof@v1\n" + lines(subproof(OLD_SIZE, LEAVES, True)) + b"\n"
               + sign(text_of(LEAVES[:OLD_SIZE])) + b"\n" + sign(text_of(LEAVES)))


def flip(root, name, at):
    data = bytearray((root / name).read_bytes())
    data[at] ^= 1
    (root / name).write_bytes(data)


def resize(root, name, change):
    data = (root / name).read_bytes()
    (root / name).write_bytes(data[:change] if change < 0 else data + b"\x00" * change)


def edit(root, pattern, replacement):
    data = (root / "checkpoint").read_bytes()
    changed = re.sub(pattern, replacement, data, count=1)
    assert changed != data
    (root / "checkpoint").write_bytes(changed)


def swapped():
    return ENTRIES[:7] + [ENTRIES[8], ENTRIES[7]] + ENTRIES[9:]


# Of folders: what is done to a good one.
FOLDERS = {
    "an entry's byte": lambda root: flip(root, "tile/entries/000", 9),
    "an entry's length": lambda root: flip(root, "tile/entries/001", 1),
    "an entry of the open bundle": lambda root: flip(root, "tile/entries/002.p/88", 9),
    "a bundle with something behind it": lambda root: resize(root, "tile/entries/000", 3),
    "a bundle that is cut": lambda root: resize(root, "tile/entries/001", -1),
    "a bundle that is missing": lambda root: (root / "tile/entries/001").unlink(),
    "a leaf in its tile": lambda root: flip(root, "tile/0/001", 70),
    "a leaf of the open tile": lambda root: flip(root, "tile/0/002.p/88", 5),
    "a node of level 1": lambda root: flip(root, "tile/1/000.p/2", 33),
    "a tile with something behind it": lambda root: resize(root, "tile/0/000", 32),
    "a tile that is cut": lambda root: resize(root, "tile/0/002.p/88", -32),
    "a tile that is missing": lambda root: (root / "tile/1/000.p/2").unlink(),
    "the signed size": lambda root: edit(root, rb"\n600\n", b"\n599\n"),
    "a zero before the size": lambda root: edit(root, rb"\n600\n", b"\n0600\n"),
    "the signed root": lambda root: write(root, "checkpoint", sign(text_of(LEAVES)).replace(
        base64.b64encode(mth(LEAVES)), base64.b64encode(mth(LEAVES[:5])))),
    "the origin": lambda root: edit(root, rb"acme", b"acne"),
    "the author's signature": lambda root: edit(root, rb"(?s)(.{30})A?(.)(.{9}=)\n", lambda m: m[0][:31] + (
        b"B" if m[0][31:32] != b"B" else b"C") + m[0][32:]),
    "a cosignature at another time": lambda root: write(root, "checkpoint", sign(text_of(LEAVES), (AUTHOR,)) + re.sub(
        rb" (\S+)\n", lambda m: b" " + base64.b64encode(bytes(
            b ^ (i == 11) for i, b in enumerate(base64.b64decode(m[1])))) + b"\n", HOLDER.line(text_of(LEAVES)))),
    "a stranger's signature alone": lambda root: write(root, "checkpoint", sign(text_of(LEAVES), (STRANGER,))),
    "no signature": lambda root: write(root, "checkpoint", text_of(LEAVES) + b"\n"),
    "no checkpoint": lambda root: (root / "checkpoint").unlink(),
    "base64 without its padding": lambda root: edit(root, rb"=\n\n", b"\n\n"),
    "a carriage return": lambda root: edit(root, rb"\n600", b"\r\n600"),
}
# Correctly signed logs whose entries do not stand where they say.
MOVED = {
    "two entries that changed places": swapped,
    "an entry of another generation": lambda: ENTRIES[:9] + [make_entry(9, 2)] + ENTRIES[10:],
    "an entry that is no protobuf": lambda: ENTRIES[:9] + [b"\xff" * 9] + ENTRIES[10:],
}
HASHES = path(INDEX, LEAVES)
PROOFS = {
    "another index": (INCLUSION, b"index 300", b"index 301"),
    "a zero before the index": (INCLUSION, b"index 300", b"index 0300"),
    "another entry": (INCLUSION, base64.b64encode(ENTRIES[INDEX]), base64.b64encode(ENTRIES[INDEX + 1])),
    "no entry": (INCLUSION, b"extra " + base64.b64encode(ENTRIES[INDEX]) + b"\n", b""),
    "a hash that is missing": (INCLUSION, lines(HASHES[:1]), b""),
    "a hash that is another": (INCLUSION, lines(HASHES[:1]), lines(LEAVES[:1])),
    "a hash more": (INCLUSION, lines(HASHES[-1:]), lines(HASHES[-1:] + LEAVES[:1])),
    "hashes in another order": (INCLUSION, lines(HASHES[:2]), lines(HASHES[1::-1])),
    "another header": (INCLUSION, b"proof@v1", b"proof@v2"),
    "a checkpoint of another size": (INCLUSION, sign(text_of(LEAVES)), sign(text_of(LEAVES[:500]))),
    "a consistency hash that is another": (CONSISTENCY, lines(subproof(OLD_SIZE, LEAVES, True)[:1]), lines(LEAVES[:1])),
    "a consistency hash that is missing": (CONSISTENCY, lines(subproof(OLD_SIZE, LEAVES, True)[-1:]), b""),
    "checkpoints in another order": (CONSISTENCY, sign(text_of(LEAVES[:OLD_SIZE])) + b"\n" + sign(text_of(LEAVES)),
                                     sign(text_of(LEAVES)) + b"\n" + sign(text_of(LEAVES[:OLD_SIZE]))),
    "checkpoints of two logs": (CONSISTENCY, sign(text_of(LEAVES)), sign(text_of(LEAVES, "other/g1"))),
    "one checkpoint only": (CONSISTENCY, b"\n" + sign(text_of(LEAVES)), b""),
    "an older root that never was": (CONSISTENCY, sign(text_of(LEAVES[:OLD_SIZE])), sign(text_of(LEAVES[1:OLD_SIZE + 1]))),
}


class Conformance(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR")))
        self.addCleanup(shutil.rmtree, self.dir)

    def tools(self):
        yield "verify.py", [sys.executable, str(HERE / "verify.py")]
        if os.environ.get("LEDGERCTL"):
            yield "ledgerctl", [os.environ["LEDGERCTL"], "verify"]

    def judge(self, command, kind, subject):
        keys = ["--key", AUTHOR.vkey, "--key", HOLDER.vkey]
        done = subprocess.run(command + [kind, str(subject)] + keys, capture_output=True, text=True, check=False)
        self.assertNotIn("Traceback", done.stderr)
        return done

    def accept(self, kind, subject):
        for name, command in self.tools():
            done = self.judge(command, kind, subject)
            self.assertEqual(done.returncode, 0, f"{name}: {done.stderr}")

    def reject(self, kind, subject):
        for name, command in self.tools():
            done = self.judge(command, kind, subject)
            self.assertEqual(done.returncode, 1, f"{name}: {done.stdout}{done.stderr}")
            self.assertTrue(done.stderr.strip(), name)

    def test_a_good_folder_is_accepted_and_every_mutation_of_it_rejected(self):
        export(self.dir / "good", ENTRIES)
        self.accept("tiles", self.dir / "good")
        for number, (what, mutate) in enumerate(FOLDERS.items()):
            with self.subTest(what):
                root = self.dir / str(number)
                shutil.copytree(self.dir / "good", root)
                mutate(root)
                self.reject("tiles", root)

    def test_entries_that_do_not_stand_where_they_say_are_rejected_though_all_hashes_and_signatures_are_right(self):
        for number, (what, entries) in enumerate(MOVED.items()):
            with self.subTest(what):
                export(self.dir / str(number), entries())
                self.reject("tiles", self.dir / str(number))

    def test_good_proofs_are_accepted_and_every_mutation_of_them_rejected(self):
        file = self.dir / "proof"
        for proof in (INCLUSION, CONSISTENCY):
            file.write_bytes(proof)
            self.accept("proof", file)
        for what, (proof, before, after) in PROOFS.items():
            with self.subTest(what):
                self.assertIn(before, proof)
                file.write_bytes(proof.replace(before, after, 1))
                self.reject("proof", file)

    def test_the_documents_worked_example_is_right(self):
        text = DOCUMENT.read_text(encoding="utf-8").split("## Worked example")[1].split("## In the store")[0]
        numbered = re.findall(r"^    ([0-2])  ([0-9a-f]+(?:\n {7}[0-9a-f]+)*)$", text, re.M)
        entries = [bytes.fromhex(re.sub(r"\s", "", hexed)) for _, hexed in numbered]
        self.assertEqual([verify.place_of(e) for e in entries], [(1, 0), (1, 1), (1, 2)])
        leaves = [verify.leaf_hash(e) for e in entries]
        self.assertEqual([h.hex() for h in leaves], re.findall(r"leaf [0-2]   ([0-9a-f]{64})$", text, re.M))
        self.assertEqual(mth(leaves).hex(), re.search(r"root 3   ([0-9a-f]{64})", text)[1])
        self.assertEqual(verify.root_of(leaves), mth(leaves))
        keys = [verify.Key(vkey) for vkey in re.findall(r"^    (\S+\+[0-9a-f]{8}\+\S+)$", text, re.M)]
        self.assertEqual(len(keys), 2)
        note = re.search(r"^    acme/north/\S+\n    3\n    \S+\n\n(?:    — .*\n)+", text, re.M)[0]
        note = re.sub(r"^    ", "", note, flags=re.M).encode()
        for key in keys:
            self.assertEqual(verify.Checkpoint(note, [key]).root, mth(leaves))
        proof = re.sub(r"^    ", "", re.search(r"^    c2sp.*?\n(?:    .*\n)+", text, re.M)[0], flags=re.M).encode()
        (self.dir / "proof").write_bytes(proof + b"\n" + note)
        self.assertIn("entry 1 is in it", verify.verify_proof(self.dir / "proof", keys))


if __name__ == "__main__":
    unittest.main()
