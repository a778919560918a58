# What is said, and what must come of it: `deny` or `allow`, a tab, a statement. ` ;; ` stands between texts of one session,
# `\n` is a new line. The contract permits reading and changing orders, reading notes and the catalogue, calling refund().
# The role in the database could do all of it: nothing but the gateway stands in the way.

# The reference's list
deny	SELECT 1; DELETE FROM users
deny	/* harmless */ DELETE FROM users
deny	WITH d AS (DELETE FROM users RETURNING *) SELECT count(*) FROM d
deny	DELETE FROM users -- where
deny	DELETE FROM users WHERE true
deny	EXPLAIN ANALYZE DELETE FROM users
deny	DO $$ BEGIN DELETE FROM users; END $$
deny	MERGE INTO users u USING (SELECT 1 AS id) s ON u.id = s.id WHEN MATCHED THEN DELETE
allow	DELETE\nFROM orders\nWHERE id = 4711

# Several statements, comments, quoting
deny	SELECT 1; SELECT 2; SELECT password FROM users
deny	SELECT id FROM orders; TRUNCATE users
deny	DELETE/**/FROM/**/users
deny	DELETE /* /* nested */ */ FROM users
deny	DELETE FROM "users"
deny	DELETE FROM U&"\0075sers"
deny	DELETE FROM U&"d!0061t" UESCAPE '!' ; DELETE FROM users
deny	DeLeTe FrOm UsErS
deny	DELETE FROM public.users
deny	DELETE FROM app.public.users
deny	DELETE FROM ONLY users
deny	DELETE FROM users *
deny	DELETE FROM users AS orders
deny	SELECT $$;$$; DELETE FROM users
deny	SELECT 'a;b'; DELETE FROM users
deny	SELECT E'\\'; DELETE FROM users; --'
deny	SELECT 'x' -- ' \n; DELETE FROM users
deny	;;DELETE FROM users;;
deny	TABLE users
deny	SELECT * FROM orders WHERE id IN (SELECT id FROM users)
deny	SELECT (SELECT password FROM users LIMIT 1)
deny	SELECT * FROM orders, LATERAL (SELECT password FROM users) p
deny	SELECT * FROM (TABLE users) t
deny	SELECT id FROM orders UNION SELECT id FROM users
deny	SELECT id FROM orders INTERSECT SELECT id FROM users
deny	VALUES ((SELECT password FROM users LIMIT 1))
deny	SELECT EXISTS (SELECT 1 FROM users WHERE password LIKE 's3%')
deny	SELECT ARRAY(SELECT password FROM users)
deny	SELECT id FROM orders ORDER BY (SELECT password FROM users LIMIT 1)
deny	SELECT id FROM orders LIMIT (SELECT count(*) FROM users)
deny	SELECT CASE WHEN (SELECT count(*) FROM users) > 0 THEN 1 END
deny	SELECT sum(id) FILTER (WHERE id IN (SELECT id FROM users)) FROM orders
deny	SELECT count(*) OVER (ORDER BY (SELECT max(password) FROM users)) FROM orders

