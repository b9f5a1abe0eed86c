//! Takes the database's URL out of the list of processes, which every user of a machine can read.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::flags::{URL_FILE_VARIABLE, URL_VARIABLES};

/// Where `--url` is given, starts this program again, as the same process, with the URL in the environment instead, which
/// only the same user and root can read. Returns where there is nothing to hide, or the system does not let it.
pub(super) fn hide_url(arguments: Vec<OsString>) {
    let Some((url, rest)) = without_url(arguments) else { return };
    let (Ok(program), [variable, ..]) = (std::env::current_exe(), URL_VARIABLES) else { return };
    let mut command = Command::new(program);
    // A file in the environment would count before the URL.
    command.args(rest).env_remove(URL_FILE_VARIABLE).env(variable, url);
    let error = command.exec();
    tracing::warn!(%error, "the URL stays visible in the list of processes");
}

/// The URL, and the arguments without it and without the program's name.
fn without_url(arguments: Vec<OsString>) -> Option<(OsString, Vec<OsString>)> {
    let mut arguments = arguments.into_iter().skip(1);
    let mut rest = Vec::new();
    let mut url = None;
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            rest.push(argument);
            rest.extend(arguments.by_ref());
        } else if argument == "--url" {
            url = arguments.next();
        } else if let Some(value) = argument.to_str().and_then(|text| text.strip_prefix("--url=")) {
            url = Some(value.into());
        } else {
            rest.push(argument);
        }
    }
    Some((url?, rest))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use rstest::rstest;

    use super::without_url;

    #[rstest]
    #[case("x status --url u --check", Some(("u", "status --check")))]
    #[case("x status --check --url=u", Some(("u", "status --check")))]
    #[case("x status --url-file f", None)]
    #[case("x new -- --url", None)]
    fn only_the_url_goes(#[case] given: &str, #[case] expected: Option<(&str, &str)>) {
        let split = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        let expected = expected.map(|(url, rest)| (OsString::from(url), split(rest)));
        assert_eq!(without_url(split(given)), expected);
    }
}
