//! Opens connections as the URL says, in each of the ways that its sslmode allows.

use std::sync::Once;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Error};

use super::Postgres;
use super::address::Address;
use super::error::{failure_of, server_error};
use super::settings::may_be_refused;
use crate::engine::session::SessionError;
use crate::engine::shared::connecting::{in_time, not_connected};
use crate::engine::shared::tls;
use crate::report::Failure;

/// The server lets this user in, but not over such a connection. Source: PostgreSQL, Appendix A.
const INVALID_AUTHORIZATION: &str = "28000";

impl Address {
    /// Connects. Where the URL leaves it open whether there is TLS, the other way comes after the one that fails because of it;
    /// of two failures, the one of TLS is the answer.
    pub(super) async fn connect(&self, options: &PgConnectOptions) -> Result<PgConnection, Error> {
        let mut failed: Option<Error> = None;
        for way in self.tls.ways() {
            let error = match options.clone().ssl_mode(*way).connect().await {
                Ok(connection) => {
                    if let Some(words) = failed.as_ref().and_then(tls::words) {
                        warn_once(&words);
                    }
                    return Ok(connection);
                }
                Err(error) => error,
            };
            let code = server_error(&error).map(|server| server.code().to_owned());
            let is_about_tls = tls::words(&error).is_some() || code.as_deref() == Some(INVALID_AUTHORIZATION);
            failed = failed.filter(|before| tls::words(before).is_some()).or(Some(error));
            if !is_about_tls {
                break;
            }
        }
        Err(failed.unwrap_or(Error::WorkerCrashed))
    }
}

impl Postgres {
    /// A connection with its settings, unless these cannot be asked for at login.
    pub(super) async fn open_with_settings(&self) -> Result<PgConnection, SessionError> {
        let options = self.address.options.clone().options(self.settings.at_login());
        match self.connect_in_time(&options).await {
            Ok(connection) => Ok(connection),
            Err(failure) if may_be_refused(failure.code.as_deref()) => self.open().await,
            Err(failure) => Err(self.not_open(failure)),
        }
    }

    pub(super) async fn open(&self) -> Result<PgConnection, SessionError> {
        let connected = self.connect_in_time(&self.address.options).await;
        connected.map_err(|failure| self.not_open(failure))
    }

    async fn connect_in_time(&self, options: &PgConnectOptions) -> Result<PgConnection, Failure> {
        self.address.tls.check_files()?;
        in_time(Box::pin(self.address.connect(options)), self.address.connect_timeout, failure_of).await
    }

    fn not_open(&self, mut failure: Failure) -> SessionError {
        // The driver asks for it at each login; so do others, and PgBouncer is configured to ignore it.
        if failure.message.contains("unsupported startup parameter: extra_float_digits") {
            failure.hint = Some("in the pooler's settings: ignore_startup_parameters = extra_float_digits".to_owned());
        }
        not_connected(&self.address, self.address.user(), failure)
    }
}

/// A run has several connections.
fn warn_once(words: &str) {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!("connected without TLS, as sslmode=prefer allows where TLS fails: {words}");
    });
}