# Writes within others
deny	WITH RECURSIVE d AS (SELECT 1), e AS (UPDATE users SET name = 'x' RETURNING 1) SELECT * FROM e
deny	WITH orders AS (SELECT * FROM users) SELECT * FROM orders
deny	WITH x AS (SELECT * FROM users), users AS (SELECT 1) SELECT * FROM x
allow	WITH users AS (SELECT id FROM orders) SELECT count(*) FROM users
deny	WITH users AS (SELECT id FROM orders) DELETE FROM public.users
deny	INSERT INTO orders (customer) SELECT password FROM users
deny	INSERT INTO orders (customer) VALUES ('x') RETURNING (SELECT password FROM users LIMIT 1)
deny	INSERT INTO orders (id, customer) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET customer = (SELECT password FROM users LIMIT 1)
deny	INSERT INTO users (name, email) VALUES ('mallory', 'm@example.org')
deny	UPDATE orders SET customer = u.password FROM users u
deny	UPDATE orders SET customer = (SELECT password FROM users LIMIT 1) WHERE id = 1
deny	UPDATE users SET name = 'x' WHERE id = 1
deny	DELETE FROM orders USING users WHERE users.password LIKE 's%'
deny	MERGE INTO orders o USING users u ON o.id = u.id WHEN MATCHED THEN UPDATE SET customer = u.password
deny	MERGE INTO orders o USING (SELECT 1 AS id) s ON o.id = s.id WHEN NOT MATCHED THEN INSERT (customer) VALUES ((SELECT password FROM users LIMIT 1))
deny	EXPLAIN SELECT password FROM users
deny	EXPLAIN (ANALYZE, FORMAT JSON) UPDATE users SET name = 'x'
deny	SELECT * FROM users FOR UPDATE
deny	SELECT * FROM notes FOR UPDATE
deny	SELECT * INTO stolen FROM orders
deny	CREATE TABLE stolen AS SELECT * FROM users
deny	CREATE TABLE stolen AS TABLE orders
deny	CREATE TEMP TABLE users AS SELECT * FROM orders
deny	CREATE VIEW stolen AS SELECT * FROM users
deny	CREATE MATERIALIZED VIEW stolen AS SELECT * FROM users

# Code
deny	SELECT wipe()
deny	SELECT public.wipe()
deny	SELECT * FROM wipe()
deny	SELECT * FROM ROWS FROM (wipe())
deny	CALL wipe_all()
deny	SELECT lower(1)
allow	SELECT pg_catalog.lower('ABC')
deny	SELECT 1 @!@ 1
deny	SELECT 1 OPERATOR(public.@!@) 1
deny	SELECT id FROM orders WHERE id @!@ ANY (ARRAY[1])
deny	SELECT 5::picky
deny	SELECT CAST(1 AS public.picky)
deny	SELECT wipe_sum(id) FROM orders
deny	CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'DELETE FROM users; SELECT 1'
deny	CREATE OR REPLACE FUNCTION refund(order_id int) RETURNS int LANGUAGE sql AS 'DELETE FROM users RETURNING 1'
deny	CREATE PROCEDURE p() LANGUAGE sql AS 'DELETE FROM users'
deny	CREATE TRIGGER t AFTER INSERT ON orders EXECUTE FUNCTION wipe_trigger()
deny	CREATE RULE r AS ON INSERT TO orders DO ALSO DELETE FROM users
deny	CREATE CAST (int AS order_items) WITH FUNCTION wipe_cast(int)
deny	CREATE OPERATOR public.+ (LEFTARG = int, RIGHTARG = int, FUNCTION = wipe_op)
deny	DO LANGUAGE plpgsql 'BEGIN DELETE FROM users; END'
deny	SELECT query_to_xml('DELETE FROM users RETURNING 1', true, true, '')
deny	SELECT table_to_xml('users', true, true, '')
deny	SELECT cursor_to_xml('c', 1, true, true, '')
deny	SELECT schema_to_xml('public', true, true, '')
deny	SELECT database_to_xml(true, true, '')
deny	SELECT * FROM ts_stat('SELECT to_tsvector(password) FROM users')
deny	SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, password::tsquery FROM users')
deny	SELECT dblink_exec('dbname=app', 'DELETE FROM users')
deny	SELECT * FROM dblink('dbname=app', 'SELECT password FROM users') AS t(p text)
deny	SELECT no_such_function()
deny	SELECT (SELECT wipe())
deny	INSERT INTO orders (customer) VALUES (wipe()::text)
deny	SELECT id FROM orders GROUP BY wipe(), id
deny	SELECT id FROM orders HAVING wipe() = 1
deny	SELECT * FROM orders TABLESAMPLE wipe(1)
deny	SELECT name(users) FROM users

