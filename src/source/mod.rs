//! Where migration files come from: folders, read and looked into on all cores. It knows nothing of databases.

#![allow(missing_docs, reason = "no public text: a comment says why, or is not there")]

mod cores;
mod folder;

pub use folder::{SourceFolder, file_names, parse_all, parse_each, parse_needed, read_folder, take_checksums};
