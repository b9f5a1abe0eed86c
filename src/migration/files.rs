//! The files of one source in version order. A file is parsed only when something needs its content: most are applied
//! already and unchanged, and nobody looks into them.

use std::iter;
use std::sync::OnceLock;

use super::file_name::{FileName, Naming};
use super::migration::{DownFile, Migration, rollback_text};
use super::problem::{InvalidSource, Problem, ProblemKind};
use super::rollback::in_source;
use super::sorted::{Named, Sorted, about};
use super::{Checksum, SourceFile, SourceRules, Version};
use crate::sql::Dialect;

/// One migration's file, with its rollback file if there is one.
#[derive(Clone, Debug)]
pub struct MigrationFile {
    name: FileName,
    source: SourceFile,
    down: Option<Box<Named>>,
    /// Set by another file; see `untransacted.rs`.
    no_transaction: bool,
    dialect: Dialect,
    checksum: OnceLock<Checksum>,
    // Boxed, since of thousands of files most are never parsed.
    parsed: OnceLock<Box<Result<Migration, Vec<Problem>>>>,
}

impl MigrationFile {
    fn new((name, source): Named, dialect: Dialect) -> Self {
        let (checksum, parsed) = (OnceLock::new(), OnceLock::new());
        Self { name, source, down: None, no_transaction: false, dialect, checksum, parsed }
    }

    /// The version; [`Version::of_repeatable`] for a repeatable file.
    #[must_use]
    pub fn version(&self) -> &Version {
        &self.name.version
    }

    #[must_use]
    pub fn file(&self) -> &str {
        &self.source.name
    }

    /// The name without its ending, or the name of the migration's own folder.
    #[must_use]
    pub fn stem(&self) -> &str {
        &self.name.stem
    }