deny	SELECT 5::order_items
deny	SELECT ROW(5)::loose.withdom
deny	SELECT json_populate_record(NULL::loose.withdom, '{"x":7}')
deny	SELECT CASE 'good'::mood WHEN 1 THEN 1 END
deny	SELECT 'good'::mood IN (SELECT 1)
deny	SELECT pg_notify('orders_changed'::varchar(6), 'x')

# Views, rules, triggers
deny	SELECT * FROM loose.parent
deny	UPDATE loose.parent SET name = 'x' WHERE id = 1
deny	DELETE FROM loose.fk WHERE id = 1
deny	INSERT INTO loose.part VALUES (1)
deny	INSERT INTO loose.defaulted (id) VALUES (1)
deny	SELECT * FROM loose.auth
deny	SELECT * FROM loose.activity
deny	SELECT * FROM loose.xml
deny	SELECT * FROM information_schema._pg_user_mappings
allow	SELECT * FROM order_totals
deny	SELECT * FROM loose.people
deny	SELECT * FROM loose.chain
allow	SELECT * FROM loose.open_orders
deny	INSERT INTO loose.ruled VALUES (1)
deny	INSERT INTO loose.triggered VALUES (1)
deny	UPDATE loose.people SET name = 'x'
deny	DELETE FROM loose.people

# Prepared names, cursors, portals
deny	PREPARE p AS DELETE FROM users ;; EXECUTE p
deny	PREPARE p AS SELECT password FROM users
deny	PREPARE p (int) AS SELECT wipe()
allow	PREPARE p (int) AS SELECT count(*) FROM orders WHERE id = $1 ;; EXECUTE p (1) ;; DEALLOCATE p
deny	PREPARE p AS SELECT id FROM orders ;; EXECUTE p((SELECT password FROM users))
deny	DECLARE c CURSOR FOR SELECT password FROM users
deny	BEGIN ;; DECLARE c CURSOR WITH HOLD FOR TABLE users ;; COMMIT
allow	BEGIN ;; DECLARE c CURSOR FOR SELECT id FROM orders ;; FETCH 1 FROM c ;; CLOSE c ;; COMMIT
deny	CREATE TABLE stolen AS EXECUTE p

# Files and programs
deny	COPY orders FROM PROGRAM 'psql -c "DELETE FROM users"'
deny	COPY orders TO PROGRAM 'cat > /tmp/writ-evasion'
deny	COPY orders TO '/tmp/writ-evasion'
deny	COPY orders FROM '/etc/passwd'
deny	COPY users TO STDOUT
deny	COPY (SELECT password FROM users) TO STDOUT
deny	COPY (DELETE FROM users RETURNING *) TO STDOUT
deny	COPY users (name, email) FROM STDIN
deny	COPY (TABLE private.orders) TO STDOUT
deny	SELECT pg_read_file('/etc/passwd')
deny	SELECT pg_read_binary_file('/etc/passwd')
deny	SELECT pg_ls_dir('/')
deny	SELECT pg_stat_file('/etc/passwd')
deny	SELECT lo_import('/etc/passwd')
deny	SELECT lo_from_bytea(0, 'x')
deny	SELECT lo_get(1)
deny	SELECT lo_unlink(1)
deny	LOAD 'auto_explain'
deny	CREATE EXTENSION file_fdw
deny	CREATE SERVER s FOREIGN DATA WRAPPER dblink_fdw
deny	IMPORT FOREIGN SCHEMA public FROM SERVER s INTO public

