#!/usr/bin/env python3
"""Verifies an exported log a second time, without a line of Countersign.

Written from RFC 6962 and the C2SP specifications signed-note, tlog-checkpoint, tlog-tiles and tlog-proof alone. Needs
Python 3.9 and the package `cryptography`, for Ed25519.

    log_verifier.py log DIR KEY [OLD_CHECKPOINT]   every entry and every tile of an exported log, or of one at http://…
    log_verifier.py proof FILE KEY ENTRY           one entry, by its proof

KEY is a verifier key (`name+hash+key`) or a file that holds one. Says `ok …` and exits with 0, or `bad …` and 1.
"""

import base64
import binascii
import hashlib
import os
import sys
import urllib.request

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

DASH = "\u2014 "


class Bad(Exception):
    """What does not hold."""


def need(holds, what):
    if not holds:
        raise Bad(what)


def unbase64(text, length=None):
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError) as error:
        raise Bad(f"not base64: {text[:80]!r}") from error
    need(base64.b64encode(raw).decode() == text, "base64 in another form than the usual one")
    need(length is None or len(raw) == length, f"not {length} bytes")
    return raw


def number(text):
    need(text.isascii() and text.isdigit() and (text == "0" or text[0] != "0"), f"no number: {text[:80]!r}")
    need(int(text) < 2**64, "a number beyond 64 bits")
    return int(text)


