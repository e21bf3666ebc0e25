"""The server's half of the SASL mechanisms of smtp_dialogue.py (RFC 4616, 2195, 5802, 7677).

A mechanism is a generator: gives challenges in base64, is sent the answers, returns the name
of the user, or None when the client is not who it says or does not keep to the rules.
"""

import base64
import binascii
import hashlib
import hmac
import os


def begin(mechanism, users, initial):
    """initial: words of AUTH behind the mechanism; send(None) starts it."""
    return _guarded(MECHANISMS[mechanism], users, initial)


def _guarded(mechanism, users, initial):
    try:
        return (yield from mechanism(users, initial))
    except (ValueError, KeyError, IndexError, binascii.Error, UnicodeDecodeError):
        return None


def encode(text):
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def decode(line):
    """"=" is an empty initial response."""
    line = line if isinstance(line, bytes) else line.encode()
    return b"" if line == b"=" else base64.b64decode(line, validate=True)


def plain(users, initial):
    response = initial[0] if initial else (yield "")
    _, user, password = decode(response).decode().split("\0")
    return user if users.get(user) == password else None


def login(users, initial):
    user = decode(initial[0] if initial else (yield encode("Username:"))).decode()
    password = decode((yield encode("Password:"))).decode()
    return user if users.get(user) == password else None


def cram_md5(users, initial):
    if initial:
        return None
    challenge = "<1896.697170952@peer.example.test>"
    user, digest = decode((yield encode(challenge))).decode().rsplit(" ", 1)
    right = hmac.new(users[user].encode(), challenge.encode(), hashlib.md5).hexdigest()
    return user if hmac.compare_digest(right, digest) else None


def scram_sha_256(users, initial):
    first = decode(initial[0] if initial else (yield "")).decode()
    bare = first.split(",", 2)[2]
    fields = dict(part.split("=", 1) for part in bare.split(","))
    user, salt, rounds = fields["n"], b"salt of a test", 4096
    reply = "r=%s,s=%s,i=%d" % (fields["r"] + encode(os.urandom(9)), encode(salt), rounds)
    final = decode((yield encode(reply))).decode()
    without_proof, proof = final.rsplit(",p=", 1)
    salted = hashlib.pbkdf2_hmac("sha256", users[user].encode(), salt, rounds)

    def sign(key, text):
        return hmac.new(key, text.encode(), hashlib.sha256).digest()
    message = ",".join((bare, reply, without_proof))
    client_key = sign(salted, "Client Key")
    signature = sign(hashlib.sha256(client_key).digest(), message)
    if bytes(a ^ b for a, b in zip(client_key, signature)) != base64.b64decode(proof):
        return None
    # The server proves itself as well; the client answers with nothing.
    yield encode("v=" + encode(sign(sign(salted, "Server Key"), message)))
    return user


MECHANISMS = {"PLAIN": plain, "LOGIN": login, "CRAM-MD5": cram_md5, "SCRAM-SHA-256": scram_sha_256}