    /// Whether others may share its version, and it has got its number by its name.
    #[must_use]
    pub fn is_by_name(&self) -> bool {
        self.name.naming == Naming::Prisma
    }

    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.source.bytes
    }

    /// The checksum of the file's bytes.
    pub fn checksum(&self) -> &Checksum {
        self.checksum.get_or_init(|| Checksum::of(&self.source.bytes))
    }

    /// The parsed file. Parsed at the first call only.
    ///
    /// # Errors
    ///
    /// Every [`Problem`] of the file and of its rollback file.
    pub fn parsed(&self) -> Result<&Migration, &[Problem]> {
        let parsed = self.parsed.get_or_init(|| Box::new(self.parse()));
        parsed.as_ref().as_ref().map_err(Vec::as_slice)
    }

    /// The problems found so far; empty if the file has not been parsed.
    fn known_problems(&self) -> &[Problem] {
        self.parsed.get().and_then(|parsed| parsed.as_ref().as_ref().err()).map(Vec::as_slice).unwrap_or_default()
    }

    /// All problems of the file. Does not keep the result if the file had not been parsed before.
    pub(super) fn problems(&self) -> Vec<Problem> {
        match self.parsed.get() {
            Some(_) => self.known_problems().to_vec(),
            None => self.parse().err().unwrap_or_default(),
        }
    }

    /// Parses the rollback too: once it is stored in a ledger it can no longer be corrected.
    fn parse(&self) -> Result<Migration, Vec<Problem>> {
        let (name, checksum) = (self.name.clone(), self.checksum().clone());
        let read = Migration::read(name, &self.source, checksum, self.no_transaction, self.dialect);
        if let Some((name, source)) = self.down.as_deref() {
            return self.with_down_file(read, name, source);
        }
        let migration = read?;
        if let Some(sql) = &migration.rollback_sql {
            let (version, file) = (&migration.version, &migration.file);
            Migration::of_rollback(version, file, &migration.description, sql, self.dialect).map_err(|problems| {
                problems.into_iter().map(|problem| self.in_block(problem, sql)).collect::<Vec<_>>()
            })?;
        }
        Ok(migration)
    }

    fn with_down_file(
        &self,
        read: Result<Migration, Vec<Problem>>,
        name: &FileName,
        source: &SourceFile,
    ) -> Result<Migration, Vec<Problem>> {
        let checksum = Checksum::of(&source.bytes);
        let down = rollback_text(name, source)
            .and_then(|text| Migration::read(name.clone(), source, checksum, false, self.dialect).map(|_| text));
        // diesel and Prisma never look into these files before they are needed, and neither refuses a migration for one.
        let is_lenient = matches!(self.name.naming, Naming::Diesel | Naming::Prisma);
        let (mut migration, down) = match (read, down) {
            (Ok(migration), down) => (migration, down),
            (Err(problems), Err(more)) if !is_lenient => return Err([problems, more].concat()),
            (Err(problems), _) => return Err(problems),
        };
        if migration.rollback_sql.is_some() {
            return Err(vec![about(name, source, ProblemKind::TwoRollbacks(migration.file))]);
        }
        let is_empty = down.as_ref().is_ok_and(|text| text.trim().is_empty());
        migration.down_file = Some(DownFile { name: source.name.clone(), is_empty, problem: None });
        match down {
            // diesel does not revert by an empty file.
            Ok(_) if is_empty && is_lenient => {}
            Ok(text) => migration.rollback_sql = Some(text),
            Err(problems) if !is_lenient => return Err(problems),
            Err(problems) => {
                if let Some(file) = &mut migration.down_file {
                    file.problem = problems.into_iter().next().map(Box::new);
                }
            }
        }
        Ok(migration)
    }

    /// A problem of the rollback block, at its place in the file.
    fn in_block(&self, problem: Problem, block: &str) -> Problem {
        let source = String::from_utf8_lossy(&self.source.bytes);
        let position = problem.position.map(|at| in_source(&source, block, at));
        Problem { position, ..problem }
    }

    fn sources(&self) -> impl Iterator<Item = &SourceFile> {
        iter::once(&self.source).chain(self.down.as_deref().map(|(_, source)| source))
    }

    fn into_sources(self) -> impl Iterator<Item = SourceFile> {
        iter::once(self.source).chain(self.down.map(|down| down.1))
    }
}

/// The files of one source in version order: at least one, no duplicate versions, no gaps (unless they are allowed).
#[derive(Clone, Debug)]
pub struct MigrationFiles {
    migrations: Vec<MigrationFile>,
    repeatables: Vec<MigrationFile>,
    newest: Version,
    /// Files that are not migrations.
    others: Vec<SourceFile>,
}

impl MigrationFiles {
    /// Sorts the files of a source. Dotfiles, such as the `..data` of a mounted `ConfigMap`, and files that do not end
    /// in `.sql` are ignored.
    ///
    /// # Errors
    ///
    /// If a name or the source as a whole is invalid: every [`Problem`]. All files are parsed in that case, so that
    /// nobody fixes a name only to learn about the next problem.
    pub fn sorted(files: Vec<SourceFile>, rules: impl Into<SourceRules>) -> Result<Self, InvalidSource> {
        let SourceRules { dialect, gaps } = rules.into();
        let Sorted { ups, downs, again, mut others, untransacted, mut problems } = Sorted::from(files, gaps);
        let all = |named: Vec<Named>| named.into_iter().map(|named| MigrationFile::new(named, dialect)).collect();
        let (mut migrations, repeatables): (Vec<MigrationFile>, Vec<MigrationFile>) = (all(ups), all(again));
        for (name, source) in downs {
            let index = migrations.binary_search_by(|file| file.version().cmp(&name.version));
            if let Some(file) = index.ok().and_then(|index| migrations.get_mut(index)) {
                file.down = Some(Box::new((name, source)));
            } else {
                problems.extend(rollback_text(&name, &source).err().into_iter().flatten());
                others.push(source);
            }
        }
        for file in migrations.iter_mut().filter(|file| untransacted.contains(file.stem())) {
            file.no_transaction = true;
        }
        match migrations.last().map(|file| file.version().clone()) {
            Some(newest) if problems.is_empty() => Ok(Self { migrations, repeatables, newest, others }),
            _ => {
                problems.extend(invalid_files(migrations.iter().chain(&repeatables)));
                let files = migrations.into_iter().chain(repeatables).flat_map(MigrationFile::into_sources);
                Err(InvalidSource { files: files.chain(others).collect(), problems: in_order(problems) })
            }
        }
    }