def leaf(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(hashes):
    """The root over hashes of leaves, level by level, where an odd one rises as it is."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    while len(hashes) > 1:
        above = [node(hashes[i], hashes[i + 1]) for i in range(0, len(hashes) - 1, 2)]
        if len(hashes) % 2:
            above.append(hashes[-1])
        hashes = above
    return hashes[0]


class Key:
    """A verifier key, and the sizes of the log for which it counts."""

    def __init__(self, text):
        if os.path.exists(text):
            with open(text, encoding="utf-8") as file:
                text = file.read()
        self.text, self.first, self.last = text.strip(), 0, 2**64
        parts = text.strip().split("+", 2)
        need(len(parts) == 3, "no verifier key")
        self.name, stated, key = parts
        raw = unbase64(key, 33)
        need(raw[0] == 1, "not an Ed25519 key")
        self.id = hashlib.sha256(self.name.encode() + b"\n" + raw).digest()[:4]
        need(self.id.hex() == stated, "the key does not have the hash that it states")
        self.key = Ed25519PublicKey.from_public_bytes(raw[1:])


def signed(note, key):
    """The text of a signed note, and whether the key signed it: a signature of its own that does not hold is refused."""
    need(len(note) <= 1 << 20, "the note is too long")
    try:
        note = note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Bad("the note is not UTF-8") from error
    need("\n\n" in note and note.endswith("\n"), "not a signed note")
    text, signatures = note.rsplit("\n\n", 1)
    text += "\n"
    need(all(c == "\n" or (ord(c) >= 32 and not 127 <= ord(c) < 160) for c in text), "control characters")
    lines = signatures[:-1].split("\n")
    need(len(lines) <= 100, "too many signatures")
    found = False
    for line in lines:
        need(line.startswith(DASH) and " " in line[2:], "no signature line")
        name, signature = line[2:].split(" ", 1)
        raw = unbase64(signature)
        need(len(raw) > 4 and name, "no signature line")
        if name == key.name and raw[:4] == key.id:
            try:
                key.key.verify(raw[4:], text.encode())
            except InvalidSignature as error:
                raise Bad("the signature does not hold") from error
            found = True
    return text, found


def opened(note, keys):
    """The checkpoint of a signed note: (size, root)."""
    keys = keys if isinstance(keys, list) else [keys]
    found = [key for key in keys if signed(note, key)[1]]
    need(found, "no signature by the key")
    lines = signed(note, keys[0])[0][:-1].split("\n")
    need(len(lines) >= 3 and all(lines), "no checkpoint")
    need(lines[0] == keys[0].name, "the checkpoint of another log")
    size = number(lines[1])
    need(any(key.first <= size <= key.last for key in found), "the signature of a key that is not of its time")
    return size, unbase64(lines[2], 32)


ROTATION = "countersign log key rotation v1\n"


def rotation(note):
    """A rotation that both keys signed: (entry, old key, new key)."""
    lines = note.decode("utf-8", "replace").split("\n\n")[0].split("\n")
    need(len(lines) == 4 and lines[0] + "\n" == ROTATION, "no rotation")
    index, old, new = number(lines[1]), Key(lines[2]), Key(lines[3])
    need(old.name == new.name and signed(note, old)[1] and signed(note, new)[1], "a rotation that not both keys signed")
    return index, old, new


def followed(folder, key):
    """The keys that follow from the trusted one, and those before it."""
    try:
        notes = read(folder, "key-rotations")
    except Bad:
        return [key]
    parts = notes.split(ROTATION.encode())[1:]
    found, keys = [rotation(ROTATION.encode() + part.rstrip(b"\n") + b"\n") for part in parts], [key]
    for index, old, new in reversed(found):
        if new.text == keys[0].text:
            keys[0].first = old.last = index + 1
            keys.insert(0, old)
    for index, old, new in found:
        if old.text == keys[-1].text:
            keys[-1].last = new.first = index + 1
            keys.append(new)
    return keys


def path_of(level, index, width):
    digits = f"{index:03}"
    digits = "0" * (-len(digits) % 3) + digits
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    groups = ["x" + group for group in groups[:-1]] + groups[-1:]
    return f"tile/{level}/" + "/".join(groups) + ("" if width == 256 else f".p/{width}")


def read(folder, path):
    try:
        if folder.startswith("http://"):
            with urllib.request.urlopen(f"{folder}/{path}", timeout=30) as answer:
                return answer.read()
        with open(os.path.join(folder, path), "rb") as file:
            return file.read()
    except OSError as error:
        raise Bad(f"{path} cannot be read") from error


def entries_of(folder, size):
    for first in range(0, size, 256):
        width = min(256, size - first)
        path = path_of("entries", first // 256, width)
        bundle, at = read(folder, path), 0
        for index in range(first, first + width):
            length = int.from_bytes(bundle[at : at + 2], "big")
            need(len(bundle) >= at + 2 + length, f"entry {index} cannot be had: {path} does not hold it")
            yield bundle[at + 2 : at + 2 + length]
            at += 2 + length
        need(at == len(bundle), f"entry {first + width} is one too many in {path}")


def log(folder, trusted, older=None):
    key = followed(folder, trusted)
    size, root = opened(read(folder, "checkpoint"), key)
    hashes = [leaf(entry) for entry in entries_of(folder, size)]
    if root_of(hashes) != root:
        kept = b"".join(
            read(folder, path_of(0, first // 256, min(256, size - first))) for first in range(0, size, 256)
        )
        differ = [i for i, hash in enumerate(hashes) if kept[32 * i : 32 * i + 32] != hash]
        need(not differ, f"entry {differ[0] if differ else 0} is not what was signed")
        raise Bad("the log was written anew")
    level, row = 0, hashes
    while row:
        for first in range(0, len(row), 256):
            some = row[first : first + 256]
            path = path_of(level, first // 256, len(some))
            need(read(folder, path) == b"".join(some), f"{path} is not what its entries lead to")
        row = [root_of(row[i : i + 256]) for i in range(0, len(row) - 255, 256)]
        level += 1
    if older:
        with open(older, "rb") as file:
            old_size, old_root = opened(file.read(), key)
        need(old_size <= size, f"the older checkpoint has {old_size} entries and the log {size}")
        need(root_of(hashes[:old_size]) == old_root, f"the log does not continue the checkpoint of {old_size} entries")
    return f"ok {size} {root.hex()}"


def proof(file, key, entry):
    with open(file, "rb") as opened_file:
        whole = opened_file.read()
    need(b"\n\n" in whole, "no proof")
    head, note = whole.split(b"\n\n", 1)
    try:
        lines = head.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise Bad("the proof is not UTF-8") from error
    need(lines.pop(0) == "c2sp.org/tlog-proof@v1", "no proof of this version")
    if lines and lines[0].startswith("extra "):
        lines.pop(0)
    need(lines and lines[0].startswith("index "), "no index")
    index = number(lines.pop(0)[6:])
    need(len(lines) <= 64, "too many hashes")
    path = [unbase64(line, 32) for line in lines]
    size, root = opened(note, key)
    need(index < size, f"entry {index} is not in a tree of {size}")
    with open(entry, "rb") as opened_file:
        found = leaf(opened_file.read())

    # From the root down the path is taken from its end: left or right as the index lies.
    def climb(hash, index, size, path):
        if size == 1:
            need(not path, "too many hashes")
            return hash
        need(path, "too few hashes")
        half = 1 << (size - 1).bit_length() - 1
        if index < half:
            return node(climb(hash, index, half, path[:-1]), path[-1])
        return node(path[-1], climb(hash, index - half, size - half, path[:-1]))

    need(climb(found, index, size, path) == root, "the proof leads to another root")
    return f"ok {index} {size}"


def main(arguments):
    try:
        if len(arguments) in (3, 4) and arguments[0] == "log":
            print(log(arguments[1], Key(arguments[2]), *arguments[3:]))
        elif len(arguments) == 4 and arguments[0] == "proof":
            print(proof(arguments[1], Key(arguments[2]), arguments[3]))
        else:
            print(__doc__, file=sys.stderr)
            return 2
    except Bad as bad:
        print(f"bad {bad}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
