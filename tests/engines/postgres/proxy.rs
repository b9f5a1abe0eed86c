//! A proxy between runner and server that cuts a connection at the worst moment: the server has done its part, and the
//! client does not learn of it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// The answer of the server before which the first connection is cut.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// The number of the answer, from 1.
    pub answer: usize,
    /// Counts only answers with this text; all if it is empty. The server answers `COMMIT` with `COMMIT`.
    pub saying: &'static str,
}

impl Cut {
    /// The first COMMIT belongs to the setting up of the session.
    pub const AT_THE_FIRST_FILES_COMMIT: Self = Self { answer: 2, saying: "COMMIT" };
    pub const NEVER: Self = Self { answer: usize::MAX, saying: "" };
}

pub struct Proxy {
    pub address: String,
    pub connections: Arc<AtomicU32>,
    /// On the first connection, how often the client has sent something after the server had: the number of round
    /// trips.
    pub round_trips: Arc<AtomicU32>,
}

impl Proxy {
    /// `afterwards` says whether later connections pass. The client must not ask for TLS.
    pub fn start(server: String, cut: Cut, afterwards: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (connections, round_trips) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let (counted, trips) = (Arc::clone(&connections), Arc::clone(&round_trips));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
                if first || afterwards {
                    let server = TcpStream::connect(&server).unwrap();
                    let cut = if first { cut } else { Cut::NEVER };
                    forward(client, server, cut, if first { Arc::clone(&trips) } else { Arc::default() });
                }
            }
        });
        Self { address, connections, round_trips }
    }
}

fn forward(client: TcpStream, server: TcpStream, cut: Cut, round_trips: Arc<AtomicU32>) {
    let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    // A message may arrive in pieces.
    let answered = Arc::new(AtomicBool::new(true));
    let answers = Arc::clone(&answered);
    std::thread::spawn(move || {
        let mut message = vec![0; 1 << 16];
        while let Ok(read @ 1..) = from_client.read(&mut message) {
            // Terminate has no answer. Source: PostgreSQL, "Message Formats".
            let ends = message[..read] == *b"X\0\0\0\x04";
            if !ends && answered.swap(false, Ordering::SeqCst) {
                round_trips.fetch_add(1, Ordering::SeqCst);
            }
            if to_server.write_all(&message[..read]).is_err() {
                break;
            }
        }
        let _ = to_server.shutdown(Shutdown::Both);
    });
    std::thread::spawn(move || {
        let _ = answer(server, client.try_clone().unwrap(), cut, &answers);
        let _ = client.shutdown(Shutdown::Both);
    });
}

/// Passes on the server's messages up to the cut. None if a connection ends.
fn answer(mut server: TcpStream, mut client: TcpStream, cut: Cut, answered: &AtomicBool) -> Option<()> {
    let mut answers = 0;
    loop {
        let mut message = vec![0; 5];
        server.read_exact(&mut message).ok()?;
        let length = u32::from_be_bytes(message[1..].try_into().unwrap()) as usize;
        message.resize(length + 1, 0);
        server.read_exact(&mut message[5..]).ok()?;
        // CommandComplete: its text ends in a NUL. Source: PostgreSQL, "Message Formats".
        let says = message[5..].strip_suffix(b"\0").unwrap_or_default();
        answers += usize::from(message[0] == b'C' && (cut.saying.is_empty() || says == cut.saying.as_bytes()));
        if answers == cut.answer {
            return None;
        }
        answered.store(true, Ordering::SeqCst);
        client.write_all(&message).ok()?;
    }
}

/// Passes everything on until it is to be silent on its first connection: then what either end sends gets lost, and
/// neither learns of it, as where a NAT forgets a connection.
pub struct BlackHole {
    pub address: String,
    silent: Arc<AtomicBool>,
}

impl BlackHole {
    pub fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let silent = Arc::new(AtomicBool::new(false));
        let of_the_first = Arc::clone(&silent);
        std::thread::spawn(move || {
            for (number, client) in listener.incoming().flatten().enumerate() {
                let server = TcpStream::connect(&server).unwrap();
                let silent = if number == 0 { Arc::clone(&of_the_first) } else { Arc::default() };
                pass(client.try_clone().unwrap(), server.try_clone().unwrap(), Arc::clone(&silent));
                pass(server, client, silent);
            }
        });
        Self { address, silent }
    }

    pub fn be_silent(&self) {
        self.silent.store(true, Ordering::SeqCst);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, silent: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(read @ 1..) = from.read(&mut bytes) {
            if !silent.load(Ordering::SeqCst) && to.write_all(&bytes[..read]).is_err() {
                break;
            }
        }
        if !silent.load(Ordering::SeqCst) {
            let _ = to.shutdown(Shutdown::Both);
        }
    });
}
