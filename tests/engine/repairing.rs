//! What a person settles by hand.

use std::process::Output;

use crate::bed::Bed;

fn text(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn an_edit_is_accepted_with_a_trace_of_what_was_before() {
    let bed = Bed::with(&[("001_a.sql", "create table a (n int)"), ("002_b.sql", "create table b ()")]);
    assert_eq!(bed.run().applied(), 2);
    let before = bed.psql("select checksum from schemaward.schema_migrations where version = '001'");
    bed.psql("alter table a alter n type bigint");
    bed.file("001_a.sql", b"create table a (n bigint)");
    assert_eq!(bed.migrate(&[]).status.code(), Some(4));

    let (code, out, err) = text(&bed.command("repair", &["--accept", "1"]));
    assert_eq!(code, Some(0), "{err}");
    assert!(out.starts_with("001_a.sql is accepted as it is now") && out.contains(&before), "{out}");
    assert_eq!(bed.run().applied(), 0);
    assert_eq!(text(&bed.command("verify", &[])).0, Some(0));
    let kept = "select e.version, e.checksum_before = '{}', e.checksum = m.checksum, e.checksum <> e.checksum_before, \
                e.accepted_by, e.run like 'repair-%' from schemaward.accepted_edits e \
                join schemaward.schema_migrations m on m.id = e.migration_id";
    assert_eq!(bed.psql(&kept.replace("{}", &before)), "001|t|t|t|postgres|t");
    assert_eq!(bed.psql("select count(*) from schemaward.schema_migrations"), "2", "nothing was run");

    for (version, why) in [("1", "as it was applied"), ("3", "not applied")] {
        let (code, _, err) = text(&bed.command("repair", &["--accept", version]));
        assert_eq!(code, Some(2));
        assert!(err.contains(why), "{err}");
    }
}

#[test]
fn what_is_open_is_listed() {
    let bed = Bed::with(&[(
        "001_a.sql",
        "-- schemaward: no-transaction\ncreate table t ();\ncreate index concurrently x on t (nothing);\n",
    )]);
    let (code, out, _) = text(&bed.command("repair", &[]));
    assert!(code == Some(0) && out.starts_with("Nothing is begun"), "{out}");
    bed.run().failure();
    let (code, out, _) = text(&bed.command("repair", &["--format", "json"]));
    assert_eq!(code, Some(0));
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        json["open"],
        serde_json::json!([
            {"kind": "migration", "version": "001", "file": "001_a.sql", "statement": 1, "state": "finished"},
            {"kind": "migration", "version": "001", "file": "001_a.sql", "statement": 2, "state": "failed"},
        ])
    );
    assert_eq!(text(&bed.command("repair", &["--version", "1"])).0, Some(2), "a statement and its end are asked for");
}
