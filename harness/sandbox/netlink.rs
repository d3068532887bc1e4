//! Netlink messages (RFC 3549, section 2.2; `linux/netlink.h`): encoding, and an exchange that
//! waits for the kernel's answer to each. No meaning beyond the framing.

use super::sys;
use std::fs::File;
use std::io::{self, Read, Write};

pub const REQUEST: u16 = 0x1;
pub const ACK: u16 = 0x4;
pub const EXCL: u16 = 0x200;
pub const CREATE: u16 = 0x400;
pub const APPEND: u16 = 0x800;
/// Marks an attribute that holds attributes.
pub const NESTED: u16 = 0x8000;

const HEADER: usize = 16;
const ERROR: u16 = 2;

/// One message in the making.
#[derive(Clone, Debug)]
pub struct Message(Vec<u8>);

impl Message {
    /// `body` is the family's fixed header, which precedes the attributes.
    pub fn new(kind: u16, flags: u16, body: &[u8]) -> Self {
        let mut bytes = vec![0; HEADER];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&(flags | REQUEST).to_ne_bytes());
        bytes.extend_from_slice(body);
        let mut message = Self(bytes);
        message.pad();
        message
    }

    pub fn attribute(&mut self, kind: u16, value: &[u8]) -> &mut Self {
        self.0
            .extend_from_slice(&(value.len() as u16 + 4).to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(value);
        self.pad();
        self
    }

    /// Text with the final NUL that the kernel wants.
    pub fn text(&mut self, kind: u16, value: &str) -> &mut Self {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.attribute(kind, &bytes)
    }

    pub fn nest(&mut self, kind: u16, inner: impl FnOnce(&mut Self)) -> &mut Self {
        let start = self.0.len();
        self.0.extend_from_slice(&[0; 2]);
        self.0.extend_from_slice(&(kind | NESTED).to_ne_bytes());
        inner(self);
        let length = (self.0.len() - start) as u16;
        self.0[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        self
    }

    /// The bytes to send, with length and sequence number filled in.
    pub fn finish(mut self, sequence: u32) -> Vec<u8> {
        let length = self.0.len() as u32;
        self.0[0..4].copy_from_slice(&length.to_ne_bytes());
        self.0[8..12].copy_from_slice(&sequence.to_ne_bytes());
        self.0
    }

    fn pad(&mut self) {
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }
}

/// Sends `messages` in one go and waits for an answer to each that asks for one ([`ACK`]).
/// The first refusal is the error.
pub fn exchange(protocol: i32, messages: Vec<Message>) -> io::Result<()> {
    let mut socket = File::from(sys::socket(libc::AF_NETLINK, libc::SOCK_RAW, protocol)?);
    let mut waiting = 0;
    let mut bytes = Vec::new();
    for (i, message) in messages.into_iter().enumerate() {
        let flags = u16::from_ne_bytes([message.0[6], message.0[7]]);
        waiting += usize::from(flags & ACK != 0);
        bytes.extend(message.finish(i as u32 + 1));
    }
    // One write: the kernel takes a batch only whole.
    socket.write_all(&bytes)?;
    let mut buffer = vec![0; 32 << 10];
    while waiting > 0 {
        let got = socket.read(&mut buffer)?;
        for answer in answers(&buffer[..got]) {
            match answer {
                0 => waiting -= 1,
                errno => return Err(io::Error::from_raw_os_error(errno)),
            }
            if waiting == 0 {
                break;
            }
        }
    }
    Ok(())
}

/// The error numbers (0: done) of the answers in `bytes`; anything else in there is passed over.
fn answers(mut bytes: &[u8]) -> Vec<i32> {
    let mut found = Vec::new();
    while let Some((header, _)) = bytes.split_first_chunk::<HEADER>() {
        let length = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]) as usize;
        if length < HEADER || length > bytes.len() {
            break;
        }
        if u16::from_ne_bytes([header[4], header[5]]) == ERROR
            && let Some(code) = bytes[HEADER..length].first_chunk::<4>()
        {
            found.push(i32::from_ne_bytes(*code).wrapping_neg());
        }
        bytes = &bytes[length.next_multiple_of(4).min(bytes.len())..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn attributes_are_padded_and_nests_count_their_content() {
        let mut message = Message::new(16, ACK, &[1, 2]);
        message.nest(3, |m| {
            m.text(1, "lo");
        });
        let bytes = message.finish(7);
        assert_eq!(bytes.len(), 16 + 4 + 4 + 8);
        assert_eq!(u32::from_ne_bytes(bytes[..4].try_into().unwrap()), 32);
        assert_eq!(u16::from_ne_bytes(bytes[20..22].try_into().unwrap()), 12);
        assert_eq!(u16::from_ne_bytes(bytes[24..26].try_into().unwrap()), 7);
        assert_eq!(&bytes[28..32], b"lo\0\0");
    }

    #[test]
    fn an_answer_is_its_error_number() {
        let mut refused = Message::new(ERROR, 0, &(-1i32).to_ne_bytes()).finish(1);
        refused.extend(Message::new(ERROR, 0, &0i32.to_ne_bytes()).finish(2));
        assert_eq!(answers(&refused), [1, 0]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            answers(&bytes);
        }

        #[test]
        fn any_attribute_keeps_the_message_aligned(value in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut message = Message::new(1, 0, &[0; 4]);
            message.attribute(9, &value);
            let bytes = message.finish(1);
            prop_assert_eq!(bytes.len() % 4, 0);
            prop_assert_eq!(&bytes[24..24 + value.len()], &value[..]);
        }
    }
}
