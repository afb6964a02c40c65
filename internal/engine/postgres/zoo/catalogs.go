package zoo

// acl writes grants as text that does not hang on their order.
func acl(column, kind, owner string) string {
	return `(SELECT pg_catalog.string_agg(x.t, ',' ORDER BY x.t COLLATE pg_catalog."C") FROM (
  SELECT pg_catalog.concat(CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(a.grantee) END, '=', a.privilege_type, CASE WHEN a.is_grantable THEN '*' ELSE '' END, '/', pg_catalog.pg_get_userbyid(a.grantor)) AS t
  FROM pg_catalog.aclexplode(coalesce(` + column + `, pg_catalog.acldefault('` + kind + `', ` + owner + `))) a) x)`
}

// What carries no meaning is left out or sorted: the order of options, which
// pg_dump sorts; connoinherit of keys, which differs between a key made on a
// partitioned table and one made on a leaf and attached.
//
// catalogFacts are queries whose first column names a fact. They look at what
// pg_dump's text does not say, or at the same thing another way.
func catalogFacts(major int) map[string]string {
	provider := "''"
	switch {
	case major >= 17:
		provider = "pg_catalog.concat(d.datlocprovider, '/', d.datlocale, '/', d.daticurules)"
	case major == 16:
		provider = "pg_catalog.concat(d.datlocprovider, '/', d.daticulocale, '/', d.daticurules)"
	case major == 15:
		provider = "pg_catalog.concat(d.datlocprovider, '/', d.daticulocale)"
	}
	target := "s.stxstattarget"
	if major < 13 {
		target = "NULL"
	}
	const here = " WHERE d.datname = pg_catalog.current_database()"
	return map[string]string{
		"database": `SELECT 'properties', pg_catalog.pg_encoding_to_char(d.encoding), d.datcollate, d.datctype, ` + provider + `, d.datconnlimit, d.datistemplate, d.datallowconn,
  pg_catalog.pg_get_userbyid(d.datdba), pg_catalog.shobj_description(d.oid, 'pg_database'), ` + acl("d.datacl", "d", "d.datdba") + ` FROM pg_catalog.pg_database d` + here,
		"setting": `SELECT pg_catalog.concat(coalesce(pg_catalog.pg_get_userbyid(nullif(s.setrole, 0)), '*'), ' ', kv) FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase, pg_catalog.unnest(s.setconfig) kv` + here,
		"relation": `SELECT pg_catalog.concat(n.nspname, '.', c.relname), c.relkind, c.relpersistence, pg_catalog.pg_get_userbyid(c.relowner), c.relreplident, c.relrowsecurity, c.relforcerowsecurity, c.relispartition, c.relispopulated,
  (SELECT pg_catalog.string_agg(o, ',' ORDER BY o) FROM pg_catalog.unnest(c.reloptions) o), ` + acl("c.relacl", "r", "c.relowner") + `, pg_catalog.obj_description(c.oid, 'pg_class'), (SELECT t.spcname FROM pg_catalog.pg_tablespace t WHERE t.oid = c.reltablespace)
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND ` + userSchemas,
		"column": `SELECT pg_catalog.concat(n.nspname, '.', c.relname, '.', a.attname), pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, a.attstorage, a.attstattarget, a.attislocal, a.attinhcount, l.collname,
  pg_catalog.pg_get_expr(b.adbin, b.adrelid), ` + acl("a.attacl", "c", "c.relowner") + `, pg_catalog.col_description(c.oid, a.attnum), (SELECT pg_catalog.string_agg(o, ',' ORDER BY o) FROM pg_catalog.unnest(a.attfdwoptions) o)
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_catalog.pg_attrdef b ON b.adrelid = c.oid AND b.adnum = a.attnum LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND ` + userSchemas,
		"index": `SELECT pg_catalog.concat(n.nspname, '.', c.relname), pg_catalog.pg_get_indexdef(c.oid), i.indisvalid, i.indisprimary, i.indisclustered, i.indisreplident, i.indimmediate, pg_catalog.obj_description(c.oid, 'pg_class')
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE ` + userSchemas,
		"constraint": `SELECT pg_catalog.concat(n.nspname, '.', (SELECT relname FROM pg_catalog.pg_class WHERE oid = k.conrelid), '.', (SELECT typname FROM pg_catalog.pg_type WHERE oid = k.contypid), '.', k.conname), pg_catalog.pg_get_constraintdef(k.oid), k.convalidated, k.conislocal, k.coninhcount, k.contype = 'c' AND k.connoinherit, k.condeferrable, k.condeferred, pg_catalog.obj_description(k.oid, 'pg_constraint')
  FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_namespace n ON n.oid = k.connamespace WHERE ` + userSchemas,
		"trigger": `SELECT pg_catalog.concat(n.nspname, '.', c.relname, '.', t.tgname), pg_catalog.pg_get_triggerdef(t.oid), t.tgenabled FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE NOT t.tgisinternal AND ` + userSchemas,
		"function": `SELECT pg_catalog.concat(n.nspname, '.', p.oid::pg_catalog.regprocedure), CASE WHEN p.prokind <> 'a' THEN pg_catalog.pg_get_functiondef(p.oid) END, pg_catalog.pg_get_userbyid(p.proowner), ` + acl("p.proacl", "f", "p.proowner") + `, pg_catalog.obj_description(p.oid, 'pg_proc')
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE ` + userSchemas,
		"type": `SELECT pg_catalog.concat(n.nspname, '.', t.typname), t.typtype, t.typcategory, pg_catalog.pg_get_userbyid(t.typowner), ` + acl("t.typacl", "T", "t.typowner") + `, t.typdefault, t.typnotnull, pg_catalog.format_type(t.typbasetype, t.typtypmod), pg_catalog.obj_description(t.oid, 'pg_type'),
  (SELECT pg_catalog.string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid)
  FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE ` + userSchemas,
		"schemata":  `SELECT n.nspname, pg_catalog.pg_get_userbyid(n.nspowner), ` + acl("n.nspacl", "n", "n.nspowner") + `, pg_catalog.obj_description(n.oid, 'pg_namespace') FROM pg_catalog.pg_namespace n WHERE ` + userSchemas,
		"extension": `SELECT e.extname, e.extversion, n.nspname, e.extrelocatable, pg_catalog.obj_description(e.oid, 'pg_extension') FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace`,
		"policy":    `SELECT pg_catalog.concat(schemaname, '.', tablename, '.', policyname), permissive, pg_catalog.array_to_string(roles, ','), cmd, qual, with_check FROM pg_catalog.pg_policies`,
		"default acl": `SELECT pg_catalog.concat(pg_catalog.pg_get_userbyid(d.defaclrole), ' ', n.nspname, ' ', d.defaclobjtype), (SELECT pg_catalog.string_agg(x.t, ',' ORDER BY x.t COLLATE pg_catalog."C") FROM (SELECT pg_catalog.concat(CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(a.grantee) END, '=', a.privilege_type, a.is_grantable) AS t FROM pg_catalog.aclexplode(d.defaclacl) a) x)
  FROM pg_catalog.pg_default_acl d LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace`,
		"event trigger": `SELECT evtname, evtevent, evtenabled, evtfoid::pg_catalog.regproc, pg_catalog.array_to_string(evttags, ','), pg_catalog.pg_get_userbyid(evtowner) FROM pg_catalog.pg_event_trigger`,
		"statistics":    `SELECT pg_catalog.concat(n.nspname, '.', s.stxname), pg_catalog.pg_get_statisticsobjdef(s.oid), ` + target + ` FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace WHERE ` + userSchemas,
		"publication":   `SELECT p.pubname, p.puballtables, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate, (SELECT pg_catalog.string_agg(pg_catalog.concat(t.schemaname, '.', t.tablename), ',' ORDER BY t.schemaname, t.tablename) FROM pg_catalog.pg_publication_tables t WHERE t.pubname = p.pubname) FROM pg_catalog.pg_publication p`,
		"subscription":  `SELECT s.subname, s.subenabled, s.subconninfo, pg_catalog.array_to_string(s.subpublications, ',') FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid` + here,
		"cast":          `SELECT pg_catalog.concat(castsource::pg_catalog.regtype, '>', casttarget::pg_catalog.regtype), castfunc::pg_catalog.regprocedure, castcontext, castmethod FROM pg_catalog.pg_cast WHERE oid >= 16384`,
		"operator":      `SELECT pg_catalog.concat(n.nspname, '.', o.oprname, '(', o.oprleft::pg_catalog.regtype, ',', o.oprright::pg_catalog.regtype, ')'), o.oprcode, o.oprcom::pg_catalog.regoperator, o.oprnegate::pg_catalog.regoperator, o.oprcanhash, o.oprcanmerge FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace WHERE ` + userSchemas,
		"foreign":       `SELECT s.srvname, w.fdwname, s.srvtype, s.srvversion, (SELECT pg_catalog.string_agg(o, ',' ORDER BY o) FROM pg_catalog.unnest(s.srvoptions) o), ` + acl("s.srvacl", "S", "s.srvowner") + ` FROM pg_catalog.pg_foreign_server s JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw`,
		"user mapping":  `SELECT pg_catalog.concat(srvname, ' ', usename), (SELECT pg_catalog.string_agg(o, ',' ORDER BY o) FROM pg_catalog.unnest(umoptions) o) FROM pg_catalog.pg_user_mappings`,
		"text search":   `SELECT pg_catalog.concat(n.nspname, '.', d.dictname), d.dictinitoption FROM pg_catalog.pg_ts_dict d JOIN pg_catalog.pg_namespace n ON n.oid = d.dictnamespace WHERE ` + userSchemas,
		"inherits":      `SELECT pg_catalog.concat(inhrelid::pg_catalog.regclass, '<', inhparent::pg_catalog.regclass), inhseqno, pg_catalog.pg_get_expr(c.relpartbound, c.oid) FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_class c ON c.oid = inhrelid WHERE c.relkind IN ('r', 'p', 'f')`,
		"rule":          `SELECT pg_catalog.concat(schemaname, '.', tablename, '.', rulename), definition FROM pg_catalog.pg_rules WHERE schemaname NOT LIKE 'pg\_%' ESCAPE '\'`,
		"large object":  `SELECT m.oid, pg_catalog.pg_get_userbyid(m.lomowner), ` + acl("m.lomacl", "L", "m.lomowner") + `, pg_catalog.obj_description(m.oid, 'pg_largeobject'), pg_catalog.length(pg_catalog.lo_get(m.oid)), pg_catalog.md5(pg_catalog.lo_get(m.oid)) FROM pg_catalog.pg_largeobject_metadata m`,
		"comment":       `SELECT pg_catalog.concat(i.type, ' ', i.identity), d.description FROM pg_catalog.pg_description d, pg_catalog.pg_identify_object(d.classoid, d.objoid, d.objsubid) i WHERE d.objoid >= 16384 AND d.classoid <> 'pg_catalog.pg_largeobject'::pg_catalog.regclass AND i.identity IS NOT NULL`,
	}
}
