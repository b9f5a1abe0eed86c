//! What a resource says with which nothing can be started: it is suspended, or its source is not there or not valid.

use super::pass::{Pass, WATCH_PAUSE};
use super::want::Blocked;
use super::{clean, message};
use crate::api::LastError;
use crate::operator::decision::{Decision, Notice, NoticeKind, Requeue};
use crate::operator::source::Refusal;
use crate::operator::standing::{self, Standing};
use crate::operator::status;
use crate::operator::why::Why;
use crate::report::ErrorClass;

/// Says why nothing is started, and cleans up.
pub(super) fn decide(pass: &Pass<'_>, blocked: &Blocked<'_>) -> Decision {
    match blocked {
        Blocked::Unread => pass.unchanged(Requeue::After(WATCH_PAUSE)),
        Blocked::Suspended => suspend(pass),
        Blocked::Missing(names) => miss(pass, names),
        Blocked::Refused(refusal) => refuse(pass, refusal),
    }
}

fn suspend(pass: &Pass<'_>) -> Decision {
    let mut status = pass.resource.status.clone();
    // A run that was withdrawn has not ended and never will, and no attempt follows.
    status.run = status.run.filter(|run| run.finished_at.is_some());
    if let Some(error) = &mut status.last_error {
        error.retry_at = None;
    }
    pass.stand(&mut status, &Standing::Suspended, Why::Suspended, message::SUSPENDED);
    clean::after(pass, status, Vec::new())
}

fn miss(pass: &Pass<'_>, config_maps: &[String]) -> Decision {
    let mut status = pass.resource.status.clone();
    status.source_hash = None;
    let message = message::source_not_found(config_maps, &pass.resource.namespace);
    let is_new = !standing::is_for(&status, Why::SourceNotFound);
    pass.stand(&mut status, &Standing::Recovering, Why::SourceNotFound, &message);
    let notice = Notice { run: None, kind: NoticeKind::SourceNotFound, message };
    clean::after(pass, status, if is_new { vec![notice] } else { Vec::new() })
}

fn refuse(pass: &Pass<'_>, refusal: &Refusal) -> Decision {
    let mut status = pass.resource.status.clone();
    let message = message::invalid_source(refusal);
    status.source_hash = refusal.hash.as_ref().map(|hash| hash.as_str().to_owned());
    status.run = status.run.filter(|run| run.finished_at.is_some());
    status.last_error = Some(LastError {
        class: status::word(&ErrorClass::Permanent),
        reason: Why::InvalidSource.as_str().to_owned(),
        message: refusal.message.clone(),
        file: refusal.file.clone(),
        line: refusal.line,
        ..LastError::default()
    });
    pass.stand(&mut status, &Standing::Stalled, Why::InvalidSource, &message);
    let is_new = status != pass.resource.status;
    let notice = Notice { run: None, kind: NoticeKind::Stalled { why: Why::InvalidSource }, message };
    clean::after(pass, status, if is_new { vec![notice] } else { Vec::new() })
}
