//! The files of one source in version order. A file is parsed only when something needs its content: most are applied
//! already and unchanged, and nobody looks into them.

use std::iter;
use std::sync::OnceLock;

use super::file_name::{Direction, FileName, parse};
use super::migration::{Migration, rollback_text};
use super::problem::{InvalidSource, Problem, ProblemKind};
use super::rollback::ROLLBACK_OF;
use super::{Checksum, SourceFile, SourceRules, Version};
use crate::policy::Gaps;
use crate::sql::Dialect;

/// One migration's file, with its rollback file if there is one.
#[derive(Clone, Debug)]
pub struct MigrationFile {
    name: FileName,
    source: SourceFile,
    down: Option<Box<Named>>,
    dialect: Dialect,
    checksum: OnceLock<Checksum>,
    // Boxed, since of thousands of files most are never parsed.
    parsed: OnceLock<Box<Result<Migration, Vec<Problem>>>>,
}

type Named = (FileName, SourceFile);

impl MigrationFile {
    fn new((name, source): Named, dialect: Dialect) -> Self {
        Self { name, source, down: None, dialect, checksum: OnceLock::new(), parsed: OnceLock::new() }
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
        let migration = self.with_rollback()?;
        if let Some(sql) = &migration.rollback_sql {
            let file = format!("{ROLLBACK_OF}{}", migration.file);
            Migration::of_rollback(&migration.version, &file, &migration.description, sql, self.dialect)?;
        }
        Ok(migration)
    }

    fn with_rollback(&self) -> Result<Migration, Vec<Problem>> {
        let read = Migration::read(self.name.clone(), &self.source, self.checksum().clone(), self.dialect);
        let Some((name, source)) = self.down.as_deref() else { return read };
        let (mut migration, down) = match (read, rollback_text(name, source)) {
            (Ok(migration), Ok(down)) => (migration, down),
            (Err(problems), Ok(_)) | (Ok(_), Err(problems)) => return Err(problems),
            (Err(problems), Err(more)) => return Err([problems, more].concat()),
        };
        if migration.rollback_sql.is_some() {
            return Err(vec![about(name, source, ProblemKind::TwoRollbacks(migration.file))]);
        }
        migration.rollback_sql = Some(down);
        Ok(migration)
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
        let SourceRules { dialect, gaps: gaps_rule } = rules.into();
        let Sorted { mut ups, mut downs, mut again, mut others, mut problems } = Sorted::from(files);
        let badly_named = !problems.is_empty();
        for named in [&mut ups, &mut downs] {
            named.sort_by(|(a, x), (b, y)| a.version.cmp(&b.version).then_with(|| x.name.cmp(&y.name)));
            problems.extend(duplicates(named));
        }
        let downs = first_of_each_version(downs, &mut others);
        if !badly_named {
            // A file whose name is invalid may be the one that seems to be missing.
            if gaps_rule == Gaps::Reject {
                problems.extend(gaps(&ups));
            }
            problems.extend(orphans(&ups, &downs));
        }
        again.sort_by(|(a, _), (b, _)| a.description.cmp(&b.description));
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

#[derive(Default)]
struct Sorted {
    ups: Vec<Named>,
    downs: Vec<Named>,
    again: Vec<Named>,
    others: Vec<SourceFile>,
    problems: Vec<Problem>,
}

impl Sorted {
    fn from(files: Vec<SourceFile>) -> Self {
        let mut sorted = Self::default();
        let mut ignored = 0;
        for file in files {
            if file.name.starts_with('.') {
                sorted.others.push(file);
                continue;
            }
            match parse(&file.name) {
                Ok(Some(name)) => match name.direction {
                    Direction::Up => sorted.ups.push((name, file)),
                    Direction::Down => sorted.downs.push((name, file)),
                    Direction::Repeatable => sorted.again.push((name, file)),
                },
                Ok(None) => {
                    ignored += 1;
                    sorted.others.push(file);
                }
                Err(error) => {
                    sorted.problems.push(Problem {
                        file: Some(file.name.clone()),
                        version: None,
                        position: None,
                        what: error.into(),
                        looks_like: None,
                    });
                    sorted.others.push(file);
                }
            }
        }
        if sorted.ups.is_empty() && sorted.downs.is_empty() && sorted.problems.is_empty() {
            let empty = ProblemKind::Empty { files: ignored };
            let what = if sorted.again.is_empty() { empty } else { ProblemKind::OnlyRepeatable };
            sorted.problems.push(Problem { file: None, version: None, position: None, what, looks_like: None });
        }
        sorted
    }
}

/// Takes files in version order, and puts duplicates aside.
fn first_of_each_version(sorted: Vec<Named>, aside: &mut Vec<SourceFile>) -> Vec<Named> {
    let mut first: Vec<Named> = Vec::with_capacity(sorted.len());
    for (name, source) in sorted {
        if first.last().is_some_and(|(before, _)| before.version == name.version) {
            aside.push(source);
        } else {
            first.push((name, source));
        }
    }
    first
}

fn about(name: &FileName, file: &SourceFile, what: ProblemKind) -> Problem {
    Problem {
        file: Some(file.name.clone()),
        version: Some(name.version.clone()),
        position: None,
        what,
        looks_like: None,
    }
}

fn pairs(sorted: &[Named]) -> impl Iterator<Item = (&Named, &Named)> {
    sorted.iter().zip(sorted.iter().skip(1))
}

fn duplicates(sorted: &[Named]) -> Vec<Problem> {
    pairs(sorted)
        .filter(|(before, this)| before.0.version == this.0.version)
        .map(|(before, this)| {
            let version = this.0.version.clone();
            about(&this.0, &this.1, ProblemKind::DuplicateVersion { version, other: before.1.name.clone() })
        })
        .collect()
}

fn gaps(sorted: &[Named]) -> Vec<Problem> {
    pairs(sorted)
        // Versions with several numbers follow releases, and not every release has a file.
        .filter(|(before, this)| !before.0.has_parts && !this.0.has_parts)
        .filter_map(|(before, this)| {
            let (from, to) = (before.0.version.sequential()? + 1, this.0.version.sequential()?.checked_sub(1)?);
            let missing = match from.cmp(&to) {
                std::cmp::Ordering::Less => format!("versions {from} to {to} are"),
                std::cmp::Ordering::Equal => format!("version {from} is"),
                std::cmp::Ordering::Greater => return None,
            };
            Some(about(&this.0, &this.1, ProblemKind::Gap { missing, before: before.1.name.clone() }))
        })
        .collect()
}

fn orphans(ups: &[Named], downs: &[Named]) -> Vec<Problem> {
    downs
        .iter()
        .filter(|(name, _)| ups.binary_search_by(|(up, _)| up.version.cmp(&name.version)).is_err())
        .map(|down| about(&down.0, &down.1, ProblemKind::OrphanDown(down.0.version.clone())))
        .collect()
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
