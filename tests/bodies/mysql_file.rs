//! Generated files for MySQL and MariaDB: headers with their characteristics, bodies after them, and the places in a
//! file where such statements can be.

use fastrand::Rng;

use crate::file::{File, Form, Mode, Statement};
use crate::mysql::Flavour;
use crate::mysql_body::{Body, COLUMNS, Kind, STRINGS, TABLES};
use crate::random::{Choices as _, Quoting, broken, comment, noise, says};

const QUOTING: Quoting = Quoting { backslashes: true, dollars: true, hash_comments: true };

/// The line's text, and the delimiter itself.
const DELIMITERS: [(&str, &str); 12] = [
    ("DELIMITER $$", "$$"),
    ("delimiter //", "//"),
    ("DELIMITER ;;", ";;"),
    ("Delimiter\t| ", "|"),
    ("DELIMITER '//'", "//"),
    ("DELIMITER \"$$\"", "$$"),
    ("DELIMITER ^^^", "^^^"),
    ("DELIMITER ~EOF~", "~EOF~"),
    ("DELIMITER //;", "//;"),
    ("DELIMITER @@@@", "@@@@"),
    ("DELIMITER #", "#"),
    ("DELIMITER $", "$"),
];

/// Each table has a trigger for each event, for others to follow or precede. Two of them are named like the ends of a
/// block.
pub fn base() -> String {
    let mut sql = "DELIMITER //\nCREATE TABLE log (file VARCHAR(30), n TEXT, what TEXT)//\n".to_owned();
    for (number, table) in TABLES.iter().enumerate() {
        sql += &format!("CREATE TABLE {table} (a INT, {}, what TEXT)//\n", COLUMNS[1..].join(" INT, ") + " INT");
        for time in ["BEFORE", "AFTER"] {
            for event in ["INSERT", "UPDATE", "DELETE"] {
                let name = base_trigger(number, time, event);
                sql += &format!("CREATE TRIGGER {name} {time} {event} ON {table} FOR EACH ROW SET @a = 1//\n");
            }
        }
    }
    sql + "CREATE PROCEDURE end() SET @a = 1//\nDELIMITER ;\n"
}

fn base_trigger(table: usize, time: &str, event: &str) -> String {
    match (table, time, event) {
        (0, "BEFORE", "INSERT") => "begin".to_owned(),
        (0, "AFTER", "UPDATE") => "end".to_owned(),
        (1, "BEFORE", "DELETE") => "`if`".to_owned(),
        _ => format!("b_{table}_{time}_{event}").to_lowercase(),
    }
}

struct Maker<'a> {
    rng: &'a mut Rng,
    flavour: Flavour,
    id: usize,
    statements: Vec<Statement>,
}

