//! A generated file: its statements, the form in which they are written, and the form in which the reference gets them.

use std::fmt::Write as _;

/// How a set contains a file, and how the file is run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// One file a run.
    Alone,
    /// Many files a run.
    Batched,
    /// As rollback SQL in a `.down.sql`; all files of a run are rolled back together.
    Rollback,
    /// As rollback SQL in a `-- rollback:` block.
    RollbackBlock,
    Repeatable,
    /// Statements with a body are between `-- +goose StatementBegin` and `StatementEnd`.
    Goose,
    /// After `-- schemaward: no-transaction`.
    NoTransaction,
}

impl Mode {
    pub const ALL: [Self; 7] = [
        Self::Batched,
        Self::Alone,
        Self::Rollback,
        Self::RollbackBlock,
        Self::Repeatable,
        Self::Goose,
        Self::NoTransaction,
    ];
}

#[derive(Clone, Debug)]
pub struct Statement {
    /// Without a delimiter at the end.
    pub sql: String,
    /// A comment before it, with its line break, or nothing.
    pub before: String,
    /// It has a body that may contain semicolons.
    pub has_body: bool,
}

impl Statement {
    pub fn plain(sql: String) -> Self {
        Self { sql, before: String::new(), has_body: false }
    }

    pub fn body(sql: String) -> Self {
        Self { sql, before: String::new(), has_body: true }
    }
}

/// How the statements are separated.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// By semicolons only.
    Bare,
    /// With a DELIMITER line (its text, and the delimiter) before all statements, and one after them.
    Delimited(&'static str, &'static str),
    /// With such lines around each statement that has a body.
    Switching(&'static str, &'static str),
    /// With such lines around all statements, but semicolons between most of them and the delimiter only after some.
    Joined(&'static str, &'static str),
}

#[derive(Clone, Debug)]
pub struct File {
    pub id: usize,
    pub statements: Vec<Statement>,
    pub form: Form,
    pub crlf: bool,
    /// Whether the last statement ends in a semicolon.
    pub last_semicolon: bool,
    /// It was broken on purpose.
    pub broken: bool,
}

/// What the reference gets.
pub enum Reference {
    /// A file for the server's own client.
    File(String),
    /// Messages for the server, one for each statement.
    Messages(Vec<String>),
}

impl File {
    pub fn bodies(&self) -> usize {
        self.statements.iter().filter(|statement| statement.has_body).count()
    }

    /// The SQL without what the mode adds.
    fn sql(&self) -> String {
        let mut text = String::new();
        let last = self.statements.len().saturating_sub(1);
        let mut open = None;
        if let Form::Delimited(line, delimiter) | Form::Joined(line, delimiter) = self.form {
            let _ = writeln!(text, "{line}");
            open = Some(delimiter);
        }
        for (at, statement) in self.statements.iter().enumerate() {
            // The clients keep a comment, and do not recognise DELIMITER after one.
            if let (Form::Switching(line, delimiter), true) = (self.form, statement.has_body) {
                // Of `*///` they take the first two slashes for the delimiter.
                let gap = if statement.sql.ends_with('/') && delimiter.starts_with('/') { " " } else { "" };
                let _ = write!(text, "{line}\n{}{}{gap}{delimiter}\nDELIMITER ;\n", statement.before, statement.sql);
                continue;
            }
            text.push_str(&statement.before);
            match (self.form, open) {
                (Form::Joined(..), Some(delimiter)) => {
                    let end = if at % 2 == 0 && at != last { ";\n" } else { &format!(";\n{delimiter}\n") };
                    let _ = write!(text, "{}{end}", statement.sql);
                }
                (_, Some(delimiter)) => {
                    let _ = writeln!(text, "{} {delimiter}", statement.sql);
                }
                _ if at == last && !self.last_semicolon => text.push_str(&statement.sql),
                _ => {
                    let _ = writeln!(text, "{};", statement.sql);
                }
            }
        }
        if open.is_some() {
            text.push_str("DELIMITER ;\n");
        }
        text
    }

    fn line_ends(&self, text: &str) -> String {
        if self.crlf { text.replace("\r\n", "\n").replace('\n', "\r\n") } else { text.to_owned() }
    }

    fn goose(&self) -> String {
        let mut text = "-- +goose Up\n".to_owned();
        for statement in &self.statements {
            text.push_str(&statement.before);
            let _ = if statement.has_body {
                writeln!(text, "-- +goose StatementBegin\n{};\n-- +goose StatementEnd", statement.sql)
            } else {
                writeln!(text, "{};", statement.sql)
            };
        }
        text.push_str("-- +goose Down\nDROP TABLE is_never_run;\n");
        text
    }

    /// Name and text of each file that this one becomes in a set.
    pub fn written(&self, mode: Mode) -> Vec<(String, String)> {
        let (version, id) = (self.id + 2, self.id);
        let up = "INSERT INTO log (file, n, what) VALUES ('up', 0, 'up');\n";
        let name = format!("{version}_f{id}.sql");
        let sql = self.line_ends(&self.sql());
        match mode {
            Mode::Alone | Mode::Batched => vec![(name, sql)],
            Mode::NoTransaction => vec![(name, format!("-- schemaward: no-transaction\n{sql}"))],
            Mode::Goose => vec![(name, self.line_ends(&self.goose()))],
            Mode::Repeatable => vec![(format!("R__f{id:06}.sql"), sql)],
            Mode::Rollback => {
                vec![(format!("{version}_f{id}.up.sql"), up.to_owned()), (format!("{version}_f{id}.down.sql"), sql)]
            }
            Mode::RollbackBlock => {
                let block: String = self.sql().lines().fold(String::new(), |mut block, line| {
                    let _ = writeln!(block, "-- {line}");
                    block
                });
                vec![(name, self.line_ends(&format!("{up}-- rollback:\n{block}")))]
            }
        }
    }

    /// What the server's own client, or the server, gets. A rollback block does not keep CRLF line ends.
    pub fn reference(&self, mode: Mode) -> Reference {
        let line_ends = |text: &str| if mode == Mode::RollbackBlock { text.to_owned() } else { self.line_ends(text) };
        match self.form {
            // The clients send several statements up to one delimiter as one message. MySQL then takes the semicolon
            // after a single-statement body into that body.
            Form::Bare | Form::Joined(..) => {
                Reference::Messages(self.statements.iter().map(|one| line_ends(&one.sql)).collect())
            }
            _ if mode == Mode::Goose => {
                Reference::Messages(self.statements.iter().map(|one| line_ends(&one.sql)).collect())
            }
            _ => Reference::File(line_ends(&self.sql())),
        }
    }
}
