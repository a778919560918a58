"""Masked fields as psycopg2 has them: a row at a time, in pieces, and as a copy."""

import io
import sys

import psycopg2

connection = psycopg2.connect(sys.argv[1])
cursor = connection.cursor()
cursor.execute("SELECT email, ref FROM customers WHERE id = %s", (1,))
print(cursor.fetchone())
cursor.execute("SELECT iban, card, birth, doc FROM customers WHERE id = 1")
print(cursor.fetchone())
named = connection.cursor("pieces")
named.itersize = 1
named.execute("SELECT * FROM customers")
print([row[:3] for row in named])
named.close()
out = io.StringIO()
cursor.copy_expert("COPY customers (id, email, card) TO STDOUT", out)
print(out.getvalue())
connection.rollback()
