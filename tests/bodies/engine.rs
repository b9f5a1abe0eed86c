//! What the campaign needs from an engine: two databases, the server's own way to apply a file, and a view of the
//! result.

use std::collections::BTreeMap;

use fastrand::Rng;
use sqlx::Row;

use crate::file::{File, Mode, Reference};

/// For each file, by its number: names and definitions of its objects and rows.
pub type Catalog = BTreeMap<usize, Vec<(String, String)>>;

pub trait Engine: Sync {
    fn name(&self) -> &'static str;
    fn modes(&self) -> &'static [Mode] {
        &Mode::ALL
    }
    fn url(&self, database: &str) -> String;
    fn create(&self, database: &str) -> Result<(), String>;
    fn drop(&self, database: &str);
    /// The schema that exists before the generated files.
    fn base(&self) -> String;
    /// Applies a file's statements without Schemaward.
    ///
    /// # Errors
    /// What the client or the server says.
    fn reference(&self, database: &str, file: &File, mode: Mode) -> Result<(), String> {
        let Reference::Messages(messages) = file.reference(mode) else { return Err("no client".to_owned()) };
        self.whole_file(database, &messages.join("\n;\n"))
    }
    /// Applies a whole text as the client does, or as the server itself does.
    ///
    /// # Errors
    /// What the client or the server says.
    fn whole_file(&self, database: &str, text: &str) -> Result<(), String>;
    /// One row for each object or row of a file: its name, and what is known about it.
    fn rows(&self, database: &str) -> Result<Vec<Vec<String>>, String>;
    /// What each generated file has created.
    fn catalog(&self, database: &str) -> Result<Catalog, String> {
        let mut found = Catalog::new();
        for row in self.rows(database)? {
            let (name, text) = (row[0].clone(), row[1..].join(" | "));
            let number = name.strip_prefix('f').and_then(|rest| rest.split_once('_')?.0.parse().ok());
            if let Some(number) = number {
                found.entry(number).or_default().push((name, text));
            }
        }
        // A catalog lists its entries in an order of the server's own.
        for objects in found.values_mut() {
            objects.sort();
        }
        Ok(found)
    }
    fn generate(&self, id: usize, rng: &mut Rng, mode: Mode) -> File;
}

/// Rows of a query that was not prepared are text, whatever their types.
pub fn texts<R: Row>(rows: &[R]) -> Vec<Vec<String>>
where
    usize: sqlx::ColumnIndex<R>,
    for<'r> Option<String>: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
{
    let text = |row: &R, column| row.try_get_unchecked::<Option<String>, _>(column).unwrap().unwrap_or_default();
    rows.iter().map(|row| (0..row.len()).map(|column| text(row, column)).collect()).collect()
}
