//! What a run is for. A Job, its name, its arguments, the status and the outcome all follow from it. Pure.

use crate::api::RunStatus;

/// What a run is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Task {
    /// Take the database to the target version, and verify that it is there.
    Apply,
}

impl Task {
    /// All of them.
    pub const ALL: [Self; 1] = [Self::Apply];

    /// The word in a status and in a Job's annotation.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
        }
    }

    /// The task of a run by what its status or its Job says. Where nothing is said it is [`Self::Apply`]: the versions
    /// before tasks applied only. None where a newer version has written a word that this one does not know; nothing is
    /// believed of such a run.
    #[must_use]
    pub fn read(word: Option<&str>) -> Option<Self> {
        match word {
            None => Some(Self::Apply),
            Some(word) => Self::ALL.into_iter().find(|task| task.as_str() == word),
        }
    }

    /// The task of a run that a status names.
    #[must_use]
    pub fn of(run: &RunStatus) -> Option<Self> {
        Self::read(run.task.as_deref())
    }

    /// What the names of such runs are made from, beside the rest. Nothing for [`Self::Apply`]: its names stay as they
    /// were before tasks, so that a resource that is verified stays verified when the operator is upgraded.
    #[must_use]
    pub const fn in_names(self) -> Option<&'static str> {
        match self {
            Self::Apply => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Task;

    #[test]
    fn a_task_is_read_as_it_is_written_and_one_that_is_absent_is_apply() {
        for task in Task::ALL {
            assert_eq!(Task::read(Some(task.as_str())), Some(task));
        }
        assert_eq!(Task::read(None), Some(Task::Apply));
        for word in ["", "apply", "Rollback of the future"] {
            assert_eq!(Task::read(Some(word)), None, "{word:?}");
        }
    }
}
