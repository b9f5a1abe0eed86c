//! What a user decides for a run: each policy once, shared by the resource, the command line and the engine. Data only.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// How to treat a pending migration that is older than an applied one.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize, ValueEnum)]
#[cfg_attr(feature = "operator", derive(schemars::JsonSchema))]
pub enum OutOfOrder {
    /// The run stops before anything is applied.
    #[default]
    Reject,
    /// It is applied, in version order with the others that are pending.
    Apply,
}

/// How to treat a statement that would create what already exists.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize, ValueEnum)]
#[cfg_attr(feature = "operator", derive(schemars::JsonSchema))]
pub enum AlreadyExists {
    /// It fails, like any other error.
    #[default]
    Fail,
    /// It is skipped where both definitions are the same; else it fails, and the error shows both.
    SkipIfIdentical,
}

/// How to treat gaps in the numbering of files. A version made from a time leaves none.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize, ValueEnum)]
#[cfg_attr(feature = "operator", derive(schemars::JsonSchema))]
pub enum Gaps {
    /// The source is refused: a file may have been lost.
    #[default]
    Reject,
    /// Gaps are intentional.
    Allow,
}

/// Which of a run's files share a transaction.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "camelCase")]
pub enum TransactionScope {
    /// Each file is a transaction with its row.
    #[default]
    File,
    /// All files are one transaction with all their rows: all of them are applied, or none.
    All,
}

/// A policy as the command line writes it.
#[must_use]
pub fn as_flag(policy: &impl ValueEnum) -> String {
    policy.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resource_and_the_command_line_have_the_same_policies() {
        fn both<P: ValueEnum + Serialize>() -> Vec<(String, String)> {
            let word = |policy: &P| serde_json::to_value(policy).unwrap().as_str().unwrap().to_owned();
            P::value_variants().iter().map(|policy| (word(policy), as_flag(policy))).collect()
        }
        let pair = |resource: &str, flag: &str| (resource.to_owned(), flag.to_owned());
        assert_eq!(both::<OutOfOrder>(), [pair("Reject", "reject"), pair("Apply", "apply")]);
        assert_eq!(both::<AlreadyExists>(), [pair("Fail", "fail"), pair("SkipIfIdentical", "skip-if-identical")]);
        assert_eq!(both::<Gaps>(), [pair("Reject", "reject"), pair("Allow", "allow")]);
    }
}
