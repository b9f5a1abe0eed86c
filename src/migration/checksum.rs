//! SHA-256 of bytes, written in hex.

use std::fmt;

use sha2::{Digest, Sha256};

/// A SHA-256 in lower-case hex.
#[derive(Clone, Debug, Eq, PartialEq, Hash, Ord, PartialOrd)]
pub struct Checksum(String);

impl Checksum {
    /// The checksum of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(format!("{:x}", Sha256::digest(bytes)))
    }

    /// A checksum that was stored before. Not verified: what is stored is compared, never trusted.
    #[must_use]
    pub fn stored(hex: impl Into<String>) -> Self {
        Self(hex.into())
    }

    /// All hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 16 hex digits: enough to tell files apart in a status.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..16).unwrap_or(&self.0)
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