# Where names are looked up, and whose rights count
deny	PREPARE p AS SELECT o::text FROM orders o; SET search_path = private; EXECUTE p
deny	PREPARE t AS SELECT id FROM orders ;; SET search_path = private ;; EXECUTE t
deny	EXECUTE unknown_name
deny	FETCH ALL FROM unknown_name
deny	BEGIN ;; DECLARE c CURSOR FOR SELECT id FROM orders ;; SET search_path = private ;; FETCH 1 FROM c
allow	RESET ALL ;; SELECT id FROM orders WHERE id = 1
allow	DISCARD ALL ;; SELECT id FROM orders WHERE id = 1
deny	SET search_path TO private ;; SELECT salary FROM orders
deny	SET search_path = shadow, public ;; DELETE FROM orders
deny	SELECT set_config('search_path', 'private', false) ;; SELECT salary FROM orders
deny	BEGIN ;; SET LOCAL search_path TO private ;; SELECT salary FROM orders
deny	SET search_path TO shadow; SELECT id FROM orders
deny	SELECT salary FROM private.orders
deny	DELETE FROM shadow.orders
allow	SET search_path TO public ;; SELECT id FROM public.orders
deny	SET ROLE postgres
deny	SET SESSION AUTHORIZATION postgres
deny	SET LOCAL ROLE pg_write_all_data
deny	SELECT set_config('role', 'postgres', false)
deny	SELECT set_config('ro' || 'le', 'postgres', false)
deny	SET standard_conforming_strings = off ;; SELECT 'a\'; DELETE FROM users; --'
deny	SELECT set_config('standard_conforming_strings', 'off', false)
deny	SET client_encoding = 'SJIS'
deny	SET NAMES 'GBK'
deny	SET session_replication_role = replica
deny	SET default_tablespace = 'x'
deny	SET writ.purpose = 'erasure on request'; SELECT wipe()
deny	ALTER ROLE app_orders SUPERUSER
deny	ALTER ROLE app_orders SET search_path = private
deny	ALTER DATABASE app SET search_path = private
deny	ALTER SYSTEM SET log_statement = 'none'
deny	GRANT ALL ON users TO PUBLIC
deny	REVOKE ALL ON users FROM app_orders
deny	CREATE ROLE mallory SUPERUSER
deny	REASSIGN OWNED BY app_orders TO postgres
deny	ALTER TABLE users OWNER TO app_orders
deny	ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC
deny	SECURITY LABEL ON TABLE users IS 'x'

# Definitions and the server
deny	DROP TABLE users
deny	DROP TABLE orders, users
deny	DROP TABLE orders CASCADE
deny	DROP SCHEMA private CASCADE
deny	TRUNCATE users
deny	TRUNCATE orders
deny	TRUNCATE orders CASCADE
deny	ALTER TABLE users DROP COLUMN password
deny	ALTER TABLE orders RENAME TO orders_old
deny	ALTER TABLE orders ADD COLUMN x int DEFAULT wipe()
deny	CREATE INDEX i ON users (wipe())
deny	CREATE TABLE t (LIKE users INCLUDING ALL)
deny	CREATE TABLE t () INHERITS (users)
deny	CREATE POLICY p ON users USING (true)
deny	CREATE PUBLICATION p FOR ALL TABLES
deny	CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION wipe_trigger()
deny	LOCK TABLE users
deny	LOCK TABLE orders IN ACCESS EXCLUSIVE MODE
deny	VACUUM FULL users
deny	ANALYZE users
deny	REFRESH MATERIALIZED VIEW m
deny	CLUSTER users
deny	REINDEX TABLE users
deny	CHECKPOINT
deny	COMMENT ON TABLE users IS 'x'
deny	NOTIFY other_channel
deny	LISTEN other_channel
deny	SELECT pg_notify('other_channel', 'x')
deny	SELECT pg_notify('other' || '_channel', 'x')
allow	LISTEN orders_changed ;; NOTIFY orders_changed, 'x' ;; UNLISTEN *
deny	PREPARE TRANSACTION 'x'
deny	COMMIT PREPARED 'x'
deny	SELECT pg_terminate_backend(1)
deny	SELECT pg_cancel_backend(1)
deny	SELECT pg_reload_conf()
deny	SELECT pg_switch_wal()
deny	SELECT pg_export_snapshot()
deny	SELECT pg_create_logical_replication_slot('s', 'test_decoding')
deny	SELECT setval('users_id_seq', 1)
deny	SELECT nextval('users_id_seq')
deny	SELECT nextval('users' || '_id_seq')
allow	SELECT nextval('orders_id_seq')

