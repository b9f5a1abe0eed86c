//! What a row of the ledger was an attempt at.

/// What a row of the ledger was an attempt at. The words are stored: they never change.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Kind {
    /// A migration's SQL, forward.
    Migration,
    /// A repeatable migration's SQL (`R__…`), which runs again whenever it has changed.
    Repeatable,
    /// A migration's rollback SQL, as the ledger kept it.
    Rollback,
    /// Nothing was run: a person said that the database already has it.
    Baseline,
    /// Nothing was run: another tool's history says so.
    Adopted,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Migration, Self::Repeatable, Self::Rollback, Self::Baseline, Self::Adopted];

    /// As the ledger writes it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Migration => "migration",
            Self::Repeatable => "repeatable",
            Self::Rollback => "rollback",
            Self::Baseline => "baseline",
            Self::Adopted => "adopted",
        }
    }

    /// From the ledger's word; None where it is not one.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn each_word_is_read_back() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_word(kind.word()), Some(kind));
        }
        assert_eq!(Kind::from_word("else"), None);
    }
}
