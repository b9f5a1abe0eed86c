//! The files of one source in version order. Their names and bytes are known; what is in a file is read where something
//! needs it, since a file that is applied and unchanged needs no statements, and most are.

use std::sync::OnceLock;

use super::file_name::{Direction, FileName, parse};
use super::migration::{Migration, rollback_text};
use super::problem::{Problem, ProblemKind};
use super::rollback::ROLLBACK_OF;
use super::{Checksum, SourceFile, SourceRules, Version};
use crate::policy::Gaps;
use crate::sql::Dialect;

/// One file that goes forward, with the one that goes back, if there is one.
#[derive(Clone, Debug)]
pub struct MigrationFile<'f> {
    name: FileName,
    source: &'f SourceFile,
    down: Option<Box<Named<'f>>>,
    dialect: Dialect,
    checksum: OnceLock<Checksum>,
    // Boxed: of thousands of files most are never read.
    read: OnceLock<Box<Result<Migration, Vec<Problem>>>>,
}

impl<'f> MigrationFile<'f> {
    fn new((name, source): Named<'f>, dialect: Dialect) -> Self {
        Self { name, source, down: None, dialect, checksum: OnceLock::new(), read: OnceLock::new() }
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

    /// Of the file's bytes.
    pub fn checksum(&self) -> &Checksum {
        self.checksum.get_or_init(|| Checksum::of(&self.source.bytes))
    }

    /// What is in it. Read when it is first asked for, and once.
    ///
    /// # Errors
    ///
    /// Every [`Problem`] of the file, and of the one that goes back.
    pub fn read(&self) -> Result<&Migration, &[Problem]> {
        let read = self.read.get_or_init(|| Box::new(self.migration()));
        read.as_ref().as_ref().map_err(Vec::as_slice)
    }

    /// What is known to be wrong with it: nothing where nobody has asked for what is in it.
    fn known_problems(&self) -> &[Problem] {
        self.read.get().and_then(|read| read.as_ref().as_ref().err()).map(Vec::as_slice).unwrap_or_default()
    }

    fn into_migration(mut self) -> Result<Migration, Vec<Problem>> {
        match std::mem::take(&mut self.read).into_inner() {
            Some(read) => *read,
            None => self.migration(),
        }
    }

    /// With its rollback, which is looked into as well: what is stored cannot be corrected any more.
    fn migration(&self) -> Result<Migration, Vec<Problem>> {
        let migration = self.with_rollback()?;
        if let Some(sql) = &migration.rollback_sql {
            let file = format!("{ROLLBACK_OF}{}", migration.file);
            Migration::of_rollback(&migration.version, &file, &migration.description, sql, self.dialect)?;
        }
        Ok(migration)
    }

    fn with_rollback(&self) -> Result<Migration, Vec<Problem>> {
        let read = Migration::read(self.name.clone(), self.source, self.checksum().clone(), self.dialect);
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
}

/// The files of one source in version order: at least one, no version twice, no number left out.
#[derive(Clone, Debug)]
pub struct MigrationFiles<'f> {
    migrations: Vec<MigrationFile<'f>>,
    repeatables: Vec<MigrationFile<'f>>,
    newest: Version,
    ignored: Vec<String>,
}

/// A file with the name taken apart.
type Named<'f> = (FileName, &'f SourceFile);

