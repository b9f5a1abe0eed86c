//! Compares a database after a fault with the same plan without one. Judges only its arguments and queries nothing, so
//! that tests can show that it finds what it looks for.

use std::collections::BTreeMap;

use crate::engine::{Fault, File};

/// A point in a statement's life.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum At {
    /// It waits for its table and has done nothing.
    Before,
    /// It has run. Whatever comes next, even recording its end, waits.
    After,
}

#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// From 1, in the plan.
    pub statement: usize,
    pub at: At,
    pub fault: Fault,
}

/// A row of the ledger that is in force.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InForce {
    pub version: String,
    pub filename: String,
    pub statements_done: String,
    pub statements_total: String,
    pub run: String,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Journaled {
    pub filename: String,
    /// From 1, in its file.
    pub statement: usize,
    pub state: String,
    pub trace: String,
    pub run: String,
    /// Whether it belongs to a row of the ledger.
    pub belongs: bool,
}

/// The state of a database at the end.
#[derive(Clone, Debug, Default)]
pub struct End {
    /// Definitions and rows; each contains its statement's number, as `_07`.
    pub dump: Vec<String>,
    pub in_force: Vec<InForce>,
    pub journal: Vec<Journaled>,
}

/// The run that was hit by the fault.
#[derive(Debug)]
pub struct First {
    pub run: String,
    pub said: String,
}

/// The plan, and its result without a fault.
#[derive(Debug)]
pub struct Plan {
    pub files: &'static [File],
    /// The dump before anything ran.
    pub before: Vec<String>,
    pub undisturbed: End,
}

/// The result of a case.
#[derive(Debug, Default)]
pub struct Found {
    /// Statements whose tables are as if they had never run.
    pub lost: Vec<String>,
    /// Statements whose tables are neither so nor as after a single execution.
    pub repeated: Vec<String>,
    /// What the ledger leaves open, has twice or lacks.
    pub half_recorded: Vec<String>,
    /// What was not resumed after what was done.
    pub not_resumed: Vec<String>,
    /// The run that lost its connection has finished the plan without being restarted.
    pub went_on: bool,
}

impl Found {
    pub fn is_right(&self) -> bool {
        [&self.lost, &self.repeated, &self.half_recorded, &self.not_resumed].iter().all(|lines| lines.is_empty())
    }
}

/// A statement's place: its file, and its number there, from 1.
pub struct Place {
    pub file: usize,
    pub number: usize,
    pub sql: String,
}

/// The SQL of a statement of the plan as it is executed.
pub fn numbered(sql: &str, statement: usize) -> String {
    sql.replace('#', &format!("_{statement:02}"))
}

/// The place of a statement, from its number in the plan.
pub fn place(files: &[File], statement: usize) -> Place {
    let mut number = statement;
    for (file, (_, _, statements)) in files.iter().enumerate() {
        if let Some(sql) = statements.get(number - 1) {
            return Place { file, number, sql: numbered(sql, statement) };
        }
        number -= statements.len();
    }
    panic!("the plan has no statement {statement}")
}

impl Plan {
    /// Compares a case's result with that of the plan without a fault.
    pub fn judge(&self, end: &End, case: Case, first: &First) -> Found {
        let mut found = Found {
            half_recorded: self.half_recorded(end),
            not_resumed: self.not_resumed(end, case, first),
            ..Found::default()
        };
        let [before, undisturbed, now] =
            [&self.before, &self.undisturbed.dump, &end.dump].map(|dump| by_statement(dump));
        let mut statements: Vec<_> = undisturbed.keys().chain(before.keys()).chain(now.keys()).collect();
        statements.sort();
        statements.dedup();
        for statement in statements {
            let [before, undisturbed, now] = [&before, &undisturbed, &now].map(|dump| dump.get(statement));
            if now != undisturbed {
                let to = if now == before { &mut found.lost } else { &mut found.repeated };
                to.push(format!("{statement}: {now:?} instead of {undisturbed:?}"));
            }
        }
        found
    }

    /// Where the ledger differs from what it should say: each version is in force once, with all of its statements, and
    /// each statement that is committed separately is journaled once, to its end.
    pub fn half_recorded(&self, end: &End) -> Vec<String> {
        let rows = end
            .in_force
            .iter()
            .map(|row| [&row.version, &row.filename, &row.statements_done, &row.statements_total].map(String::as_str));
        let counts: Vec<String> = self.files.iter().map(|(_, _, statements)| statements.len().to_string()).collect();
        let expected = self.files.iter().zip(&counts).map(|((name, _, _), count)| [&name[..3], *name, count, count]);
        let mut wrong = Vec::new();
        if !rows.eq(expected) {
            wrong.push(format!("in force: {:?}", end.in_force));
        }
        let open = end.journal.iter().filter(|row| row.state != "finished" || !row.belongs);
        wrong.extend(open.map(|row| format!("journal: {row:?}")));
        let [journaled, expected] = [end, &self.undisturbed].map(|end| {
            let mut rows: Vec<_> = end.journal.iter().map(|row| (row.filename.as_str(), row.statement)).collect();
            rows.sort_unstable();
            rows
        });
        if journaled != expected {
            wrong.push(format!("journal: rows for {journaled:?} instead of {expected:?}"));
        }
        wrong
    }

