//! Generated PostgreSQL: functions and procedures with bodies in every notation, `DO`, rules and triggers, around words
//! that begin or end blocks.

use fastrand::Rng;

use crate::file::{File, Form, Statement};
use crate::random::{Choices as _, Quoting, broken, comment, noise};

const QUOTING: Quoting = Quoting { backslashes: false, dollars: true, hash_comments: false };

/// `end` and `case` are reserved: columns with these names must be quoted or follow a dot.
pub const BASE: &str = r#"
CREATE TABLE log (file text, n int, what text);
CREATE TABLE t (a int, begin int, "end" int, "case" int, atomic int, "when" int, "else" int, loop int, if int, what text);
CREATE TABLE begin (begin int, "end" int, "case" int, a int, what text);
CREATE TABLE atomic (a int, "end" int, "case" int, begin int, what text);
CREATE TABLE "end" (a int, "end" int, "case" int, begin int, what text);
CREATE VIEW v AS SELECT a, "end", "case" FROM t;
CREATE FUNCTION "end"(a int) RETURNS int LANGUAGE sql AS 'SELECT a';
CREATE FUNCTION atomic(a int) RETURNS int LANGUAGE sql AS 'SELECT a';
CREATE FUNCTION begin(a int) RETURNS int LANGUAGE sql AS 'SELECT a';
CREATE FUNCTION base_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
"#;

const TABLES: [&str; 4] = ["t", "begin", "atomic", "\"end\""];
const COLUMNS: [&str; 10] =
    ["x.end", "x.case", "x.begin", "\"end\"", "\"case\"", "begin", "a", "x.\"end\"", "x . case", "x.a"];
const LABELS: [&str; 14] = [
    "AS end",
    "AS case",
    "AS begin",
    "AS atomic",
    "end",
    "begin",
    "atomic",
    "AS \"END;\"",
    "AS when",
    "AS else",
    "AS function",
    "AS create",
    "case",
    "AS if",
];
const STRINGS: [&str; 10] = [
    "'a'",
    "'; END;'",
    "'it''s; END'",
    "E'\\'; END;'",
    "E'\\\\'",
    "$$; END $$",
    "$end$ ; $$ CASE $$ $end$",
    "'\\'",
    "U&'\\0061;'",
    "'BEGIN\nEND;\n'",
];

/// An expression of type `int`; `x` is the table.
fn number(rng: &mut Rng, depth: usize) -> String {
    if depth == 0 {
        return if rng.bool() { rng.u8(..).to_string() } else { rng.pick(&COLUMNS).to_owned() };
    }
    let n = |rng: &mut Rng| number(rng, depth - 1);
    match rng.usize(..10) {
        0 => format!("CASE {} WHEN {} THEN {} END", n(rng), n(rng), n(rng)),
        1 => format!("CASE WHEN {} = {} THEN {} ELSE {} END", n(rng), n(rng), n(rng), n(rng)),
        2 => format!("coalesce({}, {})", n(rng), n(rng)),
        3 => format!("(SELECT y.end FROM {} y WHERE y.case = {} LIMIT 1)", rng.pick(&TABLES), n(rng)),
        4 => format!("{} + {}", n(rng), n(rng)),
        5 => format!("\"end\"({})", n(rng)),
        6 => format!("atomic({})", n(rng)),
        7 => format!("length({})", rng.pick(&STRINGS)),
        8 => format!("(CASE WHEN x.case > {} THEN 1 END)", n(rng)),
        _ => n(rng),
    }
}

fn expression(rng: &mut Rng) -> String {
    let depth = rng.usize(..4);
    number(rng, depth)
}

fn select(rng: &mut Rng) -> String {
    let (first, second) = (expression(rng), expression(rng));
    let (label, other) = (rng.pick(&LABELS), rng.pick(&LABELS));
    let table = rng.pick(&TABLES);
    let label = if first.ends_with(|last: char| last.is_ascii_digit()) || label.starts_with("AS") { label } else { "" };
    match rng.usize(..6) {
        0 => format!("SELECT {first} {label} FROM {table} x"),
        1 => format!("SELECT {first} {label}, {second} {} FROM {table} AS x", as_label(other)),
        2 => format!(
            "WITH begin AS (SELECT {first} {} FROM {table} x) SELECT 1 {} FROM begin",
            as_label(label),
            as_label(other)
        ),
        3 => format!("SELECT {} FROM {table} x WHERE {second} > 1", rng.pick(&STRINGS)),
        4 => format!("SELECT x.end, x.case FROM {table} x ORDER BY {second} + 0"),
        _ => format!(
            "SELECT count(*) {} FROM {table} x GROUP BY x.case HAVING CASE WHEN true THEN true END",
            as_label(label)
        ),
    }
}