impl<'f> MigrationFiles<'f> {
    /// Puts the files of a source in order. Dotfiles, such as the `..data` of a mounted `ConfigMap`, are skipped; what does
    /// not end in `.sql` is ignored and listed.
    ///
    /// # Errors
    ///
    /// Every [`Problem`] there is, ordered by file and line, where one is of the names or of the source as a whole: then
    /// the files are read, too, so that nothing is told only after the first things are put right.
    pub fn sorted(files: &'f [SourceFile], rules: impl Into<SourceRules>) -> Result<Self, Vec<Problem>> {
        let SourceRules { dialect, gaps: gaps_rule } = rules.into();
        let Sorted { mut ups, mut downs, mut again, ignored, mut problems } = Sorted::from(files);
        let badly_named = !problems.is_empty();
        for named in [&mut ups, &mut downs] {
            named.sort_by(|(a, x), (b, y)| a.version.cmp(&b.version).then_with(|| x.name.cmp(&y.name)));
            problems.extend(duplicates(named));
        }
        downs.dedup_by(|this, before| this.0.version == before.0.version);
        if !badly_named {
            // A file whose name cannot be read may be the one that seems to be missing.
            if gaps_rule == Gaps::Reject {
                problems.extend(gaps(&ups));
            }
            problems.extend(orphans(&ups, &downs));
        }
        again.sort_by(|(a, _), (b, _)| a.description.cmp(&b.description));
        let all = |named: Vec<Named<'f>>| named.into_iter().map(|named| MigrationFile::new(named, dialect)).collect();
        let (mut migrations, repeatables): (Vec<MigrationFile<'f>>, Vec<_>) = (all(ups), all(again));
        let mut lonely = Vec::new();
        for (name, source) in downs {
            let index = migrations.binary_search_by(|file| file.version().cmp(&name.version));
            match index.ok().and_then(|index| migrations.get_mut(index)) {
                Some(file) => file.down = Some(Box::new((name, source))),
                None => lonely.push((name, source)),
            }
        }
        match migrations.last().map(|file| file.version().clone()) {
            Some(newest) if problems.is_empty() => Ok(Self { migrations, repeatables, newest, ignored }),
            _ => {
                problems.extend(invalid_files(migrations.iter().chain(&repeatables)));
                problems.extend(lonely.iter().filter_map(|(name, source)| rollback_text(name, source).err()).flatten());
                Err(in_order(problems))
            }
        }
    }

    /// The files in version order; never empty.
    #[must_use]
    pub fn migrations(&self) -> &[MigrationFile<'f>] {
        &self.migrations
    }

    /// The files `R__name.sql`, ordered by that name: each runs behind all migrations, again whenever it has changed.
    #[must_use]
    pub fn repeatables(&self) -> &[MigrationFile<'f>] {
        &self.repeatables
    }

    /// All files that go forward.
    pub fn all(&self) -> impl Iterator<Item = &MigrationFile<'f>> {
        self.migrations.iter().chain(&self.repeatables)
    }

    /// The file of a version.
    #[must_use]
    pub fn get(&self, version: &Version) -> Option<&MigrationFile<'f>> {
        let index = self.migrations.binary_search_by(|file| file.version().cmp(version)).ok()?;
        self.migrations.get(index)
    }

    /// The newest version.
    #[must_use]
    pub fn newest(&self) -> &Version {
        &self.newest
    }

    /// What is wrong with the files that somebody has asked for, ordered by file and line.
    #[must_use]
    pub fn known_problems(&self) -> Vec<Problem> {
        in_order(self.all().flat_map(MigrationFile::known_problems).cloned().collect())
    }

    /// Looks into each file, one after the other, and keeps nothing of it but the newest version: a source takes no more
    /// memory than its largest file does.
    ///
    /// # Errors
    ///
    /// The first thousand of its [`Problem`]s, ordered by file and line.
    pub fn verified(self) -> Result<Version, Vec<Problem>> {
        const ENOUGH: usize = 1000;
        let mut problems = Vec::new();
        for file in self.migrations.into_iter().chain(self.repeatables) {
            if let Err(found) = file.into_migration() {
                problems.extend(found);
                problems.truncate(ENOUGH);
            }
        }
        if problems.is_empty() { Ok(self.newest) } else { Err(in_order(problems)) }
    }

    /// Reads what was not read yet.
    ///
    /// # Errors
    ///
    /// Every [`Problem`] there is, ordered by file and line.
    pub(super) fn into_parts(self) -> Result<Parts, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut read_all = |files: Vec<MigrationFile<'f>>| {
            let mut read = Vec::with_capacity(files.len());
            for file in files {
                match file.into_migration() {
                    Ok(migration) => read.push(migration),
                    Err(found) => problems.extend(found),
                }
            }
            read
        };
        let (migrations, repeatables) = (read_all(self.migrations), read_all(self.repeatables));
        if problems.is_empty() {
            Ok(Parts { migrations, repeatables, newest: self.newest, ignored: self.ignored })
        } else {
            Err(in_order(problems))
        }
    }
}

/// What [`super::MigrationSet`] is made of.
pub(super) struct Parts {
    pub(super) migrations: Vec<Migration>,
    pub(super) repeatables: Vec<Migration>,
    pub(super) newest: Version,
    pub(super) ignored: Vec<String>,
}

/// What is wrong with some files, ordered by file and line; reads those that nobody has read.
pub fn invalid_files<'a, 'f: 'a>(files: impl Iterator<Item = &'a MigrationFile<'f>>) -> Vec<Problem> {
    in_order(files.filter_map(|file| file.read().err()).flatten().cloned().collect())
}