    /// What the wrong run has executed: everything done before the kill must belong to the first run.
    fn not_resumed(&self, end: &End, case: Case, first: &First) -> Vec<String> {
        let place = place(self.files, case.statement);
        let mut wrong: Vec<String> = Vec::new();
        for InForce { version, run, .. } in end.in_force.iter().take(place.file) {
            // PostgreSQL's files of one message reach the disk together. A killed server may forget all of them, but
            // only before they were reported.
            let is_reported = first.said.contains(&format!("\"event\":\"migrationApplied\",\"version\":\"{version}\""));
            let may_be_forgotten = !is_reported && matches!(case.fault, Fault::Backend | Fault::Server);
            if *run != first.run && !may_be_forgotten {
                wrong.push(format!("the file {version} was done again"));
            }
        }
        let file = self.files[place.file].0;
        for row in end.journal.iter().filter(|row| row.filename == file) {
            let (number, by_first) = (row.statement, row.run == first.run);
            if number < place.number && !by_first {
                wrong.push(format!("the statement {number} of {file} was done again"));
            }
            if number != place.number || case.fault == Fault::Runner {
                // What a killed runner has sent continues without it.
                continue;
            }
            if case.at == At::Before && by_first {
                wrong.push(format!("the statement {number} of {file} was taken for done: {row:?}"));
            }
            let conclusive = ["created index", "dropped index", "appears", "disappears", "renamed"];
            if case.at == At::After && conclusive.contains(&row.trace.as_str()) && !by_first {
                wrong.push(format!("the statement {number} of {file} was started again"));
            }
        }
        wrong
    }
}