/// A label that must have AS.
fn as_label(label: &str) -> String {
    if label.is_empty() || label.starts_with("AS") { label.to_owned() } else { format!("AS {label}") }
}

fn change(rng: &mut Rng) -> String {
    let table = rng.pick(&TABLES);
    let what = rng.pick(&STRINGS);
    match rng.usize(..5) {
        0 => format!("INSERT INTO {table} (begin, \"end\", what) VALUES ({}, 1, {what})", rng.u8(..)),
        1 => format!(
            "UPDATE {table} AS x SET \"end\" = {}, what = {what} WHERE x.case = {}",
            expression(rng),
            expression(rng)
        ),
        2 => format!("DELETE FROM {table} x WHERE {} = 1", expression(rng)),
        3 => format!("INSERT INTO {table} (a) SELECT {} FROM begin x RETURNING {table}.a AS case", expression(rng)),
        _ => format!("UPDATE {table} x SET a = CASE WHEN x.case = 1 THEN 2 ELSE x.end END RETURNING x.end"),
    }
}

fn list(rng: &mut Rng, from: usize) -> String {
    let count = from + rng.usize(..4);
    let one = |rng: &mut Rng| if rng.bool() { select(rng) } else { change(rng) };
    (0..count).map(|_| one(rng) + ";\n").collect()
}

fn constant(rng: &mut Rng, text: &str) -> String {
    match rng.usize(..5) {
        0 => format!("'{}'", text.replace('\'', "''")),
        1 => format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
        2 => format!("$body$\n{text}\n$body$"),
        3 => format!("$end${text}$end$"),
        _ if text.contains("$$") => format!("$_${text}$_$"),
        _ => format!("$$ {text} $$"),
    }
}

fn plpgsql(rng: &mut Rng, id: usize, end: &str) -> String {
    let log = rng.pick(&STRINGS);
    let declare = rng.maybe("DECLARE x int := CASE WHEN true THEN 1 END; y text := ';';\n");
    let middle = match rng.usize(..4) {
        0 => format!("IF 1 > 0 THEN\n INSERT INTO log VALUES ('f{id}', -1, {log}); ELSE NULL; END IF;\n"),
        1 => "CASE 1 WHEN 1 THEN NULL; END CASE; -- END;\n".to_owned(),
        2 => "<<atomic>> LOOP EXIT atomic; END LOOP atomic;\n".to_owned(),
        _ => format!("BEGIN INSERT INTO log VALUES ('f{id}', -2, {log}); EXCEPTION WHEN OTHERS THEN NULL; END;\n"),
    };
    let end = if end.is_empty() { String::new() } else { format!("{end};\n") };
    format!("{declare}BEGIN\n{middle}{end}END{}", rng.pick(&["", ";"]))
}

fn attributes(rng: &mut Rng, is_function: bool) -> String {
    let mut all =
        vec![" SECURITY DEFINER", " SET search_path = public, pg_temp", " SET work_mem TO '1MB'", " SECURITY INVOKER"];
    if is_function {
        all.extend([
            " STABLE",
            " VOLATILE",
            " STRICT",
            " COST 5",
            " PARALLEL SAFE",
            " CALLED ON NULL INPUT",
            " LEAKPROOF",
        ]);
    }
    let mut chosen: Vec<&str> = Vec::new();
    for attribute in all {
        let kind = attribute.trim().split([' ', '=']).next().unwrap_or_default();
        let clashes = chosen.iter().any(|one| one.trim().starts_with(kind) && kind != "SET")
            || kind == "VOLATILE" && chosen.contains(&" STABLE")
            || kind == "CALLED" && chosen.contains(&" STRICT");
        if !clashes && rng.one_in(5) {
            chosen.push(attribute);
        }
    }
    rng.shuffle(&mut chosen);
    chosen.concat()
}

