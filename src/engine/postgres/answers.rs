//! What the server's answers to a message mean. Pure.
//!
//! Marks show where each file ends: rows that only our own statements give. How many answers a file's text makes is
//! counted for two things only, progress while it runs and the line of an error to which the server gives no position; and
//! where the count does not fit between the marks, it is not used. What is applied is read from the ledger, never from this.

use super::error::{READ_ONLY, UNDEFINED_FUNCTION, UNDEFINED_SCHEMA, UNDEFINED_TABLE};
use super::mark::Told;
use super::message::{Message, Part};
use crate::report::Failure;

/// What of the answers to a message was heard.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Heard {
    answers: usize,
    /// Of how many files the mark after the last statement.
    ended: usize,
    /// How many marks between the statements of the file after those.
    marks: usize,
    /// Answers since the newest mark, whose own is the first.
    since: usize,
}

/// Where in a file's part the server is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    /// BEGIN has not been answered.
    Begin,
    /// The file's statement with this index, from 0, runs.
    Statement(usize),
    /// Something of the file, or the mark after it.
    Unclear,
    /// What the file has deferred to its commit runs.
    Deferred,
    /// The row is being written.
    Record,
    Commit,
    /// All is answered; what follows the last file runs.
    Answered,
}

/// What an answer has shown, for those that wait to hear.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum News {
    /// The file is about to begin.
    Started,
    /// This many of the file's statements have run.
    StatementsDone(usize),
}

impl Heard {
    /// A statement's end.
    pub(super) fn answer(&mut self) {
        self.answers += 1;
        self.since += 1;
    }

    /// A mark.
    pub(super) fn mark(&mut self, told: Told) {
        self.since = 0;
        match told {
            Told::Between => self.marks += 1,
            Told::Behind(file) => (self.ended, self.marks) = (file + 1, 0),
        }
    }

    /// Whether nothing has run: the server does not understand the text.
    pub(super) fn is_nothing(self) -> bool {
        self.answers == 0
    }
}

impl Message<'_> {
    /// Which file the server is at, from 0, and where in it.
    pub(super) fn at(&self, heard: Heard) -> (usize, Phase) {
        let before = heard.ended.checked_sub(1).and_then(|before| Some((before, self.parts.get(before)?)));
        let last = self.parts.len().saturating_sub(1);
        match (before, self.parts.get(heard.ended)) {
            (Some((index, part)), _) if heard.marks == 0 && heard.since < part.closing => {
                (index, part.phase_behind(heard.since))
            }
            (_, Some(part)) => (heard.ended, part.phase(heard.marks, self.answers_to(heard))),
            (_, None) => (last, Phase::Answered),
        }
    }

    /// What the newest answer says, and about which file.
    pub(super) fn news(&self, heard: Heard) -> Option<(usize, News)> {
        let (index, _) = self.at(heard);
        let part = self.parts.get(index)?;
        if index < heard.ended {
            // The one before the flush at its end, which has sent it.
            let tells = part.tells_next && heard.since == part.closing - 2;
            return tells.then_some((index + 1, News::Started));
        }
        let done = part.done(heard.marks, self.answers_to(heard))?;
        // What a mark is about to send, or the file's last: its end waits for the next flush.
        let is_sent = done > 0 && done == part.most_done(heard.marks);
        is_sent.then_some((index, News::StatementsDone(done)))
    }

    /// How many of the statements have run of the file the server is at, as far as that is counted.
    pub(super) fn statements_done(&self, heard: Heard) -> usize {
        let (index, _) = self.at(heard);
        let Some(part) = self.parts.get(index) else { return 0 };
        if index < heard.ended {
            return part.migration.statements.len();
        }
        let done = part.done(heard.marks, self.answers_to(heard)).unwrap_or(0);
        done.min(part.most_done(heard.marks))
    }

    /// Answers since the newest mark between the statements of the running file, or else since the file's part began.
    fn answers_to(&self, heard: Heard) -> usize {
        let before = heard.ended.checked_sub(1).and_then(|before| self.parts.get(before));
        match before {
            Some(part) if heard.marks == 0 => heard.since.saturating_sub(part.closing),
            _ => heard.since,
        }
    }
}

impl Part<'_> {
    fn phase(&self, marks: usize, answers: usize) -> Phase {
        match self.done(marks, answers) {
            None => Phase::Begin,
            Some(done) if done < self.most_done(marks) => Phase::Statement(done),
            // A mark's own, or the server has found more statements than we have.
            Some(_) => Phase::Unclear,
        }
    }

    /// How many of its statements have run by count; None where it was not started.
    fn done(&self, marks: usize, answers: usize) -> Option<usize> {
        match marks.checked_sub(1).and_then(|newest| self.marks.get(newest)) {
            Some(before) => Some(before + answers.saturating_sub(1)),
            None => answers.checked_sub(self.opening),
        }
    }

    /// How many can have run before the next mark.
    fn most_done(&self, marks: usize) -> usize {
        self.marks.get(marks).copied().unwrap_or(self.migration.statements.len())
    }

    fn phase_behind(&self, since: usize) -> Phase {
        phase_behind(since, self.closing)
    }
}

