//! Where `sqlite3_complete` sees the end of a statement; Python's standard library exposes it.

use std::path::Path;
use std::process::Command;

/// At each semicolon, checks whether the text so far is complete.
const PROGRAM: &str = r"
import json, sqlite3, sys
text = open(sys.argv[1], 'rb').read().decode('utf-8-sig')
found, start, at = [], 0, text.find(';')
while at >= 0:
    if sqlite3.complete_statement(text[start:at + 1]):
        found.append(text[start:at])
        start = at + 1
    at = text.find(';', at + 1)
print(json.dumps(found + [text[start:]]))
";

pub fn statements(python: &Path, file: &Path) -> Vec<String> {
    let output = Command::new(python).args(["-c", PROGRAM]).arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
