//! Generated bodies for MySQL and MariaDB: nested compound statements of every kind, around columns, variables and
//! labels named like the words that begin or end a block.

use fastrand::Rng;

use crate::mysql::Flavour;
use crate::random::Choices as _;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    Procedure,
    Function,
    /// Whether it may set NEW, and whether NEW and OLD exist.
    Trigger {
        sets: bool,
        new: bool,
        old: bool,
    },
    Event,
}

pub struct Body<'a> {
    pub rng: &'a mut Rng,
    pub flavour: Flavour,
    pub kind: Kind,
    /// INT variables that can be read and set here.
    pub variables: Vec<String>,
    labels: Vec<(String, bool)>,
    cursors: Vec<String>,
}

pub const TABLES: [&str; 5] = ["x", "begin", "end", "until", "atomic"];
pub const COLUMNS: [&str; 11] =
    ["a", "begin", "end", "`case`", "`if`", "`loop`", "`repeat`", "until", "`when`", "`else`", "atomic"];
pub const STRINGS: [&str; 14] = [
    "'a'",
    "'; END;'",
    "'it''s; END'",
    "'it\\'s; END IF;'",
    "\"; END\"",
    "'DELIMITER $$'",
    "'//'",
    "'$$ END $$'",
    "'-- ;'",
    "'/* ; '",
    "'# ;'",
    "'BEGIN\nEND;\n'",
    "'\\\\'",
    "_utf8mb4'case'",
];
const NAMES: [&str; 10] = ["v", "begin", "end", "until", "atomic", "`case`", "`if`", "`loop`", "delimiter", "`end if`"];
const LABELS: [&str; 8] = ["l1", "l2", "until", "atomic", "`begin`", "`end`", "`loop`", "delimiter"];

impl<'a> Body<'a> {
    pub fn new(rng: &'a mut Rng, flavour: Flavour, kind: Kind, variables: Vec<String>) -> Self {
        Self { rng, flavour, kind, variables, labels: Vec::new(), cursors: Vec::new() }
    }

    /// A whole body: a compound statement or a single one.
    pub fn whole(&mut self) -> String {
        if self.kind == Kind::Function {
            match self.rng.usize(..5) {
                0 => format!("RETURN {}", self.expression(2)),
                1 => {
                    let condition = self.expression(1);
                    let first = self.expression(1);
                    format!("IF {condition} THEN RETURN {first}; ELSE RETURN {}; END IF", self.expression(2))
                }
                _ => self.block(2, "RETURN 1;\n"),
            }
        } else {
            match self.rng.usize(..4) {
                0 => self.simple(),
                1 => self.compound(2),
                _ => self.block(3, ""),
            }
        }
    }

    fn list(&mut self, depth: usize, from: usize) -> String {
        let count = from + self.rng.usize(..3);
        (0..count).map(|_| self.statement(depth) + ";\n").collect()
    }

    fn statement(&mut self, depth: usize) -> String {
        if depth > 0 && self.rng.one_in(2) { self.compound(depth) } else { self.simple() }
    }

    fn label(&mut self) -> Option<String> {
        let label = self.rng.pick(&LABELS);
        let plain = |name: &str| name.trim_matches('`').to_owned();
        (!self.labels.iter().any(|(one, _)| plain(one) == plain(label))).then(|| label.to_owned())
    }

    /// What is between an optional label and its end.
    fn labelled(&mut self, is_loop: bool, inner: impl FnOnce(&mut Self) -> String) -> String {
        let label = if is_loop || self.rng.bool() { self.label() } else { None };
        let Some(label) = label else { return inner(self) };
        self.labels.push((label.clone(), is_loop));
        let inner = inner(self);
        self.labels.pop();
        let blank = self.rng.pick(&["", " "]);
        let end = if self.rng.bool() { format!(" {label}") } else { String::new() };
        format!("{label}{blank}: {inner}{end}")
    }

