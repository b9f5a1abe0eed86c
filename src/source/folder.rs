//! A folder of migrations as it lies on disk: a checkout, or a volume that Kubernetes mounted.

use std::fs::{self, DirEntry, File, FileType};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;

use super::cores::on_all_cores;
use crate::migration::{
    InvalidSource, MigrationFile, MigrationFiles, MigrationSet, Problem, SourceFile, ends_as_migration, invalid_files,
    stem,
};
use crate::plan::{LedgerState, needed, to_run};
use crate::report::{Failure, Reason};

/// Files up to this size, which are nearly all, are read without asking for their size.
const BUFFER: usize = 64 << 10;

/// The files that are read in a migration's own folder.
const OWN_FILES: [&str; 4] = ["up.sql", "down.sql", "migration.sql", "metadata.toml"];
/// Those that make a folder a migration's.
const FORWARD: [&str; 2] = ["up.sql", "migration.sql"];

/// How many folders deep files are looked for that are not read.
const DEEPEST: usize = 3;
/// How many folders that are not read are named.
const MOST_NAMED: usize = 3;

/// What lies in a folder.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SourceFolder {
    /// The files that lie directly in it, in the order of their names.
    pub files: Vec<SourceFile>,
    /// What of it is not read, or probably not meant to be, and what to do.
    pub warnings: Vec<String>,
}

/// Reads all files directly in a folder, and those of migrations that have their own folder in it, as diesel's and
/// Prisma's do (`NAME/up.sql`), in the order of their names.
///
/// Names that begin with a dot are left out: a mounted ConfigMap keeps its versions in `..data` and the like, and the
/// visible names are links into it. Other subfolders are left out too, with a warning if they contain `.sql` files.
///
/// # Errors
///
/// [`Reason::InvalidSettings`] if the folder or a file cannot be read, [`Reason::InvalidSource`] if a name is not
/// UTF-8, or is a migration's but not that of a file: a folder, a pipe, a broken link.
pub fn read_folder(folder: &Path) -> Result<SourceFolder, Failure> {
    let Names { files: names, unread_folders, unread_files, unread_strays } = names(folder)?;
    let warnings = [
        of_folders(folder, &unread_folders),
        of_unread(&unread_files),
        of_unread_strays(&unread_strays),
        of_strays(&names),
    ];
    let unread: Vec<(String, OnceLock<io::Result<Vec<u8>>>)> =
        names.into_iter().map(|name| (name, OnceLock::new())).collect();
    let handle = File::open(folder).map_err(|error| unreadable(folder, &error))?;
    on_all_cores(
        &unread,
        || vec![0; BUFFER],
        |buffer, (name, content)| {
            let _ = content.set(read_file(&handle, name, buffer));
        },
    );
    let read = unread.into_iter().map(|(name, content)| {
        let content = content.into_inner().unwrap_or_else(|| fs::read(folder.join(&name)));
        let bytes = content.map_err(|error| unreadable(&folder.join(&name), &error))?;
        Ok(SourceFile { name, bytes })
    });
    let files = read.collect::<Result<_, Failure>>()?;
    Ok(SourceFolder { files, warnings: warnings.into_iter().flatten().collect() })
}

/// Takes, on all cores, the checksums of all files: a plan compares each with the ledger's.
pub fn take_checksums(files: &MigrationFiles) {
    on_all_cores(
        &files.all().collect::<Vec<_>>(),
        || (),
        |(), file| {
            let _ = file.checksum();
        },
    );
}

/// Parses, on all cores, the files that a plan has to look into.
///
/// # Errors
///
/// Every [`Problem`] of those that are going to run, ordered by file and line.
pub fn parse_needed(files: &MigrationFiles, ledger: &LedgerState) -> Result<(), Vec<Problem>> {
    parse(&needed(files, ledger).collect::<Vec<_>>());
    let problems = invalid_files(to_run(files, ledger));
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Parses, on all cores, all files of a source.
///
/// # Errors
///
/// Every [`Problem`] of them.
pub fn parse_all(files: MigrationFiles) -> Result<MigrationSet, InvalidSource> {
    parse_each(&files);
    MigrationSet::verified(files, usize::MAX)
}

/// The same without a verdict: [`MigrationFiles::known_problems`] are all there are then.
pub fn parse_each(files: &MigrationFiles) {
    parse(&files.all().collect::<Vec<_>>());
}

fn parse(files: &[&MigrationFile]) {
    on_all_cores(
        files,
        || (),
        |(), file| {
            let _ = file.parsed();
        },
    );
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Reason::InvalidSettings, format!("cannot read {}: {error}", path.display()))
}

