//! What a migration is: file names, formats, statements, checksums, sets. Pure: bytes in, data out.

mod checksum;
mod source;
mod version;

pub use checksum::Checksum;
pub use source::{SourceFile, source_hash};
pub use version::{InvalidVersion, Version};
