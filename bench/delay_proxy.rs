//! Stands between a client and a server on loopback as a network of some length would: what either side
//! sends arrives half a round-trip time later, and a connection takes one round trip to make. It also counts
//! round trips, as the times that the client sends after the server has spoken.
//!
//! usage: `delay_proxy PORT-FILE SERVER-PORT ROUND-TRIP-MICROSECONDS COUNT-FILE`
//!
//! Its port is written into PORT-FILE; COUNT-FILE holds the round trips of all connections so far, connecting
//! included, whenever one has ended. Compiled by rustc alone; it ends when its standard input does.
//!
//! Threads that sleep keep to a tenth of a millisecond; timers of an event loop count in whole ones.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use std::{env, fs, io, process, thread};

#[derive(Clone)]
struct Count {
    round_trips: Arc<AtomicU64>,
    file: String,
}

impl Count {
    fn add(&self) {
        self.round_trips.fetch_add(1, Ordering::SeqCst);
    }

    fn write(&self) -> io::Result<()> {
        let temporary = format!("{}.new", self.file);
        fs::write(&temporary, self.round_trips.load(Ordering::SeqCst).to_string())?;
        fs::rename(temporary, &self.file)
    }
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [port_file, server, round_trip, count_file] = &arguments[..] else {
        eprintln!("usage: delay_proxy PORT-FILE SERVER-PORT ROUND-TRIP-MICROSECONDS COUNT-FILE");
        process::exit(2);
    };
    let server: u16 = server.parse().map_err(io::Error::other)?;
    let round_trip = Duration::from_micros(round_trip.parse().map_err(io::Error::other)?);
    let count = Count { round_trips: Arc::default(), file: count_file.clone() };
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    fs::write(format!("{port_file}.new"), listener.local_addr()?.port().to_string())?;
    fs::rename(format!("{port_file}.new"), port_file)?;
    thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        process::exit(0);
    });
    for client in listener.incoming() {
        let (client, count) = (client?, count.clone());
        thread::spawn(move || connect(client, server, round_trip, &count));
    }
    Ok(())
}

fn connect(client: TcpStream, server: u16, round_trip: Duration, count: &Count) -> io::Result<()> {
    count.add();
    thread::sleep(round_trip);
    let server = TcpStream::connect(("127.0.0.1", server))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let spoken = Arc::new(AtomicBool::new(true)); // the server's side made the last move
    let (asked, answered) = (Arc::clone(&spoken), spoken);
    let counted = count.clone();
    let there = carry(client.try_clone()?, server.try_clone()?, round_trip / 2, move || {
        if asked.swap(false, Ordering::SeqCst) {
            counted.add();
        }
    });
    let back = carry(server, client, round_trip / 2, move || answered.store(true, Ordering::SeqCst));
    for side in there.into_iter().chain(back) {
        let _ = side.join();
    }
    count.write()
}

/// Two threads: one reads and notes the time, so that the other can hand each piece on when it is due.
fn carry(
    mut from: TcpStream,
    mut to: TcpStream,
    delay: Duration,
    seen: impl Fn() + Send + 'static,
) -> [thread::JoinHandle<()>; 2] {
    let (sender, pieces) = mpsc::channel::<(Instant, Vec<u8>)>();
    let reader = thread::spawn(move || {
        let mut buffer = vec![0; 1 << 18];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            seen();
            if sender.send((Instant::now() + delay, buffer[..read].to_vec())).is_err() {
                return;
            }
        }
    });
    let writer = thread::spawn(move || {
        for (due, piece) in pieces {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&piece).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
    [reader, writer]
}