/// Reads a file of a folder: opened, read and closed. Nothing is asked, and the folder's path is not walked again.
fn read_file(folder: &File, name: &str, buffer: &mut [u8]) -> io::Result<Vec<u8>> {
    let mut file = File::from(openat(folder, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?);
    let mut length = 0;
    loop {
        let rest = buffer.get_mut(length..).unwrap_or_default();
        if rest.is_empty() {
            let mut bytes = buffer.to_vec();
            file.read_to_end(&mut bytes)?;
            return Ok(bytes);
        }
        match file.read(rest) {
            Ok(0) => return Ok(buffer.get(..length).unwrap_or_default().to_vec()),
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The names of the files that [`read_folder`] reads.
///
/// # Errors
///
/// As there.
pub fn file_names(folder: &Path) -> Result<Vec<String>, Failure> {
    names(folder).map(|names| names.files)
}

/// What a folder holds, each in its order.
#[derive(Default)]
struct Names {
    /// The files that are read.
    files: Vec<String>,
    /// Folders that hold others, which are not read.
    unread_folders: Vec<PathBuf>,
    /// `.sql` files in migrations' own folders that are not read.
    unread_files: Vec<String>,
    /// `.sql` files beside such folders that are not read.
    unread_strays: Vec<String>,
}

impl Names {
    /// Leaves out `.sql` files without a migration's name where all migrations have folders: those folders' tools do not
    /// read them either.
    fn leave_strays_out(&mut self) {
        let is_own = |name: &String| name.contains('/');
        let is_migration = |name: &String| !is_own(name) && stem(name).is_some();
        if self.files.iter().any(is_own) && !self.files.iter().any(is_migration) {
            let is_stray = |name: &mut String| !name.contains('/') && ends_as_migration(name);
            self.unread_strays.extend(self.files.extract_if(.., is_stray));
        }
    }
}

fn names(folder: &Path) -> Result<Names, Failure> {
    let (mut found, mut no_files) = (Names::default(), Vec::new());
    // A relative name says little where it was looked for from another place than meant.
    let entries = fs::read_dir(folder).map_err(|error| Failure {
        hint: Some("name the folder that holds the migrations: --dir FOLDER, or SCHEMAWARD_DIR".to_owned()),
        ..unreadable(&std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()), &error)
    })?;
    for entry in entries {
        let entry = entry.map_err(|e| unreadable(folder, &e))?;
        let name = entry
            .file_name()
            .into_string()
            .map_err(|name| invalid(format!("the file name {} is not UTF-8", name.display()), "rename the file"))?;
        if name.starts_with('.') {
            continue;
        }
        let other = match kind_of(&entry)? {
            EntryKind::File => {
                found.files.push(name);
                continue;
            }
            EntryKind::Other(other) => {
                let own = own_files(folder, &name)?;
                if !own.is_empty() {
                    found.files.extend(own);
                    found.unread_files.extend(others_in(folder, &name));
                    continue;
                }
                Some(other)
            }
            EntryKind::LinkToNothing => None,
        };
        // Ignoring it would lose a migration unnoticed.
        if ends_as_migration(&name) {
            no_files.push((name, other));
        } else if holds_sql(&entry.path(), DEEPEST) {
            found.unread_folders.push(entry.path());
        }
    }
    found.files.sort_unstable();
    found.leave_strays_out();
    found.unread_folders.sort_unstable();
    found.unread_files.sort_unstable();
    match no_files.into_iter().min_by(|(a, _), (b, _)| a.cmp(b)) {
        Some((name, other)) => Err(no_file(folder, &name, other)),
        None => Ok(found),
    }
}

/// The files of a migration with its own folder, with the folder's name; none if it is another folder.
fn own_files(folder: &Path, own: &str) -> Result<Vec<String>, Failure> {
    let path = |file: &str| folder.join(own).join(file);
    if !FORWARD.iter().any(|file| fs::symlink_metadata(path(file)).is_ok()) {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for file in OWN_FILES {
        let name = format!("{own}/{file}");
        match fs::metadata(path(file)) {
            Ok(kind) if kind.is_file() => found.push(name),
            Ok(kind) => return Err(no_file(folder, &name, Some(kind.file_type()))),
            Err(_) if fs::symlink_metadata(path(file)).is_ok() => return Err(no_file(folder, &name, None)),
            Err(_) => {}
        }
    }
    Ok(found)
}

/// The `.sql` files in a migration's own folder that are not read.
fn others_in(folder: &Path, own: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder.join(own)) else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let is_other = |name: &String| ends_as_migration(name) && !OWN_FILES.contains(&name.as_str());
    names.filter(is_other).map(|name| format!("{own}/{name}")).collect()
}

/// What lies under a name, links followed.
enum EntryKind {
    File,
    Other(FileType),
    LinkToNothing,
}

fn kind_of(entry: &DirEntry) -> Result<EntryKind, Failure> {
    let path = entry.path();
    // Only a link, as a ConfigMap's files are, has to be followed to see what it is.
    let kind = entry
        .file_type()
        .and_then(|kind| if kind.is_symlink() { Ok(fs::metadata(&path)?.file_type()) } else { Ok(kind) });
    match kind {
        Ok(kind) if kind.is_file() => Ok(EntryKind::File),
        Ok(kind) => Ok(EntryKind::Other(kind)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(EntryKind::LinkToNothing),
        // To itself, or in a circle.
        Err(error) if Errno::from_io_error(&error) == Some(Errno::LOOP) => Ok(EntryKind::LinkToNothing),
        Err(error) => Err(unreadable(&path, &error)),
    }
}

/// Named as a migration, but nothing that SQL could be read from: a pipe would be waited for, a folder has no content.
fn no_file(folder: &Path, name: &str, kind: Option<FileType>) -> Failure {
    let Some(kind) = kind else {
        let target = fs::read_link(folder.join(name)).unwrap_or_default();
        return invalid(
            format!("{name} is named as a migration, but is a link to {}, and leads to no file", target.display()),
            "put the file there, or remove the link",
        );
    };
    let what = match kind {
        kind if kind.is_dir() => "a folder",
        kind if kind.is_fifo() => "a named pipe (FIFO)",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    };
    let instead = if kind.is_dir() {
        "move the files it holds into the folder of migrations, or give it a name that does not end in .sql"
    } else {
        "put a regular file with the SQL in its place, or remove it"
    };
    invalid(format!("{name} is named as a migration, but is {what}, not a file"), instead)
}

fn invalid(message: String, hint: &str) -> Failure {
    Failure::new(Reason::InvalidSource, message).hint(hint.to_owned())
}

/// Whether a folder, or one within, has a file that ends in `.sql`. One that cannot be looked into counts as having none.
fn holds_sql(folder: &Path, deep: usize) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            deep > 1 && holds_sql(&path, deep - 1)
        } else {
            path.extension().is_some_and(|end| end == "sql")
        }
    })
}

