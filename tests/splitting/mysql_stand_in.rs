//! As much of a MySQL server as the mysql and mariadb clients need to send it statements.
//!
//! Source: MySQL's internals, "Client/Server Protocol".

use std::io::{Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

/// Queries that the clients send on their own.
const OF_THE_CLIENT: [&str; 2] = ["select @@version_comment limit 1", "select $$"];

/// Listens on a free port, and hands over the statements of each connection when it ends.
pub struct StandIn {
    port: u16,
    sent: Receiver<Vec<String>>,
}

impl StandIn {
    pub fn start(plugin: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, sent) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut statements = Vec::new();
                // If a connection breaks, what it has sent still counts.
                let _ = serve(&mut stream.unwrap(), plugin, &mut statements);
                if sender.send(statements).is_err() {
                    return;
                }
            }
        });
        Self { port, sent }
    }

    /// The statements that a client sends of a file.
    pub fn run(&self, client: &Path, options: &[&str], file: &Path) -> Vec<String> {
        let mut command = Command::new(client);
        command.arg("--no-defaults").args(options);
        command.args(["-A", "-h", "127.0.0.1", "--protocol=tcp", "-u", "a", "-P", &self.port.to_string()]);
        command.arg("--default-character-set=utf8mb4");
        command.stdin(std::fs::File::open(file).unwrap()).stdout(Stdio::null()).stderr(Stdio::piped());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut sent = self.sent.recv().unwrap();
        sent.retain(|statement| !OF_THE_CLIENT.contains(&statement.as_str()));
        sent
    }
}

fn serve(stream: &mut TcpStream, plugin: &str, statements: &mut Vec<String>) -> Result<()> {
    // LONG_PASSWORD, CONNECT_WITH_DB, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION; MULTI_STATEMENTS and _RESULTS,
    // PLUGIN_AUTH.
    let (low, high): (u16, u16) = (0x0001 | 0x0008 | 0x0200 | 0x2000 | 0x8000, 0x0001 | 0x0002 | 0x0008);
    let greeting = [
        b"\x0a8.0.0\0\x01\0\0\0abcdefgh\0",
        &low.to_le_bytes()[..],
        &[45, 2, 0],
        &high.to_le_bytes(),
        &[21; 1],
        &[0; 10],
        b"abcdefghijkl\0",
        plugin.as_bytes(),
        b"\0",
    ];
    packet(stream, 0, &greeting.concat())?;
    let (sequence, _) = read(stream)?;
    packet(stream, sequence + 1, &OK)?;
    loop {
        let (sequence, body) = read(stream)?;
        match body.split_first() {
            Some((3, statement)) => statements.push(String::from_utf8_lossy(statement).into_owned()),
            Some((1, _)) | None => return Ok(()),
            _ => {}
        }
        packet(stream, sequence + 1, &OK)?;
    }
}

/// No rows changed, autocommit, no warnings.
const OK: [u8; 7] = [0, 0, 0, 2, 0, 0, 0];

/// A packet's number and content. From 16 MB on, content is split into several packets.
fn read(stream: &mut TcpStream) -> Result<(u8, Vec<u8>)> {
    let mut content = Vec::new();
    loop {
        let mut head = [0; 4];
        stream.read_exact(&mut head)?;
        let length = usize::from(head[0]) | usize::from(head[1]) << 8 | usize::from(head[2]) << 16;
        let start = content.len();
        content.resize(start + length, 0);
        stream.read_exact(&mut content[start..])?;
        if length < 0xff_ffff {
            return Ok((head[3], content));
        }
    }
}

fn packet(stream: &mut TcpStream, sequence: u8, body: &[u8]) -> Result<()> {
    let length = u32::try_from(body.len()).unwrap().to_le_bytes();
    stream.write_all(&[&length[..3], &[sequence], body].concat())
}
