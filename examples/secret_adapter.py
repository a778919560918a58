#!/usr/bin/env python3
"""An adapter for the keys of an API, as docs/secrets.md describes it: Writ asks it to make and to revoke keys.

Here the keys are a JSON file that the API reads. For another API, change `create` and `revoke`, and nothing else.

    ADAPTER_TOKEN=... python3 secret_adapter.py 127.0.0.1:9300 keys.json
"""

import hmac
import http.server
import json
import os
import pathlib
import secrets
import sys
import threading

BODY_BYTES_MAX = 64 * 1024
ADDRESS, PORT = sys.argv[1].rsplit(":", 1)
KEYS = pathlib.Path(sys.argv[2])
TOKEN = os.environ["ADAPTER_TOKEN"]
ONE_AT_A_TIME = threading.Lock()


def load():
    return json.loads(KEYS.read_text()) if KEYS.exists() else {}


def save(keys):
    beside = KEYS.with_suffix(".new")
    beside.write_text(json.dumps(keys))
    beside.replace(KEYS)


def create(secret, rotation):
    """Makes the key of a rotation. Asked again for the same one, the answer before was lost: it gives the same key."""
    keys, name = load(), f"{secret}-{rotation}"
    keys.setdefault(name, secrets.token_urlsafe(32))
    save(keys)
    return {"id": name, "value": keys[name]}


def revoke(secret, key):
    """Ends a key. Whether there was one."""
    keys = load()
    known = keys.pop(key, None) is not None
    save(keys)
    return known


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        given = self.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {TOKEN}".encode()):
            return self.answer(401, {"error": "not the token of this adapter"})
        length = int(self.headers.get("content-length", 0))
        if length > BODY_BYTES_MAX:
            return self.answer(413, {"error": "too long"})
        asked = json.loads(self.rfile.read(length))
        with ONE_AT_A_TIME:
            if asked["step"] == "create":
                return self.answer(200, create(asked["secret"], asked["rotation"]))
            if asked["step"] == "revoke":
                return self.answer(200 if revoke(asked["secret"], asked["id"]) else 404, {})
        self.answer(400, {"error": f"there is no step {asked['step']}"})

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer((ADDRESS, int(PORT)), Handler).serve_forever()
