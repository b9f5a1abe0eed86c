//! Matches the server's answers to a message with the parts that were sent. Our own queries answer with marks that
//! nothing else can give, and between two marks there are as many answers as parts. Pure.
//!
//! If answers are missing or too many, or a mark is where none is expected, nothing is concluded about what has run:
//! the server has split the text differently, and only the ledger and its journal show the outcome.

use super::mark::Mark;
use super::script::Role;

/// The parts of a message, and how many of them are answered.
#[derive(Debug)]
pub(super) struct Matching<'a> {
    roles: &'a [Role],
    /// The last part may have more answers than one.
    last_has_several: bool,
    answered: usize,
    is_astray: bool,
}

impl<'a> Matching<'a> {
    pub(super) fn new(roles: &'a [Role], last_has_several: bool) -> Self {
        Self { roles, last_has_several, answered: 0, is_astray: false }
    }

    /// Takes the next answer, with the mark in it. The part that is through with it; None where that is not certain, or
    /// where more of it may come.
    pub(super) fn answer(&mut self, mark: Option<Mark>) -> Option<Role> {
        let role = self.roles.get(self.answered.min(self.last())).copied()?;
        let is_more = self.answered >= self.roles.len();
        let fits = match role {
            Role::Mark(expected) | Role::Started(expected, _) => mark == Some(expected) && !is_more,
            // Its own rows may be bytes of the same length, but none that are a mark of ours.
            _ => !(self.is_ours(mark) || is_more && !self.last_has_several),
        };
        self.is_astray |= !fits;
        let is_through = self.answered < self.last() || !self.last_has_several;
        self.answered += 1;
        (is_through && !self.is_astray).then_some(role)
    }

    /// The message has ended without an error: its last part has finished only now, or the answers do not match the
    /// parts.
    pub(super) fn end(&self) -> Result<Option<Role>, Astray> {
        if self.is_astray || self.answered < self.roles.len() {
            return Err(self.astray());
        }
        Ok(self.roles.last().copied().filter(|_| self.last_has_several))
    }

    /// The part that an error belongs to.
    pub(super) fn failed(&self) -> Result<Role, Astray> {
        let role = self.roles.get(self.answered.min(self.last())).copied().filter(|_| !self.is_astray);
        role.filter(|_| self.answered < self.roles.len() || self.last_has_several).ok_or_else(|| self.astray())
    }

    fn is_ours(&self, mark: Option<Mark>) -> bool {
        let is_it = |role: &Role| matches!(role, Role::Mark(ours) | Role::Started(ours, _) if Some(*ours) == mark);
        self.roles.iter().any(is_it)
    }

    fn last(&self) -> usize {
        self.roles.len().saturating_sub(1)
    }

    fn astray(&self) -> Astray {
        Astray { parts: self.roles.len(), answers: self.answered }
    }
}

/// The answers to a message are not those of its parts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Astray {
    pub(super) parts: usize,
    pub(super) answers: usize,
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const ONE: Mark = Mark(*b"mark number1");
    const TWO: Mark = Mark(*b"mark number2");
    const PARTS: [Role; 5] = [Role::Ours, Role::Statement(0), Role::Rows, Role::Mark(ONE), Role::Commit];

    fn matched(roles: &[Role], several: bool, answers: &[Option<Mark>]) -> Result<Vec<Role>, Astray> {
        let mut matching = Matching::new(roles, several);
        let mut through: Vec<Role> = answers.iter().filter_map(|mark| matching.answer(*mark)).collect();
        through.extend(matching.end()?);
        Ok(through)
    }

    #[test]
    fn as_many_answers_as_parts_with_the_marks_in_their_places_are_theirs() {
        assert_eq!(matched(&PARTS, false, &[None, None, None, Some(ONE), None]), Ok(PARTS.to_vec()));
    }

    #[rstest]
    #[case::too_few(&[None, None, None, Some(ONE)])]
    #[case::one_swallowed(&[None, None, Some(ONE), None])]
    #[case::one_too_many_before_the_mark(&[None, None, None, None, Some(ONE), None])]
    #[case::one_too_many_at_the_end(&[None, None, None, Some(ONE), None, None])]
    #[case::the_mark_swallowed(&[None, None, None, None, None])]
    #[case::another_mark(&[None, None, None, Some(TWO), None])]
    #[case::none(&[])]
    fn other_answers_are_nobody_s(#[case] answers: &[Option<Mark>]) {
        let astray = Astray { parts: PARTS.len(), answers: answers.len() };
        assert_eq!(matched(&PARTS, false, answers), Err(astray));
    }

    #[test]
    fn the_last_part_may_have_several_answers_where_it_is_a_call() {
        let parts = [Role::Rows, Role::Started(ONE, 0), Role::Alone(0)];
        assert_eq!(matched(&parts, true, &[None, Some(ONE), None, None, None]), Ok(parts.to_vec()));
        assert!(matched(&parts, false, &[None, Some(ONE), None, None]).is_err());
        assert!(matched(&parts, true, &[None, Some(ONE)]).is_err(), "at least one");
        assert!(matched(&parts, true, &[None, Some(ONE), None, Some(ONE)]).is_err(), "a mark is never the file's");
    }

    #[test]
    fn an_error_belongs_to_the_part_after_those_answered() {
        let mut matching = Matching::new(&PARTS, false);
        matching.answer(None);
        assert_eq!(matching.failed(), Ok(Role::Statement(0)));
        for mark in [None, None, Some(ONE), None] {
            matching.answer(mark);
        }
        assert!(matching.failed().is_err(), "all parts are answered");
        let mut matching = Matching::new(&PARTS, false);
        matching.answer(None);
        matching.answer(Some(ONE));
        assert!(matching.failed().is_err(), "the mark came too early");
    }
}
