"""Browsers that subscribe to pushes and read them, by http_ece and cryptography: none of it is code of the server.

It answers each line of its input, which is JSON, by one line of JSON:

  {"subscribe": NAME}
      the keys of a new subscription: {"p256dh", "auth"}
  {"read": NAME, "body": BASE64, "authorization": HEADER}
      what a browser reads and a push service checks: {"message", "salt", "sender", "size", "records", "head", "claims",
      "key"}

What cannot be read is {"error": WHY}.
"""

import base64
import json
import re
import struct
import sys

import http_ece
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

subscriptions = {}


def written(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unwritten(text):
    # The encoding has no padding.
    if not re.fullmatch("[A-Za-z0-9_-]*", text):
        raise ValueError("this is no base64url")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def subscribe(name):
    private = ec.generate_private_key(ec.SECP256R1())
    auth = bytes(name, "utf-8").ljust(16, b".")[:16]
    subscriptions[name] = private, auth
    public = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return {"p256dh": written(public), "auth": written(auth)}


def checked(header):
    """The claims of a token with a valid signature (RFC 8292, section 3)."""
    token, key = re.fullmatch(r"vapid t=([\w.-]+), k=([\w-]+)", header).groups()
    head, claims, signature = token.split(".")
    both = unwritten(signature)
    if len(both) != 64:
        raise ValueError("this is no signature of ES256")
    numbers = [int.from_bytes(half, "big") for half in (both[:32], both[32:])]
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unwritten(key))
    public.verify(encode_dss_signature(*numbers), f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
    return {"head": json.loads(unwritten(head)), "claims": json.loads(unwritten(claims)), "key": key}


def read(name, body, authorization):
    private, auth = subscriptions[name]
    body = base64.b64decode(body)
    message = http_ece.decrypt(body, private_key=private, auth_secret=auth, version="aes128gcm")
    salt, size, length = struct.unpack("!16sIB", body[:21])
    records = -(-(len(body) - 21 - length) // size)
    return {
        "message": json.loads(message),
        "bytes": len(message),
        "salt": written(salt),
        "sender": written(body[21 : 21 + length]),
        "size": size,
        "records": records,
        **checked(authorization),
    }


def answer(asked):
    if "subscribe" in asked:
        return subscribe(asked["subscribe"])
    return read(asked["read"], asked["body"], asked["authorization"])


print(json.dumps({"is": "ready"}), flush=True)
for line in sys.stdin:
    try:
        said = answer(json.loads(line))
    except Exception as error:
        said = {"error": repr(error)}
    print(json.dumps(said), flush=True)
