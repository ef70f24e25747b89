//! What DTLS records cost in memory, with no network: CPU seconds for each gigabyte sealed and opened again, in records
//! of 1,200 bytes, beside the bare AES-128-GCM of `aws-lc-rs`.
//!
//! `cargo run --release -p peerline-dtls --example record_throughput [GIGABYTES]`
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::{Instant, SystemTime};

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use peerline_dtls::{Certificate, Config, Dtls, Event, Role, Version, Versions};

const RECORD: usize = 1200;

fn main() {
    let gigabytes: f64 =
        std::env::args().nth(1).map_or(4.0, |text| text.parse().expect("a number of gigabytes"));
    let records = (gigabytes * 1e9 / RECORD as f64) as u64;
    report("AES-128-GCM alone", gigabytes, || bare(records));
    for (name, versions) in [("DTLS 1.3", Versions::Only13), ("DTLS 1.2", Versions::Only12)] {
        let (mut sender, mut receiver) = connect(versions);
        report(&format!("{name}, seal and open"), gigabytes, || pass(&mut sender, &mut receiver, records));
        report(&format!("{name}, seal only"), gigabytes, || seal(&mut sender, records));
    }
}

#[allow(clippy::disallowed_methods)]
fn now() -> Instant {
    Instant::now()
}

/// The process's user and system time: a busy machine does not show in it.
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn report(name: &str, gigabytes: f64, work: impl FnOnce()) {
    let begin = cpu_seconds();
    work();
    println!("{name:<26} {:.3} s/GB", (cpu_seconds() - begin) / gigabytes);
}

fn bare(records: u64) {
    let key = || LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &[7; 16]).unwrap());
    let (sender, receiver) = (key(), key());
    let nonce = |number: u64| {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&number.to_be_bytes());
        Nonce::assume_unique_for_key(nonce)
    };
    let mut record = vec![1_u8; RECORD];
    for number in 0..records {
        let tag = sender.seal_in_place_separate_tag(nonce(number), Aad::from([0; 5]), &mut record).unwrap();
        record.extend_from_slice(tag.as_ref());
        receiver.open_in_place(nonce(number), Aad::from([0; 5]), &mut record).unwrap();
        record.truncate(RECORD);
    }
}

fn pass(sender: &mut Dtls, receiver: &mut Dtls, records: u64) {
    let plaintext = [1; RECORD];
    let mut datagram = [0; 2048];
    let now = now();
    for _ in 0..records {
        let length = sender.seal_into(&plaintext, &mut datagram).unwrap();
        let opened = receiver.handle_input(now, &mut datagram[..length]).unwrap();
        assert_eq!(opened.len(), RECORD);
    }
}

fn seal(sender: &mut Dtls, records: u64) {
    let plaintext = [1; RECORD];
    let mut datagram = [0; 2048];
    for _ in 0..records {
        sender.seal_into(&plaintext, &mut datagram).unwrap();
    }
}

fn connect(versions: Versions) -> (Dtls, Dtls) {
    #[allow(clippy::disallowed_methods)]
    let calendar = SystemTime::now();
    let now = now();
    let config = Config { versions, ..Config::default() };
    let [left, right] = [(); 2].map(|()| Certificate::generate(calendar).unwrap());
    let mut active = Dtls::new(now, &config, Role::Active, &left, vec![right.fingerprint()]).unwrap();
    let mut passive = Dtls::new(now, &config, Role::Passive, &right, vec![left.fingerprint()]).unwrap();
    let mut datagram = [0; 2048];
    while !(active.is_connected() && passive.is_connected()) {
        while let Some(length) = active.poll_transmit(&mut datagram) {
            passive.handle_input(now, &mut datagram[..length]);
        }
        while let Some(length) = passive.poll_transmit(&mut datagram) {
            active.handle_input(now, &mut datagram[..length]);
        }
    }
    let expected = if versions == Versions::Only12 { Version::Dtls12 } else { Version::Dtls13 };
    assert!(
        matches!(active.poll_event(), Some(Event::Connected(connected)) if connected.version == expected)
    );
    (active, passive)
}
