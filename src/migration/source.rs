//! Files as a source delivers them, before they are parsed.

use sha2::{Digest, Sha256};

use super::Checksum;

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SourceFile {
    /// For instance `001_core_tables.sql`, or `2024-03-06-170000_add_users/up.sql` for a migration with its own folder.
    pub name: String,
    pub bytes: Vec<u8>,
}

/// One SHA-256 over the names and bytes of all files, independent of their order. Lengths are hashed too, so that
/// moving bytes from a name into the content changes the hash.
///
/// The operator names the frozen source by this hash, and the runner refuses a mounted source with a different one.
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