    /// In version order; never empty.
    #[must_use]
    pub fn migrations(&self) -> &[MigrationFile] {
        &self.migrations
    }

    /// The files `R__name.sql`, ordered by name. Each runs after all migrations, and again whenever it has changed.
    #[must_use]
    pub fn repeatables(&self) -> &[MigrationFile] {
        &self.repeatables
    }

    pub fn all(&self) -> impl Iterator<Item = &MigrationFile> {
        self.migrations.iter().chain(&self.repeatables)
    }

    #[must_use]
    pub fn get(&self, version: &Version) -> Option<&MigrationFile> {
        let index = self.migrations.binary_search_by(|file| file.version().cmp(version)).ok()?;
        self.migrations.get(index)
    }

    #[must_use]
    pub fn newest(&self) -> &Version {
        &self.newest
    }

    /// Every file that the source delivered, including those that are not migrations; in no particular order.
    pub fn sources(&self) -> impl Iterator<Item = &SourceFile> {
        self.all().flat_map(MigrationFile::sources).chain(&self.others)
    }

    /// The same, consuming the set.
    #[must_use]
    pub fn into_sources(self) -> Vec<SourceFile> {
        let files = self.migrations.into_iter().chain(self.repeatables);
        files.flat_map(MigrationFile::into_sources).chain(self.others).collect()
    }

    /// The problems of the files that were parsed so far, ordered by file and line.
    #[must_use]
    pub fn known_problems(&self) -> Vec<Problem> {
        in_order(self.all().flat_map(MigrationFile::known_problems).cloned().collect())
    }

    /// Turns the set into an error, once its files turn out to be invalid.
    #[must_use]
    pub fn invalid(self, problems: Vec<Problem>) -> InvalidSource {
        InvalidSource { files: self.into_sources(), problems: in_order(problems) }
    }
}

/// Every problem of some files, ordered by file and line. Parses those that were not parsed yet.
pub fn invalid_files<'a>(files: impl Iterator<Item = &'a MigrationFile>) -> Vec<Problem> {
    in_order(files.filter_map(|file| file.parsed().err()).flatten().cloned().collect())
}

fn in_order(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_cached_key(|problem| (problem.file.clone(), problem.position.map(|at| at.line)));
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Dialect;

    #[test]
    fn what_is_wrong_is_reported_only_of_files_that_somebody_has_asked_for() {
        let file = |name: &str, sql: &str| SourceFile { name: name.into(), bytes: sql.into() };
        let source = vec![file("1_a.sql", "select 'a"), file("2_b.sql", "select 2"), file("3_c.sql", "select 'c")];
        let files = MigrationFiles::sorted(source, Dialect::Postgres).unwrap();
        assert_eq!(files.known_problems(), []);
        let asked = files.migrations()[2].parsed().unwrap_err();
        assert_eq!(asked[0].to_string().split(": ").next(), Some("3_c.sql:1"));
        assert_eq!(files.known_problems(), asked);
        let all = invalid_files(files.all());
        assert_eq!(
            all.iter().filter_map(|problem| problem.file.as_deref()).collect::<Vec<_>>(),
            ["1_a.sql", "3_c.sql"]
        );
        assert_eq!(files.migrations()[1].parsed().unwrap().statement_sql(0), "select 2");
    }
}
