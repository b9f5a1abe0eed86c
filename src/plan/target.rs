//! The version a plan is to reach.

use std::fmt;
use std::str::FromStr;

use crate::migration::{InvalidVersion, Version};

/// The version a plan is to reach.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target {
    /// The newest version of the source.
    Latest,
    Version(Version),
}

impl Target {
    /// What names the newest version, as `TargetVersion::LATEST` of a resource does.
    pub const LATEST: &str = "latest";
}

impl FromStr for Target {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == Self::LATEST { Ok(Self::Latest) } else { text.parse().map(Self::Version) }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str(Self::LATEST),
            Self::Version(version) => version.fmt(f),
        }
    }
}
