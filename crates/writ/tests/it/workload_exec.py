"""A workload that becomes another program: opens its stream by hand, then executes `cat` on the open socket, which
prints in frames whatever still comes. The socket stays the one the workload connected.

Argument: the socket.
"""

import os
import socket
import sys


def frame(kind, flags, stream, body):
    return len(body).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + body


def literal(name, value):
    # HPACK: never indexed, a new name, no Huffman code; all lengths below 127.
    return b"\x10" + bytes([len(name)]) + name + bytes([len(value)]) + value


HEADERS = [
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", b"/SpiffeWorkloadAPI/FetchX509SVID"),
    (b":authority", b"localhost"),
    (b"content-type", b"application/grpc"),
    (b"te", b"trailers"),
    (b"workload.spiffe.io", b"true"),
]

connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
block = b"".join(literal(name, value) for name, value in HEADERS)
connection.sendall(
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + frame(1, 4, 1, block) + frame(0, 1, 1, bytes(5))
)


def exactly(count):
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            sys.exit("the connection ended")
        data += more
    return data


while True:
    head = exactly(9)
    exactly(int.from_bytes(head[:3], "big"))
    if head[3] == 0:  # The first message: a certificate.
        break
print("certificate", flush=True)
os.dup2(connection.fileno(), 0)
os.execv("/bin/cat", ["cat"])
