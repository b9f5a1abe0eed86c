//! Other tools' checksums of files, recomputed.

use std::hash::{DefaultHasher, Hash, Hasher};

use sha2::{Digest, Sha256, Sha384};

/// What another tool has kept of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ForeignChecksum {
    /// Prisma: SHA-256 of the file, in hex.
    Sha256(String),
    /// sqlx: SHA-384 of the file's bytes, in hex.
    Sha384(String),
    /// Flyway: CRC-32 of the file's lines without their ends, as a signed number.
    Crc32(i32),
    /// refinery: `SipHash` 1-3 of the name, the version and the SQL.
    SipHash {
        /// The name in the file's name.
        name: String,
        version: i64,
        hash: u64,
    },
}

impl ForeignChecksum {
    /// What it is called where a person is shown what was checked.
    #[must_use]
    pub fn method(&self) -> &'static str {
        match self {
            Self::Sha256(_) => "SHA-256",
            Self::Sha384(_) => "SHA-384",
            Self::Crc32(_) => "CRC-32",
            Self::SipHash { .. } => "SipHash",
        }
    }

    /// Whether a file's bytes have it.
    #[must_use]
    pub fn is_of(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Sha256(hex) => sha_256(bytes, hex.len()).iter().any(|found| found == hex),
            Self::Sha384(hex) => format!("{:x}", Sha384::digest(bytes)) == *hex,
            Self::Crc32(crc) => crc32_of_lines(bytes) == crc.cast_unsigned(),
            Self::SipHash { name, version, hash } => {
                let sql = String::from_utf8_lossy(bytes);
                // The version's width is a feature of the build: int8-versions.
                let short = i32::try_from(*version).is_ok_and(|version| sip_hash(name, version, &sql) == *hash);
                short || sip_hash(name, *version, &sql) == *hash
            }
        }
    }
}

/// What Prisma may have stored for a file: it accepts either line ending. Before version 2.24 it left out the leading zero
/// of a byte, so that the text was shorter.
/// Source: Prisma, `schema-engine`, `checksum.rs`.
fn sha_256(bytes: &[u8], length: usize) -> [String; 3] {
    let text = String::from_utf8_lossy(bytes);
    let unix = text.replace("\r\n", "\n");
    let windows = unix.replace('\n', "\r\n");
    [bytes, unix.as_bytes(), windows.as_bytes()].map(|bytes| {
        let digest = Sha256::digest(bytes);
        if length == 2 * digest.len() { format!("{digest:x}") } else { without_zeros(&digest) }
    })
}

/// Each byte in hex, without its leading zero.
fn without_zeros(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:x}")).collect::<Vec<_>>().concat()
}

/// As `siphasher::sip::SipHasher13::new()`, which refinery uses. The standard library's hasher is the same without a promise
/// to stay so: a test holds it to what refinery has written.
/// Source: refinery-core, `Migration::applied` and `Migration::unapplied` in runner.rs.
fn sip_hash(name: &str, version: impl Hash, sql: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    version.hash(&mut hasher);
    sql.hash(&mut hasher);
    hasher.finish()
}

/// Over all lines, without what ends them and without a byte order mark.
/// Source: Flyway, `ChecksumCalculator.calculateChecksumForResource`, which reads with Java's `BufferedReader.readLine`.
fn crc32_of_lines(bytes: &[u8]) -> u32 {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    !bytes.iter().filter(|byte| !matches!(byte, b'\n' | b'\r')).fold(!0, |crc, byte| crc32_step(crc, *byte))
}

/// One byte more. Source: IEEE 802.3, the polynomial reversed.
fn crc32_step(crc: u32, byte: u8) -> u32 {
    (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Digest as _, ForeignChecksum, Sha256};

    const SQL: &str = "CREATE TABLE customers (id int PRIMARY KEY, name varchar(100) NOT NULL);\n";

    /// What the tools themselves have written for this file: sqlx 0.9.0, Flyway 12.5.0, refinery 0.10.0.
    #[rstest]
    #[case::sqlx(ForeignChecksum::Sha384(
        "d8de52dd2d9fb3229a3d8be2d34b4db6411320108ad45adf7e9946c4acaa3b5fd0e6ac4a73a7915c4aafe4ec44c41f7d".to_owned()
    ))]
    #[case::flyway(ForeignChecksum::Crc32(-1_761_657_159))]
    #[case::refinery(ForeignChecksum::SipHash { name: "customers".to_owned(), version: 1, hash: 14_432_485_652_211_289_832 })]
    fn a_tool_s_checksum_is_recomputed(#[case] checksum: ForeignChecksum) {
        assert!(checksum.is_of(SQL.as_bytes()), "{checksum:?}");
        assert!(!checksum.is_of(SQL.replace("100", "101").as_bytes()));
    }

    /// Prisma's own test says so of these texts.
    #[test]
    fn prisma_s_does_not_depend_on_line_ends_and_may_lack_zeros() {
        let hello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824".to_owned();
        assert!(ForeignChecksum::Sha256(hello).is_of(b"hello"));
        let of = |bytes: &[u8]| ForeignChecksum::Sha256(format!("{:x}", Sha256::digest(bytes)));
        assert!(of(b"a\nb\n").is_of(b"a\r\nb\r\n") && of(b"a\r\nb\r\n").is_of(b"a\nb\n"));
        assert!(!of(b"a\nb\n").is_of(b"a\nb"));
        // SHA-256 of "abcd" without the zero of its fourth byte from the end.
        let short = "88d4266fd4e6338d13b845fcf289579d209c897823b9217da3e161936f31589".to_owned();
        assert!(ForeignChecksum::Sha256(short).is_of(b"abcd"));
    }

    #[test]
    fn flyway_s_does_not_see_line_ends() {
        let crc = ForeignChecksum::Crc32(-1_761_657_159);
        assert!(crc.is_of(format!("\u{feff}{}\r\n", SQL.trim_end()).as_bytes()));
    }
}
