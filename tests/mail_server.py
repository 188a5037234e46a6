"""A mail server for tests: `mail_server.py FOLDER [implicit|starttls|plain] [NAME:PASSWORD]`.

Says on its first line where it listens. Each letter that it takes is a line of JSON in FOLDER/letters, read by Python's own
parser. Its authority's certificate is FOLDER/authority.pem. While FOLDER/closed is there it takes nothing (451), and
while FOLDER/unknown is there it knows no mailbox (550).
"""

import asyncio
import datetime
import email
import email.policy
import ipaddress
import json
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

folder = pathlib.Path(sys.argv[1])
mode = sys.argv[2] if len(sys.argv) > 2 else "starttls"
login = sys.argv[3].split(":", 1) if len(sys.argv) > 3 else None


def certificate():
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test's mail server")])
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


class Box:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if (folder / "unknown").exists():
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if (folder / "closed").exists():
            return "451 4.3.0 come again"
        letter = email.message_from_bytes(envelope.content, policy=email.policy.default)
        line = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": session.ssl is not None or mode == "implicit",
            "authenticated": bool(session.authenticated),
            "headers": [[name, str(value)] for name, value in letter.items()],
            "text": letter.get_content().replace("\r\n", "\n"),
            "type": letter.get_content_type(),
            "charset": letter.get_content_charset(),
            "raw": envelope.content.decode("ascii"),
        }
        with open(folder / "letters", "a", encoding="utf-8") as letters:
            letters.write(json.dumps(line) + "\n")
        return "250 taken"


def knows(server, session, envelope, mechanism, data):
    given = [data.login.decode(), data.password.decode()]
    # What is refused is answered by the server itself.
    return AuthResult(success=True) if given == login else AuthResult(success=False, handled=False)


context = certificate()


def session():
    more = {}
    if login:
        more = {"authenticator": knows, "auth_required": True, "auth_require_tls": mode == "starttls"}
    if mode == "starttls":
        more |= {"tls_context": context, "require_starttls": True}
    return SMTP(Box(), **more)


async def serve():
    secure = context if mode == "implicit" else None
    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0, ssl=secure)
    print("listening on", "localhost:%d" % server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(serve())
