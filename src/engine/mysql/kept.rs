//! What of a session's state the journal keeps, so that a run that resumes puts back values and evaluates nothing again:
//! user variables, the session's own variables, its role, the texts of prepared statements. How it is written down, as an
//! expression that the server evaluates after the statement, and what is sent to bring it back. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::literal::{identifier, text};
use crate::sql::{CLOCK_FREED, PreparedText, SessionChange};

/// The longest value of a user variable that is kept, in bytes.
const LONGEST_VALUE: usize = 256 << 10;
/// What the variables that are Schemaward's own begin with.
pub(super) const OWN: &str = "schemaward_";

/// How a server shows of which type a user variable's value is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Types {
    /// MySQL: by what it makes of the value in JSON.
    #[default]
    Json,
    /// MariaDB: by the plugin `user_variables`.
    Plugin,
    /// MariaDB without that plugin: not at all.
    Untold,
}

/// What may have changed since it was kept last, and all that may have been set before.
#[derive(Clone, Debug, Default)]
pub(super) struct Tracker {
    types: Types,
    /// The session's variables that there are.
    known: BTreeSet<String>,
    /// User variables that routines and triggers name which the file may call.
    in_bodies: BTreeSet<String>,
    users: BTreeSet<String>,
    variables: BTreeSet<String>,
    changed: Changed,
}

#[derive(Clone, Debug, Default)]
struct Changed {
    users: BTreeSet<String>,
    variables: BTreeSet<String>,
    role: bool,
    /// Numbers of statements that prepare the text of a variable, from 0.
    prepared: BTreeSet<usize>,
}

impl Tracker {
    /// `named`: user variables that the file names anywhere, which a routine may set that it calls.
    pub(super) fn new(
        types: Types,
        known: BTreeSet<String>,
        in_bodies: BTreeSet<String>,
        named: BTreeSet<String>,
    ) -> Self {
        Self { types, known, in_bodies, users: named, ..Self::default() }
    }

    /// A statement has run before this one's script: what it may have set is known by name.
    pub(super) fn note_run_before(&mut self, change: &SessionChange) {
        if change.stored() {
            self.in_bodies.extend(change.user_variables.iter().cloned());
        }
        self.users.extend(change.user_variables.iter().cloned());
        let kept = self.kept_of(change);
        self.variables.extend(kept);
    }

    fn kept_of(&self, change: &SessionChange) -> Vec<String> {
        change.session_variables.iter().filter(|name| self.keeps(name)).cloned().collect()
    }

    /// A statement is run.
    pub(super) fn note(&mut self, index: usize, change: &SessionChange) {
        self.note_run_before(change);
        if change.stored() {
            return;
        }
        self.changed.users.extend(change.user_variables.iter().cloned());
        let kept = self.kept_of(change);
        self.changed.variables.extend(kept);
        self.changed.role |= change.role || change.hidden();
        if change.hidden() {
            self.changed.users.extend(self.users.iter().cloned());
            self.changed.variables.extend(self.variables.iter().cloned());
        }
        if matches!(change.prepares.as_ref().map(|prepared| &prepared.text), Some(PreparedText::Variable(_))) {
            self.changed.prepared.insert(index);
        }
    }

    /// A statement of rows may fire triggers, and any may call a function.
    pub(super) fn note_call_of_bodies(&mut self) {
        self.changed.users.extend(self.in_bodies.iter().cloned());
    }

    /// What the server says is set by now, after a statement that could not be seen into.
    pub(super) fn note_seen(&mut self, users: Vec<String>, variables: Vec<String>) {
        let users = users.into_iter().map(|name| name.to_lowercase()).filter(|name| !name.starts_with(OWN));
        for name in users {
            self.users.insert(name.clone());
            self.changed.users.insert(name);
        }
        for name in variables {
            if self.keeps(&name) {
                self.variables.insert(name.clone());
                self.changed.variables.insert(name);
            }
        }
    }

