//! The comment lines by which other tools divide a file into an up part and a down part.
//!
//! Source: goose, `internal/sqlparser/parser.go`; dbmate, `pkg/dbmate/migration.go`; tern, `migrate/migrate.go`;
//! node-pg-migrate, `src/sqlMigration.ts`.

use crate::sql::scan::mentions;

/// Whether a file may have such lines. Most have none.
pub(super) fn may_have_annotations(sql: &str) -> bool {
    MARKS.iter().any(|mark| sql.contains(mark)) || mentions(sql, DOWN_MIGRATION)
}

/// Texts that occur only in files with annotations of one of these tools.
const MARKS: [&str; 10] = [
    "+goose",
    "migrate:up",
    "migrate:down",
    TERN_DIVIDES,
    TERN_ALONE,
    "+migrate",
    "rambler",
    "@UNDO",
    "!Downs",
    "atlas:txtar",
];
/// The same for node-pg-migrate, in any case.
const DOWN_MIGRATION: &str = "down migration";

pub(super) const GOOSE: &str = "goose";
pub(super) const DBMATE: &str = "dbmate";
pub(super) const TERN: &str = "tern";
pub(super) const NODE_PG_MIGRATE: &str = "node-pg-migrate";

pub(super) const TERN_DIVIDES: &str = "---- create above / drop below ----";
const TERN_ALONE: &str = "---- tern: disable-tx ----";

pub(super) enum Line {
    Up {
        no_transaction: bool,
    },
    Down {
        no_transaction: bool,
    },
    StatementBegin,
    StatementEnd,
    /// goose, tern: applies to the whole file.
    NoTransaction,
    Unknown,
}

/// A line of node-pg-migrate's, which may as well be a comment of any file.
pub(super) enum NodeLine {
    Up,
    Down {
        /// Whether nothing else is said.
        is_exact: bool,
    },
}

pub(super) fn node_line(comment: &str) -> Option<NodeLine> {
    let text = comment.trim_start_matches(['-', ' ', '\t']).to_ascii_lowercase();
    let (direction, rest) = text.split_once([' ', '\t'])?;
    let rest = rest.trim_start().strip_prefix("migration")?;
    match direction {
        "up" => Some(NodeLine::Up),
        "down" => Some(NodeLine::Down { is_exact: rest.chars().all(|next| !next.is_alphanumeric()) }),
        _ => None,
    }
}

pub(super) fn line(comment: &str) -> Option<(&'static str, Line)> {
    match comment {
        TERN_DIVIDES => return Some((TERN, Line::Down { no_transaction: false })),
        TERN_ALONE => return Some((TERN, Line::NoTransaction)),
        _ => {}
    }
    let text = comment.strip_prefix("--")?.trim();
    let words: Vec<&str> = text.split_whitespace().collect();
    let said = words.iter().skip(1).copied().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
    let no_transaction = said == "transaction:false";
    let unknown = !no_transaction && !said.is_empty() && said != "transaction:true";
    match *words.first()? {
        "+goose" => Some((GOOSE, goose(&said))),
        "migrate:up" | "migrate:down" if unknown => Some((DBMATE, Line::Unknown)),
        "migrate:up" => Some((DBMATE, Line::Up { no_transaction })),
        "migrate:down" => Some((DBMATE, Line::Down { no_transaction })),
        _ => None,
    }
}

fn goose(said: &str) -> Line {
    match said {
        "up" => Line::Up { no_transaction: false },
        "down" => Line::Down { no_transaction: false },
        "statementbegin" => Line::StatementBegin,
        "statementend" => Line::StatementEnd,
        "no transaction" => Line::NoTransaction,
        _ => Line::Unknown,
    }
}

/// The tool, if it is one that is recognised but not supported, and what to write instead.
pub(super) fn foreign(comment: &str) -> Option<(&'static str, &'static str)> {
    const GOOSE_LINES: &str = "`-- +goose Up` and `-- +goose Down` instead";
    // Play writes `#`, which is a comment on MySQL alone.
    let text = comment.strip_prefix("--").or_else(|| comment.strip_prefix('#'))?.trim().to_ascii_lowercase();
    let is = |lines: &[&str]| lines.iter().any(|line| text.split_whitespace().collect::<Vec<_>>().join(" ") == *line);
    if text.starts_with("+migrate ") {
        Some(("sql-migrate", GOOSE_LINES))
    } else if is(&["atlas:txtar"]) {
        Some(("Atlas' archives of several files", GOOSE_LINES))
    } else if text.trim_start_matches(['-', ' ']).starts_with("!downs") {
        Some(("Play's evolutions", GOOSE_LINES))
    } else if is(&["rambler up", "rambler down"]) {
        Some(("rambler", GOOSE_LINES))
    } else if is(&["//@undo", "// @undo", "@undo"]) {
        Some((
            "MyBatis Migrations",
            "`-- rollback:` and put `-- ` before each line after it, or use `-- +goose Up` and `Down`",
        ))
    } else {
        None
    }
}

/// A line as its tool writes it.
pub(super) fn name(tool: &str, is_up: bool) -> &'static str {
    match (tool, is_up) {
        (GOOSE, true) => "-- +goose Up",
        (GOOSE, false) => "-- +goose Down",
        (NODE_PG_MIGRATE, true) => "-- Up Migration",
        (NODE_PG_MIGRATE, false) => "-- Down Migration",
        (TERN, _) => TERN_DIVIDES,
        (_, true) => "-- migrate:up",
        (_, false) => "-- migrate:down",
    }
}
