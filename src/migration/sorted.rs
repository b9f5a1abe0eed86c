//! Sorts the files of a source by what their names say, and finds what is wrong with the names.

use std::collections::{BTreeMap, BTreeSet};

use super::file_name::{Direction, FileName, Naming, parse};
use super::problem::{Problem, ProblemKind};
use super::untransacted::untransacted;
use super::{SourceFile, Version};
use crate::policy::Gaps;

/// A file with its parsed name.
pub(super) type Named = (FileName, SourceFile);

#[derive(Default)]
pub(super) struct Sorted {
    pub(super) ups: Vec<Named>,
    pub(super) downs: Vec<Named>,
    pub(super) again: Vec<Named>,
    /// Files that are not migrations.
    pub(super) others: Vec<SourceFile>,
    /// Stems of the migrations that another file marks as run without a transaction.
    pub(super) untransacted: BTreeSet<String>,
    pub(super) problems: Vec<Problem>,
}

impl Sorted {
    /// Sorts files by what their names say; those of one kind by their versions. `gaps`: whether to report gaps.
    pub(super) fn from(files: Vec<SourceFile>, gaps_rule: Gaps) -> Self {
        let mut sorted = Self::by_kind(files);
        sorted.in_version_order(gaps_rule);
        sorted
    }

    fn by_kind(files: Vec<SourceFile>) -> Self {
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
                    sorted.untransacted.extend(untransacted(&file).map(ToOwned::to_owned));
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

    fn in_version_order(&mut self, gaps_rule: Gaps) {
        let badly_named = !self.problems.is_empty();
        sort(&mut self.ups);
        count_same_times(&mut self.ups);
        take_versions(&mut self.downs, &self.ups);
        sort(&mut self.downs);
        self.problems.extend([&self.ups, &self.downs].into_iter().flat_map(|named| duplicates(named)));
        self.downs = first_of_each_version(std::mem::take(&mut self.downs), &mut self.others);
        if !badly_named {
            // A file whose name is invalid may be the one that seems to be missing.
            if gaps_rule == Gaps::Reject {
                self.problems.extend(gaps(&self.ups));
            }
            self.problems.extend(orphans(&self.ups, &self.downs));
        }
        self.again.sort_by(|(a, _), (b, _)| a.description.cmp(&b.description));
    }
}

fn sort(named: &mut [Named]) {
    named.sort_by(|(a, x), (b, y)| {
        a.version.cmp(&b.version).then_with(|| a.stem.cmp(&b.stem)).then_with(|| x.name.cmp(&y.name))
    });
}

/// Makes the versions of files that share one unique: in the order of their names, the second gets `.1` appended, the
/// third `.2`. A file whose name sorts after the others does not change their versions.
fn count_same_times(sorted: &mut [Named]) {
    for same in sorted.chunk_by_mut(|(a, _), (b, _)| {
        [a, b].iter().all(|name| name.naming == Naming::Prisma) && a.version == b.version
    }) {
        for ((name, _), number) in same.iter_mut().zip(0_u32..).skip(1) {
            // One that would be too long is left alone, and so reported as a duplicate.
            if let Ok(version) = format!("{}.{number}", name.version).parse() {
                name.version = version;
            }
        }
    }
}

/// Gives down files the version of the up file with the same stem: whether a `down.sql` is diesel's or Prisma's only the
/// other file shows.
fn take_versions(downs: &mut [Named], ups: &[Named]) {
    let has_folders = ups.iter().any(|(name, _)| matches!(name.naming, Naming::Diesel | Naming::Prisma));
    if downs.is_empty() || !has_folders {
        return;
    }
    let versions: BTreeMap<&str, &Version> = ups.iter().map(|(name, _)| (name.stem.as_str(), &name.version)).collect();
    for (name, _) in downs {
        if let Some(version) = versions.get(name.stem.as_str()) {
            name.version = (*version).clone();
        }
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

pub(super) fn about(name: &FileName, file: &SourceFile, what: ProblemKind) -> Problem {
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