    fn keeps(&self, name: &str) -> bool {
        // Kept in a column of its own, or left out of the file; and two that cannot be read.
        let elsewhere = ["last_insert_id", "identity", "autocommit", "rand_seed1", "rand_seed2"].contains(&name);
        name == CLOCK_FREED || self.known.contains(name) && !elsewhere
    }

    /// The state as an expression; None where nothing may have changed since the last one.
    pub(super) fn take_expression(&mut self) -> Option<String> {
        let changed = std::mem::take(&mut self.changed);
        let mut items: Vec<String> = Vec::new();
        if changed.role {
            items.push("CONCAT('r ', IFNULL(HEX(CURRENT_ROLE()), ''))".to_owned());
        }
        items.extend(changed.variables.iter().map(|name| variable(name)));
        items.extend(changed.users.iter().map(|name| self.user(name)));
        items.extend(changed.prepared.iter().map(|index| {
            let own = prepared_variable(*index);
            format!("CONCAT('p {index} ', IFNULL(HEX(CONVERT({own} USING utf8mb4)), ''))")
        }));
        (!items.is_empty()).then(|| format!("CONCAT_WS(',', {})", items.join(", ")))
    }

    /// A user variable as an item: its type, character set, collation and bytes. One that is NULL has a type, too, which a
    /// column gets that is made from it.
    fn user(&self, name: &str) -> String {
        let (value, hex) = (user_variable(name), hex(name));
        let json = |of: &str| format!("JSON_TYPE(JSON_EXTRACT(JSON_ARRAY({of}), CONVERT('$[0]' USING utf8mb4)))");
        let (kind, kind_of_null) = match self.types {
            // NULL has no type in JSON: COALESCE has that of the two.
            Types::Json => (json(&value), json(&format!("COALESCE({value}, 1)"))),
            Types::Plugin => {
                let told = format!(
                    "(SELECT VARIABLE_TYPE FROM information_schema.USER_VARIABLES \
                     WHERE LOWER(VARIABLE_NAME) = CONVERT({} USING utf8mb3) COLLATE utf8mb3_bin LIMIT 1)",
                    text(name)
                );
                (told.clone(), told)
            }
            Types::Untold => ("'?'".to_owned(), "'?'".to_owned()),
        };
        let typed = |kind: &str, bytes: &str| {
            format!("CONCAT_WS(' ', HEX({kind}), HEX(CHARSET({value})), HEX(COLLATION({value})), {bytes})")
        };
        format!(
            "CONCAT('u {hex} ', IF({value} IS NULL, {}, IF(LENGTH({value}) > {LONGEST_VALUE}, 'long', {})))",
            typed(&kind_of_null, "'-'"),
            typed(&kind, &format!("HEX(CONCAT({value}))"))
        )
    }
}

/// A variable of the session as an item.
fn variable(name: &str) -> String {
    if name == CLOCK_FREED {
        return "'v timestamp d'".to_owned();
    }
    format!("CONCAT('v {name} ', IFNULL(HEX(CONVERT(@@{name} USING utf8mb4)), '-'))")
}

/// The variable of our own that keeps the text of a prepared statement. `index`: the statement's, from 0.
pub(super) fn prepared_variable(index: usize) -> String {
    format!("@{OWN}prepared_{index}")
}

/// A user variable by its name.
pub(super) fn user_variable(name: &str) -> String {
    format!("@{}", identifier(name))
}

fn hex(name: &str) -> String {
    name.bytes().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02X}");
        hex
    })
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pair = |at: usize| hex.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    (0..hex.len()).step_by(2).map(pair).collect()
}

/// A text whose bytes are ASCII, perhaps in a character set that writes zeros around them.
fn ascii(hex: &str) -> Option<String> {
    let kept: Vec<u8> = bytes(hex)?.into_iter().filter(|byte| *byte != 0).collect();
    String::from_utf8(kept).ok().filter(|text| text.is_ascii())
}

/// A user variable's value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Value {
    /// As the literal to set it to.
    Literal(String),
    /// It was too long, or its type was not shown.
    NotKept,
}

