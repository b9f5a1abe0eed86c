//! As much of a PostgreSQL server as psql needs to send it statements.
//!
//! Source: PostgreSQL's manual, "Frontend/Backend Protocol".

use std::io::{Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

/// Listens on a free port, and hands over the statements of each connection when it ends.
pub struct StandIn {
    port: u16,
    sent: Receiver<Vec<String>>,
}

impl StandIn {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, sent) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut statements = Vec::new();
                // If a connection breaks, what it has sent still counts.
                let _ = serve(&mut stream.unwrap(), &mut statements);
                if sender.send(statements).is_err() {
                    return;
                }
            }
        });
        Self { port, sent }
    }

    /// The statements that psql sends of a file.
    pub fn run(&self, psql: &Path, file: &Path) -> Vec<String> {
        let mut command = Command::new(psql);
        command
            .args(["-X", "-q", "-h", "127.0.0.1", "-U", "a", "-d", "a", "-p", &self.port.to_string(), "-f"])
            .arg(file);
        command.env("PGSSLMODE", "disable").env("PGGSSENCMODE", "disable").env("PGCLIENTENCODING", "UTF8");
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        assert!(status.success(), "psql could not be run");
        self.sent.recv().unwrap()
    }
}

fn serve(stream: &mut TcpStream, statements: &mut Vec<String>) -> Result<()> {
    read(stream)?;
    message(stream, b'R', &[0; 4])?;
    for parameter in ["server_version\x0015.0\0", "client_encoding\0UTF8\0", "standard_conforming_strings\0on\0"] {
        message(stream, b'S', parameter.as_bytes())?;
    }
    message(stream, b'Z', b"I")?;
    loop {
        let mut kind = [0];
        stream.read_exact(&mut kind)?;
        let body = read(stream)?;
        match kind[0] {
            b'Q' => {
                statements.push(String::from_utf8_lossy(&body).trim_end_matches('\0').to_owned());
                message(stream, b'C', b"OK\0")?;
                message(stream, b'Z', b"I")?;
            }
            b'X' => return Ok(()),
            _ => {}
        }
    }
}

fn read(stream: &mut TcpStream) -> Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
    stream.read_exact(&mut body)?;
    Ok(body)
}

fn message(stream: &mut TcpStream, kind: u8, body: &[u8]) -> Result<()> {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    stream.write_all(&[&[kind], &length[..], body].concat())
}
