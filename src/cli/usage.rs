//! Wrong usage, reported without a password: clap repeats arguments as they were given, and one of them
//! may be the database's URL in a wrong place.

use std::io::Write as _;
use std::process::ExitCode;

use clap::error::ErrorKind;

/// What is shown in place of an argument that looks like a URL.
const HIDDEN: &str = "(a URL)";

/// Shows what clap has to say, a request for help included, and turns it into the exit code.
pub(super) fn show(error: &clap::Error, arguments: &[String]) -> ExitCode {
    let told = error.render().ansi().to_string();
    let code = u8::try_from(error.exit_code()).unwrap_or(2);
    if error.use_stderr() {
        let _ = anstream::stderr().write_all(without_urls(&told, arguments, error.kind()).as_bytes());
    } else {
        let _ = anstream::stdout().write_all(told.as_bytes());
    }
    ExitCode::from(code)
}

fn without_urls(told: &str, arguments: &[String], kind: ErrorKind) -> String {
    let mut text = told.to_owned();
    for argument in arguments.iter().filter(|argument| argument.contains("://")) {
        // `--url=postgres://…` or the URL alone; a message may quote it as Rust does.
        let value = argument.split_once('=').filter(|(name, _)| name.starts_with('-')).map(|(_, value)| value);
        let url = value.unwrap_or(argument);
        text = text.replace(&url.escape_debug().to_string(), HIDDEN).replace(url, HIDDEN);
    }
    // Quoted in some other way, or only a part of it.
    if text.contains("://") { format!("error: {kind}; schemaward --help shows the usage\n") } else { text }
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;

    use super::without_urls;

    #[test]
    fn a_url_in_a_message_is_hidden_and_the_rest_stays() {
        let url = "postgres://u:ca\"na@ry@h/d".to_owned();
        let shown = |told: &str| without_urls(told, std::slice::from_ref(&url), ErrorKind::UnknownArgument);
        assert_eq!(shown(&format!("unexpected '{url}' found")), "unexpected '(a URL)' found");
        assert_eq!(shown("invalid \"postgres://u:ca\\\"na@ry@h/d\""), "invalid \"(a URL)\"");
        assert!(!shown("odd postgres://u:ca\"\"na@ry@h/d").contains("ry@h"));
    }
}
