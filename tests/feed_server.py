"""A server of a feed for tests: `feed_server.py FOLDER`.

Says on its first line where it listens, over TLS. It answers with FOLDER/feed.ics while that is there, else with 503. Its
authority's certificate is FOLDER/authority.pem. How often it was asked is the number of lines in FOLDER/asked.
"""

import datetime
import http.server
import ipaddress
import pathlib
import ssl
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

folder = pathlib.Path(sys.argv[1])


def certificate():
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test's feed")])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = built.public_bytes(serialization.Encoding.PEM)
    (folder / "authority.pem").write_bytes(pem)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(pem + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


class Feed(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open(folder / "asked", "a", encoding="utf-8") as asked:
            asked.write(self.path + "\n")
        feed = folder / "feed.ics"
        there = feed.exists()
        body = feed.read_bytes() if there else b"not now"
        self.send_response(200 if there else 503)
        self.send_header("content-type", "text/calendar")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Feed)
server.socket = certificate().wrap_socket(server.socket, server_side=True)
print("listening on", "localhost:%d" % server.server_address[1], flush=True)
server.serve_forever()
