//! The files of one source in version order. Their names and bytes are known; a file is parsed where something needs it,
//! since a file that is applied and unchanged needs no statements, and most are.

use std::iter;
use std::sync::OnceLock;

use super::file_name::{Direction, FileName, parse};
use super::migration::{Migration, rollback_text};
use super::problem::{InvalidSource, Problem, ProblemKind};
use super::rollback::ROLLBACK_OF;
use super::{Checksum, SourceFile, SourceRules, Version};
use crate::policy::Gaps;
use crate::sql::Dialect;

/// One file that goes forward, with the one that goes back, if there is one.
#[derive(Clone, Debug)]
pub struct MigrationFile {
    name: FileName,
    source: SourceFile,
    down: Option<Box<Named>>,
    dialect: Dialect,
    checksum: OnceLock<Checksum>,
    // Boxed: of thousands of files most are never parsed.
    parsed: OnceLock<Box<Result<Migration, Vec<Problem>>>>,
}

/// A file with the name taken apart.
type Named = (FileName, SourceFile);

impl MigrationFile {
    fn new((name, source): Named, dialect: Dialect) -> Self {
        Self { name, source, down: None, dialect, checksum: OnceLock::new(), parsed: OnceLock::new() }
    }

    /// The version; of a repeatable file what stands for none.
    #[must_use]
    pub fn version(&self) -> &Version {
        &self.name.version
    }

    /// The file's name.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.source.name
    }

    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.source.bytes
    }

    /// Of the file's bytes.
    pub fn checksum(&self) -> &Checksum {
        self.checksum.get_or_init(|| Checksum::of(&self.source.bytes))
    }

    /// What is in it. Parsed when it is first asked for, and once.
    ///
    /// # Errors
    ///
    /// Every [`Problem`] of the file, and of the one that goes back.
    pub fn parsed(&self) -> Result<&Migration, &[Problem]> {
        let parsed = self.parsed.get_or_init(|| Box::new(self.parse()));
        parsed.as_ref().as_ref().map_err(Vec::as_slice)
    }

    /// What is known to be wrong with it: nothing where nobody has asked for what is in it.
    fn known_problems(&self) -> &[Problem] {
        self.parsed.get().and_then(|parsed| parsed.as_ref().as_ref().err()).map(Vec::as_slice).unwrap_or_default()
    }

    /// What is wrong with it. Keeps nothing of a file that nobody has asked for.
    pub(super) fn problems(&self) -> Vec<Problem> {
        match self.parsed.get() {
            Some(_) => self.known_problems().to_vec(),
            None => self.parse().err().unwrap_or_default(),
        }
    }

    /// With its rollback, which is parsed as well: what is stored cannot be corrected any more.
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

/// The files of one source in version order: at least one, no version twice, no number left out.
#[derive(Clone, Debug)]
pub struct MigrationFiles {
    migrations: Vec<MigrationFile>,
    repeatables: Vec<MigrationFile>,
    newest: Version,
    /// Those that are no migrations.
    others: Vec<SourceFile>,
}

impl MigrationFiles {
    /// Puts the files of a source in order. Dotfiles, such as the `..data` of a mounted `ConfigMap`, and what does not end
    /// in `.sql` are no migrations.
    ///
    /// # Errors
    ///
    /// Every [`Problem`] there is, where one is of the names or of the source as a whole: then the files are parsed, too,
    /// so that nothing is reported only after the first things are fixed.
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
            // A file whose name cannot be read may be the one that seems to be missing.
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

    /// The files in version order; never empty.
    #[must_use]
    pub fn migrations(&self) -> &[MigrationFile] {
        &self.migrations
    }

    /// The files `R__name.sql`, ordered by that name: each runs after all migrations, again whenever it has changed.
    #[must_use]
    pub fn repeatables(&self) -> &[MigrationFile] {
        &self.repeatables
    }

    /// All files that go forward.
    pub fn all(&self) -> impl Iterator<Item = &MigrationFile> {
        self.migrations.iter().chain(&self.repeatables)
    }

    /// The file of a version.
    #[must_use]
    pub fn get(&self, version: &Version) -> Option<&MigrationFile> {
        let index = self.migrations.binary_search_by(|file| file.version().cmp(version)).ok()?;
        self.migrations.get(index)
    }

    /// The newest version.
    #[must_use]
    pub fn newest(&self) -> &Version {
        &self.newest
    }

    /// What the source delivered, those that are no migrations too; in no order.
    pub fn sources(&self) -> impl Iterator<Item = &SourceFile> {
        self.all().flat_map(MigrationFile::sources).chain(&self.others)
    }

    /// The same, when nothing else of it is needed any more.
    #[must_use]
    pub fn into_sources(self) -> Vec<SourceFile> {
        let files = self.migrations.into_iter().chain(self.repeatables);
        files.flat_map(MigrationFile::into_sources).chain(self.others).collect()
    }

    /// What is wrong with the files that somebody has asked for, ordered by file and line.
    #[must_use]
    pub fn known_problems(&self) -> Vec<Problem> {
        in_order(self.all().flat_map(MigrationFile::known_problems).cloned().collect())
    }

    /// The same files, where they turn out to be no migration set.
    #[must_use]
    pub fn invalid(self, problems: Vec<Problem>) -> InvalidSource {
        InvalidSource { files: self.into_sources(), problems: in_order(problems) }
    }
}

/// What is wrong with some files, ordered by file and line; parses those that nobody has asked for.
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

/// Of files that are in version order; the rest is put aside.
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
