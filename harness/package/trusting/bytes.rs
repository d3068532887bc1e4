//! Bytes of a program file: where some stand, what is around them, and what is written over them.

use memchr::memmem::Finder;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

/// What is read of a file at a time.
pub const PIECE: usize = 4 << 20;
/// More of the same are not looked for.
const MOST: usize = 4096;

/// What is to be written where.
#[derive(Debug, PartialEq, Eq)]
pub struct Patch {
    /// Bytes from the start of the file.
    pub at: u64,
    pub bytes: Vec<u8>,
}

/// Where a file has `needle`, from the start of the file.
///
/// # Errors
/// Where it cannot be read.
pub fn occurrences(mut file: &File, needle: &[u8]) -> io::Result<Vec<u64>> {
    let finder = Finder::new(needle);
    let overlap = needle.len().saturating_sub(1);
    let mut found = Vec::new();
    let mut piece = Vec::with_capacity(PIECE + overlap);
    let mut at = 0;
    io::Seek::rewind(&mut file)?;
    loop {
        let room = PIECE + overlap - piece.len();
        let read = file.take(room as u64).read_to_end(&mut piece)?;
        let places = finder.find_iter(&piece).map(|place| at + place as u64);
        found.extend(places.take(MOST - found.len()));
        if read < room || found.len() == MOST {
            return Ok(found);
        }
        // What began in the last bytes was too short to be found.
        piece.drain(..PIECE);
        at += PIECE as u64;
    }
}

/// Up to `length` bytes from `at` on.
///
/// # Errors
/// Where they cannot be read.
pub fn window(file: &File, at: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut read = 0;
    while read < length {
        match file.read_at(&mut bytes[read..], at + read as u64)? {
            0 => break,
            more => read += more,
        }
    }
    bytes.truncate(read);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_found_once_wherever_a_piece_ends() {
        let file = tempfile::tempfile().unwrap();
        let places: Vec<u64> = [
            0,
            9,
            PIECE - 9,
            PIECE - 4,
            PIECE + 4,
            2 * PIECE - 3,
            2 * PIECE + 40,
        ]
        .map(|place| place as u64)
        .to_vec();
        for place in &places {
            file.write_all_at(b"needle", *place).unwrap();
        }
        assert_eq!(
            occurrences(&file, b"needle").unwrap(),
            places[..2]
                .iter()
                .chain(&places[3..])
                .copied()
                .collect::<Vec<_>>()
        );
        assert_eq!(window(&file, 10, 3).unwrap(), b"eed");
        assert_eq!(window(&file, 2 * PIECE as u64 + 44, 99).unwrap(), b"le");
        assert_eq!(window(&file, 1 << 40, 99).unwrap(), b"");
    }
}
