CREATE TABLE "şube" (id int PRIMARY KEY, "ürün" text);
INSERT INTO "şube" VALUES (1, 'ığüşöç İĞÜŞÖÇ'), (2, chr(129) || chr(255));
CREATE TYPE "çeşit" AS ENUM ('açık', 'koyu');
CREATE TABLE t (c "çeşit" DEFAULT 'açık', s serial);
INSERT INTO t DEFAULT VALUES;
COMMENT ON TABLE t IS 'tablo İı';
