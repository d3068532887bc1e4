//! Who listens on a loopback port inside, from the /proc/PID/net tables (proc_net (5)).

use std::fs::File;
use std::io::Read;

/// Most bytes read of one table.
const BOUND: u64 = 1 << 20;

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
    table.lines().skip(1).any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let local = fields.next().and_then(|local| local.rsplit_once(':'));
        let local = local.and_then(|(_, port)| u16::from_str_radix(port, 16).ok());
        local == Some(port) && fields.nth(1) == Some(state)
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