fn parameters(rng: &mut Rng) -> &'static str {
    match rng.usize(..6) {
        0 => "begin int, \"end\" int DEFAULT 1",
        1 => "a text DEFAULT '; END'",
        2 => "IN atomic int, \"case\" int DEFAULT CASE WHEN true THEN 1 END",
        3 => "a numeric(10, 2) = 1.5, VARIADIC b int[] DEFAULT '{1}'",
        _ => "",
    }
}

fn routine(rng: &mut Rng, id: usize, name: &str) -> String {
    let replace = rng.maybe(" OR REPLACE");
    let is_function = !rng.one_in(3);
    let parameters = parameters(rng);
    let (before, after) = (attributes(rng, is_function), String::new());
    let kind = if is_function { "FUNCTION" } else { "PROCEDURE" };
    let head = |returns: &str| format!("CREATE{replace} {kind} {name}({parameters}){returns}");
    match (rng.usize(..8), is_function) {
        (0..=2, true) => {
            let last = rng.pick(&[
                "SELECT 1",
                "SELECT 1 AS case",
                "SELECT x.end FROM t x",
                "SELECT CASE WHEN true THEN 1 END",
                "SELECT 1 end",
            ]);
            format!("{} LANGUAGE sql{before} BEGIN ATOMIC\n{}{last};\nEND", head(" RETURNS int"), list(rng, 0))
        }
        (3, true) => {
            let e = rng.pick(&[
                "CASE WHEN true THEN 1 END",
                "(SELECT x.end FROM t x LIMIT 1)",
                "\"end\"(1)",
                "1",
                "length(';')",
            ]);
            format!("{}{before} RETURN {e}", head(" RETURNS int"))
        }
        (4, true) => {
            let end = rng.pick(&["RETURN 1", "RETURN CASE WHEN 1 > 0 THEN 1 END"]);
            let body = plpgsql(rng, id, end);
            format!("{} LANGUAGE plpgsql{before} AS {}", head(" RETURNS int"), constant(rng, &body))
        }
        (5, true) => {
            let body = format!("{}SELECT 1", list(rng, 0));
            format!("{} AS {}{before} LANGUAGE 'sql'", head(" RETURNS int"), constant(rng, &body))
        }
        (6, true) => format!(
            "{} LANGUAGE sql{before} BEGIN ATOMIC\n{}SELECT x.case, x.end FROM t x;\nEND",
            head(" RETURNS TABLE (c int, e int)"),
            list(rng, 0)
        ),
        (_, true) => format!("{} LANGUAGE sql{before} BEGIN ATOMIC {}END", head(" RETURNS void"), list(rng, 1)),
        (0..=4, false) => format!("{} LANGUAGE sql{before} BEGIN ATOMIC\n{}END{after}", head(""), list(rng, 0)),
        (_, false) => {
            let body = plpgsql(rng, id, "");
            format!("{}{before} AS {} LANGUAGE plpgsql", head(""), constant(rng, &body))
        }
    }
}

fn rule(rng: &mut Rng, name: &str, table: &str) -> String {
    let replace = rng.maybe(" OR REPLACE");
    let event = rng.pick(&["INSERT", "UPDATE", "DELETE"]);
    let row = if event == "DELETE" { "old" } else { "new" };
    let condition = if rng.one_in(3) { format!(" WHERE {row}.end > CASE WHEN true THEN 1 END") } else { String::new() };
    let action = |rng: &mut Rng| match rng.usize(..5) {
        0 => format!("INSERT INTO atomic (a, \"end\") VALUES ({row}.end, CASE {row}.case WHEN 1 THEN 2 END)"),
        1 if condition.is_empty() => "NOTIFY f".to_owned(),
        2 => format!("UPDATE begin x SET a = {row}.begin, what = {} WHERE x.case = {row}.case", rng.pick(&STRINGS)),
        3 => format!("DELETE FROM begin x WHERE x.end = {row}.end"),
        _ => format!("INSERT INTO begin (what) VALUES ({})", rng.pick(&STRINGS)),
    };
    let actions = match rng.usize(..4) {
        0 => "NOTHING".to_owned(),
        1 => action(rng),
        _ => {
            let list: Vec<String> = (0..=rng.usize(..4)).map(|_| action(rng)).collect();
            format!("({}{})", list.join(";\n "), rng.pick(&["", ";"]))
        }
    };
    let also = rng.pick(&["", "ALSO ", "INSTEAD "]);
    format!("CREATE{replace} RULE {name} AS ON {event} TO {table}{condition} DO {also}{actions}")
}

