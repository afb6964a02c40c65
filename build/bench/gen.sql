-- The database that the benchmark backs up: customers, orders and events of a
-- shop, with the mix of narrow rows, jsonb and text that such databases have.
-- The same rows come out every time for a scale; scale 1 is about 1 GB.
--
--   psql -d EMPTY_DATABASE -v ON_ERROR_STOP=1 -v scale=1 -f gen.sql
SET client_min_messages = warning;
SET synchronous_commit = off;
SET max_parallel_workers_per_gather = 0; -- the order of random() must not depend on workers
SELECT set_config('bench.customers', greatest(1, round(500000 * :scale))::bigint::text, false),
       set_config('bench.orders', greatest(1, round(3000000 * :scale))::bigint::text, false),
       set_config('bench.events', greatest(1, round(1200000 * :scale))::bigint::text, false) \g /dev/null

CREATE TABLE customers (
	id bigserial PRIMARY KEY, email text NOT NULL, full_name text, country char(2),
	created_at timestamptz, balance numeric(12,2), attrs jsonb);
CREATE TABLE orders (
	id bigserial PRIMARY KEY, customer_id bigint NOT NULL, status text, total numeric(12,2),
	created_at timestamptz, updated_at timestamptz, note text);
CREATE TABLE events (
	id bigserial PRIMARY KEY, customer_id bigint, kind text, payload jsonb, body text, ts timestamptz);

SELECT setseed(0.42) \g /dev/null
INSERT INTO customers (email, full_name, country, created_at, balance, attrs)
SELECT 'user' || i || '@' || (ARRAY['mail.example', 'post.example', 'shop.example', 'ornek.example'])[1 + i % 4],
	'Name ' || md5(i::text), (ARRAY['TR', 'US', 'DE', 'IN', 'GB'])[1 + i % 5],
	'2020-01-01'::timestamptz + i * interval '1 minute', (random() * 10000)::numeric(12,2),
	jsonb_build_object('plan', (ARRAY['free', 'pro', 'team'])[1 + i % 3],
		'tags', jsonb_build_array('a' || (random() * 100)::int, 'b' || (random() * 100)::int),
		'score', round(random()::numeric, 4), 'opt', random() < 0.5)
FROM generate_series(1, current_setting('bench.customers')::bigint) i;

SELECT setseed(0.43) \g /dev/null
INSERT INTO orders (customer_id, status, total, created_at, updated_at, note)
SELECT 1 + (random() * (current_setting('bench.customers')::bigint - 1))::bigint,
	(ARRAY['new', 'paid', 'shipped', 'done', 'refunded'])[1 + (random() * 4)::int], (random() * 500)::numeric(12,2),
	'2023-01-01'::timestamptz + i * interval '1 second',
	'2023-01-01'::timestamptz + (i + (random() * 9999)::int) * interval '1 second',
	CASE WHEN i % 3 = 0 THEN 'deliver to ' || md5(random()::text) END
FROM generate_series(1, current_setting('bench.orders')::bigint) i;

-- Text is three of 4096 phrases of eight made-up words, chosen by a hash, so
-- that it compresses about as well as what people write.
CREATE TEMP TABLE words AS
SELECT i AS id, substr(md5((i * 7919)::text), 1, 3 + i % 7) AS w FROM generate_series(0, 4095) i;
CREATE TEMP TABLE phrases AS
SELECT array_agg(phrase ORDER BY n) AS all_of_them FROM (
	SELECT n, string_agg(words.w, ' ' ORDER BY k) AS phrase
	FROM generate_series(0, 4095) n CROSS JOIN generate_series(1, 8) k
	JOIN words ON words.id = ('x' || substr(md5((n * 131 + k)::text), 1, 4))::bit(16)::int % 4096
	GROUP BY n) p;

SELECT setseed(0.44) \g /dev/null
-- The array is a variable of a function: as a column it would be unpacked anew
-- for every row.
DO $$
DECLARE p text[];
BEGIN
	SELECT all_of_them INTO p FROM phrases;
	INSERT INTO events (customer_id, kind, payload, body, ts)
	SELECT 1 + (random() * (current_setting('bench.customers')::bigint - 1))::bigint,
		(ARRAY['login', 'click', 'view', 'purchase'])[1 + i % 4],
		jsonb_build_object('ip', (i % 255) || '.' || (i % 13) || '.' || (random() * 255)::int || '.7',
			'agent', 'Browser/5.0 (X' || (i % 11) || ')', 'n', i, 'v', round(random()::numeric, 6),
			'ref', 'https://shop.example/p/' || (i % 5000)),
		p[1 + ('x' || substr(h, 1, 3))::bit(12)::int] || ' ' || p[1 + ('x' || substr(h, 4, 3))::bit(12)::int]
			|| ' ' || p[1 + ('x' || substr(h, 7, 3))::bit(12)::int],
		'2024-01-01'::timestamptz + i * interval '1 second'
	FROM (SELECT i, md5(i::text) AS h FROM generate_series(1, current_setting('bench.events')::bigint) i OFFSET 0) q;
END $$;

CREATE INDEX ON orders (customer_id);
CREATE INDEX ON events (customer_id);
CREATE UNIQUE INDEX ON customers (email);
VACUUM (FREEZE, ANALYZE) customers, orders, events;
CHECKPOINT;
