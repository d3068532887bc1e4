//! Who listens on a loopback port inside, from the /proc/PID/net tables (proc_net (5)).

use super::nft;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;

/// Most bytes read of one table.
const BOUND: u64 = 1 << 20;

/// TCP ports on which somebody listens inside, but for the gateway, lowest first.
pub fn ports(pid: i32) -> Vec<u16> {
    let tables = ["tcp", "tcp6"].map(|table| {
        let mut text = Vec::new();
        let file = File::open(format!("/proc/{pid}/net/{table}"));
        let read = file.and_then(|file| file.take(BOUND).read_to_end(&mut text));
        read.map_or(String::new(), |_| {
            String::from_utf8_lossy(&text).into_owned()
        })
    });
    let all = tables.iter().flat_map(|table| locals(table, "0A"));
    let ports: BTreeSet<u16> = all.filter(|port| *port != nft::PORT).collect();
    ports.into_iter().collect()
}

/// Whether any socket of the process's network namespace would take a connection or datagram
/// to `port`. Tables that cannot be read count as "yes": silence is no evidence of an attempt.
pub fn any(pid: i32, port: u16) -> bool {
    // A TCP socket listens in state 0A; a UDP socket that is bound is in state 07.
    [("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")]
        .into_iter()
        .any(|(table, state)| {
            let mut text = Vec::new();
            match File::open(format!("/proc/{pid}/net/{table}")) {
                Ok(file) => match file.take(BOUND).read_to_end(&mut text) {
                    Ok(_) => has(&String::from_utf8_lossy(&text), port, state),
                    Err(_) => true,
                },
                // No such table: no such protocol.
                Err(e) => e.kind() != std::io::ErrorKind::NotFound,
            }
        })
}

fn has(table: &str, port: u16, state: &str) -> bool {
    locals(table, state).any(|local| local == port)
}

/// Ports of the sockets in this state.
fn locals(table: &str, state: &str) -> impl Iterator<Item = u16> {
    table.lines().skip(1).filter_map(move |line| {
        let mut fields = line.split_whitespace().skip(1);
        let (_, port) = fields.next()?.rsplit_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        (fields.nth(1) == Some(state)).then_some(port)
    })
}

#[cfg(test)]
mod tests {
    use super::has;
    use proptest::prelude::*;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue\n\
        0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000\n\
        1: 0100007F:1F91 0100007F:1F90 01 00000000:00000000 00:00000000 00000000\n";

    #[test]
    fn only_listeners_count() {
        assert!(has(TABLE, 8080, "0A"));
        assert!(!has(TABLE, 8081, "0A"));
        assert!(!has(TABLE, 80, "0A"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_table_is_read_without_harm(table in "(?s).{0,200}") {
            has(&table, 1, "0A");
        }
    }
}