fn trigger(rng: &mut Rng, name: &str) -> String {
    let event = rng.pick(&["INSERT", "UPDATE OF \"end\", begin", "INSERT OR UPDATE"]);
    let when = rng.maybe(" WHEN (CASE NEW.end WHEN 1 THEN NEW.case > 1 ELSE NEW.begin = 2 END)");
    let arguments = rng.pick(&["", "'a;'", "'END;', 'it''s'", "end_, 1"]);
    let table = rng.pick(&TABLES);
    let time = rng.pick(&["BEFORE", "AFTER"]);
    format!(
        "CREATE TRIGGER {name} {time} {event} ON {table} FOR EACH ROW{when} EXECUTE FUNCTION base_trigger({arguments})"
    )
}

fn block(rng: &mut Rng, id: usize, number: usize) -> String {
    let what = rng.pick(&STRINGS);
    let body = format!("BEGIN\nINSERT INTO log VALUES ('f{id}', {number}, {what});\nEND;");
    let body = constant(rng, &body);
    match rng.usize(..3) {
        0 => format!("DO LANGUAGE plpgsql {body}"),
        1 => format!("DO {body} LANGUAGE plpgsql"),
        _ => format!("DO {body}"),
    }
}

fn name(rng: &mut Rng, id: usize, number: usize) -> String {
    match rng.usize(..6) {
        0 => format!("\"f{id}_{number}; END\""),
        1 => format!("public.f{id}_{number}_begin"),
        2 => format!("f{id}_{number}$end$"),
        _ => format!("f{id}_{number}"),
    }
}

pub fn generate(id: usize, rng: &mut Rng) -> File {
    let mut statements = Vec::new();
    for number in 0..=rng.usize(..4) {
        let name = name(rng, id, number);
        let local = name.trim_start_matches("public.");
        if rng.one_in(3) {
            let what = rng.pick(&STRINGS);
            statements.push(Statement::plain(format!("INSERT INTO log VALUES ('f{id}', {number}, {what})")));
        }
        let sql = match rng.usize(..10) {
            0 => block(rng, id, number),
            1 | 2 => {
                // A table of its own, since a rule changes what the bodies that use the table mean.
                let table = format!("f{id}_{number}_r");
                statements.push(Statement::plain(format!("CREATE TABLE {table} (LIKE t)")));
                rule(rng, local, &table)
            }
            3 => trigger(rng, local),
            _ => routine(rng, id, &name),
        };
        statements.push(Statement::body(sql));
        if rng.one_in(6) {
            let what = rng.pick(&[
                "SELECT x.case, x.end FROM t x",
                "SELECT CASE WHEN true THEN 1 END AS end",
                "SELECT 1 AS case",
            ]);
            statements.push(Statement::plain(format!("CREATE VIEW f{id}_{number}_v AS {what}")));
        }
        if rng.one_in(8) {
            statements
                .push(Statement::plain(format!("CREATE TABLE f{id}_{number}_t (begin int, \"end\" int, atomic int)")));
        }
    }
    let is_broken = rng.one_in(30);
    for (at, statement) in statements.iter_mut().enumerate() {
        // The pieces of a string must stay together, and E'\'' is not understood.
        if !statement.sql.contains("E'") {
            statement.sql = noise(rng, &statement.sql, QUOTING);
            if is_broken && at == 0 {
                statement.sql = broken(rng, &statement.sql, QUOTING);
            }
        }
        statement.before = comment(rng, false);
    }
    let (crlf, last_semicolon) = (rng.one_in(8), !rng.one_in(4));
    File { id, statements, form: Form::Bare, crlf, last_semicolon, broken: is_broken }
}
