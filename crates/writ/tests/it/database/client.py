"""The same work with psycopg2, told what came of it; run directly and through the gateway, it must say the same."""

import io
import select
import sys

import psycopg2
import psycopg2.extras

connection = psycopg2.connect(sys.argv[1])
connection.autocommit = True
cursor = connection.cursor()


def say(label, rows=None):
    print(label, rows if rows is not None else cursor.fetchall())


def fails(sql, *parameters):
    try:
        cursor.execute(sql, parameters)
        print("no error", sql)
    except psycopg2.Error as error:
        print(error.pgcode, error.diag.message_primary)


cursor.execute("SELECT 1, 'zwei', 3.5::numeric, NULL, true, ARRAY[1,2], '{\"a\": 1}'::jsonb, date '2026-01-02'")
say("types")
cursor.execute("SELECT id, customer FROM orders WHERE id = ANY(%s) ORDER BY id", ([1, 3],))
say("parameters")
print([column.name for column in cursor.description], [column.type_code for column in cursor.description])
psycopg2.extras.execute_values(cursor, "INSERT INTO orders (customer, total) VALUES %s", [("v", n) for n in range(300)])
cursor.execute("SELECT count(*), sum(total) FROM orders WHERE customer = 'v'")
say("many")
cursor.execute("DELETE FROM orders WHERE customer = 'v'")
print("deleted", cursor.rowcount)
fails("SELECT * FROM orders WHERE id = 'x'")
fails("SELECT 1/0")
connection.autocommit = False
cursor.execute("INSERT INTO orders (customer) VALUES ('gone')")
fails("INSERT INTO orders (id, customer) VALUES (1, 'twice')")
fails("SELECT 1")
connection.rollback()
cursor.execute("SELECT count(*) FROM orders")
say("rolled back")
named = connection.cursor("portal")
named.itersize = 2
named.execute("SELECT id FROM orders ORDER BY id")
print("portal", [row[0] for row in named])
named.close()
connection.commit()
connection.autocommit = True
cursor.copy_expert("COPY orders (customer, total) FROM STDIN WITH CSV", io.StringIO("k1,1\nk2,2\n" * 1000))
out = io.StringIO()
cursor.copy_expert("COPY (SELECT customer, total FROM orders WHERE customer LIKE 'k_' ORDER BY id) TO STDOUT", out)
print("copied", cursor.rowcount, len(out.getvalue()))
cursor.execute("DELETE FROM orders WHERE customer LIKE 'k_'")
cursor.execute("LISTEN orders_changed")
cursor.execute("NOTIFY orders_changed, 'now'")
select.select([connection], [], [], 10)
connection.poll()
print("notified", [(notice.channel, notice.payload) for notice in connection.notifies])
for notice in connection.notices:
    print(notice)
print(connection.get_parameter_status("server_encoding"), connection.info.transaction_status)
