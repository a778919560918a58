-- The database `app`: the orders a machine works with, what it must not reach, and what an evasion could hide behind.
CREATE ROLE app_orders LOGIN PASSWORD 'a secret: with a colon';
CREATE EXTENSION IF NOT EXISTS dblink;

CREATE TABLE public.orders (id serial PRIMARY KEY, customer text NOT NULL, total numeric NOT NULL DEFAULT 0, state text);
CREATE TABLE public.order_items (id serial PRIMARY KEY, order_id int REFERENCES public.orders, article text);
CREATE TABLE public.users (id serial PRIMARY KEY, name text NOT NULL, email text NOT NULL, password text);
CREATE TABLE public.notes (id int PRIMARY KEY, body text);
CREATE TABLE public.staff (id int PRIMARY KEY, name text, salary int);
INSERT INTO public.staff VALUES (1, 'ada', 1000), (2, 'bob', 1000);
INSERT INTO public.orders (customer, total, state) VALUES ('ada', 10, 'open'), ('bob', 20, 'paid'), ('eve', 30, 'open');
INSERT INTO public.order_items (order_id, article) VALUES (1, 'pen'), (2, 'ink');
INSERT INTO public.users (name, email, password) VALUES ('ada', 'ada@example.org', 's3cret-ada'), ('bob', 'bob@example.org', 's3cret-bob');
INSERT INTO public.notes VALUES (1, 'first');

-- A view its owner names, and views that only a pattern fits.
CREATE VIEW public.order_totals AS SELECT state, sum(total) AS total FROM public.orders GROUP BY state;
CREATE SCHEMA loose;
CREATE VIEW loose.people AS SELECT * FROM public.users;
CREATE VIEW loose.open_orders AS SELECT * FROM public.orders WHERE state = 'open';
CREATE VIEW loose.chain AS SELECT * FROM loose.people;
CREATE TABLE loose.ruled (id int);
CREATE RULE ruled AS ON INSERT TO loose.ruled DO INSTEAD DELETE FROM public.users;
CREATE TABLE loose.triggered (id int);
CREATE TABLE loose.plain (id int);

-- What is masked: columns of every kind, in a table, in its parts, and behind a view.
CREATE TABLE public.customers (id int PRIMARY KEY, name text, email text NOT NULL CHECK (email <> 'forbidden'), iban varchar(34), card bigint,
    birth date, ref uuid, doc jsonb, photo bytea, note text);
INSERT INTO public.customers VALUES
    (1, 'ada', 'ada@secret.example', 'DE89370400440532013000', 4111111111111111, '1815-12-10', '11111111-2222-3333-4444-555555555555',
        '{"city": "Secretville"}', '\x5ec2e7', E'call\tada: 4111 1111 1111 1111 or ada@secret.example'),
    (2, 'bob', 'bob@secret.example', NULL, NULL, NULL, NULL, NULL, NULL, 'nothing to hide');
CREATE TABLE loose.clients (id int, email text) PARTITION BY RANGE (id);
CREATE TABLE loose.clients_1 PARTITION OF loose.clients FOR VALUES FROM (0) TO (10);
INSERT INTO loose.clients VALUES (1, 'cli@secret.example');
CREATE TABLE loose.olds (old int, new int);
CREATE VIEW loose.mails AS SELECT id, email AS mail FROM public.customers;

