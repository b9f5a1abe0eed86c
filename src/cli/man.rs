//! `schemaward man`: the manual pages, printed or written to a folder.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap_mangen::Man;

use super::exit;
use super::flags::{folder, invalid_settings};
use super::output;
use super::terminal::Terminal;
use crate::report::Reason;

/// Flags of `schemaward man`.
#[derive(Args, Debug)]
pub(super) struct ManArguments {
    /// The folder to write all pages to, one for each subcommand; without it, the first page is printed.
    #[arg(long, value_name = "FOLDER", value_parser = folder())]
    out: Option<PathBuf>,
}

/// Prints or writes the pages of a command.
pub(super) fn main(arguments: &ManArguments, command: clap::Command) -> ExitCode {
    let written = match &arguments.out {
        None => {
            let mut page = Vec::new();
            Man::new(command).render(&mut page).map(|()| output::text(&String::from_utf8_lossy(&page)))
        }
        Some(folder) => std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(command, folder)),
    };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let failure = invalid_settings(format!("cannot write the manual pages: {error}"));
            Terminal::new("".as_ref(), &[]).failure(&failure);
            exit::code_of(Reason::InvalidSettings)
        }
    }
}