# Which rows: a statement that changes or removes them must say so
deny	DELETE FROM orders
deny	DELETE FROM orders WHERE true
deny	DELETE FROM orders WHERE NOT false
deny	DELETE FROM orders WHERE 1 = 1
deny	DELETE FROM orders WHERE 1 = 1 OR id = 7
deny	DELETE FROM orders WHERE id = 7 OR true
deny	DELETE FROM orders WHERE id = id
deny	DELETE FROM orders o WHERE o.id = id
deny	DELETE FROM orders WHERE id IS NOT NULL
deny	DELETE FROM orders WHERE NOT (id IS NULL)
deny	DELETE FROM orders WHERE customer LIKE '%'
deny	DELETE FROM orders WHERE customer ILIKE '%%'
deny	DELETE FROM orders WHERE EXISTS (SELECT 1)
deny	DELETE FROM orders WHERE now() IS NOT NULL
deny	DELETE FROM orders WHERE 'x' = 'x'
deny	DELETE FROM orders WHERE coalesce(true, false)
deny	UPDATE orders SET total = 0
deny	UPDATE orders SET total = 0 WHERE true
deny	UPDATE orders SET total = 0 WHERE total IS NOT NULL
deny	WITH d AS (DELETE FROM orders RETURNING id) SELECT count(*) FROM d
deny	PREPARE p AS DELETE FROM orders
deny	BEGIN ;; DELETE FROM orders WHERE 1=1 ;; COMMIT
deny	MERGE INTO orders o USING (SELECT 1 AS id) s ON true WHEN MATCHED THEN DELETE
deny	MERGE INTO orders o USING (SELECT 1 AS id) s ON 1 = 1 WHEN MATCHED THEN UPDATE SET total = 0
allow	DELETE FROM orders WHERE id = 4711 AND true
allow	DELETE FROM orders WHERE id = 4711 OR id = 4712
allow	UPDATE orders SET total = 0 WHERE customer LIKE 'nobody%'
allow	DELETE FROM orders WHERE state IS NULL AND id < 0

deny	INSERT INTO orders SELECT * FROM orders ON CONFLICT (id) DO UPDATE SET total = 0
allow	INSERT INTO orders (id, customer, total) VALUES (1, 'ada', 10) ON CONFLICT (id) DO UPDATE SET total = excluded.total
deny	DELETE FROM orders USING (SELECT 1 AS a) x WHERE x.a = 1
deny	MERGE INTO orders o USING (SELECT 1 AS a) x ON x.a = 1 WHEN MATCHED THEN UPDATE SET total = 0
deny	DELETE FROM orders WHERE id IN (id)
deny	DELETE FROM orders WHERE (id = id) IS TRUE
deny	DELETE FROM orders WHERE (id = 1) IS NOT NULL
deny	DELETE FROM orders WHERE id = ANY (ARRAY[id])
deny	DELETE FROM orders WHERE id BETWEEN id AND id
deny	DELETE FROM orders WHERE coalesce(id = id, true)
deny	DELETE FROM orders WHERE CASE WHEN id = id THEN true END
deny	DELETE FROM orders WHERE (id IS NULL) = false
deny	DELETE FROM orders WHERE (id IS NULL) IS FALSE
deny	DELETE FROM orders WHERE id IS DISTINCT FROM NULL
deny	DELETE FROM orders WHERE NOT (id IS NULL AND id IS NULL)
deny	DELETE FROM orders WHERE EXISTS (SELECT id)
deny	DELETE FROM orders WHERE id = id + 0
deny	DELETE FROM orders WHERE id <> -1
deny	DELETE FROM orders WHERE id NOT IN (-1)
deny	DELETE FROM orders WHERE NOT (id = -1)
deny	DELETE FROM orders WHERE customer ~ ''
deny	DELETE FROM orders WHERE customer LIKE '%' || ''
deny	DELETE FROM orders WHERE customer LIKE '%' ESCAPE '!'
deny	DELETE FROM orders WHERE customer LIKE '_%'
deny	DELETE FROM orders WHERE customer SIMILAR TO '%'
deny	DELETE FROM orders WHERE customer LIKE ANY (ARRAY['%'])
deny	DELETE FROM orders WHERE starts_with(customer, '')
deny	DELETE FROM orders WHERE xmin IS DISTINCT FROM NULL
deny	DELETE FROM orders o USING order_items i WHERE o.id = id
allow	DELETE FROM orders o USING order_items i WHERE o.id = i.order_id AND o.id = 4711
allow	DELETE FROM orders WHERE id IN (SELECT order_id FROM order_items WHERE article = 'none')
allow	DELETE FROM orders WHERE upper(customer) = 'NOBODY' AND total BETWEEN 1 AND 2
allow	DELETE FROM orders WHERE (id, customer) = (4711, 'nobody')
allow	MERGE INTO orders o USING (SELECT 4711 AS id) s ON o.id = s.id WHEN MATCHED THEN DELETE

