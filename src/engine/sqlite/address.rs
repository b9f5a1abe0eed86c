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
        if rest.to_ascii_lowercase().starts_with("file:") {
            return Err(invalid("a path comes directly after sqlite:, without file:"));
        }
        if rest.contains('#') {
            return Err(invalid("it has a #; in a file's name, write it as %23"));
        }
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
        let decoded = decoded(path).ok_or_else(|| invalid("what its percent signs mean is not a path in UTF-8"))?;
        if is_of_windows(&decoded) {
            return Err(invalid("it names a drive of Windows; write the path as this system has it"));
        }
        if decoded.contains('\0') {
            return Err(invalid("a file's name has no NUL"));
        }
        Ok(Self { path: PathBuf::from(decoded) })
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

/// A path with what its percent signs stand for, as SQLite's own URLs and other programs' have it: `my%20app.db`. One that
/// is not followed by two digits is itself. None where the bytes are not UTF-8.
fn decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let code = behind.get(..2).filter(|digits| *first == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        let code = code.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { behind.get(2..).unwrap_or_default() } else { behind };
    }
    String::from_utf8(bytes).ok()
}

/// Whether a path begins with a drive, as in `C:\app.db` or `/C:/app.db`, on a system that has none.
fn is_of_windows(path: &str) -> bool {
    let path = path.trim_start_matches('/').as_bytes();
    cfg!(not(windows)) && matches!(path, [drive, b':', b'\\' | b'/', ..] if drive.is_ascii_alphabetic())
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
    #[case("sqlite:my%20dir/a%2Bb+c.db", "my dir/a+b+c.db")]
    #[case("sqlite:sh%C3%B6p.db", "shöp.db")]
    #[case("sqlite:a%23b%3Fc.db", "a#b?c.db")]
    #[case("sqlite:100%.db", "100%.db")]
    #[case("sqlite:50%zz.db", "50%zz.db")]
    #[case("sqlite:50%2zz.db", "50%2zz.db")]
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
    #[case("sqlite:file:app.db", "without file:")]
    #[case("sqlite://file:app.db", "without file:")]
    #[case("sqlite:C:\\data\\app.db", "drive of Windows")]
    #[case("sqlite:///C:/data/app.db", "drive of Windows")]
    #[case("sqlite:///C%3A%5CUsers%5Ca%5Capp.db", "drive of Windows")]
    #[case("sqlite:app.db#frag", "write it as %23")]
    #[case("sqlite:a%ff.db", "not a path in UTF-8")]
    #[case("sqlite:a%00.db", "no NUL")]
    fn what_another_file_would_be_made_of_is_refused(#[case] url: &str, #[case] why: &str) {
        let message = SqliteFile::parse(url).unwrap_err().message;
        assert!(message.contains(why), "{message}");
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
