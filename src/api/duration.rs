//! Durations as a person writes them: `5s`, `1h30m`.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules;
use crate::duration::InvalidDuration;

/// A duration in a resource, kept as it was written.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, extend("maxLength" = 32, "x-kubernetes-validations" = rules::duration()))]
pub struct Duration(String);

impl Duration {
    /// A duration as it is written in a resource. Not verified here: `parse` does that.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The duration as a value.
    ///
    /// # Errors
    ///
    /// [`InvalidDuration`] if the text is not a duration. The CRD refuses such a text at admission; an object stored
    /// before the rule existed can still have one.
    pub fn parse(&self) -> Result<std::time::Duration, InvalidDuration> {
        crate::duration::parse(&self.0)
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Duration;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, ms) in [("5s", 5_000), ("250ms", 250), ("1h30m", 5_400_000), ("4h", 14_400_000), ("0s", 0)] {
            assert_eq!(Duration::new(text).parse().unwrap().as_millis(), ms, "{text}");
        }
        for bad in ["", "5", "s", "five", "-5s", "1d", "5 s", "1.5h"] {
            assert!(Duration::new(bad).parse().is_err(), "{bad:?}");
        }
    }
}
