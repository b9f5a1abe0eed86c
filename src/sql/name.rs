//! Names of objects as a statement writes them, and what they mean.

use std::fmt;
use std::ops::Range;

/// A name without a dot. Two are equal if they mean the same.
#[derive(Clone, Debug)]
pub struct Identifier {
    /// The name as written, followed by what it means if that differs: without quotes, and in lower case if the engine
    /// folds it. One allocation, since all names of a file are kept.
    text: Box<str>,
    /// Where the meaning starts in `text`; 0 if the name is written that way.
    meaning: usize,
    /// Its first byte in the statement.
    start: usize,
}

impl Identifier {
    /// `folds`: unquoted names are case-insensitive.
    pub(crate) fn at(start: usize, written: &str, folds: bool) -> Self {
        let unquoted = unicode(written).or_else(|| {
            ["\"\"", "``", "[]"].into_iter().find_map(|quotes| {
                let (open, close) = quotes.split_at(1);
                let inner = written.strip_prefix(open)?.strip_suffix(close)?;
                Some(inner.replace(&close.repeat(2), close))
            })
        });
        let folded =
            || (folds && written.bytes().any(|byte| byte.is_ascii_uppercase())).then(|| written.to_ascii_lowercase());
        match unquoted.or_else(folded) {
            Some(meaning) => Self { text: [written, &meaning].concat().into(), meaning: written.len(), start },
            None => Self { text: written.into(), meaning: 0, start },
        }
    }

    /// As a catalog function of the server reads it, which knows no `U&"…"`.
    fn for_lookup(&self) -> String {
        let written = self.written();
        if unicode(written).is_none() {
            return written.to_owned();
        }
        format!("\"{}\"", self.as_str().replace('"', "\"\""))
    }

    fn written(&self) -> &str {
        self.text.get(..self.meaning).filter(|written| !written.is_empty()).unwrap_or(&self.text)
    }

    /// Its byte range in the statement.
    pub(crate) fn range(&self) -> Range<usize> {
        self.start..self.start + self.written().len()
    }

    /// What the name means: without quotes, and in lower case if the engine folds it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text.get(self.meaning..).unwrap_or_default()
    }
}

/// What `U&"d\0061t"` means. Source: `PostgreSQL`, 4.1.1 "Identifiers and Key Words"; another escape character (UESCAPE) is
/// not read.
fn unicode(written: &str) -> Option<String> {
    let prefix = written.get(..2).filter(|prefix| prefix.eq_ignore_ascii_case("u&"))?;
    let inner = written.strip_prefix(prefix)?.strip_prefix('"')?.strip_suffix('"')?.replace("\"\"", "\"");
    let mut parts = inner.split('\\');
    let mut meant = parts.next()?.to_owned();
    while let Some(part) = parts.next() {
        let (digits, from) = match part.strip_prefix('+') {
            Some(long) => (long.get(..6), 7),
            // A doubled backslash.
            None if part.is_empty() => {
                meant.push('\\');
                meant.push_str(parts.next().unwrap_or_default());
                continue;
            }
            None => (part.get(..4), 4),
        };
        meant.push(char::from_u32(u32::from_str_radix(digits?, 16).ok()?)?);
        meant.push_str(part.get(from..)?);
    }
    Some(meant)
}

impl PartialEq for Identifier {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Identifier {}

/// As written.
impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.written())
    }
}

/// A name with or without a schema and more before it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Name {
    /// The last of them is the schema.
    qualifiers: Box<[Identifier]>,
    last: Identifier,
}

impl Name {
    pub(crate) fn new(qualifiers: Vec<Identifier>, last: Identifier) -> Self {
        Self { qualifiers: qualifiers.into_boxed_slice(), last }
    }

    /// The schema or database, if the name includes one.
    #[must_use]
    pub fn schema(&self) -> Option<&Identifier> {
        self.qualifiers.last()
    }

    /// The name without its schema.
    #[must_use]
    pub fn last(&self) -> &Identifier {
        &self.last
    }

    /// As written, but with Unicode escapes resolved: for the server's own functions that take names as texts.
    #[must_use]
    pub(crate) fn for_lookup(&self) -> String {
        let parts = self.qualifiers.iter().chain([&self.last]).map(Identifier::for_lookup);
        parts.collect::<Vec<_>>().join(".")
    }

    /// Its byte range in the statement.
    pub(crate) fn range(&self) -> Range<usize> {
        self.qualifiers.first().unwrap_or(&self.last).start..self.last.range().end
    }

    /// The name before the last part: a column's table.
    pub(crate) fn parent(self) -> Option<Self> {
        let mut qualifiers = self.qualifiers.into_vec();
        let last = qualifiers.pop()?;
        Some(Self::new(qualifiers, last))
    }
}

/// As written, but without white space around the dots.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.qualifiers.iter().try_for_each(|part| write!(f, "{part}."))?;
        self.last.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Users", true, "users")]
    #[case("Users", false, "Users")]
    #[case("\"Us\"\"ers\"", true, "Us\"ers")]
    #[case("`a``b`", false, "a`b")]
    #[case("[a b]", true, "a b")]
    #[case("\"", true, "\"")]
    #[case("\"\"", true, "")]
    #[case("[a]]b]", true, "a]b")]
    #[case("U&\"d\\0061t\\+000061\\\\\"\"\"", true, "data\\\"")]
    #[case("u&\"x\\zz\"", true, "u&\"x\\zz\"")]
    #[case("\u{e9}É", true, "\u{e9}É")]
    fn a_name_means_what_its_quotes_say(#[case] written: &str, #[case] folds: bool, #[case] meant: &str) {
        let identifier = Identifier::at(0, written, folds);
        assert_eq!((identifier.as_str(), identifier.to_string().as_str()), (meant, written));
    }

    #[test]
    fn names_are_the_same_where_they_mean_the_same() {
        let of = |parts: &[&str]| {
            let mut parts: Vec<Identifier> = parts.iter().map(|part| Identifier::at(0, part, true)).collect();
            let last = parts.pop().unwrap();
            Name::new(parts, last)
        };
        assert_eq!(of(&["A", "\"t\""]), of(&["a", "T"]));
        assert_ne!(of(&["A", "t"]), of(&["t"]));
        let column = of(&["d", "S", "t", "c"]);
        assert_eq!(column.to_string(), "d.S.t.c");
        assert_eq!(column.clone().parent().map(|table| table.to_string()), Some("d.S.t".to_owned()));
        assert_eq!((column.schema().map(Identifier::as_str), column.last().as_str()), (Some("t"), "c"));
        assert_eq!(of(&["t"]).parent(), None);
    }
}