impl Maker<'_> {
    fn string(&mut self) -> &'static str {
        // A comment cannot have a character set introducer.
        let at = self.rng.usize(..STRINGS.len() - 1);
        STRINGS[at]
    }

    fn name(&mut self, number: usize) -> String {
        let id = self.id;
        match self.rng.usize(..8) {
            0 => format!("`f{id}_{number}; END`"),
            1 => format!("`f{id}_{number} begin`"),
            2 => format!("f{id}_{number}_end"),
            3 => format!("f{id}_{number}$$end"),
            _ => format!("f{id}_{number}"),
        }
    }

    fn create(&mut self) -> (String, &'static str) {
        let replace = if self.flavour.is_mariadb && self.rng.one_in(3) { " OR REPLACE" } else { "" };
        let definer =
            self.rng.pick(&["", "", " DEFINER=CURRENT_USER", " DEFINER=`root`@`%`", " DEFINER = CURRENT_USER()"]);
        let exists = replace.is_empty() && self.rng.one_in(4);
        (format!("CREATE{replace}{definer}"), if exists { " IF NOT EXISTS" } else { "" })
    }

    fn characteristics(&mut self, is_function: bool) -> String {
        let mut all: Vec<String> = Vec::new();
        if is_function {
            // With binary logging, MySQL requires one of these.
            all.push(" DETERMINISTIC".to_owned());
        } else if self.rng.one_in(3) {
            all.push(self.rng.pick(&[" DETERMINISTIC", " NOT DETERMINISTIC"]).to_owned());
        }
        if self.rng.one_in(3) {
            all.push(format!(" COMMENT {}", self.string()));
        }
        if self.rng.one_in(4) {
            all.push(" LANGUAGE SQL".to_owned());
        }
        if self.rng.one_in(3) {
            all.push(self.rng.pick(&[" READS SQL DATA", " CONTAINS SQL", " NO SQL", " MODIFIES SQL DATA"]).to_owned());
        }
        if self.rng.one_in(3) {
            all.push(self.rng.pick(&[" SQL SECURITY INVOKER", " SQL SECURITY DEFINER"]).to_owned());
        }
        self.rng.shuffle(&mut all);
        all.concat()
    }

    fn parameters(&mut self, is_function: bool) -> (String, Vec<String>) {
        let names = ["a", "begin", "end", "`case`", "until"];
        let types =
            ["INT", "VARCHAR(10)", "DECIMAL(10,2)", "ENUM('a;','END')", "TEXT CHARACTER SET utf8mb4", "SET('begin')"];
        let mut all = Vec::new();
        let mut variables = Vec::new();
        for name in names {
            if self.rng.one_in(4) {
                let way = if is_function { "" } else { self.rng.pick(&["IN ", "OUT ", "INOUT ", ""]) };
                all.push(format!("{way}{name} {}", self.rng.pick(&types)));
                variables.push(name.to_owned());
            }
        }
        (all.join(", "), variables)
    }

    fn body(&mut self, kind: Kind, variables: Vec<String>) -> String {
        Body::new(self.rng, self.flavour, kind, variables).whole()
    }

    fn procedure(&mut self, name: &str) -> String {
        let (create, exists) = self.create();
        let (parameters, variables) = self.parameters(false);
        let characteristics = self.characteristics(false);
        let gap = self.rng.pick(&["", " "]);
        format!(
            "{create} PROCEDURE{exists} {name}{gap}({parameters}){characteristics} {}",
            self.body(Kind::Procedure, variables)
        )
    }

    fn function(&mut self, name: &str) -> String {
        let (create, exists) = self.create();
        let (parameters, variables) = self.parameters(true);
        let returns = self.rng.pick(&["INT", "VARCHAR(20)", "TEXT CHARSET utf8mb4", "DECIMAL(3,1)", "ENUM('END','b')"]);
        let characteristics = self.characteristics(true);
        if self.flavour.is_mariadb && self.rng.one_in(8) && exists.is_empty() {
            return format!(
                "{create} AGGREGATE FUNCTION {name}(x INT) RETURNS INT{characteristics} BEGIN\nDECLARE s INT DEFAULT 0;\n\
                 DECLARE CONTINUE HANDLER FOR NOT FOUND RETURN s;\nLOOP\nFETCH GROUP NEXT ROW;\n\
                 SET s = s + CASE x WHEN 1 THEN 2 ELSE x END;\nEND LOOP;\nEND"
            );
        }
        if self.flavour.has_dollar_quotes && self.rng.one_in(8) {
            let tag = self.rng.pick(&["$$", "$js$", "$end$"]);
            return format!(
                "{create} FUNCTION{exists} {name}({parameters}) RETURNS {returns} DETERMINISTIC NO SQL LANGUAGE JAVASCRIPT AS \
                 {tag} let end = 'it'; // ' ; END\n return end; {tag}"
            );
        }
        let body = self.body(Kind::Function, variables);
        format!("{create} FUNCTION{exists} {name}({parameters}) RETURNS {returns}{characteristics} {body}")
    }

    fn trigger(&mut self, name: &str) -> String {
        let (create, exists) = self.create();
        let table = self.rng.usize(..TABLES.len());
        let (time, event) = (self.rng.pick(&["BEFORE", "AFTER"]), self.rng.pick(&["INSERT", "UPDATE", "DELETE"]));
        let order = match self.rng.usize(..4) {
            0 => format!(" FOLLOWS {}", base_trigger(table, time, event)),
            1 => format!(" PRECEDES {}", base_trigger(table, time, event)),
            _ => String::new(),
        };
        let kind = Kind::Trigger {
            sets: time == "BEFORE" && event != "DELETE",
            new: event != "DELETE",
            old: event != "INSERT",
        };
        let body = self.body(kind, Vec::new());
        format!("{create} TRIGGER{exists} {name} {time} {event} ON {} FOR EACH ROW{order} {body}", TABLES[table])
    }

    fn schedule(&mut self) -> &'static str {
        const SCHEDULES: [&str; 7] = [
            "AT '2037-01-01 00:00:00'",
            "AT '2037-01-01' + INTERVAL 1 DAY",
            "EVERY 1 YEAR STARTS '2037-01-01'",
            "EVERY 2 DAY STARTS '2037-01-01' ENDS '2037-12-31'",
            "EVERY IF(1, 2, 3) HOUR STARTS '2037-01-01' + INTERVAL 2 HOUR",
            "EVERY '1:30' HOUR_MINUTE STARTS '2037-01-01 01:00:00' ENDS '2037-02-01' + INTERVAL 1 DAY",
            "EVERY CASE WHEN 1 THEN 2 END WEEK STARTS '2037-01-01'",
        ];
        SCHEDULES[self.rng.usize(..SCHEDULES.len())]
    }

    fn event_options(&mut self) -> String {
        let completion = self.rng.pick(&["", " ON COMPLETION PRESERVE", " ON COMPLETION NOT PRESERVE"]);
        let state = self.rng.pick(&["", " ENABLE", " DISABLE", " DISABLE ON SLAVE"]);
        let comment = if self.rng.one_in(3) { format!(" COMMENT {}", self.string()) } else { String::new() };
        format!("{completion}{state}{comment}")
    }

    fn event(&mut self, name: &str) -> String {
        let (create, exists) = self.create();
        let (schedule, options) = (self.schedule(), self.event_options());
        format!(
            "{create} EVENT{exists} {name} ON SCHEDULE {schedule}{options} DO {}",
            self.body(Kind::Event, Vec::new())
        )
    }

    fn alter_event(&mut self, name: &str) -> String {
        let definer = self.rng.maybe(" DEFINER=CURRENT_USER");
        let schedule = if self.rng.bool() { format!(" ON SCHEDULE {}", self.schedule()) } else { String::new() };
        let completion = self.rng.pick(&["", " ON COMPLETION PRESERVE"]);
        let rename = if self.rng.one_in(4) {
            format!(" RENAME TO f{}_renamed{}", self.id, self.statements.len())
        } else {
            String::new()
        };
        let state = self.rng.pick(&["", " ENABLE", " DISABLE"]);
        let comment = if self.rng.one_in(3) { format!(" COMMENT {}", self.string()) } else { String::new() };
        let body = self.body(Kind::Event, Vec::new());
        format!("ALTER{definer} EVENT {name}{schedule}{completion}{rename}{state}{comment} DO {body}")
    }

    /// As dumps contain it.
    fn version_comment(&mut self, name: &str) -> String {
        let definer = self.rng.maybe("/*!50017 DEFINER=CURRENT_USER*/ ");
        let table = self.rng.pick(&TABLES);
        match self.rng.usize(..4) {
            0 => format!(
                "/*!50003 CREATE*/ {definer}/*!50003 TRIGGER {name} BEFORE INSERT ON {table} FOR EACH ROW {} */",
                self.body(Kind::Trigger { sets: true, new: true, old: false }, Vec::new())
            ),
            1 => format!(
                "/*!50106 CREATE*/ {definer}/*!50106 EVENT {name} ON SCHEDULE {} DISABLE DO {} */",
                self.schedule(),
                self.body(Kind::Event, Vec::new())
            ),
            2 => format!("/*!50003 CREATE PROCEDURE {name}()\n{} */", self.body(Kind::Procedure, Vec::new())),
            _ => format!(
                "CREATE /*!50003 DEFINER=CURRENT_USER */ PROCEDURE {name}() {}",
                self.body(Kind::Procedure, Vec::new())
            ),
        }
    }

    /// Only MariaDB has these: compound statements outside routines, packages, settings for a single statement.
    fn of_mariadb(&mut self, name: &str, number: usize) -> Option<String> {
        let (id, string) = (self.id, self.string());
        let log = format!("INSERT INTO log VALUES ('f{id}', {number}, {string})");
        match self.rng.usize(..7) {
            0 => Some(format!("BEGIN NOT ATOMIC\nDECLARE end INT DEFAULT 1;\n{log};\nEND")),
            1 => Some(format!("IF 1 THEN\n{log};\nELSE\nSET @a = 1;\nEND IF")),
            2 => Some(format!("CASE 1 WHEN 1 THEN\n{log};\nEND CASE")),
            3 => Some(format!("FOR i IN 1..2 DO\n{log};\nEND FOR")),
            4 => Some(format!("WHILE @f{id} IS NULL DO\n{log};\nSET @f{id} = 1;\nEND WHILE")),
            5 => Some(format!("SET STATEMENT max_statement_time = 10 FOR {}", self.procedure(name))),
            _ if self.flavour.has_packages => {
                self.statements.push(Statement::body(format!(
                    "CREATE PACKAGE {name}\nPROCEDURE p();\nFUNCTION end(begin INT) RETURNS INT;\nEND"
                )));
                let body = self.body(Kind::Procedure, Vec::new());
                Some(format!(
                    "CREATE PACKAGE BODY {name}\nPROCEDURE p() {body};\nFUNCTION end(begin INT) RETURNS INT RETURN CASE begin WHEN 1 THEN 2 END;\nEND"
                ))
            }
            _ => None,
        }
    }

    fn plain(&mut self, number: usize) -> String {
        let (id, string) = (self.id, self.string());
        match self.rng.usize(..7) {
            0 => format!("CREATE TABLE f{id}_{number}_t (begin INT, end INT, `case` INT, until INT, atomic INT)"),
            1 => format!("CREATE VIEW f{id}_{number}_v AS SELECT CASE end WHEN 1 THEN 2 END AS end, x.begin FROM x"),
            2 => format!("SET @a = CASE WHEN 1 THEN {string} END"),
            3 => format!("DROP PROCEDURE IF EXISTS f{id}_none"),
            4 => format!(
                "INSERT INTO log VALUES ('f{id}', IF(1, {number}, REPEAT('a', 2)), {string}), ('f{id}', -1, 'end')"
            ),
            _ => format!("INSERT INTO log VALUES ('f{id}', {number}, {string})"),
        }
    }

    fn object(&mut self, number: usize) {
        let name = self.name(number);
        let sql = match self.rng.usize(..14) {
            0..=3 => self.procedure(&name),
            4 | 5 => self.function(&name),
            6 | 7 => self.trigger(&name),
            8 => self.event(&name),
            9 | 10 => {
                self.statements.push(Statement::plain(format!(
                    "CREATE EVENT {name} ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01' DO SET @a = 1"
                )));
                self.alter_event(&name)
            }
            11 => self.version_comment(&name),
            12 if self.flavour.is_mariadb => match self.of_mariadb(&name, number) {
                Some(sql) => sql,
                None => self.procedure(&name),
            },
            _ => {
                let sql = self.procedure(&name);
                self.statements.push(Statement::body(sql));
                let kind = "PROCEDURE";
                let comment = self.string();
                self.statements
                    .push(Statement::plain(format!("ALTER {kind} {name} COMMENT {comment} SQL SECURITY INVOKER")));
                return;
            }
        };
        self.statements.push(Statement::body(sql));
    }
}

