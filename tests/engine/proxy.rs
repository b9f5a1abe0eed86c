//! A proxy between runner and server that cuts a connection at the worst moment: the server has
//! committed, and the client does not hear of it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The server's answer to COMMIT. Source: PostgreSQL, 55.7 "Message Formats", `CommandComplete`.
const COMMITTED: &[u8] = b"C\0\0\0\x0bCOMMIT\0";

pub struct Proxy {
    pub address: String,
    /// How many connections were made.
    pub connections: Arc<AtomicU32>,
}

impl Proxy {
    /// Cuts the first connection that commits. `afterwards` says whether later ones go through.
    pub fn start(server: String, afterwards: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let connections = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&connections);
        // Ends with the tests' process.
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let number = counted.fetch_add(1, Ordering::SeqCst);
                if number == 0 || afterwards {
                    let server = TcpStream::connect(&server).unwrap();
                    forward(client, server, number == 0);
                }
            }
        });
        Self { address, connections }
    }
}

fn forward(client: TcpStream, server: TcpStream, cut: bool) {
    let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Both);
    });
    std::thread::spawn(move || {
        answer(server, client.try_clone().unwrap(), cut);
        let _ = client.shutdown(Shutdown::Both);
    });
}

fn answer(mut server: TcpStream, mut client: TcpStream, cut: bool) {
    let mut buffer = vec![0; 1 << 16];
    let mut held: Vec<u8> = Vec::new();
    while let Ok(read @ 1..) = server.read(&mut buffer) {
        held.extend_from_slice(&buffer[..read]);
        if cut && held.windows(COMMITTED.len()).any(|window| window == COMMITTED) {
            return;
        }
        // An answer may be spread over two reads: what could be its beginning is looked at again.
        let tail = held.len().saturating_sub(COMMITTED.len());
        if client.write_all(&buffer[..read]).is_err() {
            return;
        }
        held.drain(..tail);
    }
}