/// The state after the last statement that has run.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Kept {
    /// User variables by their names. One that is NULL has a value, too.
    pub(super) users: BTreeMap<String, Value>,
    /// The session's own; None is NULL.
    pub(super) variables: BTreeMap<String, Option<String>>,
    /// The roles as the server lists them.
    pub(super) role: Option<String>,
    /// Texts of prepared statements, by the number of the statement that prepared them, from 0.
    pub(super) prepared: BTreeMap<usize, String>,
    /// Something of it is not understood.
    pub(super) is_cut: bool,
}

impl Kept {
    /// Takes over what a later row has kept.
    pub(super) fn merge(&mut self, state: &str) {
        for item in state.split(',') {
            let words: Vec<&str> = item.split(' ').collect();
            if self.read(&words).is_none() {
                self.is_cut = true;
            }
        }
    }

    fn read(&mut self, words: &[&str]) -> Option<()> {
        let utf8 = |hex: &str| String::from_utf8(bytes(hex)?).ok();
        match words {
            ["r", role] => self.role = Some(utf8(role)?),
            ["v", name, "d"] => drop(self.variables.insert((*name).to_owned(), Some("DEFAULT".to_owned()))),
            ["v", name, "-"] => drop(self.variables.insert((*name).to_owned(), None)),
            ["v", name, value] => drop(self.variables.insert((*name).to_owned(), Some(text_or_number(&utf8(value)?)))),
            ["u", name, "-"] => drop(self.users.insert(utf8(name)?, Value::Literal("NULL".to_owned()))),
            ["u", name, "long"] => drop(self.users.insert(utf8(name)?, Value::NotKept)),
            ["u", name, kind, charset, collation, value] => {
                let value = literal(&ascii(kind)?, &ascii(charset)?, &ascii(collation)?, value)?;
                self.users.insert(utf8(name)?, value);
            }
            ["p", index, sql] => drop(self.prepared.insert(index.parse().ok()?, utf8(sql)?)),
            _ => return None,
        }
        Some(())
    }
}

/// Some variables take no text, and others no number: numbers are tried first.
fn text_or_number(value: &str) -> String {
    let number = value.parse::<f64>().is_ok_and(f64::is_finite)
        && value.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'e' | b'+'));
    if number { value.to_owned() } else { text(value) }
}

/// What a user variable is set to, so that it has the same value of the same type again.
fn literal(kind: &str, charset: &str, collation: &str, value: &str) -> Option<Value> {
    let number =
        || ascii(value).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)));
    let kind = kind.to_ascii_uppercase();
    Some(Value::Literal(match kind.as_str() {
        _ if value == "-" => null(&kind, charset, collation)?,
        "?" if charset == "binary" => return Some(Value::NotKept),
        "INTEGER" | "INT" | "BOOLEAN" => number()?,
        // A plain number is signed, so a subtraction below zero from it is not an error.
        "UNSIGNED INTEGER" | "INT UNSIGNED" => format!("CAST({} AS UNSIGNED)", number()?),
        "DECIMAL" => {
            let digits = number()?;
            let scale = digits.split_once('.').map_or(0, |(_, behind)| behind.len());
            format!("CAST({digits} AS DECIMAL(65, {scale}))")
        }
        "DOUBLE" => {
            let digits = number()?;
            if digits.contains(['e', 'E']) { digits } else { format!("{digits}e0") }
        }
        _ if charset == "binary" => format!("_binary x'{value}'"),
        _ if is_name(charset) && is_name(collation) && bytes(value).is_some() => {
            format!("_{charset} x'{value}' COLLATE {collation}")
        }
        _ => return None,
    }))
}

/// NULL with the type that a column gets which is made from it.
fn null(kind: &str, charset: &str, collation: &str) -> Option<String> {
    Some(match kind {
        "INTEGER" | "INT" | "BOOLEAN" => "CAST(NULL AS SIGNED)".to_owned(),
        "UNSIGNED INTEGER" | "INT UNSIGNED" => "CAST(NULL AS UNSIGNED)".to_owned(),
        "DECIMAL" => "CAST(NULL AS DECIMAL(65, 30))".to_owned(),
        "DOUBLE" => "NULL + 0e0".to_owned(),
        _ if charset == "binary" => "NULL".to_owned(),
        _ if is_name(charset) && is_name(collation) => format!("CONVERT(NULL USING {charset}) COLLATE {collation}"),
        _ => return None,
    })
}

