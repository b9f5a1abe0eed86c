-- What a schema is, in the catalogs' own words and in a fixed order: for servers newer than the pg_dump at hand.
SET search_path = '';
\pset format unaligned
SELECT 'schema', nspname FROM pg_catalog.pg_namespace WHERE nspname !~ '^(pg_|information_schema|schemaward)' ORDER BY nspname;
SELECT 'extension', extname FROM pg_catalog.pg_extension ORDER BY extname;
SELECT 'relation', n.nspname, c.relname, c.relkind, c.relpersistence, c.relreplident, c.relrowsecurity, c.reloptions,
  pg_catalog.pg_get_partkeydef(c.oid), pg_catalog.pg_get_expr(c.relpartbound, c.oid), c.relacl
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^(pg_|information_schema|schemaward)' ORDER BY n.nspname, c.relname;
SELECT 'column', n.nspname, c.relname, a.attnum, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull,
  a.attidentity, a.attgenerated, a.attstorage, a.attstattarget, a.attcollation::pg_catalog.regcollation, pg_catalog.pg_get_expr(d.adbin, d.adrelid)
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_attrdef d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
WHERE a.attnum > 0 AND NOT a.attisdropped AND n.nspname !~ '^(pg_|information_schema|schemaward)' ORDER BY 2, 3, 4;
SELECT 'index', n.nspname, c.relname, i.indisvalid, i.indisclustered, pg_catalog.pg_get_indexdef(i.indexrelid)
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^(pg_|information_schema|schemaward)' ORDER BY 2, 3;
SELECT 'constraint', n.nspname, conrelid::pg_catalog.regclass::text, conname, convalidated, pg_catalog.pg_get_constraintdef(k.oid)
FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_namespace n ON n.oid = k.connamespace
WHERE n.nspname !~ '^(pg_|information_schema|schemaward)' ORDER BY 2, 3, 4;
SELECT 'view', schemaname, viewname, definition FROM pg_catalog.pg_views WHERE schemaname !~ '^(pg_|information_schema|schemaward)' ORDER BY 2, 3;
SELECT 'materialized view', schemaname, matviewname, ispopulated, definition FROM pg_catalog.pg_matviews ORDER BY 2, 3;
SELECT 'sequence', schemaname, sequencename, data_type, start_value, min_value, max_value, increment_by, cycle FROM pg_catalog.pg_sequences
WHERE schemaname !~ '^schemaward' ORDER BY 2, 3;
SELECT 'function', n.nspname, p.oid::pg_catalog.regprocedure::text, p.prokind, CASE WHEN p.prokind <> 'a' THEN pg_catalog.pg_get_functiondef(p.oid) END, p.proacl
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname !~ '^(pg_|information_schema|schemaward)' AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
ORDER BY 2, 3;
SELECT 'trigger', tgrelid::pg_catalog.regclass::text, tgenabled, pg_catalog.pg_get_triggerdef(oid) FROM pg_catalog.pg_trigger WHERE NOT tgisinternal
  AND tgrelid::pg_catalog.regclass::text !~ '^schemaward' ORDER BY 2, 4;
SELECT 'type', n.nspname, t.typname, t.typtype, pg_catalog.format_type(t.typbasetype, t.typtypmod), t.typnotnull, t.typdefault,
  (SELECT pg_catalog.string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_catalog.pg_enum WHERE enumtypid = t.oid)
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE n.nspname !~ '^(pg_|information_schema|schemaward)' ORDER BY 2, 3;
SELECT 'policy', tablename, policyname, cmd, roles, qual, with_check FROM pg_catalog.pg_policies ORDER BY 2, 3;
SELECT 'statistics', stxname, pg_catalog.pg_get_statisticsobjdef(oid) FROM pg_catalog.pg_statistic_ext ORDER BY 2;
SELECT 'comment', pg_catalog.pg_describe_object(d.classoid, d.objoid, d.objsubid), d.description FROM pg_catalog.pg_description d
WHERE d.objoid >= 16384 AND pg_catalog.pg_describe_object(d.classoid, d.objoid, d.objsubid) !~ 'schemaward' ORDER BY 2;
