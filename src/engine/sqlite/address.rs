//! Which file a URL names.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::report::{Failure, Reason};

/// A database file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SqliteFile {
    path: PathBuf,
}

impl SqliteFile {
    /// Reads a URL such as `sqlite:app.db`, `sqlite:///var/lib/app.db` or, as other tools write it,
    /// `sqlite://app.db?mode=rwc`.
    ///
    /// # Errors
    ///
    /// [`Reason::InvalidSettings`] where it names no file, or has a parameter that is not known.
    pub fn parse(url: &str) -> Result<Self, Failure> {
        let url = url.trim();
        let rest = url.split_once(':').map_or("", |(_, rest)| rest);
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        // A server's, which may hold a password: any other error would repeat it as the file's path.
        if rest.contains("://") {
            return Err(invalid(
                "sqlite:(a URL) names no file; write a path after sqlite:, or a server's \
                                URL alone",
            ));
        }
        let (path, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        // Opened for reading and writing, and made where it is missing, is what happens anyway.
        if !matches!(parameters, "" | "mode=rwc") {
            // Its value may be a secret: extensions that encrypt take their key so.
            let name = parameters.split('&').find(|one| *one != "mode=rwc").and_then(|one| one.split('=').next());
            return Err(invalid(&format!(
                "its parameter {} is not known, or has a value that is not; known is only mode=rwc",
                name.unwrap_or_default()
            )));
        }
        if path == ":memory:" {
            return Err(invalid("a database in memory would be gone when the run ends; name a file"));
        }
        if path.is_empty() || path.ends_with('/') {
            return Err(invalid("it names no file"));
        }
        Ok(Self { path: PathBuf::from(path) })
    }

    /// Where the file is, or will be: links resolved, so that one file has one lock.
    ///
    /// # Errors
    ///
    /// [`Reason::InvalidSettings`] where its folder is not there.
    pub fn resolved(&self) -> Result<PathBuf, Failure> {
        if let Ok(path) = self.path.canonicalize() {
            return Ok(path);
        }
        let folder = match self.path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let found = folder.canonicalize().map_err(|error| {
            let mut failure = invalid(&format!("the folder of {self} cannot be used: {error}"));
            failure.hint = Some("make the folder; the file itself is made by the first run".to_owned());
            failure
        })?;
        Ok(found.join(self.path.file_name().unwrap_or_default()))
    }
}

impl fmt::Display for SqliteFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())
    }
}

fn invalid(what: &str) -> Failure {
    Failure::new(Reason::InvalidSettings, format!("the database's URL is not usable: {what}"))
        .hint("such as sqlite:app.db")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::SqliteFile;

    #[rstest]
    #[case("sqlite:app.db", "app.db")]
    #[case("sqlite://app.db", "app.db")]
    #[case("sqlite://app.db?mode=rwc", "app.db")]
    #[case("sqlite:///var/lib/app.db", "/var/lib/app.db")]
    #[case("sqlite:/var/lib/my app.db\n", "/var/lib/my app.db")]
    fn files(#[case] url: &str, #[case] path: &str) {
        assert_eq!(SqliteFile::parse(url).unwrap().to_string(), path);
    }

    #[rstest]
    #[case("sqlite:")]
    #[case("sqlite::memory:")]
    #[case("sqlite:folder/")]
    #[case("sqlite:app.db?mode=memory")]
    fn no_files(#[case] url: &str) {
        assert!(SqliteFile::parse(url).unwrap_err().message.starts_with("the database's URL is not usable: "));
    }

    #[rstest]
    #[case::after_the_scheme("sqlite:postgres://u:canary@h/d")]
    #[case::after_two_slashes("sqlite://postgres://u:canary@h/d")]
    #[case::as_a_parameter("sqlite:app.db?postgres://u:canary@h/d")]
    fn a_servers_url_is_not_repeated(#[case] url: &str) {
        let failure = SqliteFile::parse(url).unwrap_err();
        assert!(failure.message.contains("sqlite:(a URL) names no file"), "{}", failure.message);
        assert!(!format!("{failure:?}").contains("canary"));
    }
}
