//! A proxy between runner and server that stops at one message of a run, for MySQL's protocol.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

pub use crate::postgres::gate::At;
use crate::postgres::gate::{Connection, Gate};

/// `COM_QUERY`. Source: MySQL, "Client/Server Protocol", "Text Protocol".
const QUERY: u8 = 3;
/// How long a server may be silent in the middle of an answer before the answer counts as complete.
const SILENCE: Duration = Duration::from_millis(300);

/// Stops at the query with this number, from 1, on the first connection. Later connections pass.
pub fn gate(server: String, number: usize, at: At) -> Gate {
    Gate::with(server, number, at, forward)
}

fn forward(connection: Connection, arrived: &Sender<()>, released: &Receiver<()>) {
    let Connection { mut client, mut server, number, at } = connection;
    let (mut back_from, mut back_to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let swallowing = Arc::new(AtomicBool::new(false));
    let swallow = Arc::clone(&swallowing);
    let back = std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        let mut answering = false;
        while let Ok(read @ 1..) = back_from.read(&mut buffer) {
            // Checked once bytes have arrived: those of the message's answer cannot arrive before it is set.
            if swallow.load(Ordering::SeqCst) {
                if !answering {
                    answering = true;
                    back_from.set_read_timeout(Some(SILENCE)).unwrap();
                }
            } else if back_to.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        if !swallow.load(Ordering::SeqCst) {
            let _ = back_to.shutdown(Shutdown::Both);
        }
    });
    if until(&mut client, &mut server, (number, at), &swallowing).is_some() {
        if at == At::After {
            let _ = back.join();
        }
        let _ = arrived.send(());
        let _ = released.recv();
    }
    let _ = server.shutdown(Shutdown::Both);
    let _ = client.shutdown(Shutdown::Both);
}

/// Some if the message was reached, None if the connection ended.
fn until(
    client: &mut TcpStream,
    server: &mut TcpStream,
    (number, at): (usize, At),
    swallowing: &AtomicBool,
) -> Option<()> {
    let mut queries = 0;
    loop {
        let mut packet = vec![0; 4];
        client.read_exact(&mut packet).ok()?;
        let length = u32::from_le_bytes([packet[0], packet[1], packet[2], 0]) as usize;
        let first_of_message = packet[3] == 0;
        packet.resize(4 + length, 0);
        client.read_exact(&mut packet[4..]).ok()?;
        queries += usize::from(first_of_message && packet.get(4) == Some(&QUERY));
        if queries == number {
            if at == At::After {
                swallowing.store(true, Ordering::SeqCst);
                server.write_all(&packet).ok()?;
            }
            return Some(());
        }
        server.write_all(&packet).ok()?;
    }
}
