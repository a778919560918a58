# What is said where fields are masked: `deny` (by the clause that masks), `other` (refused by another) or `allow`, a tab, a
# statement; ` ;; ` stands between texts of one session. No answer, whatever the verdict, has anything in it that is masked. The
# contract permits reading and changing customers and what only a pattern fits.

# As they stand in the result
allow	SELECT * FROM customers
allow	SELECT email FROM customers
allow	TABLE customers
allow	SELECT c.email AS mail, c.id FROM customers c ORDER BY c.id
allow	SELECT public.customers.email FROM public.customers
allow	SELECT customers.* FROM customers WHERE id = 1
allow	SELECT email, email FROM customers ORDER BY id DESC
allow	SELECT a.email, b.email FROM customers a JOIN customers b ON a.id = b.id
allow	SELECT id, email FROM customers LIMIT 1 OFFSET 1
allow	SELECT email FROM ONLY customers
allow	SELECT id FROM customers WHERE email = 'ada@secret.example'
allow	SELECT id FROM customers WHERE email IN ('ada@secret.example', 'x') OR email IS NULL
allow	SELECT id FROM customers WHERE NOT (email <> 'x') AND 'y' = email
allow	SELECT count(*) FROM customers
allow	SELECT upper(name) FROM customers
allow	SELECT DISTINCT name FROM customers ORDER BY name
allow	EXPLAIN SELECT email FROM customers
allow	PREPARE p AS SELECT email FROM customers WHERE id = $1 ;; EXECUTE p(1)
allow	BEGIN ;; DECLARE c CURSOR FOR SELECT * FROM customers ;; FETCH ALL FROM c ;; COMMIT
allow	BEGIN ;; UPDATE customers SET name = 'x' WHERE id = 1 RETURNING email, note ;; ROLLBACK
allow	BEGIN ;; UPDATE customers SET email = 'new@secret.example' WHERE id = 1 RETURNING * ;; ROLLBACK
allow	BEGIN ;; INSERT INTO customers (id, email, note) VALUES (3, 'eve@secret.example', 'eve@secret.example') RETURNING * ;; ROLLBACK
allow	BEGIN ;; INSERT INTO customers (id, email) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = excluded.email RETURNING email ;; ROLLBACK
allow	BEGIN ;; DELETE FROM customers WHERE id = 1 RETURNING * ;; ROLLBACK
allow	SELECT 1; SELECT email FROM customers; SELECT * FROM customers
allow	COPY customers TO STDOUT
allow	COPY customers (email, id, note) TO STDOUT
allow	COPY (SELECT id, note FROM customers) TO STDOUT
allow	COPY (SELECT id, note FROM customers) TO STDOUT WITH (FORMAT csv, HEADER)
allow	SELECT email FROM loose.clients
allow	TABLE loose.clients
allow	SELECT email FROM loose.clients_1
allow	SELECT note FROM customers
allow	SELECT note || '' FROM customers
allow	SELECT ARRAY[note, name] FROM customers
allow	SELECT json_build_object('x', note) FROM customers
allow	SELECT note::varchar FROM customers
allow	SELECT c.name FROM customers c WHERE c.email = ANY (ARRAY['x'])

# Made from them
deny	SELECT email || '' FROM customers
deny	SELECT upper(email) FROM customers
deny	SELECT email::bytea FROM customers
deny	SELECT CAST(card AS text) FROM customers
deny	SELECT card + 0 FROM customers
deny	SELECT coalesce(email, '') FROM customers
deny	SELECT CASE WHEN id = 1 THEN email END FROM customers
deny	SELECT ARRAY[email] FROM customers
deny	SELECT ROW(email) FROM customers
deny	SELECT doc ->> 'city' FROM customers
deny	SELECT email COLLATE "C" FROM customers
deny	SELECT (email) || '' FROM customers
deny	SELECT string_agg(email, ',') FROM customers
deny	SELECT max(email) FROM customers
deny	SELECT count(DISTINCT email) FROM customers
deny	SELECT first_value(email) OVER () FROM customers
deny	SELECT rank() OVER (ORDER BY email) FROM customers
deny	SELECT json_build_object('x', email) FROM customers
deny	SELECT GREATEST(email, '') FROM customers

# Whole rows
deny	SELECT c FROM customers c
deny	SELECT customers FROM customers
deny	SELECT (c).email FROM customers c
deny	SELECT (c.*)::text FROM customers c
deny	SELECT ROW(c.*) FROM customers c
deny	SELECT row_to_json(c) FROM customers c
deny	SELECT to_jsonb(c.*) FROM customers c
deny	SELECT c.upper FROM customers c
deny	SELECT array_agg(c) FROM customers c
deny	SELECT count(c) FROM customers c
deny	SELECT x.a FROM customers AS x(z, y, a)
deny	SELECT j FROM (customers c JOIN orders o ON c.id = o.id) AS j
deny	SELECT * FROM customers NATURAL JOIN loose.clients
deny	SELECT a.id FROM customers a JOIN loose.clients b USING (email)

