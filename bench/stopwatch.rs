//! Runs a command and prints for how long, in seconds: from before it is made until it has ended. Its words go to LOG, its
//! exit status is this program's. A shell takes some milliseconds to start a program, as long as some tools run.
//!
//! Usage: stopwatch LOG PROGRAM [ARGUMENT...]

use std::fs::File;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(log), Some(program)) = (arguments.next(), arguments.next()) else {
        return Err("usage: stopwatch LOG PROGRAM [ARGUMENT...]".into());
    };
    let out = File::create(log)?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stderr(out.try_clone()?).stdout(out);
    let begun = Instant::now();
    let status = command.status()?;
    println!("{:.5}", begun.elapsed().as_secs_f64());
    Ok(ExitCode::from(if status.success() { 0 } else { 1 }))
}