# Which columns: only two of the staff's may be named
allow	SELECT id, name FROM staff
allow	SELECT s.id FROM staff s WHERE s.name = 'ada' ORDER BY s.name
allow	SELECT count(*) FROM staff
allow	COPY staff (id, name) TO STDOUT
deny	SELECT * FROM staff
deny	SELECT s.* FROM staff s
deny	SELECT staff.* FROM orders, staff
deny	TABLE staff
deny	SELECT salary FROM staff
deny	SELECT "salary" FROM staff
deny	SELECT U&"sal\0061ry" FROM staff
deny	SELECT max(salary) FROM staff
deny	SELECT name FROM staff WHERE salary > 999
deny	SELECT name FROM staff ORDER BY salary
deny	SELECT count(*) FROM staff GROUP BY salary
deny	SELECT count(*) FROM staff HAVING max(salary) > 1
deny	SELECT staff FROM staff
deny	SELECT s FROM staff s
deny	SELECT s::text FROM staff s
deny	SELECT row_to_json(s) FROM staff s
deny	SELECT to_jsonb(staff) FROM staff
deny	SELECT json_agg(s) FROM staff s
deny	SELECT (s).salary FROM staff s
deny	SELECT s.row_to_json FROM staff s
deny	SELECT (s).row_to_json FROM staff s
deny	SELECT s.wipe_row FROM staff s
deny	SELECT (ROW(1)).wipe
deny	SELECT x.wipe_row FROM (SELECT id, name FROM staff) x
deny	SELECT (staff).* FROM staff
deny	SELECT public.staff.salary FROM public.staff
deny	SELECT c FROM staff AS s (a, b, c)
deny	SELECT x.c FROM (staff s CROSS JOIN (SELECT 1) y) AS x (a, b, c, d)
deny	SELECT count(*) FROM staff NATURAL JOIN (SELECT 1000 AS salary) t
deny	SELECT count(*) FROM staff JOIN (SELECT 1000 AS salary) t USING (salary)
deny	SELECT count(*) FROM staff a JOIN staff b ON a.salary = b.salary
deny	SELECT (SELECT salary FROM staff LIMIT 1)
deny	SELECT x.y FROM (SELECT salary AS y FROM staff) x
deny	WITH x AS (SELECT salary FROM staff) SELECT * FROM x
deny	WITH x (y) AS (TABLE staff) SELECT y FROM x
deny	SELECT id FROM orders o WHERE EXISTS (SELECT 1 FROM staff s WHERE s.salary = o.total)
deny	SELECT l.v FROM staff s, LATERAL (SELECT s.salary AS v) l
deny	SELECT count(*) FROM staff s WHERE s = ROW(1, 'ada', 1000)::staff
deny	INSERT INTO orders (customer) SELECT salary::text FROM staff
deny	UPDATE orders SET customer = s.salary::text FROM staff s WHERE orders.id = s.id
deny	SELECT j FROM (orders o CROSS JOIN staff s) AS j
deny	SELECT (j).* FROM (orders o CROSS JOIN staff s) AS j
deny	SELECT row_to_json(j) FROM (orders o CROSS JOIN staff s) AS j
deny	SELECT j.salary FROM (orders o CROSS JOIN staff s) AS j WHERE EXISTS (SELECT 1 FROM orders j)
deny	UPDATE orders SET customer = (j).salary::text FROM (staff s CROSS JOIN (SELECT 1) i) j WHERE orders.id = 1
deny	SELECT nothing_known FROM staff
allow	SELECT count(*) AS n FROM staff ORDER BY n
deny	SELECT 1 FROM (SELECT id FROM staff) n FOR UPDATE OF n
deny	SELECT 1 FROM (SELECT * FROM notes) n FOR UPDATE OF n
deny	COPY staff TO STDOUT
deny	COPY staff (salary) TO STDOUT
deny	COPY (SELECT * FROM staff) TO STDOUT
deny	DECLARE c CURSOR WITH HOLD FOR SELECT salary FROM staff
deny	SELECT row_number() OVER (ORDER BY salary) FROM staff
deny	SELECT DISTINCT ON (salary) name FROM staff
deny	SELECT name FROM staff FOR UPDATE