    fn block(&mut self, depth: usize, end: &str) -> String {
        let (variables, cursors) = (self.variables.len(), self.cursors.len());
        let (known, end) = (self.variables.clone(), end.to_owned());
        let text = self.labelled(false, |body| {
            let declarations = body.declarations(depth);
            let list = body.list(depth.saturating_sub(1), 0);
            format!("BEGIN\n{declarations}{list}{end}END")
        });
        debug_assert!(self.variables.len() >= variables);
        self.variables = known;
        self.cursors.truncate(cursors);
        text
    }

    fn declarations(&mut self, depth: usize) -> String {
        let mut text = String::new();
        let mut names = NAMES.to_vec();
        self.rng.shuffle(&mut names);
        let mut names = names.into_iter();
        for _ in 0..self.rng.usize(..3) {
            let name = names.next().unwrap_or("z");
            let default = if self.rng.bool() { format!(" DEFAULT {}", self.expression(1)) } else { String::new() };
            text += &format!("DECLARE {name} INT{default};\n");
            self.variables.push(name.to_owned());
        }
        if self.rng.one_in(4) {
            let name = names.next().unwrap_or("z");
            let what = self.rng.pick(&["SQLSTATE '45000'", "SQLSTATE VALUE '23000'", "1062"]);
            text += &format!("DECLARE {name} CONDITION FOR {what};\n");
        }
        if self.rng.one_in(4) {
            let name = names.next().unwrap_or("z").to_owned();
            text +=
                &format!("DECLARE {name} CURSOR FOR SELECT {} FROM {};\n", self.expression(2), self.rng.pick(&TABLES));
            self.cursors.push(name);
        }
        let mut conditions = vec!["NOT FOUND", "SQLEXCEPTION", "SQLWARNING", "SQLSTATE '22012'", "1146, 1054"];
        self.rng.shuffle(&mut conditions);
        for condition in conditions {
            if self.rng.one_in(8) {
                let kind = self.rng.pick(&["CONTINUE", "EXIT"]);
                // A handler does not see the labels around it.
                let labels = std::mem::take(&mut self.labels);
                let action = if self.rng.bool() { self.simple() } else { self.compound(depth.saturating_sub(1)) };
                self.labels = labels;
                text += &format!("DECLARE {kind} HANDLER FOR {condition} {action};\n");
            }
        }
        text
    }

    fn compound(&mut self, depth: usize) -> String {
        let inner = depth.saturating_sub(1);
        match self.rng.usize(..if self.flavour.is_mariadb { 9 } else { 7 }) {
            0 | 1 => self.if_statement(inner),
            2 => self.case_statement(inner),
            3 => self.labelled(true, |body| {
                let list = body.list(inner, 0);
                let leave = body.leave();
                format!("LOOP\n{list}{leave}END LOOP")
            }),
            4 => self.labelled(true, |body| {
                let condition = body.expression(1);
                format!("WHILE {condition} DO\n{}END WHILE", body.list(inner, 1))
            }),
            5 => self.labelled(true, |body| {
                let list = body.list(inner, 1);
                format!("REPEAT\n{list}UNTIL {} END REPEAT", body.expression(2))
            }),
            6 => self.block(depth, ""),
            7 => self
                .labelled(true, |body| format!("FOR i IN {}..3 DO\n{}END FOR", body.rng.u8(..3), body.list(inner, 1))),
            _ => self.labelled(true, |body| {
                let query = format!("SELECT {} AS a FROM {}", body.expression(1), body.rng.pick(&TABLES));
                format!("FOR r IN ({query}) DO\nSET @end = r.a;\n{}END FOR", body.list(inner, 0))
            }),
        }
    }

    /// Leaves the innermost loop; nothing if that has no label.
    fn leave(&mut self) -> String {
        let verb = self.rng.pick(&["LEAVE", "ITERATE", "LEAVE"]);
        match self.labels.last() {
            Some((label, true)) => format!("{verb} {label};\n"),
            _ => "SET @a = 1;\n".to_owned(),
        }
    }

