"""Calls that a library would not make: without the security header, with it twice, to services beside it.

Prints one JSON object: what each call came to. Argument: the socket.
"""

import json
import queue
import sys

import grpc

channel = grpc.insecure_channel(f"unix://{sys.argv[1]}")
header = ("workload.spiffe.io", "true")


def outcome(call):
    try:
        answer = call()
        return {"ok": answer.hex() if isinstance(answer, bytes) else answer}
    except grpc.RpcError as error:
        return {"code": error.code().name, "details": error.details()}


def unary(path, body, metadata):
    return outcome(lambda: channel.unary_unary(path)(body, metadata=metadata, timeout=20))


def first(path, body, metadata):
    return outcome(lambda: next(channel.unary_stream(path)(body, metadata=metadata, timeout=20)))


def text(number, value):
    value = value.encode()
    return bytes([number << 3 | 2, len(value)]) + value


def storm():
    """A client that refuses what it is given, again and again, and then asks for something else."""
    asked, answers = queue.Queue(), []
    first = text(3, "default")
    asked.put(first)
    stream = channel.stream_stream("/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets")(
        iter(asked.get, None), timeout=60
    )
    answers.append(next(stream))
    for _ in range(2000):
        asked.put(first + text(5, "1") + b"\x32" + bytes([2 + len("no")]) + text(2, "no"))
        asked.put(first + text(5, "stale"))
    asked.put(text(3, "ROOTCA") + text(5, "1"))
    answers.append(next(stream))
    asked.put(None)
    answers.extend(stream)
    return [answer[:3].hex() for answer in answers]


def services():
    listed = channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")(
        iter([text(7, "*")]), timeout=20
    )
    return next(listed).decode(errors="replace")


jwt = "/SpiffeWorkloadAPI/FetchJWTSVID"
print(json.dumps({
    "no_header": first("/SpiffeWorkloadAPI/FetchX509SVID", b"", []),
    "two_headers": first("/SpiffeWorkloadAPI/FetchX509SVID", b"", [header, header]),
    "other_value": first("/SpiffeWorkloadAPI/FetchX509SVID", b"", [("workload.spiffe.io", "yes")]),
    "no_audience": unary(jwt, b"", [header]),
    "malformed_id": unary(jwt, text(1, "a") + text(2, "spiffe://x/../y"), [header]),
    "foreign_id": unary(jwt, text(1, "a") + text(2, "spiffe://writ.localhost/acme/other"), [header]),
    "wit": unary("/SpiffeWorkloadAPI/FetchWITSVID", b"", [header]),
    "no_token": unary("/SpiffeWorkloadAPI/ValidateJWTSVID", text(1, "a"), [header]),
    "storm": outcome(storm),
    "health": unary("/grpc.health.v1.Health/Check", text(1, "SpiffeWorkloadAPI"), []),
    "reflection": outcome(services),
}))
