//! Durations as people write them, in a resource and in a flag: `5s`, `1h30m`. Data only.

use std::str::FromStr;
use std::time::Duration;

/// A text that is not a duration.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is not a duration: write numbers with h, m, s or ms, largest first, such as 5s or 1h30m")]
pub struct InvalidDuration(pub String);

/// # Errors
///
/// [`InvalidDuration`] if the text is not a duration.
pub fn parse(text: &str) -> Result<Duration, InvalidDuration> {
    let invalid = || InvalidDuration(text.to_owned());
    let units_only = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'h' | b'm' | b's'));
    if !units_only {
        return Err(invalid());
    }
    let span = jiff::SignedDuration::from_str(text).map_err(|_| invalid())?;
    Duration::try_from(span).map_err(|_| invalid())
}