    fn if_statement(&mut self, depth: usize) -> String {
        let mut text = format!("IF {} THEN\n{}", self.expression(2), self.list(depth, 1));
        for _ in 0..self.rng.usize(..3) {
            text += &format!("ELSEIF {} THEN\n{}", self.expression(1), self.list(depth, 1));
        }
        if self.rng.bool() {
            text += &format!("ELSE\n{}", self.list(depth, 1));
        }
        text + "END IF"
    }

    fn case_statement(&mut self, depth: usize) -> String {
        let mut text = if self.rng.bool() { format!("CASE {}\n", self.expression(2)) } else { "CASE\n".to_owned() };
        for _ in 0..=self.rng.usize(..2) {
            text += &format!("WHEN {} THEN\n{}", self.expression(2), self.list(depth, 1));
        }
        if self.rng.bool() {
            text += &format!("ELSE\n{}", self.list(depth, 1));
        }
        text + "END CASE"
    }

    fn target(&mut self) -> String {
        if let Kind::Trigger { sets: true, .. } = self.kind
            && self.rng.bool()
        {
            return format!("NEW.{}", self.rng.pick(&["begin", "end", "case", "`if`", "loop", "until"]));
        }
        if self.variables.is_empty() || self.rng.one_in(3) {
            return self.rng.pick(&["@a", "@begin", "@`end`", "@case"]).to_owned();
        }
        let at = self.rng.usize(..self.variables.len());
        self.variables[at].clone()
    }

    pub fn simple(&mut self) -> String {
        let (table, string) = (self.rng.pick(&TABLES), self.rng.pick(&STRINGS));
        let column = self.rng.pick(&COLUMNS);
        match self.rng.usize(..16) {
            0 => format!("INSERT INTO {table} (begin, end) VALUES ({}, 2)", self.expression(1)),
            1 => format!(
                "UPDATE {table} SET end = {}, {column} = 1 WHERE {} = 1",
                self.expression(1),
                self.in_table(table)
            ),
            2 => format!("DELETE FROM {table} WHERE {} > {}", self.in_table(table), self.expression(1)),
            3 => format!("REPLACE INTO {table} (begin, what) VALUES (1, {string})"),
            4 => format!("SELECT {} INTO {} FROM {table} LIMIT 1", self.in_table(table), self.variable()),
            5 | 6 => format!("SET {} = {}", self.target(), self.expression(3)),
            7 => format!("SET {} = {}, {} = {string}", self.target(), self.expression(2), "@b"),
            8 => format!("DO {}", self.expression(2)),
            9 => format!(
                "INSERT INTO {table} (a, what) SELECT {}, {string} FROM {table} end WHERE end.end = 1",
                self.expression(1)
            ),
            10 => format!("SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = {string}"),
            11 if !self.cursors.is_empty() => {
                let at = self.rng.usize(..self.cursors.len());
                let verb = self.rng.pick(&["OPEN", "CLOSE"]);
                format!("{verb} {}", self.cursors[at])
            }
            12 => "CALL end()".to_owned(),
            13 => "GET DIAGNOSTICS CONDITION 1 @a = MESSAGE_TEXT".to_owned(),
            14 if self.flavour.is_mariadb => {
                format!("SET STATEMENT max_statement_time = 1 FOR SELECT {} INTO @a", self.expression(1))
            }
            _ if self.kind == Kind::Procedure => self.of_procedures(table, string),
            _ => format!("INSERT INTO log (file, n, what) VALUES ('x', {}, {string})", self.expression(2)),
        }
    }