/// The lines of each statement, sorted. Each statement works on a table of its own, whose name contains its number.
fn by_statement(dump: &[String]) -> BTreeMap<String, Vec<&str>> {
    let mut statements: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for line in dump {
        let is_digit = |byte: Option<char>| byte.is_some_and(|byte| byte.is_ascii_digit());
        let number = line.split('_').skip(1).find_map(|rest| {
            let mut chars = rest.chars();
            let two = is_digit(chars.next()) && is_digit(chars.next()) && !is_digit(chars.next());
            two.then(|| rest[..2].to_owned())
        });
        statements.entry(number.unwrap_or_else(|| "none".to_owned())).or_default().push(line);
    }
    for lines in statements.values_mut() {
        lines.sort_unstable();
    }
    statements
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: &[File] = &[
        ("001_a.sql", "", &["insert into t# values (1)"]),
        ("002_b.sql", "-- schemaward: no-transaction\n", &["update t# set v = v + 1", "create index i# on t# (v)"]),
        ("003_c.sql", "", &["drop table t#"]),
    ];
    /// The second statement of 002, just before its end is recorded.
    const CASE: Case = Case { statement: 3, at: At::After, fault: Fault::Server };

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|&line| line.to_owned()).collect()
    }

    fn in_force(file: usize, run: &str) -> InForce {
        let (name, _, statements) = FILES[file];
        let count = statements.len().to_string();
        InForce {
            version: name[..3].to_owned(),
            filename: name.to_owned(),
            statements_done: count.clone(),
            statements_total: count,
            run: run.to_owned(),
        }
    }

    fn journaled(statement: usize, trace: &str) -> Journaled {
        Journaled {
            filename: "002_b.sql".to_owned(),
            statement,
            state: "finished".to_owned(),
            trace: trace.to_owned(),
            run: "first".to_owned(),
            belongs: true,
        }
    }

    /// A correct end: the second run has done what followed the kill.
    fn right() -> End {
        End {
            dump: lines(&["row t_01 (1)", "row t_02 (1)", "index i_03 on t_03", "row t_03 (0)"]),
            in_force: vec![in_force(0, "first"), in_force(1, "second"), in_force(2, "second")],
            journal: vec![journaled(1, "transaction"), journaled(2, "created index")],
        }
    }

    fn judged(break_it: impl FnOnce(&mut End)) -> Found {
        let before = lines(&["row t_02 (0)", "row t_03 (0)", "row t_04 (0)"]);
        let plan = Plan { files: FILES, before, undisturbed: right() };
        let mut end = right();
        break_it(&mut end);
        plan.judge(&end, CASE, &First { run: "first".to_owned(), said: String::new() })
    }

    /// How many of each kind were found: lost, repeated, half recorded, not resumed.
    fn counts(found: &Found) -> [usize; 4] {
        [&found.lost, &found.repeated, &found.half_recorded, &found.not_resumed].map(Vec::len)
    }

    #[test]
    fn an_end_as_it_should_be_is_right() {
        let found = judged(|_| ());
        assert!(found.is_right(), "{found:?}");
        // A server lists objects in an order of its own.
        assert!(judged(|end| end.dump.reverse()).is_right());
    }

    #[test]
    fn a_statement_that_has_not_run_is_lost() {
        let without: [fn(&mut End); 4] = [
            |end| drop(end.dump.remove(0)),
            |end| end.dump[1] = "row t_02 (0)".to_owned(),
            |end| drop(end.dump.remove(2)),
            |end| end.dump.push("row t_04 (0)".to_owned()),
        ];
        for (number, without) in (1..).zip(without) {
            let found = judged(without);
            assert_eq!(counts(&found), [1, 0, 0, 0], "{found:?}");
            assert!(found.lost[0].starts_with(&format!("0{number}: ")), "{found:?}");
        }
    }

    #[test]
    fn a_statement_that_has_run_twice_or_in_part_is_repeated() {
        let twice: [fn(&mut End); 3] = [
            |end| end.dump.push("row t_01 (1)".to_owned()),
            |end| end.dump[1] = "row t_02 (2)".to_owned(),
            |end| end.dump[2] = "index i_03 on t_03 invalid".to_owned(),
        ];
        for (number, twice) in (1..).zip(twice) {
            let found = judged(twice);
            assert_eq!(counts(&found), [0, 1, 0, 0], "{found:?}");
            assert!(found.repeated[0].starts_with(&format!("0{number}: ")), "{found:?}");
        }
    }

    #[test]
    fn a_version_that_is_not_in_force_once_with_all_its_statements_is_half_recorded() {
        let broken: [fn(&mut End); 4] = [
            |end| drop(end.in_force.pop()),
            |end| end.in_force.push(in_force(2, "second")),
            |end| end.in_force[1].statements_done = "1".to_owned(),
            |end| end.in_force[2].filename = "003_other.sql".to_owned(),
        ];
        for broken in broken {
            let found = judged(broken);
            assert_eq!(counts(&found), [0, 0, 1, 0], "{found:?}");
        }
    }

    #[test]
    fn a_statement_that_is_not_journaled_once_to_its_end_is_half_recorded() {
        let broken: [fn(&mut End); 5] = [
            |end| end.journal[1].state = "started".to_owned(),
            |end| end.journal[1].state = "failed".to_owned(),
            |end| end.journal[0].belongs = false,
            |end| drop(end.journal.pop()),
            |end| end.journal.push(journaled(1, "transaction")),
        ];
        for broken in broken {
            let found = judged(broken);
            assert_eq!(counts(&found), [0, 0, 1, 0], "{found:?}");
        }
    }

    #[test]
    fn what_another_run_has_done_of_what_was_done_is_not_resumed() {
        let again: [fn(&mut End); 2] = [
            |end| end.journal[0].run = "second".to_owned(),
            // The index existed, as the catalog shows.
            |end| end.journal[1].run = "second".to_owned(),
        ];
        for again in again {
            let found = judged(again);
            assert_eq!(counts(&found), [0, 0, 0, 1], "{found:?}");
        }
    }

    #[test]
    fn a_file_that_was_reported_as_applied_is_not_run_again() {
        let plan = Plan { files: FILES, before: Vec::new(), undisturbed: right() };
        let mut end = right();
        end.in_force[0].run = "second".to_owned();
        let judge = |fault, said: &str| {
            let first = First { run: "first".to_owned(), said: said.to_owned() };
            plan.judge(&end, Case { fault, ..CASE }, &first).not_resumed.len()
        };
        let reported = r#"{"event":"migrationApplied","version":"001"}"#;
        assert_eq!([judge(Fault::Server, reported), judge(Fault::Server, ""), judge(Fault::Connection, "")], [1, 0, 1]);
    }

    #[test]
    fn a_statement_that_was_not_started_is_not_the_first_runs() {
        let plan = Plan { files: FILES, before: Vec::new(), undisturbed: right() };
        let first = First { run: "first".to_owned(), said: String::new() };
        let taken = |fault| plan.judge(&right(), Case { at: At::Before, fault, ..CASE }, &first).not_resumed.len();
        assert_eq!([taken(Fault::Server), taken(Fault::Runner)], [1, 0]);
    }
}
