#!/usr/bin/env python3
"""A witness, as the C2SP specification tlog-witness has it, without a line of Countersign.

    fake_witness.py NAME LOG_KEY [forgetful|liar|unsigned|slow]

Makes a key of its own, listens on a free port of this machine, and prints `http://…=name+hash+key`. It keeps what it has
seen in memory. The words after the key make it answer as one that forgets, that sends another's signature, that sends
something else, or that is late.
"""

import base64
import hashlib
import struct
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

NAME, LOG, HOW = sys.argv[1], sys.argv[2], (sys.argv[3:] + [""])[0]
SEEN = {}
KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
ID = hashlib.sha256(NAME.encode() + b"\n\x04" + PUBLIC).digest()[:4]
VKEY = "+".join([NAME, ID.hex(), base64.b64encode(b"\x04" + PUBLIC).decode()])


class Refused(Exception):
    def __init__(self, status, body="", kind="text/plain"):
        super().__init__(status)
        self.status, self.body, self.kind = status, body, kind


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def roots(old, new, proof, old_root):
    """The roots of the old and of the new tree to which a proof of consistency leads (RFC 6962, 2.1.2)."""

    def below(m, n, whole):
        if m == n:
            hash = old_root if whole else proof.pop(0)
            return hash, hash
        half = 1 << (n - 1).bit_length() - 1
        if m <= half:
            before, since = below(m, half, whole)
            return before, node(since, proof.pop(0))
        before, since = below(m - half, n - half, False)
        left = proof.pop(0)
        return node(left, before), node(left, since)

    found = below(old, new, True)
    if proof:
        raise IndexError
    return found


def signed_by_log(note):
    text, signatures = note.rsplit("\n\n", 1)
    name, stated, key = LOG.split("+", 2)
    raw = base64.b64decode(key)[1:]
    if text.split("\n")[0] != name:
        raise Refused(404)
    for line in signatures.splitlines():
        _, by, signature = line.split(" ", 2)
        signature = base64.b64decode(signature)
        if by == name and signature[:4].hex() == stated:
            try:
                Ed25519PublicKey.from_public_bytes(raw).verify(signature[4:], (text + "\n").encode())
                return text + "\n"
            except InvalidSignature as error:
                raise Refused(403) from error
    raise Refused(403)


def add(body):
    head, note = body.split("\n\n", 1)
    first, *proof = head.split("\n")
    word, old = first.split(" ")
    old = int(old)
    if word != "old" or str(old) != first[4:] or len(proof) > 63:
        raise Refused(400)
    proof = [base64.b64decode(line, validate=True) for line in proof]
    text = signed_by_log(note)
    origin, size, root = text.split("\n")[:3]
    size, root = int(size), base64.b64decode(root)
    seen, seen_root = SEEN.get(origin, (0, hashlib.sha256(b"").digest()))
    if old > size:
        raise Refused(400)
    if old != seen:
        raise Refused(409, f"{seen}\n", "text/x.tlog.size")
    if old == size and seen_root != root:
        raise Refused(409, f"{seen}\n", "text/x.tlog.size")
    if old == 0 or old == size:
        if proof:
            raise Refused(422)
    else:
        try:
            holds = roots(old, size, proof, seen_root) == (seen_root, root)
        except IndexError as error:
            raise Refused(422) from error
        if not holds:
            raise Refused(422)
    if HOW != "forgetful":
        SEEN[origin] = (size, root)
    now = int(time.time())
    by = Ed25519PrivateKey.generate() if HOW == "liar" else KEY
    signature = struct.pack(">Q", now) + by.sign(f"cosignature/v1\ntime {now}\n{text}".encode())
    return "sorry\n" if HOW == "unsigned" else f"\u2014 {NAME} {base64.b64encode(ID + signature).decode()}\n"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        if HOW == "slow":
            time.sleep(60)
        status, kind = 200, "text/plain"
        try:
            if self.path != "/add-checkpoint":
                raise Refused(404)
            answer = add(self.rfile.read(int(self.headers["content-length"])).decode())
        except Refused as refused:
            status, answer, kind = refused.status, refused.body, refused.kind
        except ValueError:
            status, answer = 400, ""
        answer = answer.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"http://127.0.0.1:{server.server_address[1]}={VKEY}", flush=True)
server.serve_forever()
