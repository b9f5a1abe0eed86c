//! The conditions of a resource: this operator sets and clears those of its own types, and cannot touch any other. Pure.
//!
//! A new condition is one variant of [`Owned`] and a line in `docs/resource.md`.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::text::{MESSAGE_LIMIT, shorten, whole_second};
use super::why::Why;
use crate::api::{SchemaMigrationStatus, condition};

/// The types that this operator owns, in the order in which they are shown. Other controllers' stay after them, as they are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Owned {
    Ready,
    /// There while something is going on.
    Reconciling,
    /// There while a person is needed.
    Stalled,
}

impl Owned {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ready, Self::Reconciling, Self::Stalled];

    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The one of a type's name; none where it is another controller's.
    #[must_use]
    pub fn of(type_: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|owned| owned.as_str() == type_)
    }

    /// The type as the status has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => condition::READY,
            Self::Reconciling => condition::RECONCILING,
            Self::Stalled => condition::STALLED,
        }
    }
}

/// A condition's status.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Value {
    True,
    False,
    /// Not known yet.
    Unknown,
}

impl Value {
    const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// A status's conditions while they are written, for one generation and at one time.
pub struct Conditions<'a> {
    all: &'a mut Vec<Condition>,
    generation: i64,
    now: Timestamp,
}

impl<'a> Conditions<'a> {
    /// Those of a status.
    #[must_use]
    pub fn of(status: &'a mut SchemaMigrationStatus, (generation, now): (i64, Timestamp)) -> Self {
        Self { all: &mut status.conditions, generation, now }
    }

    /// Sets one. Its transition time changes only with its value.
    pub fn set(&mut self, type_: Owned, value: Value, (why, message): (Why, &str)) {
        let same = self.all.iter().find(|seen| seen.type_ == type_.as_str() && seen.status == value.as_str());
        let since = same.map_or_else(|| Time(whole_second(self.now)), |seen| seen.last_transition_time.clone());
        self.clear(type_);
        self.all.push(Condition {
            last_transition_time: since,
            message: shorten(message, MESSAGE_LIMIT),
            observed_generation: Some(self.generation),
            reason: why.as_str().to_owned(),
            status: value.as_str().to_owned(),
            type_: type_.as_str().to_owned(),
        });
        // Stable: others keep their order.
        self.all.sort_by_key(|seen| Owned::of(&seen.type_).map_or(Owned::COUNT, |owned| owned as usize));
    }

    /// Takes one away.
    pub fn clear(&mut self, type_: Owned) {
        self.all.retain(|seen| seen.type_ != type_.as_str());
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

    use super::{Conditions, Owned, Value, Why};
    use crate::api::SchemaMigrationStatus;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn types(status: &SchemaMigrationStatus) -> Vec<&str> {
        status.conditions.iter().map(|condition| condition.type_.as_str()).collect()
    }

    fn of_another(type_: &str) -> Condition {
        let mut status = SchemaMigrationStatus::default();
        Conditions::of(&mut status, (1, at(5))).set(Owned::Ready, Value::True, (Why::Verified, "Said by another."));
        Condition { type_: type_.into(), ..status.conditions[0].clone() }
    }

    #[test]
    fn conditions_that_another_controller_set_stay_as_they_are_and_come_last() {
        let theirs = [of_another("Approved"), of_another("AAA"), of_another("ready")];
        let mut status = SchemaMigrationStatus { conditions: theirs.to_vec(), ..Default::default() };
        let mut conditions = Conditions::of(&mut status, (2, at(10)));
        conditions.set(Owned::Stalled, Value::True, (Why::Starting, "a"));
        conditions.set(Owned::Ready, Value::False, (Why::Starting, "a"));
        assert_eq!(types(&status), ["Ready", "Stalled", "Approved", "AAA", "ready"]);
        assert_eq!(status.conditions[2..], theirs);
        for owned in Owned::ALL {
            Conditions::of(&mut status, (3, at(20))).clear(owned);
        }
        assert_eq!(status.conditions, theirs);
    }

    #[test]
    fn a_condition_that_is_set_again_is_there_once_and_keeps_its_time_with_its_value() {
        let mut status = SchemaMigrationStatus::default();
        for (second, value, since) in
            [(10, Value::Unknown, 10), (20, Value::Unknown, 10), (30, Value::False, 30), (40, Value::True, 40)]
        {
            Conditions::of(&mut status, (second, at(second))).set(Owned::Ready, value, (Why::Starting, "a"));
            let [only] = &status.conditions[..] else { panic!("{:?}", types(&status)) };
            assert_eq!((only.status.as_str(), only.last_transition_time.0), (value.as_str(), at(since)));
            assert_eq!(only.observed_generation, Some(second));
        }
    }

    #[test]
    fn clearing_what_is_not_there_changes_nothing() {
        let mut status = SchemaMigrationStatus { conditions: vec![of_another("Approved")], ..Default::default() };
        let before = status.clone();
        Conditions::of(&mut status, (2, at(10))).clear(Owned::Reconciling);
        assert_eq!(status, before);
    }

    #[test]
    fn a_message_is_no_longer_than_a_condition_may_have() {
        let mut status = SchemaMigrationStatus::default();
        Conditions::of(&mut status, (1, at(1))).set(Owned::Ready, Value::True, (Why::Starting, &"ä".repeat(2000)));
        assert!(status.conditions[0].message.len() <= super::MESSAGE_LIMIT);
    }
}
