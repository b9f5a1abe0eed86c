//! `schemaward crd`: the CustomResourceDefinition on stdout.

use std::io::Write;
use std::process::ExitCode;

use crate::api;

/// Prints the CRD as YAML.
pub(super) fn main() -> ExitCode {
    let printed = api::crd_yaml()
        .map_err(|error| format!("the CRD cannot be written as YAML: {error}"))
        .and_then(|yaml| std::io::stdout().write_all(yaml.as_bytes()).map_err(|error| format!("stdout: {error}")));
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
