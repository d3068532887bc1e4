//! Bounded reads from the memory of a watched process, and its number. Everything read is hostile,
//! may change while it is read, and may not be there at all.

use super::notify;
use std::fs;

const PAGE: u64 = 4096;

/// Reads `into.len()` bytes or up to the first page that cannot be read.
pub fn bytes(pid: i32, address: u64, into: &mut [u8]) -> usize {
    let mut got = 0;
    while got < into.len() {
        let Some(at) = address.checked_add(got as u64) else {
            break;
        };
        // Never over a page's end: a read that fails in its second half gives nothing.
        let step = ((PAGE - at % PAGE) as usize).min(into.len() - got);
        let read = notify::read_memory(pid, at, &mut into[got..got + step]);
        got += read;
        if read < step {
            break;
        }
    }
    got
}

/// The NUL-terminated string at `address`, at most `max` bytes of it.
pub fn text(pid: i32, address: u64, max: usize) -> String {
    let mut all = Vec::new();
    let mut chunk = [0; 256];
    while all.len() < max {
        let Some(at) = address.checked_add(all.len() as u64) else {
            break;
        };
        let got = bytes(pid, at, &mut chunk);
        let end = chunk[..got].iter().position(|b| *b == 0);
        all.extend_from_slice(&chunk[..end.unwrap_or(got)]);
        if end.is_some() || got < chunk.len() {
            break;
        }
    }
    all.truncate(max);
    String::from_utf8_lossy(&all).into_owned()
}

/// The strings of a NULL-terminated array of pointers: at most `count`, and `max` bytes in all.
/// What is left out shows as a last `…`.
pub fn texts(pid: i32, address: u64, count: usize, max: usize) -> Vec<String> {
    let (mut all, mut total) = (Vec::new(), 0);
    for i in 0..=count {
        let mut pointer = [0; 8];
        let at = address.wrapping_add(8 * i as u64);
        if bytes(pid, at, &mut pointer) < 8 || u64::from_ne_bytes(pointer) == 0 {
            break;
        }
        if i == count || total >= max {
            all.push("…".to_owned());
            break;
        }
        let text = text(pid, u64::from_ne_bytes(pointer), max - total);
        total += text.len();
        all.push(text);
    }
    all
}

/// The id of the process, not the thread, in the innermost namespace; 0 when it is gone.
pub fn inner_pid(pid: i32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let ids = status.lines().find_map(|line| line.strip_prefix("NStgid:"));
    ids.and_then(|ids| ids.split_whitespace().last()?.parse().ok())
        .unwrap_or(0)
}

/// The same in our own namespace.
pub fn outer_pid(pid: i32) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let id = status.lines().find_map(|line| line.strip_prefix("Tgid:"))?;
    id.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_arrays_are_read_up_to_their_bounds() {
        let me = std::process::id() as i32;
        let (a, b) = (c"hello", c"world");
        let array = [a.as_ptr(), b.as_ptr(), std::ptr::null()];
        let at = |p: *const std::ffi::c_char| p as u64;
        assert_eq!(text(me, at(a.as_ptr()), 100), "hello");
        assert_eq!(text(me, at(a.as_ptr()), 3), "hel");
        let array = array.as_ptr() as u64;
        assert_eq!(texts(me, array, 9, 100), ["hello", "world"]);
        assert_eq!(texts(me, array, 1, 100), ["hello", "…"]);
        assert_eq!(texts(me, array, 9, 5), ["hello", "…"]);
        assert_eq!(text(me, 8, 100), "");
        assert_eq!(text(me, u64::MAX, 100), "");
    }
}
