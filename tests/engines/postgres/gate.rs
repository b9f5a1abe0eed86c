//! A proxy between runner and server that stops at one message of a run, so that a test can break anything there.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum At {
    /// The server has not seen the message.
    Before,
    /// The server has executed the message; the client has not received the answer.
    After,
}

/// `ReadyForQuery`, without its last byte. Source: PostgreSQL, "Message Formats".
const READY: &[u8] = b"Z\0\0\0\x05";

pub struct Gate {
    pub address: String,
    /// Receives something when the message is reached; ends without if the run ends before.
    pub reached: Receiver<()>,
    release: Sender<()>,
}

impl Gate {
    /// Stops at the query with this number, from 1, on the first connection. Later connections pass.
    pub fn start(server: String, number: usize, at: At) -> Self {
        Self::with(server, number, at, Connection::forward)
    }

    /// The same for another protocol: `forward` passes messages on, reports where it has stopped, and waits there for
    /// the release.
    pub fn with(
        server: String,
        number: usize,
        at: At,
        forward: impl Fn(Connection, &Sender<()>, &Receiver<()>) + Copy + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (arrived, reached) = channel();
        let (release, released) = channel();
        std::thread::spawn(move || {
            let mut first = Some((arrived, released));
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect(&server).unwrap();
                let (number, (arrived, released)) = match first.take() {
                    Some(ends) => (number, ends),
                    None => (usize::MAX, (channel().0, channel().1)),
                };
                let connection = Connection { client, server, number, at };
                std::thread::spawn(move || forward(connection, &arrived, &released));
            }
        });
        Self { address, reached, release }
    }

    /// Lets the proxy close the connection it has stopped.
    pub fn release(&self) {
        let _ = self.release.send(());
    }
}

/// A connection through the gate, and the query at which it stops.
pub struct Connection {
    pub client: TcpStream,
    pub server: TcpStream,
    pub number: usize,
    pub at: At,
}

impl Connection {
    fn forward(mut self, arrived: &Sender<()>, released: &Receiver<()>) {
        let swallowing = Arc::new(AtomicBool::new(false));
        let (ready, done) = channel();
        let (mut server, mut client) = (self.server.try_clone().unwrap(), self.client.try_clone().unwrap());
        let swallow = Arc::clone(&swallowing);
        std::thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            while let Ok(read @ 1..) = server.read(&mut buffer) {
                if !swallow.load(Ordering::SeqCst) {
                    let _ = client.write_all(&buffer[..read]);
                } else if buffer[..read].windows(READY.len()).any(|window| window == READY) {
                    break;
                }
            }
            let _ = ready.send(());
            if !swallow.load(Ordering::SeqCst) {
                let _ = client.shutdown(Shutdown::Both);
            }
        });
        if self.until_stopped(&swallowing).is_some() {
            if self.at == At::After {
                let _ = done.recv();
            }
            let _ = arrived.send(());
            let _ = released.recv();
        }
        let _ = self.server.shutdown(Shutdown::Both);
        let _ = self.client.shutdown(Shutdown::Both);
    }

    /// Some if the message was reached, None if the connection ended.
    fn until_stopped(&mut self, swallowing: &AtomicBool) -> Option<()> {
        let startup = self.message(0)?;
        self.server.write_all(&startup).ok()?;
        let mut queries = 0;
        loop {
            let message = self.message(1)?;
            queries += usize::from(message[0] == b'Q');
            if queries == self.number {
                if self.at == At::After {
                    swallowing.store(true, Ordering::SeqCst);
                    self.server.write_all(&message).ok()?;
                }
                return Some(());
            }
            self.server.write_all(&message).ok()?;
        }
    }

    /// A message whose length follows this many bytes.
    fn message(&mut self, before: usize) -> Option<Vec<u8>> {
        let mut message = vec![0; before + 4];
        self.client.read_exact(&mut message).ok()?;
        let length = u32::from_be_bytes(message[before..].try_into().unwrap());
        let mut rest = vec![0; length as usize - 4];
        self.client.read_exact(&mut rest).ok()?;
        message.extend(rest);
        Some(message)
    }
}