pub fn generate(id: usize, rng: &mut Rng, mode: Mode, flavour: Flavour) -> File {
    let mut maker = Maker { rng: &mut *rng, flavour, id, statements: Vec::new() };
    for number in 0..=maker.rng.usize(..4) {
        if maker.rng.one_in(3) {
            let sql = maker.plain(number);
            maker.statements.push(Statement::plain(sql));
        }
        maker.object(number);
    }
    if maker.rng.bool() {
        let sql = maker.plain(9);
        maker.statements.push(Statement::plain(sql));
    }
    let mut statements = maker.statements;
    let is_broken = rng.one_in(30);
    for (at, statement) in statements.iter_mut().enumerate() {
        // A comment inside an executable comment would end it.
        if !statement.sql.contains("/*!") && !statement.sql.contains("JAVASCRIPT") {
            statement.sql = noise(rng, &statement.sql, QUOTING);
        }
        statement.before = comment(rng, true);
        if is_broken && at == 0 {
            statement.sql = broken(rng, &statement.sql, QUOTING);
        }
    }
    let form = if mode == Mode::Goose { Form::Bare } else { form(rng, &statements) };
    let (crlf, last_semicolon) = (rng.one_in(8), !rng.one_in(4));
    File { id, statements, form, crlf, last_semicolon, broken: is_broken }
}

fn form(rng: &mut Rng, statements: &[Statement]) -> Form {
    let occurs = |delimiter: &str| {
        let alone = if matches!(delimiter, "#" | "$" | "|") { delimiter } else { return false };
        statements.iter().any(|one| one.sql.contains(alone) || one.before.contains(alone))
    };
    let (line, delimiter) = DELIMITERS[rng.usize(..DELIMITERS.len())];
    let (line, delimiter) =
        if occurs(delimiter) || statements.iter().any(|one| one.sql.contains("$$end")) && delimiter.contains('$') {
            ("DELIMITER //", "//")
        } else {
            (line, delimiter)
        };
    // Such a name goes to the server only: wherever it is, the clients take it for their command.
    let is_clients = statements.iter().any(|one| says(&one.sql, "delimiter", QUOTING));
    match rng.usize(..8) {
        _ if is_clients => Form::Bare,
        0..=2 => Form::Bare,
        3 | 4 => Form::Delimited(line, delimiter),
        5 => Form::Joined(line, delimiter),
        _ => Form::Switching(line, delimiter),
    }
}