# The catalogue of the system
allow	SELECT relname FROM pg_class WHERE relname = 'orders'
allow	SELECT table_name FROM information_schema.tables WHERE table_name = 'orders'
deny	SELECT * FROM pg_authid
deny	SELECT * FROM pg_shadow
deny	SELECT most_common_vals FROM pg_stats
deny	SELECT * FROM pg_statistic
deny	SELECT query FROM pg_stat_activity
deny	SELECT * FROM pg_stat_get_activity(NULL)
deny	SELECT * FROM pg_largeobject
deny	SELECT * FROM pg_hba_file_rules
deny	UPDATE pg_class SET relname = 'x'
deny	DELETE FROM pg_catalog.pg_class
deny	INSERT INTO pg_catalog.pg_description VALUES (1, 1, 1, 'x')
deny	SELECT * FROM users WHERE ctid = '(0,1)'
deny	SELECT tableoid::regclass, password FROM users

# What is like an evasion, and none
allow	SELECT 'DELETE FROM users'
allow	SELECT id AS "delete from users" FROM orders
allow	SELECT 1 -- DELETE FROM users
allow	SELECT count(*) FROM orders WHERE customer = 'DROP TABLE users'
allow	SELECT o.id FROM public.orders o JOIN order_items i ON i.order_id = o.id WHERE o.total BETWEEN 1 AND 100 ORDER BY 1 LIMIT 5
allow	SELECT id, row_number() OVER (PARTITION BY state ORDER BY id) FROM orders
allow	INSERT INTO orders (id, customer) VALUES (1, 'x') ON CONFLICT (id) DO NOTHING
allow	UPDATE orders SET total = total WHERE id = 1 RETURNING id
allow	BEGIN ;; SAVEPOINT a ;; SELECT id FROM orders FOR UPDATE ;; ROLLBACK TO a ;; COMMIT
allow	SELECT now(), current_user, version(), gen_random_uuid(), random()
allow	SELECT 'good'::mood
allow	SELECT to_char(now(), 'YYYY'), coalesce(null, 1), greatest(1, 2), nullif(1, 2), extract(year FROM now())
allow	SELECT json_agg(o) FROM (SELECT id FROM orders) o
allow	SELECT generate_series(1, 3)
allow	SHOW search_path
allow	SET statement_timeout = '5s' ;; RESET statement_timeout