/// The first few of many.
fn named(all: &[String]) -> String {
    let first = all.iter().take(MOST_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    if all.len() > MOST_NAMED { format!("{first} and {} more", all.len() - MOST_NAMED) } else { first }
}

fn of_folders(folder: &Path, unread: &[PathBuf]) -> Option<String> {
    let named = named(&unread.iter().map(|path| path.display().to_string()).collect::<Vec<_>>());
    let (hold, their) = match unread.len() {
        0 => return None,
        1 => ("holds", "their folder"),
        _ => ("hold", "one of these"),
    };
    Some(format!(
        "{named} {hold} .sql files, which are not read: only those in {} itself are, and up.sql, down.sql or migration.sql \
         in a migration's own folder; move them there, or name {their} with --dir",
        folder.display()
    ))
}

fn of_unread(unread: &[String]) -> Option<String> {
    let are = match unread.len() {
        0 => return None,
        1 => "is",
        _ => "are",
    };
    Some(format!(
        "{} {are} not read: in a migration's own folder only up.sql, down.sql and migration.sql are",
        named(unread)
    ))
}

fn of_unread_strays(unread: &[String]) -> Option<String> {
    let (are, a_name) = match unread.len() {
        0 => return None,
        1 => ("is", "its name is not a migration's"),
        _ => ("are", "their names are not migrations'"),
    };
    Some(format!("{} {are} not read: every migration here has a folder of its own, and {a_name}", named(unread)))
}

/// Files among folders that hold one migration each, which the folders' tool would not read. Files after all folders are
/// no strays: whoever has moved on from that tool goes on with files.
fn of_strays(names: &[String]) -> Option<String> {
    let last = names.iter().rfind(|name| name.contains('/'))?;
    let is_stray = |name: &&String| !name.contains('/') && ends_as_migration(name) && *name < last;
    let strays: Vec<String> = names.iter().filter(is_stray).cloned().collect();
    let (lie, they) = match strays.len() {
        0 => return None,
        1 => ("lies", "it is a migration"),
        _ => ("lie", "they are migrations"),
    };
    Some(format!(
        "{} {lie} beside the migrations' own folders, where diesel and Prisma would not look: here {they}; move what is \
         not meant as one to another folder",
        named(&strays)
    ))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::path::Path;

    use rustix::fs::{CWD, Mode, mknodat};

    use super::{BUFFER, SourceFolder, read_folder};
    use crate::report::Reason;

    #[test]
    fn a_mounted_config_map_reads_as_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let version = folder.path().join("..2026_11_22");
        std::fs::create_dir(&version).unwrap();
        std::fs::write(version.join("001_a.sql"), "select 1").unwrap();
        symlink("..2026_11_22", folder.path().join("..data")).unwrap();
        symlink("..data/001_a.sql", folder.path().join("001_a.sql")).unwrap();
        std::fs::write(folder.path().join(".hidden.sql"), "no").unwrap();
        std::fs::create_dir(folder.path().join("subfolder")).unwrap();

        let SourceFolder { files, warnings } = read_folder(folder.path()).unwrap();
        assert_eq!((files.len(), warnings), (1, vec![]));
        assert_eq!((files[0].name.as_str(), files[0].bytes.as_slice()), ("001_a.sql", b"select 1".as_slice()));
    }

    #[test]
    fn files_of_every_size_are_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        let sizes = [0, 1, BUFFER - 1, BUFFER, BUFFER + 1, 3 * BUFFER];
        let content = |size: usize| -> Vec<u8> { (0..size).map(|at| b'a' + u8::try_from(at % 23).unwrap()).collect() };
        for (number, size) in sizes.into_iter().enumerate() {
            std::fs::write(folder.path().join(format!("{number}_a.sql")), content(size)).unwrap();
        }
        let files = read_folder(folder.path()).unwrap().files;
        assert_eq!(files.iter().map(|file| file.bytes.len()).collect::<Vec<_>>(), sizes);
        assert!(files.iter().all(|file| file.bytes == content(file.bytes.len())));
    }

    #[test]
    fn folders_with_migrations_of_their_own_are_named() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["1/2", "2", "3", "4", "5/6/7/8"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
            std::fs::write(folder.path().join(name).join("001_a.sql"), "").unwrap();
        }
        let told = read_folder(folder.path()).unwrap().warnings.remove(0);
        let path = |name: &str| folder.path().join(name).display().to_string();
        let expected = format!("{}, {}, {} and 1 more hold .sql files", path("1"), path("2"), path("3"));
        assert!(told.starts_with(&expected), "{told}");
    }

    #[test]
    fn migrations_that_have_folders_of_their_own_are_read_with_them() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, name).unwrap();
        };
        for name in
            ["2020-01-02-030405_users/up.sql", "2020-01-02-030405_users/down.sql", "2020-01-02-030405_users/notes.sql"]
        {
            write(name);
        }
        for name in
            ["20210101000000_a b/migration.sql", "20210101000000_a b/metadata.toml", "003_c.sql", "old/down.sql"]
        {
            write(name);
        }
        // A mounted ConfigMap whose items have paths looks like this.
        symlink("20210101000000_a b", folder.path().join("20220101000000_linked")).unwrap();
        let SourceFolder { files, warnings } = read_folder(folder.path()).unwrap();
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        let expected = [
            "003_c.sql",
            "2020-01-02-030405_users/down.sql",
            "2020-01-02-030405_users/up.sql",
            "20210101000000_a b/metadata.toml",
            "20210101000000_a b/migration.sql",
            "20220101000000_linked/metadata.toml",
            "20220101000000_linked/migration.sql",
        ];
        assert_eq!(names, expected);
        assert_eq!(files[2].bytes, b"2020-01-02-030405_users/up.sql");
        let [folders, unread, strays] = &warnings[..] else { panic!("{warnings:?}") };
        assert!(folders.contains("/old holds .sql files"), "{folders}");
        assert!(unread.starts_with("2020-01-02-030405_users/notes.sql is not read: "), "{unread}");
        assert!(strays.starts_with("003_c.sql lies beside the migrations' own folders, "), "{strays}");
    }

    #[test]
    fn a_file_without_a_migration_s_name_beside_nothing_but_folders_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("20240101000000_a")).unwrap();
        for name in ["20240101000000_a/up.sql", "data.sql", "README.md"] {
            std::fs::write(folder.path().join(name), "select 1").unwrap();
        }
        let read = || {
            let SourceFolder { files, warnings } = read_folder(folder.path()).unwrap();
            (files.into_iter().map(|file| file.name).collect::<Vec<_>>(), warnings)
        };
        let (files, warnings) = read();
        assert_eq!(files, ["20240101000000_a/up.sql", "README.md"]);
        assert!(
            warnings[0].starts_with("data.sql is not read: every migration here has a folder of its own"),
            "{warnings:?}"
        );
        // Here it may be one that is misnamed.
        std::fs::write(folder.path().join("20240201000000_b.sql"), "select 1").unwrap();
        let (files, warnings) = read();
        assert_eq!((files.len(), files.contains(&"data.sql".to_owned()), warnings), (4, true, vec![]));
    }

    #[test]
    fn files_after_all_folders_are_the_next_migrations() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("20240101000000_a")).unwrap();
        for name in ["20240101000000_a/migration.sql", "20240201000000_b.sql"] {
            std::fs::write(folder.path().join(name), "select 1").unwrap();
        }
        let SourceFolder { files, warnings } = read_folder(folder.path()).unwrap();
        assert_eq!((files.len(), warnings), (2, vec![]));
    }

    #[test]
    fn what_is_called_as_a_file_of_such_a_folder_and_is_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("1_a");
        std::fs::create_dir_all(own.join("up.sql")).unwrap();
        let failure = read_folder(folder.path()).unwrap_err();
        assert_eq!(failure.message, "1_a/up.sql is named as a migration, but is a folder, not a file");
        std::fs::remove_dir(own.join("up.sql")).unwrap();
        std::fs::write(own.join("up.sql"), "select 1").unwrap();
        symlink("gone", own.join("down.sql")).unwrap();
        let failure = read_folder(folder.path()).unwrap_err();
        assert_eq!(
            failure.message,
            "1_a/down.sql is named as a migration, but is a link to gone, and leads to no file"
        );
    }

    #[test]
    fn what_is_named_like_a_migration_but_is_not_a_file_is_refused() {
        type Make = fn(&Path);
        let made: [(&str, Make); 7] = [
            ("a folder, not a file", |path| std::fs::create_dir(path).unwrap()),
            ("a named pipe (FIFO), not a file", fifo),
            ("a link to gone.sql, and leads to no file", |path| symlink("gone.sql", path).unwrap()),
            ("a link to again, and leads to no file", |path| {
                symlink("again", path).unwrap();
                symlink(path.file_name().unwrap(), path.with_file_name("again")).unwrap();
            }),
            ("a socket, not a file", |path| drop(UnixListener::bind(path).unwrap())),
            ("a device, not a file", |path| symlink("/dev/null", path).unwrap()),
            ("a folder, not a file", |path| symlink("/", path).unwrap()),
        ];
        for (said, make) in made {
            for name in ["002_b.sql", "B.SQL"] {
                let folder = tempfile::tempdir().unwrap();
                std::fs::write(folder.path().join("001_a.sql"), "select 1").unwrap();
                make(&folder.path().join(name));
                let failure = read_folder(folder.path()).unwrap_err();
                assert_eq!(failure.reason, Reason::InvalidSource);
                assert_eq!(failure.message, format!("{name} is named as a migration, but is {said}"));
                assert!(failure.hint.is_some(), "{said}");
            }
        }
    }

    #[test]
    fn what_is_not_named_as_a_migration_may_be_anything() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("001_a.sql"), "select 1").unwrap();
        fifo(&folder.path().join("pipe"));
        symlink("gone", folder.path().join("link")).unwrap();
        // As an editor marks a file that is open.
        symlink("somebody@somewhere.1234", folder.path().join(".#001_a.sql")).unwrap();
        assert_eq!(read_folder(folder.path()).unwrap().files.len(), 1);
    }

    fn fifo(path: &Path) {
        mknodat(CWD, path, rustix::fs::FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let failure = read_folder(Path::new("/no/such/folder")).unwrap_err();
        assert_eq!(failure.reason, Reason::InvalidSettings);
        assert!(failure.message.contains("/no/such/folder"), "{}", failure.message);
    }
}
