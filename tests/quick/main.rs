//! Tests that need no server and no cluster: the command line, the CRD, refused files, and the consistency of pages and
//! sources.

mod bad_sets;
mod circles;
mod command_line;
#[cfg(feature = "operator")]
mod crd;
mod guarantees;
mod large_files;
mod layers;
#[cfg(all(feature = "operator", feature = "sqlite"))]
mod pages;
mod tree;
mod words;