    fn of_procedures(&mut self, table: &str, string: &str) -> String {
        match self.rng.usize(..12) {
            0 => format!("SELECT {} end, {} AS begin, {string} until", self.expression(2), self.expression(1)),
            1 => format!("SELECT {} `case` FROM {table} begin JOIN end ON end.end = begin.a", self.in_table("begin")),
            2 => format!("PREPARE begin FROM {}", if string.starts_with('_') { "'SELECT 1; END'" } else { string }),
            3 => "EXECUTE begin".to_owned(),
            4 => "START TRANSACTION".to_owned(),
            5 => "COMMIT".to_owned(),
            6 => "SAVEPOINT end".to_owned(),
            7 => "XA END 'x'".to_owned(),
            8 => "CREATE TEMPORARY TABLE IF NOT EXISTS tmp (begin INT, end INT, `case` INT, until INT)".to_owned(),
            9 => "ALTER TABLE tmp ADD COLUMN atomic INT, RENAME COLUMN begin TO end".to_owned(),
            10 => format!("EXPLAIN SELECT {} FROM {table}", self.in_table(table)),
            _ => format!("SHOW TABLES LIKE {}", if string.starts_with('_') { "'end;'" } else { string }),
        }
    }

    fn variable(&mut self) -> String {
        if self.variables.is_empty() {
            return "@a".to_owned();
        }
        let at = self.rng.usize(..self.variables.len());
        self.variables[at].clone()
    }

    fn in_table(&mut self, table: &str) -> String {
        let column = self.rng.pick(&COLUMNS);
        match self.rng.usize(..5) {
            0 => format!("{table}.{}", column.trim_matches('`')),
            1 => format!("CASE {table}.end WHEN {} THEN {column} ELSE {table}.case END", self.expression(1)),
            2 => format!("IF({column}, {}, {table}.if)", self.expression(1)),
            _ => column.to_owned(),
        }
    }

    pub fn expression(&mut self, depth: usize) -> String {
        if depth == 0 {
            return match self.rng.usize(..6) {
                0 => self.rng.pick(&STRINGS).to_owned(),
                1 | 2 => self.rng.u8(..).to_string(),
                _ => match (self.kind, self.rng.one_in(3)) {
                    (Kind::Trigger { new: true, .. }, true) => {
                        format!("NEW.{}", self.rng.pick(&["begin", "end", "case", "if"]))
                    }
                    (Kind::Trigger { old: true, .. }, true) => {
                        format!("OLD.{}", self.rng.pick(&["begin", "end", "case", "`loop`"]))
                    }
                    _ => self.variable(),
                },
            };
        }
        let (a, b) = (depth - 1, depth.saturating_sub(2));
        match self.rng.usize(..15) {
            0 => format!("CASE {} WHEN {} THEN {} END", self.expression(a), self.expression(b), self.expression(b)),
            1 => {
                format!("CASE WHEN {} THEN {} ELSE {} END", self.expression(a), self.expression(a), self.expression(b))
            }
            2 => format!("IF({}, {}, {})", self.expression(a), self.expression(b), self.expression(b)),
            3 => format!("IF ({}, {}, 1)", self.expression(a), self.expression(b)),
            4 => format!("REPEAT({}, {})", self.expression(b), self.rng.u8(..3)),
            5 => format!("REPLACE({}, 'a', {})", self.expression(a), self.expression(b)),
            6 => format!("INSERT({}, 1, 1, 'END;')", self.expression(b)),
            7 => format!("(SELECT MAX(end) FROM {} WHERE begin = {})", self.rng.pick(&TABLES), self.expression(b)),
            8 => format!("({} + {})", self.expression(a), self.expression(b)),
            9 => format!("COALESCE({}, {})", self.expression(a), self.expression(b)),
            10 => format!("EXISTS (SELECT {} end FROM {})", self.expression(b), self.rng.pick(&TABLES)),
            11 => format!("(NOT {})", self.expression(b)),
            12 => {
                self.rng.pick(&["@begin", "@`end`", "@case", "@@sql_mode", "NOW() + INTERVAL 1 DAY", "@a"]).to_owned()
            }
            13 => format!("LEFT({}, 1) = {}", self.expression(b), self.rng.pick(&STRINGS)),
            _ => format!("CASE CASE WHEN 1 THEN {} END WHEN 1 THEN 2 END", self.expression(b)),
        }
    }
}