# Under another name, or without one
deny	SELECT x FROM (SELECT email AS x FROM customers) s
deny	SELECT upper(x) FROM (SELECT email AS x FROM customers) s
deny	SELECT id FROM (SELECT id, email AS x FROM customers) s WHERE x LIKE 'a%'
deny	WITH c AS (SELECT email FROM customers) SELECT * FROM c
deny	WITH c AS MATERIALIZED (SELECT * FROM customers) SELECT email || '' FROM c
deny	WITH c AS (UPDATE customers SET name = name WHERE id = 1 RETURNING email) SELECT * FROM c
deny	SELECT (SELECT email FROM customers LIMIT 1)
deny	SELECT ARRAY(SELECT email FROM customers)
deny	SELECT email FROM customers UNION SELECT 'x'
deny	SELECT 'x' UNION ALL SELECT email FROM customers
deny	SELECT email FROM customers EXCEPT SELECT 'x'
deny	TABLE customers UNION ALL TABLE customers
deny	VALUES ((SELECT email FROM customers LIMIT 1))
deny	SELECT s.* FROM orders o, LATERAL (SELECT email FROM customers) s
deny	SELECT mail FROM loose.mails
deny	SELECT id FROM loose.mails
deny	SELECT * FROM loose.mails
deny	SELECT upper(mail) FROM loose.mails
deny	SELECT id FROM loose.mails WHERE mail LIKE 'a%'
deny	COPY (SELECT email FROM customers) TO STDOUT
deny	COPY (TABLE customers) TO STDOUT
deny	COPY customers TO STDOUT (FORMAT csv)
deny	COPY customers TO STDOUT (FORMAT binary)
deny	COPY customers (id, email) TO STDOUT (DELIMITER ',')
deny	PREPARE p AS SELECT upper(email) FROM customers ;; EXECUTE p
deny	BEGIN ;; DECLARE c CURSOR FOR SELECT email || '' FROM customers ;; FETCH ALL FROM c

# Asked about until they are known
deny	SELECT id FROM customers WHERE email LIKE 'a%'
deny	SELECT id FROM customers WHERE email > 'a'
deny	SELECT id FROM customers WHERE email BETWEEN 'a' AND 'b'
deny	SELECT id FROM customers WHERE email ~ '^a'
deny	SELECT id FROM customers WHERE email = name
deny	SELECT id FROM customers WHERE email = upper('X')
deny	SELECT id FROM customers WHERE substr(email, 1, 1) = 'a'
deny	SELECT id FROM customers WHERE starts_with(email, 'a')
deny	SELECT id FROM customers WHERE card % 2 = 0
deny	SELECT id FROM customers WHERE card & 1 = 1
deny	SELECT id FROM customers WHERE email IN (SELECT name FROM customers)
deny	SELECT id FROM customers WHERE email = ANY (SELECT name FROM customers)
deny	SELECT id FROM customers WHERE (email, id) = ('x', 1)
deny	SELECT id FROM customers WHERE email = 'x' || name
deny	SELECT id FROM customers ORDER BY email
deny	SELECT email FROM customers ORDER BY 1
deny	SELECT * FROM customers ORDER BY 3
deny	SELECT email AS x FROM customers ORDER BY x
deny	SELECT id FROM customers GROUP BY id, email
deny	SELECT DISTINCT ON (email) id FROM customers
deny	SELECT DISTINCT ON (1) email, id FROM customers
deny	SELECT DISTINCT ON (name) email AS name, id FROM customers
deny	SELECT DISTINCT email, id FROM customers
deny	SELECT email, min(id), count(DISTINCT id) FROM customers GROUP BY 1
deny	SELECT email, count(*) FROM customers GROUP BY GROUPING SETS ((1), ())
deny	SELECT email, count(*) FROM customers GROUP BY ROLLUP (1)
deny	SELECT id FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer = c.email)
deny	SELECT a.id FROM customers a JOIN orders o ON o.customer = a.email
deny	SELECT id FROM loose.clients_1 WHERE email LIKE 'c%'
deny	SELECT id FROM loose.clients WHERE email LIKE 'c%'
deny	UPDATE customers SET name = 'x' WHERE email LIKE 'a%'
deny	DELETE FROM customers WHERE email LIKE 'a%'

# Through what is looked up when it runs, or that the catalog does not know
deny	COPY customers (id, email, name) TO STDOUT; COPY order_items (id, order_id, article) TO STDOUT
deny	SELECT to_json(ctid) FROM loose.mails AS ctid
deny	SELECT xmin FROM loose.mails AS xmin
deny	SELECT to_json(old) FROM customers, loose.olds
deny	BEGIN ;; UPDATE customers SET name = name WHERE id = 1 AND EXISTS (SELECT 1 FROM loose.olds) RETURNING to_json(old) ;; ROLLBACK
deny	SELECT upper(added) FROM customers

# Copied elsewhere
deny	UPDATE customers SET name = email WHERE id = 1
deny	UPDATE customers SET (name) = (SELECT email) WHERE id = 1
deny	UPDATE customers c SET name = d.email FROM customers d WHERE c.id = d.id
deny	INSERT INTO customers (id, email, name) SELECT id + 10, 'x', email FROM customers
deny	INSERT INTO orders (customer) SELECT email FROM customers
deny	INSERT INTO customers (id, email) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = customers.email
deny	MERGE INTO customers c USING (SELECT 1 AS id) s ON c.id = s.id WHEN MATCHED THEN UPDATE SET name = c.email
deny	UPDATE customers SET name = 'x' WHERE id = 1 RETURNING upper(email)
deny	INSERT INTO customers (id, email) VALUES (4, 'x') RETURNING email || ''
other	SELECT set_config('application_name', email, false) FROM customers
deny	SELECT pg_notify('orders_changed', email) FROM customers
other	CREATE TABLE stolen AS SELECT email FROM customers
other	CREATE VIEW stolen AS SELECT email FROM customers
deny	ALTER TABLE customers ADD COLUMN stolen text GENERATED ALWAYS AS (upper(email)) STORED
