//! Log lines for people: `note: …`, `warning: …`. The server's own messages are marked as such.

use std::fmt;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// A line without the time, the run and the module: those are for people who set `RUST_LOG`.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogLines;

impl<S, N> FormatEvent<S, N> for LogLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let metadata = event.metadata();
        write!(writer, "{}", beginning(metadata.target(), *metadata.level()))?;
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

fn beginning(target: &str, level: Level) -> &'static str {
    match level {
        _ if target.starts_with("sqlx::postgres::notice") => "the server says: ",
        Level::ERROR => "error: ",
        Level::WARN => "warning: ",
        _ => "note: ",
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::LogLines;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_for_people() {
        let written = Written::default();
        let writer = written.clone();
        let logger =
            tracing_subscriber::fmt().with_ansi(false).event_format(LogLines).with_writer(move || writer.clone());
        tracing::subscriber::with_default(logger.finish(), || {
            let _run = tracing::info_span!("run", run = "migrate-1").entered();
            tracing::info!(file = "001_a.sql", "skipped");
            tracing::warn!("the lock was lost");
            tracing::warn!(target: "sqlx::postgres::notice", "hello");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text, "note: skipped file=\"001_a.sql\"\nwarning: the lock was lost\nthe server says: hello\n");
    }
}