/// Whether a word is the name of a character set or collation.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn set(item: &str) -> Kept {
        let mut kept = Kept::default();
        kept.merge(item);
        kept
    }

    #[rstest]
    #[case("INTEGER", "binary", "2D33", "-3")]
    #[case("INT UNSIGNED", "latin1", "3138", "CAST(18 AS UNSIGNED)")]
    #[case("UNSIGNED INTEGER", "binary", "33", "CAST(3 AS UNSIGNED)")]
    #[case("INT UNSIGNED", "binary", "-", "CAST(NULL AS UNSIGNED)")]
    #[case("DOUBLE", "binary", "-", "NULL + 0e0")]
    #[case("?", "binary", "-", "NULL")]
    #[case("VARCHAR", "latin1", "-", "CONVERT(NULL USING latin1) COLLATE c")]
    #[case("DECIMAL", "binary", "312E3530", "CAST(1.50 AS DECIMAL(65, 2))")]
    #[case("DECIMAL", "binary", "35", "CAST(5 AS DECIMAL(65, 0))")]
    #[case("DOUBLE", "binary", "302E35", "0.5e0")]
    #[case("DOUBLE", "binary", "3165333030", "1e300")]
    #[case("INTEGER", "ucs2", "00310032", "12")]
    #[case("BLOB", "binary", "00FF", "_binary x'00FF'")]
    #[case("STRING", "latin1", "FC", "_latin1 x'FC' COLLATE c")]
    fn a_value_is_set_again_as_what_it_was(
        #[case] kind: &str,
        #[case] charset: &str,
        #[case] value: &str,
        #[case] expected: &str,
    ) {
        let item = format!("u 61 {} {} {} {value}", hex(kind), hex(charset), hex("c"));
        assert_eq!(set(&item).users.get("a"), Some(&Value::Literal(expected.to_owned())), "{item}");
    }

    #[test]
    fn a_later_row_s_values_are_the_last() {
        let mut kept = set("v sql_mode 78,u 61 -,p 3 646F2030,r ");
        kept.merge("v sql_mode -,u 62 long");
        assert_eq!(kept.variables.get("sql_mode"), Some(&None));
        assert_eq!(kept.users.get("a"), Some(&Value::Literal("NULL".into())));
        assert_eq!(kept.users.get("b"), Some(&Value::NotKept));
        assert_eq!(kept.prepared.get(&3).map(String::as_str), Some("do 0"));
        assert_eq!(kept.role.as_deref(), Some(""));
        assert!(!kept.is_cut);
    }

    #[test]
    fn what_is_not_understood_is_not_believed() {
        for bad in ["x", "u 61 61 61 61 zz", "v", "p x 00", "u 61 494E54 6C 63 783B"] {
            assert!(set(bad).is_cut, "{bad}");
        }
    }

    #[test]
    fn only_what_may_have_changed_is_kept_again() {
        use crate::sql::{Dialect, Facts};
        let of = |sql| Facts::of(sql, Dialect::Mysql).session_change().clone();
        let known = ["sql_mode".to_owned(), "insert_id".to_owned()].into();
        let mut tracker = Tracker::new(Types::Json, known, BTreeSet::new(), BTreeSet::new());
        tracker.note(0, &of("set @a = 1, sql_mode = '', nonsense = 1"));
        let first = tracker.take_expression().unwrap();
        assert!(first.contains("@`a`") && first.contains("@@sql_mode") && !first.contains("nonsense"), "{first}");
        tracker.note(1, &of("insert into t values (1)"));
        assert_eq!(tracker.take_expression(), None);
        tracker.note(2, &of("call p()"));
        let behind_a_call = tracker.take_expression().unwrap();
        assert!(behind_a_call.contains("@`a`") && behind_a_call.contains("CURRENT_ROLE"), "{behind_a_call}");
    }
}
