//! `schemaward new`: writes the next migration's file, and never over another.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::exit;
use super::flags::{FolderFlag, invalid_settings};
use super::no_result::NoResult;
use super::output;
use crate::migration::next_file;
use crate::report::Failure;
use crate::source::file_names;

/// Flags of `schemaward new`.
#[derive(Args, Debug)]
#[command(after_help = exit::HELP)]
pub(super) struct NewArguments {
    /// What the migration does, such as "add customer phone".
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    folder: FolderFlag,
}

/// Writes the file and prints its path.
pub(super) fn main(arguments: &NewArguments) -> ExitCode {
    match write(&arguments.folder.dir, &arguments.name) {
        Ok(path) => {
            output::text(&format!("{}\n", path.display()));
            ExitCode::SUCCESS
        }
        Err(failure) => NoResult::from(failure).show(super::flags::Format::Text, &arguments.folder),
    }
}

fn write(folder: &Path, description: &str) -> Result<PathBuf, Failure> {
    let failed = |what: &str, path: &Path, error: &std::io::Error| {
        invalid_settings(format!("cannot {what} {}: {error}", path.display()))
    };
    fs::create_dir_all(folder).map_err(|error| failed("make the folder", folder, &error))?;
    let names = file_names(folder)?;
    let now = jiff::Timestamp::now().strftime("%Y%m%d%H%M%S").to_string();
    let file = next_file(names.iter().map(String::as_str), description, &now)
        .map_err(|error| invalid_settings(error.to_string()))?;
    let path = folder.join(&file.name);
    if let Some(own) = path.parent() {
        fs::create_dir_all(own).map_err(|error| failed("make the folder", own, &error))?;
    }
    // `create_new` fails where the file is there, also when another process makes it at this moment.
    let created = OpenOptions::new().write(true).create_new(true).open(&path);
    let written = created.and_then(|mut created| created.write_all(file.text.as_bytes()));
    written.map_err(|error| failed("write", &path, &error))?;
    Ok(path)
}
