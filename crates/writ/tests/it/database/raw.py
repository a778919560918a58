"""PostgreSQL's protocol by hand, over TLS with the machine's certificate. Arguments: port, folder of the credential, how
many bytes are written at once; `newest` for TLS without asking for it first, and version 3.2; `limited` for what is said
where rows are limited and fields masked. Prints each answer: its letter and body, but for what differs from session to session."""

import socket
import ssl
import struct
import sys

port, folder, piece = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
newest, limited = "newest" in sys.argv[4:], "limited" in sys.argv[4:]


def message(tag, body):
    return tag + struct.pack("!i", len(body) + 4) + body


def text(value):
    return value.encode() + b"\0"


def parse(name, query):
    return message(b"P", text(name) + text(query) + b"\0\0")


def bind(portal, name):
    return message(b"B", text(portal) + text(name) + bytes(6))


def execute(portal, rows=0):
    return message(b"E", text(portal) + struct.pack("!i", rows))


# A Sync that the server does not answer.
IGNORED = message(b"S", b"")
QUERY, SYNC, FLUSH = (lambda q: message(b"Q", text(q))), message(b"S", b""), message(b"H", b"")
OK, BAD = "SELECT id FROM orders ORDER BY id", "SELECT * FROM users"

# Each a pipeline that is said at once.
PIPELINES = [
    QUERY(OK) + QUERY(BAD) + QUERY("SELECT 2"),
    parse("", OK) + message(b"D", b"S\0") + bind("", "") + message(b"D", b"P\0") + execute("") + SYNC,
    # A denial in the middle: what follows is skipped up to Sync, and then it goes on.
    parse("a", OK) + parse("b", BAD) + bind("", "a") + execute("") + SYNC + bind("", "a") + execute("", 2) + execute("") + SYNC,
    # An error of the server in the middle.
    parse("c", "SELECT 1/0") + bind("", "c") + execute("") + parse("d", OK) + SYNC + parse("d", "SELECT 4") + bind("", "d") + execute("") + SYNC,
    # A name is given away and taken anew.
    message(b"C", b"Sa\0") + parse("a", "SELECT 5") + bind("p", "a") + execute("p") + message(b"C", b"Pp\0") + SYNC,
    # A query among them, without Sync.
    parse("", "SELECT 6") + bind("", "") + execute("") + QUERY("SELECT 7"),
    parse("", BAD) + QUERY("SELECT 8") + SYNC,
    # Several Syncs; denied by the transaction's end.
    parse("", "BEGIN") + bind("", "") + execute("") + SYNC + parse("", BAD) + SYNC + parse("", "SELECT 9") + SYNC + QUERY("ROLLBACK"),
    # Statements share their names with PREPARE.
    QUERY("PREPARE e AS SELECT 10") + bind("", "e") + execute("") + SYNC + parse("f", "SELECT 11") + SYNC + QUERY("EXECUTE f"),
    bind("", "nothing") + SYNC + QUERY("DEALLOCATE ALL"),
    # The function-call protocol.
    message(b"F", struct.pack("!ihhih", 1598, 0, 0, 0, 0)) + QUERY("SELECT 12"),
    # COPY in, and what does not belong into it.
    QUERY("BEGIN") + QUERY("COPY orders (customer) FROM STDIN") + message(b"d", b"copied\n") + message(b"c", b"") + QUERY("ROLLBACK"),
    QUERY("COPY orders (customer) FROM STDIN") + message(b"d", b"copied\n") + message(b"f", text("no")) + QUERY("SELECT 13"),
    QUERY("COPY (SELECT id FROM orders ORDER BY id) TO STDOUT"),
    FLUSH + parse("", OK) + bind("", "") + execute("", 1) + FLUSH + execute("", 1) + SYNC,
    # COPY in of the extended protocol: the server passes over a Sync among the data.
    QUERY("BEGIN") + parse("", "COPY orders (customer) FROM STDIN") + bind("", "") + execute("") + IGNORED + message(b"d", b"copied\n") + message(b"c", b"") + SYNC + QUERY("ROLLBACK") + QUERY("SELECT 16"),
    # A name that no client can give, one that is too common, a portal that is none.
    parse("writ: denied", BAD) + bind("", "writ: denied") + execute("") + SYNC,
    execute("nothing") + SYNC,
    # Names are looked up elsewhere since a portal was bound.
    QUERY("BEGIN") + parse("g", "SHOW search_path") + bind("pp", "g") + SYNC + QUERY("SET search_path TO private") + execute("pp") + SYNC + QUERY("ROLLBACK"),
    parse("h", "SELECT 17") + SYNC + parse("h2", "EXECUTE h") + bind("", "h2") + execute("") + SYNC + parse("i", "EXECUTE i") + SYNC + bind("", "i") + execute("") + SYNC,
    QUERY("SELECT 18"),
    # A portal of the protocol that is closed in SQL, and whose name a cursor has then: what that gives is fetched with FETCH.
    QUERY("BEGIN") + parse("one", "SELECT 19") + bind("q", "one") + SYNC + QUERY("CLOSE q") + QUERY("DECLARE q CURSOR FOR SELECT id FROM public.orders ORDER BY id") + execute("q") + SYNC + QUERY("ROLLBACK"),
    # A cursor is no statement, whatever a client calls one.
    QUERY("BEGIN") + parse("\1cursor r", "SELECT 20") + SYNC + QUERY("FETCH ALL FROM r") + QUERY("ROLLBACK"),
    QUERY("") + QUERY("SELECT 14; SELECT 15"),
]

