//! What comes of comparing an existing object with what a statement would make, whichever engine compares. Pure.

use std::fmt::Write as _;

use crate::report::Failure;

/// How many lines of a difference are shown.
const MOST_LINES: usize = 8;

/// What comparing has shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Comparison {
    /// It is there as the statement would make it.
    Identical,
    /// It is there, but another.
    Different(String),
    /// Of several things that the statement makes some are there and others are not.
    Partial(String),
    /// It is not known, for this reason.
    Impossible(String),
}

/// What two descriptions, line by line, have of their own.
pub(crate) fn difference(existing: &[String], wanted: &[String]) -> Comparison {
    let only = |these: &[String], those: &[String]| {
        let lines: Vec<&str> = these.iter().filter(|line| !those.contains(line)).map(String::as_str).collect();
        let more = lines.len().saturating_sub(MOST_LINES);
        let mut shown = lines.into_iter().take(MOST_LINES).collect::<Vec<_>>().join("; ");
        if more > 0 {
            let _ = write!(shown, "; and {more} more");
        }
        if shown.is_empty() { "nothing that the other has not".to_owned() } else { shown }
    };
    let (there, made) = (only(existing, wanted), only(wanted, existing));
    let order = if there == made { " (the order differs)" } else { "" };
    Comparison::Different(format!("there is: {there} | the statement makes: {made}{order}"))
}

/// Passes over a statement whose object is there as it would make it.
///
/// # Errors
///
/// The failure with what comparing has shown, where the two are not the same for certain.
pub(crate) fn skip_or_fail(mut failure: Failure, comparison: Comparison) -> Result<(), Failure> {
    match comparison {
        Comparison::Identical => return Ok(()),
        Comparison::Different(how) => {
            failure.message = format!("{}, and with another definition; {how}", failure.message);
            failure.hint = Some(
                "make the two alike: by a migration that changes what is there, or by the statement itself where it has \
                 not been applied anywhere yet"
                    .to_owned(),
            );
        }
        Comparison::Partial(what) => {
            failure.message = format!("{}, but not all that the statement makes is there; {what}", failure.message);
            failure.hint = Some(
                "add by hand what is missing, or take away what is there: then the statement is skipped, or runs"
                    .to_owned(),
            );
        }
        Comparison::Impossible(why) => {
            failure.message =
                format!("{}; whether its definition is the same could not be checked: {why}", failure.message);
        }
    }
    Err(failure)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Comparison, difference};

    #[rstest]
    #[case(&["t", "a text"], &["t", "a integer"], "there is: a text | the statement makes: a integer")]
    #[case(&["t", "a"], &["t"], "there is: a | the statement makes: nothing that the other has not")]
    #[case(
        &["a", "b"],
        &["b", "a"],
        "there is: nothing that the other has not | the statement makes: nothing that the other has not (the order differs)"
    )]
    fn a_difference_shows_only_what_differs(#[case] existing: &[&str], #[case] wanted: &[&str], #[case] told: &str) {
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        assert_eq!(difference(&lines(existing), &lines(wanted)), Comparison::Different(told.to_owned()));
    }
}