/// Where the server is, by the number of its answers since the mark of a file's, or a statement's, end. `closing`: how many
/// there are up to and with COMMIT: the mark's own, that of [`super::message::DEFERRED`], and others of statements that are all ours.
pub(super) fn phase_behind(answers: usize, closing: usize) -> Phase {
    match answers {
        0 | 1 => Phase::Deferred,
        answers if answers + 1 == closing => Phase::Commit,
        _ => Phase::Record,
    }
}

/// Says what was running where that was no statement of the file's.
pub(super) fn tell_phase(failure: &mut Failure, phase: Phase) {
    match phase {
        Phase::Deferred | Phase::Commit => failure.message = format!("at COMMIT: {}", failure.message),
        Phase::Record => {
            failure.message = format!("recording the attempt: {}", failure.message);
            let hint = match failure.code.as_deref() {
                Some(READ_ONLY) => Some("the file has made its own transaction read-only: it cannot be recorded so"),
                Some(UNDEFINED_SCHEMA | UNDEFINED_TABLE | UNDEFINED_FUNCTION) => Some(
                    "the file has dropped the ledger, perhaps with all that its user owns (DROP OWNED BY); it was rolled back: \
                     name what is to be dropped",
                ),
                _ => None,
            };
            failure.hint = hint.map(str::to_owned).or(failure.hint.take());
        }
        Phase::Begin | Phase::Statement(_) | Phase::Unclear | Phase::Answered => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::{message, migrations};
    use super::{Heard, News, Phase, Told};
    use crate::engine::postgres::message::Message;

    /// One thing heard.
    #[derive(Clone, Copy)]
    enum Sound {
        Answer,
        Mark(Told),
    }

    /// All that a server says to this many statements, file by file.
    fn sounds(message: &Message<'_>, statements: &[usize]) -> Vec<Sound> {
        let mut sounds = Vec::new();
        for (index, (part, &statements)) in message.parts.iter().zip(statements).enumerate() {
            sounds.extend(vec![Sound::Answer; part.opening]);
            for statement in 0..statements {
                if part.marks.contains(&statement) {
                    sounds.extend([Sound::Mark(Told::Between), Sound::Answer]);
                }
                sounds.push(Sound::Answer);
            }
            sounds.push(Sound::Mark(Told::Behind(index)));
            sounds.extend(vec![Sound::Answer; part.closing]);
        }
        sounds
    }

    fn heard(sounds: &[Sound]) -> Heard {
        let mut heard = Heard::default();
        for sound in sounds {
            match sound {
                Sound::Answer => heard.answer(),
                Sound::Mark(told) => heard.mark(*told),
            }
        }
        heard
    }

    #[test]
    fn every_answer_belongs_to_one_file_and_one_phase() {
        let migrations = migrations(&["select 1; select 2", "", "select '\\'; select 3"]);
        let message = message(&migrations);
        let sounds = sounds(&message, &[2, 0, 2]);
        let mut seen: Vec<(usize, Phase)> = (0..=sounds.len()).map(|n| message.at(heard(&sounds[..n]))).collect();
        seen.dedup();
        let file = |index, inside: &[Phase]| {
            let after = [Phase::Unclear, Phase::Deferred, Phase::Record, Phase::Commit];
            let phases = [&[Phase::Begin][..], inside, &after].concat();
            phases.into_iter().map(|phase| (index, phase)).collect::<Vec<_>>()
        };
        // Between its two statements the first file has a mark, the last, with its backslash, none.
        let first = [Phase::Statement(0), Phase::Unclear, Phase::Statement(1)];
        let last = [Phase::Statement(0), Phase::Statement(1)];
        let expected = [file(0, &first), file(1, &[]), file(2, &last), vec![(2, Phase::Answered)]].concat();
        assert_eq!(seen, expected);
    }

    #[test]
    fn answers_that_nobody_counted_on_are_never_another_file_s_and_give_no_line() {
        let migrations = migrations(&["select '\\'", "select '\\'; select 2", "select 3"]);
        let message = message(&migrations);
        // The server finds forty statements in the first file.
        let sounds = sounds(&message, &[40, 2, 1]);
        let opening = message.parts[0].opening;
        for n in opening + 1..opening + 40 {
            assert_eq!(message.at(heard(&sounds[..n])), (0, Phase::Unclear));
            assert!(message.statements_done(heard(&sounds[..n])) <= 1);
        }
        let second = opening + 40 + 1 + message.parts[0].closing + message.parts[1].opening;
        assert_eq!(message.at(heard(&sounds[..second])), (1, Phase::Statement(0)));
        assert_eq!(message.at(heard(&sounds[..=second])), (1, Phase::Statement(1)));
    }

    #[test]
    fn news_come_once_and_in_order() {
        let migrations = migrations(&["select 1; select 2; select 3", "select 4"]);
        let message = message(&migrations);
        let sounds = sounds(&message, &[3, 1]);
        let answered = (1..=sounds.len()).filter(|&n| matches!(sounds[n - 1], Sound::Answer));
        let news: Vec<(usize, News)> = answered.filter_map(|n| message.news(heard(&sounds[..n]))).collect();
        let done = News::StatementsDone;
        let expected = [(0, done(1)), (0, done(2)), (0, done(3)), (1, News::Started), (1, done(1))];
        assert_eq!(news, expected);
    }
}