fn in_order(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_cached_key(|problem| (problem.file.clone(), problem.position.map(|at| at.line)));
    problems
}

struct Sorted<'a> {
    ups: Vec<Named<'a>>,
    downs: Vec<Named<'a>>,
    again: Vec<Named<'a>>,
    ignored: Vec<String>,
    problems: Vec<Problem>,
}

impl<'a> Sorted<'a> {
    fn from(files: &'a [SourceFile]) -> Self {
        let mut sorted = Self { ups: vec![], downs: vec![], again: vec![], ignored: vec![], problems: vec![] };
        for file in files.iter().filter(|file| !file.name.starts_with('.')) {
            match parse(&file.name) {
                Ok(Some(name)) => match name.direction {
                    Direction::Up => sorted.ups.push((name, file)),
                    Direction::Down => sorted.downs.push((name, file)),
                    Direction::Repeatable => sorted.again.push((name, file)),
                },
                Ok(None) => sorted.ignored.push(file.name.clone()),
                Err(error) => sorted.problems.push(Problem {
                    file: Some(file.name.clone()),
                    version: None,
                    position: None,
                    what: error.into(),
                    looks_like: None,
                }),
            }
        }
        sorted.ignored.sort();
        if sorted.ups.is_empty() && sorted.downs.is_empty() && sorted.problems.is_empty() {
            let empty = ProblemKind::Empty { files: sorted.ignored.len() };
            let what = if sorted.again.is_empty() { empty } else { ProblemKind::OnlyRepeatable };
            sorted.problems.push(Problem { file: None, version: None, position: None, what, looks_like: None });
        }
        sorted
    }
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

fn pairs<'a, 'f>(sorted: &'a [Named<'f>]) -> impl Iterator<Item = (&'a Named<'f>, &'a Named<'f>)> {
    sorted.iter().zip(sorted.iter().skip(1))
}

fn duplicates(sorted: &[Named<'_>]) -> Vec<Problem> {
    pairs(sorted)
        .filter(|(before, this)| before.0.version == this.0.version)
        .map(|(before, this)| {
            let version = this.0.version.clone();
            about(&this.0, this.1, ProblemKind::DuplicateVersion { version, other: before.1.name.clone() })
        })
        .collect()
}

fn gaps(sorted: &[Named<'_>]) -> Vec<Problem> {
    pairs(sorted)
        .filter_map(|(before, this)| {
            let (from, to) = (before.0.version.sequential()? + 1, this.0.version.sequential()?.checked_sub(1)?);
            let missing = match from.cmp(&to) {
                std::cmp::Ordering::Less => format!("versions {from} to {to} are"),
                std::cmp::Ordering::Equal => format!("version {from} is"),
                std::cmp::Ordering::Greater => return None,
            };
            Some(about(&this.0, this.1, ProblemKind::Gap { missing, before: before.1.name.clone() }))
        })
        .collect()
}

fn orphans(ups: &[Named<'_>], downs: &[Named<'_>]) -> Vec<Problem> {
    downs
        .iter()
        .filter(|(name, _)| ups.binary_search_by(|(up, _)| up.version.cmp(&name.version)).is_err())
        .map(|down| about(&down.0, down.1, ProblemKind::OrphanDown(down.0.version.clone())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Dialect;

    #[test]
    fn what_is_wrong_is_told_only_of_files_that_somebody_has_asked_for() {
        let file = |name: &str, sql: &str| SourceFile { name: name.into(), bytes: sql.into() };
        let source = [file("1_a.sql", "select 'a"), file("2_b.sql", "select 2"), file("3_c.sql", "select 'c")];
        let files = MigrationFiles::sorted(&source, Dialect::Postgres).unwrap();
        assert_eq!(files.known_problems(), []);
        let asked = files.migrations()[2].read().unwrap_err();
        assert_eq!(asked[0].to_string().split(": ").next(), Some("3_c.sql:1"));
        assert_eq!(files.known_problems(), asked);
        let all = invalid_files(files.all());
        assert_eq!(
            all.iter().filter_map(|problem| problem.file.as_deref()).collect::<Vec<_>>(),
            ["1_a.sql", "3_c.sql"]
        );
        assert_eq!(files.migrations()[1].read().unwrap().statement_sql(0), "select 2");
    }
}
