//! All migrations of one source, in version order.

use super::file_name::{Direction, FileName, parse};
use super::migration::{Migration, rollback_text};
use super::problem::{Problem, ProblemKind};
use super::{SourceFile, Version};

/// All migrations of one source: at least one, no version twice, no number left out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MigrationSet {
    migrations: Vec<Migration>,
    newest: Version,
    ignored: Vec<String>,
}

/// A file with the name taken apart.
type Named<'a> = (FileName, &'a SourceFile);

impl MigrationSet {
    /// Reads the files of a source. Dotfiles, such as the `..data` of a mounted `ConfigMap`, are skipped; what does
    /// not end in `.sql` is ignored and listed.
    ///
    /// # Errors
    ///
    /// Every [`Problem`] there is, ordered by file and line.
    pub fn read(files: &[SourceFile]) -> Result<Self, Vec<Problem>> {
        let Sorted { mut ups, mut downs, ignored, mut problems } = Sorted::from(files);
        let badly_named = !problems.is_empty();
        for named in [&mut ups, &mut downs] {
            named.sort_by(|(a, x), (b, y)| a.version.cmp(&b.version).then_with(|| x.name.cmp(&y.name)));
            problems.extend(duplicates(named));
        }
        if !badly_named {
            // A file whose name cannot be read may be the one that seems to be missing.
            problems.extend(gaps(&ups));
            problems.extend(orphans(&ups, &downs));
        }
        let mut migrations = Vec::with_capacity(ups.len());
        for (name, file) in ups {
            match Migration::read(name, file) {
                Ok(migration) => migrations.push(migration),
                Err(found) => problems.extend(found),
            }
        }
        for (name, file) in downs {
            match rollback_text(&name, file) {
                Ok(sql) => problems.extend(give_rollback(&mut migrations, &name, file, sql)),
                Err(found) => problems.extend(found),
            }
        }
        let newest = migrations.last().map(|migration| migration.version.clone());
        if let (true, Some(newest)) = (problems.is_empty(), newest) {
            return Ok(Self { migrations, newest, ignored });
        }
        problems.sort_by_cached_key(|problem| (problem.file.clone(), problem.position.map(|at| at.line)));
        Err(problems)
    }

    /// The migrations in version order; never empty.
    #[must_use]
    pub fn migrations(&self) -> &[Migration] {
        &self.migrations
    }

    /// Names of files that are no migrations, since they do not end in `.sql`; sorted.
    #[must_use]
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// The migration of a version.
    #[must_use]
    pub fn get(&self, version: &Version) -> Option<&Migration> {
        let index = self.migrations.binary_search_by(|migration| migration.version.cmp(version)).ok()?;
        self.migrations.get(index)
    }

    /// The newest version.
    #[must_use]
    pub fn newest(&self) -> &Version {
        &self.newest
    }
}

struct Sorted<'a> {
    ups: Vec<Named<'a>>,
    downs: Vec<Named<'a>>,
    ignored: Vec<String>,
    problems: Vec<Problem>,
}

impl<'a> Sorted<'a> {
    fn from(files: &'a [SourceFile]) -> Self {
        let mut sorted = Self { ups: vec![], downs: vec![], ignored: vec![], problems: vec![] };
        for file in files.iter().filter(|file| !file.name.starts_with('.')) {
            match parse(&file.name) {
                Ok(Some(name)) if name.direction == Direction::Down => sorted.downs.push((name, file)),
                Ok(Some(name)) => sorted.ups.push((name, file)),
                Ok(None) => sorted.ignored.push(file.name.clone()),
                Err(error) => sorted.problems.push(Problem {
                    file: Some(file.name.clone()),
                    version: None,
                    position: None,
                    what: error.into(),
                }),
            }
        }
        sorted.ignored.sort();
        if sorted.ups.is_empty() && sorted.downs.is_empty() && sorted.problems.is_empty() {
            let what = ProblemKind::Empty { files: sorted.ignored.len() };
            sorted.problems.push(Problem { file: None, version: None, position: None, what });
        }
        sorted
    }
}

fn about((name, file): &Named<'_>, what: ProblemKind) -> Problem {
    Problem { file: Some(file.name.clone()), version: Some(name.version.clone()), position: None, what }
}

fn pairs<'a, 'f>(sorted: &'a [Named<'f>]) -> impl Iterator<Item = (&'a Named<'f>, &'a Named<'f>)> {
    sorted.iter().zip(sorted.iter().skip(1))
}

fn duplicates(sorted: &[Named<'_>]) -> Vec<Problem> {
    pairs(sorted)
        .filter(|(before, this)| before.0.version == this.0.version)
        .map(|(before, this)| {
            let version = this.0.version.clone();
            about(this, ProblemKind::DuplicateVersion { version, other: before.1.name.clone() })
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
            Some(about(this, ProblemKind::Gap { missing, before: before.1.name.clone() }))
        })
        .collect()
}

fn orphans(ups: &[Named<'_>], downs: &[Named<'_>]) -> Vec<Problem> {
    downs
        .iter()
        .filter(|(name, _)| ups.binary_search_by(|(up, _)| up.version.cmp(&name.version)).is_err())
        .map(|down| about(down, ProblemKind::OrphanDown(down.0.version.clone())))
        .collect()
}

fn give_rollback(migrations: &mut [Migration], name: &FileName, file: &SourceFile, sql: String) -> Option<Problem> {
    let index = migrations.binary_search_by(|migration| migration.version.cmp(&name.version)).ok()?;
    let migration = migrations.get_mut(index)?;
    if migration.rollback_sql.is_some() {
        return Some(about(&(name.clone(), file), ProblemKind::TwoRollbacks(migration.file.clone())));
    }
    migration.rollback_sql = Some(sql);
    None
}
