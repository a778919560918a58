"""A limit of three rows, met by psycopg2: an error as any other, and the session goes on."""

import sys

import psycopg2

connection = psycopg2.connect(sys.argv[1])
connection.autocommit = True
cursor = connection.cursor()
for _ in range(3):
    try:
        cursor.execute("SELECT id FROM orders")
        raise SystemExit("no error")
    except psycopg2.Error as error:
        assert error.pgcode == "WR001", error
    cursor.execute("SELECT id FROM orders ORDER BY id LIMIT 3")
    assert len(cursor.fetchall()) == 3
connection.autocommit = False
cursor.execute("UPDATE orders SET state = 'x' WHERE id = 1")
assert cursor.rowcount == 1
try:
    cursor.execute("DELETE FROM orders WHERE id > 10")
    raise SystemExit("no error")
except psycopg2.Error as error:
    assert error.pgcode == "WR001", error
connection.rollback()
cursor.execute("SELECT count(*) FROM orders")
assert cursor.fetchone() == (103,)
connection.rollback()
