//! A folder of migrations as it lies on disk: a checkout, or a volume that Kubernetes mounted.

use std::fs;
use std::path::Path;

use crate::migration::SourceFile;
use crate::report::{ErrorClass, Failure, Reason};

/// Reads all files that lie directly in a folder, in the order of their names.
///
/// Names that begin with a dot are left out: a mounted ConfigMap keeps its versions in `..data` and
/// the like, and the visible names are links into it. Folders within are left out too.
///
/// # Errors
///
/// [`Reason::InvalidSettings`] where the folder or a file cannot be read, [`Reason::InvalidSource`]
/// where a name is not UTF-8.
pub fn read_folder(folder: &Path) -> Result<Vec<SourceFile>, Failure> {
    let unreadable = |path: &Path, error: &std::io::Error| Failure {
        class: ErrorClass::Permanent,
        reason: Reason::InvalidSettings,
        code: None,
        message: format!("cannot read {}: {error}", path.display()),
        hint: None,
        place: None,
    };
    let mut files = Vec::new();
    // A relative name says little where it was looked for from another place than meant.
    let found = fs::read_dir(folder).map_err(|error| Failure {
        hint: Some("name the folder that holds the migrations: --dir FOLDER, or SCHEMAWARD_DIR".to_owned()),
        ..unreadable(&std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()), &error)
    })?;
    for entry in found {
        let entry = entry.map_err(|e| unreadable(folder, &e))?;
        let path = entry.path();
        let name = entry.file_name().into_string().map_err(|name| Failure {
            class: ErrorClass::Permanent,
            reason: Reason::InvalidSource,
            code: None,
            message: format!("the file name {} is not UTF-8", name.display()),
            hint: Some("rename the file".to_owned()),
            place: None,
        })?;
        // Only a link, as a ConfigMap's files are, has to be followed to see what it is.
        let kind = entry.file_type().map_err(|e| unreadable(&path, &e))?;
        let is_file = if kind.is_symlink() {
            fs::metadata(&path).map_err(|e| unreadable(&path, &e))?.is_file()
        } else {
            kind.is_file()
        };
        if !is_file && path.join("up.sql").is_file() {
            return Err(folder_of_diesel(&name));
        }
        if is_file && !name.starts_with('.') {
            let bytes = fs::read(&path).map_err(|e| unreadable(&path, &e))?;
            files.push(SourceFile { name, bytes });
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// diesel keeps each migration in a folder of its own, which would be passed over.
fn folder_of_diesel(name: &str) -> Failure {
    let (time, description) = name.split_once('_').unwrap_or((name, "name"));
    let version: String = time.chars().filter(char::is_ascii_digit).collect();
    Failure {
        class: ErrorClass::Permanent,
        reason: Reason::InvalidSource,
        code: None,
        message: format!("{name}/up.sql lies in a folder of its own, as diesel keeps migrations, and is not read"),
        hint: Some(format!(
            "copy each up.sql into one other folder, this one as {version}_{description}.up.sql, and each down.sql as \
             {version}_{description}.down.sql, and give that folder"
        )),
        place: None,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::read_folder;
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

        let files = read_folder(folder.path()).unwrap();
        assert_eq!(files.len(), 1);
        assert_eq!((files[0].name.as_str(), files[0].bytes.as_slice()), ("001_a.sql", b"select 1".as_slice()));
    }

    #[test]
    fn folders_of_diesel_are_not_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let migration = folder.path().join("2020-01-02-030405_users");
        std::fs::create_dir(&migration).unwrap();
        std::fs::write(migration.join("up.sql"), "select 1").unwrap();
        let failure = read_folder(folder.path()).unwrap_err();
        assert!(failure.hint.unwrap().contains("20200102030405_users.up.sql"));
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let failure = read_folder(std::path::Path::new("/no/such/folder")).unwrap_err();
        assert_eq!(failure.reason, Reason::InvalidSettings);
        assert!(failure.message.contains("/no/such/folder"), "{}", failure.message);
    }
}