-- Functions: one that is named, one that deletes, one that shadows a function of the system.
CREATE FUNCTION public.refund(order_id int) RETURNS int LANGUAGE sql AS 'UPDATE public.orders SET state = ''refunded'' WHERE id = $1 RETURNING id';
CREATE FUNCTION public.wipe() RETURNS int LANGUAGE sql AS 'DELETE FROM public.users; SELECT 1';
CREATE FUNCTION public.wipe_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM public.users; RETURN NEW; END';
CREATE TRIGGER triggered BEFORE INSERT ON loose.triggered FOR EACH ROW EXECUTE FUNCTION public.wipe_trigger();
CREATE FUNCTION public.lower(int) RETURNS text LANGUAGE sql AS 'DELETE FROM public.users; SELECT ''x''::text';
CREATE PROCEDURE public.wipe_all() LANGUAGE sql AS 'DELETE FROM public.users';
CREATE FUNCTION public.wipe_op(int, int) RETURNS boolean LANGUAGE sql AS 'DELETE FROM public.users; SELECT true';
CREATE OPERATOR public.@!@ (LEFTARG = int, RIGHTARG = int, FUNCTION = public.wipe_op);
CREATE FUNCTION public.wipe_cast(int) RETURNS public.order_items LANGUAGE sql AS 'DELETE FROM public.users; SELECT NULL::public.order_items';
CREATE FUNCTION public.wipe_row(public.staff) RETURNS int LANGUAGE sql AS 'DELETE FROM public.users; SELECT 1';
CREATE FUNCTION public.wipe_row(record) RETURNS int LANGUAGE plpgsql AS 'BEGIN DELETE FROM public.users; RETURN 1; END';
CREATE DOMAIN public.picky AS int CHECK (VALUE > 0);
CREATE TYPE public.mood AS ENUM ('good', 'bad');
CREATE AGGREGATE public.wipe_sum(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0', FINALFUNC = abs);

CREATE TYPE loose.withdom AS (x public.picky);
CREATE CAST (int AS public.order_items) WITH FUNCTION public.wipe_cast(int);
CREATE FUNCTION public.wipe_mood(public.mood, int) RETURNS boolean LANGUAGE sql AS 'DELETE FROM public.users; SELECT true';
CREATE OPERATOR public.= (LEFTARG = public.mood, RIGHTARG = int, FUNCTION = public.wipe_mood);

-- What only fits a pattern, and reaches further than it seems.
CREATE TABLE loose.parent (id int, name text);
CREATE FUNCTION loose.wipe_default() RETURNS int LANGUAGE sql AS 'DELETE FROM public.users; SELECT 1';
CREATE TABLE loose.defaulted (id int, x int DEFAULT loose.wipe_default());
CREATE TABLE loose.fk (id int PRIMARY KEY);
CREATE TABLE loose.part (id int) PARTITION BY RANGE (id);
CREATE TABLE loose.part1 PARTITION OF loose.part FOR VALUES FROM (0) TO (10);
CREATE TRIGGER triggered BEFORE INSERT ON loose.part1 FOR EACH ROW EXECUTE FUNCTION public.wipe_trigger();
CREATE VIEW loose.auth AS SELECT rolname FROM pg_catalog.pg_authid;
CREATE VIEW loose.activity AS SELECT query FROM pg_catalog.pg_stat_get_activity(NULL);
CREATE VIEW loose.xml AS SELECT pg_catalog.query_to_xml('SELECT * FROM public.users', true, true, '');

CREATE SCHEMA private;
CREATE TABLE private.child () INHERITS (loose.parent);
CREATE TABLE private.fkchild (id int REFERENCES loose.fk ON DELETE CASCADE);
INSERT INTO loose.fk VALUES (1);
INSERT INTO private.fkchild VALUES (1);
CREATE TABLE private.orders (id int, salary int);
INSERT INTO private.orders VALUES (1, 1000);
CREATE SCHEMA shadow;
CREATE TABLE shadow.orders (id int);
INSERT INTO shadow.orders VALUES (1);

-- The role can do all of this: what it may do is the contract's to say.
GRANT pg_read_all_data, pg_write_all_data TO app_orders;
GRANT USAGE, CREATE ON SCHEMA public, loose, private, shadow TO app_orders;
GRANT ALL ON ALL TABLES IN SCHEMA public, loose, private, shadow TO app_orders;
GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO app_orders;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO app_orders;
GRANT pg_read_server_files, pg_write_server_files, pg_execute_server_program TO app_orders;