LIMITED_ROWS, MASKED = "SELECT id FROM orders ORDER BY id", "SELECT id, email, birth FROM customers ORDER BY id"
BINARY = lambda portal, name: message(b"B", text(portal) + text(name) + bytes(4) + struct.pack("!hh", 1, 1))

# At most three rows of orders to a statement; of customers mail addresses are masked.
LIMITED = [
    QUERY("SELECT id FROM orders WHERE id < 3 ORDER BY id") + QUERY(LIMITED_ROWS) + QUERY("SELECT 2"),
    QUERY("") + QUERY("SELEKT") + QUERY("SELECT 1/0 FROM orders") + QUERY("SELECT id FROM orders WHERE id = 1"),
    # Piece by piece, until the fourth.
    parse("", LIMITED_ROWS) + message(b"D", b"S\0") + bind("", "") + message(b"D", b"P\0") + execute("", 2) + execute("", 1) + execute("", 1) + execute("") + SYNC + QUERY("SELECT 3"),
    parse("", LIMITED_ROWS) + bind("", "") + execute("", 3) + SYNC + QUERY("SELECT 4"),
    parse("", LIMITED_ROWS) + bind("", "") + execute("") + FLUSH + parse("", "SELECT 5") + bind("", "") + execute("") + SYNC,
    # What is changed beyond is not kept, and a transaction is aborted by it.
    QUERY("UPDATE orders SET state = 'x'") + QUERY("SELECT count(*) FROM orders WHERE state = 'x'"),
    parse("u", "UPDATE orders SET state = 'x'") + bind("", "u") + execute("") + SYNC + QUERY("SELECT count(*) FROM orders WHERE state = 'x'"),
    QUERY("BEGIN") + bind("", "u") + execute("") + SYNC + QUERY("SELECT 6") + QUERY("COMMIT") + QUERY("SELECT count(*) FROM orders WHERE state = 'x'"),
    QUERY("BEGIN") + QUERY("UPDATE orders SET state = 'x' WHERE id < 3") + QUERY("UPDATE orders SET state = 'x'") + QUERY("COMMIT"),
    # Within it everything is as ever.
    QUERY("BEGIN") + QUERY("UPDATE orders SET state = 'x' WHERE id = 1 RETURNING id, state") + QUERY("ROLLBACK"),
    parse("w", "UPDATE orders SET customer = 'w' WHERE id < 3 RETURNING id") + bind("", "w") + execute("", 1) + execute("") + SYNC,
    QUERY("BEGIN") + QUERY("DECLARE c CURSOR FOR " + LIMITED_ROWS) + QUERY("FETCH 3 FROM c") + QUERY("FETCH 3 FROM c") + QUERY("FETCH 4 FROM c") + QUERY("ROLLBACK"),
    # An error before it: what is skipped is skipped.
    parse("", "SELECT 1/0") + bind("", "") + execute("") + parse("", LIMITED_ROWS) + bind("", "") + execute("") + SYNC + QUERY("SELECT 7"),
    # Portals of the protocol that are fetched from in SQL, brought back by a savepoint, or run a name that means something else by now.
    QUERY("BEGIN") + parse("f", "SELECT id, email FROM customers") + bind("f", "f") + SYNC + QUERY("FETCH ALL FROM f") + QUERY("ROLLBACK"),
    QUERY("BEGIN") + parse("f2", LIMITED_ROWS) + bind("f", "f2") + SYNC + QUERY("MOVE 5 IN f") + QUERY("ROLLBACK"),
    QUERY("BEGIN") + parse("g", "SELECT id, email FROM customers") + bind("g", "g") + SYNC + QUERY("SAVEPOINT a") + QUERY("SELECT 1/0") + execute("g") + SYNC + QUERY("ROLLBACK TO a"),
    execute("g") + SYNC + QUERY("ROLLBACK"),
    QUERY("BEGIN") + parse("h", LIMITED_ROWS) + bind("h", "h") + SYNC + QUERY("SAVEPOINT a") + execute("h") + SYNC + QUERY("ROLLBACK TO a"),
    execute("h") + SYNC + QUERY("ROLLBACK"),
    QUERY("BEGIN") + QUERY("PREPARE i AS SELECT name, note FROM customers") + parse("i2", "EXECUTE i") + bind("i", "i2") + SYNC + QUERY("DEALLOCATE i") + QUERY("PREPARE i AS SELECT name, email FROM customers") + execute("i") + SYNC + QUERY("ROLLBACK"),
    parse("j", "SELECT name FROM customers ORDER BY id") + SYNC + parse("j2", "EXECUTE j") + bind("", "j2") + execute("") + SYNC + QUERY("BEGIN") + bind("j", "j2") + SYNC + message(b"C", b"Sj\0") + parse("j", "SELECT email FROM customers") + execute("j") + SYNC + QUERY("ROLLBACK"),
    # A portal that is bound anew in vain is what it was: it fits no more, or is limited and masked as it was.
    QUERY("BEGIN") + QUERY("PREPARE l AS SELECT name, note FROM customers") + parse("l2", "EXECUTE l") + parse("l3", "SELECT 1") + bind("l", "l2") + SYNC + QUERY("DEALLOCATE l") + QUERY("PREPARE l AS SELECT name, email FROM customers") + QUERY("SAVEPOINT a") + bind("l", "l3") + SYNC + QUERY("ROLLBACK TO a") + execute("l") + SYNC + QUERY("ROLLBACK"),
    QUERY("BEGIN") + parse("o", "UPDATE orders SET state = 'o'") + bind("o", "o") + SYNC + QUERY("SAVEPOINT a") + QUERY("SELECT 1/0") + execute("o") + parse("o2", "SELECT 1") + bind("o", "o2") + SYNC + QUERY("ROLLBACK TO a") + execute("o") + SYNC + QUERY("COMMIT") + QUERY("SELECT count(*) FROM orders WHERE state = 'o'"),
    # What copies in and fails: each answer belongs to what it answers, and rows are masked as what they are rows of.
    parse("ci", "COPY customers (id) FROM STDIN") + bind("", "ci") + execute("") + SYNC + message(b"d", b"no number\n") + message(b"c", b"") + parse("e1", "SELECT email FROM customers WHERE id = 1") + bind("e1", "e1") + execute("e1") + SYNC + parse("e1", "SELECT email FROM customers WHERE id = 1") + parse("e2", "SELECT 10") + SYNC + bind("e1", "e1") + execute("e1") + SYNC + bind("e2", "e2") + message(b"D", b"Pe2\0") + execute("e2") + SYNC,
    QUERY("COPY customers (id) FROM STDIN") + message(b"d", b"no number\n") + message(b"c", b"") + QUERY("SELECT email FROM customers WHERE id = 1") + QUERY("SELECT 11"),
    # What is fetched from a cursor that is closed as a portal, whose name a portal has then.
    QUERY("BEGIN") + QUERY("DECLARE z CURSOR FOR SELECT name FROM customers") + parse("z1", "FETCH ALL FROM z") + parse("z2", "SELECT email FROM customers") + bind("y", "z1") + SYNC + message(b"C", b"Pz\0") + bind("z", "z2") + SYNC + execute("y") + SYNC + QUERY("ROLLBACK"),
    # A change whose rows are asked for one by one is counted all the same.
    parse("k", "UPDATE orders SET state = 'x' RETURNING id") + bind("", "k") + execute("", 1) + SYNC + QUERY("SELECT count(*) FROM orders WHERE state = 'x'"),
    # What fails only when it is kept never was complete; details of it are withheld.
    QUERY("DELETE FROM orders WHERE id = 1"),
    QUERY("DELETE FROM customers WHERE id = 1"),
    parse("", "DELETE FROM customers WHERE id = 1") + bind("", "") + execute("") + SYNC,
    QUERY("BEGIN") + QUERY("DELETE FROM customers WHERE id = 1") + QUERY("COMMIT"),
    # A cancelled name, and one that is left from a text.
    parse("", "SELECT 8") + QUERY("SELECT id FROM orders WHERE id = 1") + SYNC,
    # Masked, in the order and the format asked for.
    QUERY(MASKED) + QUERY("SELECT 9"),
    parse("m", MASKED) + message(b"D", b"Sm\0") + bind("", "m") + message(b"D", b"P\0") + execute("", 1) + execute("") + SYNC,
    bind("", "m") + execute("") + BINARY("b", "m") + execute("b") + SYNC,
    QUERY("SELECT id FROM customers ORDER BY id; " + MASKED),
    QUERY("COPY customers (id, email) TO STDOUT") + QUERY("COPY customers (id, email) TO STDOUT (FORMAT binary)"),
    QUERY("UPDATE customers SET email = 'forbidden' WHERE id = 1"),
]


