//! Files as a source delivers them, before anything is known about them.

use sha2::{Digest, Sha256};

use super::Checksum;

/// A file of a source: a name without a folder, and its bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SourceFile {
    /// The name, for instance `001_core_tables.sql`.
    pub name: String,
    /// The content, byte for byte.
    pub bytes: Vec<u8>,
}

/// One SHA-256 over all files, names and bytes, whatever order they come in. Lengths go in too, so
/// that no other division into names and bytes gives the same hash.
///
/// The operator names the frozen source by it, and the runner refuses a mounted source with another.
#[must_use]
pub fn source_hash(files: &[SourceFile]) -> Checksum {
    let mut sorted: Vec<&SourceFile> = files.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    let mut hash = Sha256::new();
    for file in sorted {
        for part in [file.name.as_bytes(), file.bytes.as_slice()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    Checksum::stored(format!("{:x}", hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::{SourceFile, source_hash};

    fn file(name: &str, bytes: &str) -> SourceFile {
        SourceFile { name: name.into(), bytes: bytes.into() }
    }

    #[test]
    fn the_hash_does_not_depend_on_order_but_on_names_and_bytes() {
        let (a, b) = (file("001_a.sql", "x"), file("002_b.sql", "y"));
        let both = source_hash(&[a.clone(), b.clone()]);
        assert_eq!(both, source_hash(&[b.clone(), a.clone()]));
        assert_ne!(both, source_hash(&[a.clone(), file("002_b.sql", "z")]));
        assert_ne!(both, source_hash(&[a, file("003_b.sql", "y")]));
        assert_ne!(source_hash(&[file("ab", "c")]), source_hash(&[file("a", "bc")]));
    }
}
