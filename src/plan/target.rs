//! The version a plan is to reach.

use std::fmt;
use std::str::FromStr;

use crate::api::TargetVersion;
use crate::migration::{InvalidVersion, Version};

/// The version a plan is to reach.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target {
    /// The newest version of the source.
    Latest,
    /// This one.
    Version(Version),
}

impl FromStr for Target {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == TargetVersion::LATEST { Ok(Self::Latest) } else { text.parse().map(Self::Version) }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str(TargetVersion::LATEST),
            Self::Version(version) => version.fmt(f),
        }
    }
}