def connect():
    raw = socket.create_connection(("127.0.0.1", port))
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    context = ssl.create_default_context(cafile=folder + "/bundle.pem")
    if newest:
        context.set_alpn_protocols(["postgresql"])
    else:
        raw.sendall(struct.pack("!ii", 8, 80877103))
        assert raw.recv(1) == b"S"
    context.load_cert_chain(folder + "/cert.pem", folder + "/key.pem")
    return context.wrap_socket(raw, server_hostname="shop-db.localhost")


def read(stream, count):
    found = b""
    while len(found) < count:
        more = stream.recv(count - len(found))
        if not more:
            raise EOFError
        found += more
    return found


def answers(stream, ready):
    while ready > 0:
        tag, length = struct.unpack("!ci", read(stream, 5))
        body = read(stream, length - 4)
        if tag == b"K":
            # Four bytes of a process, and a secret: of four, or of as many as the newer version has.
            assert len(body) == (32 if newest else 8), body
        if tag in b"SK":
            continue
        if tag == b"E":
            # The code, and the message.
            fields = dict((field[:1], field[1:]) for field in body.split(b"\0") if field)
            body = fields[b"C"] + b" " + fields[b"M"]
            if limited and b"D" in fields and b"withheld" in fields[b"D"]:
                body += b" (withheld)"
        if tag == b"T":
            # The names of columns: numbers of tables differ.
            names, rest = [], body[2:]
            while rest:
                name, rest = rest.split(b"\0", 1)
                names.append(name)
                rest = rest[18:]
            body = names
        print(tag.decode(), body)
        ready -= tag == b"Z"


stream = connect()
startup = struct.pack("!i", 196610 if newest else 196608) + text("user") + text("bot") + text("database") + text("app") + b"\0"
everything = [struct.pack("!i", len(startup) + 4) + startup] + (LIMITED if limited else PIPELINES)
for pipeline in everything:
    print("--")
    for at in range(0, len(pipeline), piece):
        stream.sendall(pipeline[at : at + piece])
    # Every query, function call and Sync is answered with one ReadyForQuery, but for those that are skipped.
    expected, at, skipping = (1, len(pipeline), False) if pipeline is everything[0] else (0, 0, False)
    while at < len(pipeline):
        tag, length = struct.unpack("!ci", pipeline[at : at + 5])
        body = pipeline[at + 5 : at + 1 + length]
        at += 1 + length
        if tag == b"S" and pipeline[at : at + 1] == b"d":
            continue
        if tag == b"S":
            expected, skipping = expected + 1, False
        elif tag in (b"Q", b"F") and not skipping:
            expected += 1
        elif tag == b"P" and BAD.encode() in body:
            skipping = True
    answers(stream, expected)
