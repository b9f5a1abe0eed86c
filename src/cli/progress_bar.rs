//! A run's progress on a terminal: how many files are done, and which statement of which file is running. Nothing of it
//! reaches a pipe, where each finished file is a line anyway.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar as Bar, ProgressDrawTarget, ProgressStyle};

use super::output::line;

/// How often the bar is drawn again while a statement works, so that its time is seen to pass.
const TICK: Duration = Duration::from_millis(200);

/// A bar below the lines of a run; none if nobody could see it.
#[derive(Debug, Default)]
pub(super) struct ProgressBar(Option<Bar>);

impl ProgressBar {
    /// A bar for this many files, where both outputs are a terminal that can move its cursor.
    pub(super) fn start(files: i64) -> Self {
        let both = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        let can_move = std::env::var_os("TERM").is_some_and(|term| term != "dumb");
        if !both || !can_move {
            return Self(None);
        }
        let bar = Bar::with_draw_target(u64::try_from(files).ok(), ProgressDrawTarget::stderr());
        // A template of ours that is not understood would be a mistake here: the bar's own serves, too.
        let style = ProgressStyle::with_template("  [{bar:28}] {pos}/{len}  {elapsed}  {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        bar.enable_steady_tick(TICK);
        Self(Some(bar))
    }

    /// Whether anybody sees it.
    pub(super) fn is_shown(&self) -> bool {
        self.0.is_some()
    }

    /// What is running.
    pub(super) fn at(&self, what: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(line(what));
        }
    }

    /// One file is done.
    pub(super) fn advance(&self) {
        if let Some(bar) = &self.0 {
            bar.inc(1);
        }
    }

    /// Writes something while the bar is out of the way.
    pub(super) fn aside(&self, write: impl FnOnce()) {
        match &self.0 {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Takes the bar away.
    pub(super) fn end(&mut self) {
        if let Some(bar) = self.0.take() {
            bar.finish_and_clear();
        }
    }
}
