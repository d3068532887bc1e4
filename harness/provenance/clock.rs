//! Recognising times close to the run's own. Anything else that looks like a time is data.

use regex::Regex;
use std::ops::Range;
use std::sync::LazyLock;
use time::format_description::well_known::{Iso8601, Rfc2822};
use time::{OffsetDateTime, PrimitiveDateTime};

/// Seconds around the run's start that count as "now". Wide enough for time zones and for
/// tokens that expire within the day, narrow enough that a date of last week is data.
const NEAR_S: i64 = 36 * 3600;

/// Finds times in text.
pub struct ClockReader {
    pattern: Regex,
    /// Unix seconds at the start of the run, and wherever the clock stood after a jump.
    nows: Vec<i64>,
}

/// Jumps that are remembered; a run makes few.
const NOWS: usize = 64;

/// Times as they are written. Compiled once: that takes milliseconds, and every run begins with it.
static TIMES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
            r"(?P<iso>\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)",
            // As ISO 8601, with what file names cannot hold replaced.
            r"|(?P<file>\d{4}-\d\d-\d\d[T_-]\d\d[-_.]\d\d[-_.]\d\d(?:[-_.]\d{1,9})?Z?)",
            r"|(?P<sql>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,9})?)",
            r"|(?P<mail>(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d (?:GMT|UTC|[+-]\d{4}))",
            r"|(?P<date>\d{4}-\d\d-\d\d)",
            r"|(?P<epoch>\d{10}(?:\d{3}|\d{6}|\d{9})?(?:\.\d{1,9})?)",
    ))
    .expect("a constant pattern compiles")
});

impl ClockReader {
    pub fn new(now: i64) -> Self {
        Self {
            pattern: TIMES.clone(),
            nows: vec![now],
        }
    }

    /// The clock has jumped to `now`, in Unix seconds: times near it are of this run as well.
    pub fn jump(&mut self, now: i64) {
        if self.nows.len() < NOWS {
            self.nows.push(now);
        }
    }

    /// Times near now in `text`: where, and the format's name. Ascending, without overlaps.
    pub fn find(&self, text: &str) -> Vec<(Range<usize>, String)> {
        if !text.bytes().any(|b| b.is_ascii_digit()) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for hit in self.pattern.captures_iter(text) {
            let Some((name, m)) = ["iso", "file", "sql", "mail", "date", "epoch"]
                .into_iter()
                .find_map(|name| hit.name(name).map(|m| (name, m)))
            else {
                continue;
            };
            let alone = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
            let edges = alone(text[..m.start()].chars().next_back())
                && alone(text[m.end()..].chars().next());
            if edges && self.is_near(name, m.as_str()) {
                found.push((m.range(), format_name(name, m.as_str())));
            }
        }
        found
    }

    fn is_near(&self, name: &str, text: &str) -> bool {
        let at = match name {
            "iso" => iso(text),
            "sql" => iso(&text.replacen(' ', "T", 1)),
            "file" => {
                let mut parts = text.get(11..19).unwrap_or_default().split(['-', '_', '.']);
                let mut next = || parts.next().unwrap_or_default();
                let date = text.get(..10).unwrap_or_default();
                iso(&format!("{date}T{}:{}:{}", next(), next(), next()))
            }
            "mail" => {
                let zoned = text.replace("GMT", "+0000").replace("UTC", "+0000");
                OffsetDateTime::parse(&zoned, &Rfc2822)
                    .ok()
                    .map(OffsetDateTime::unix_timestamp)
            }
            "date" => iso(&format!("{text}T12:00:00")),
            _ => {
                let whole = text.split('.').next().unwrap_or(text);
                whole.get(..10).and_then(|seconds| seconds.parse().ok())
            }
        };
        let near = |at: i64| {
            let mut nows = self.nows.iter();
            nows.any(|now| at.abs_diff(*now) < NEAR_S as u64)
        };
        at.is_some_and(near)
    }
}

fn iso(text: &str) -> Option<i64> {
    let text = text.replace(',', ".");
    OffsetDateTime::parse(&text, &Iso8601::DEFAULT)
        .map(OffsetDateTime::unix_timestamp)
        .or_else(|_| {
            PrimitiveDateTime::parse(&text, &Iso8601::DEFAULT)
                .map(|t| t.assume_utc().unix_timestamp())
        })
        .ok()
}

/// Precision is part of the format: a version that starts to send nanoseconds has changed.
fn format_name(name: &str, text: &str) -> String {
    match name {
        "epoch" => {
            let digits = text.split('.').next().map_or(0, str::len);
            let unit = match digits {
                10 => "s",
                13 => "ms",
                16 => "us",
                _ => "ns",
            };
            if text.contains('.') {
                format!("epoch-{unit}-fraction")
            } else {
                format!("epoch-{unit}")
            }
        }
        "iso" if text.ends_with('Z') => "iso-z".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::ClockReader;

    const NOW: i64 = 1_795_392_000; // 2026-11-23T00:00:00Z

    #[test]
    fn a_clock_that_jumped_tells_other_times() {
        let mut reader = ClockReader::new(NOW);
        assert!(reader.find("2027-03-01").is_empty());
        reader.jump(NOW + 98 * 86_400);
        for of_the_run in ["2027-03-01", "2026-11-23"] {
            assert_eq!(reader.find(of_the_run).len(), 1);
        }
        assert!(reader.find("2027-01-01").is_empty());
    }

    #[test]
    fn times_of_the_run_are_found_and_others_left() {
        let reader = ClockReader::new(NOW);
        let names = |text: &str| -> Vec<String> {
            reader
                .find(text)
                .into_iter()
                .map(|(_, name)| name)
                .collect()
        };
        assert_eq!(names("at 2026-11-23T08:01:02.345Z"), ["iso-z"]);
        assert_eq!(names("Mon, 23 Nov 2026 08:01:02 GMT"), ["mail"]);
        assert_eq!(names("t=1795392123456"), ["epoch-ms"]);
        assert_eq!(names("2026-11-23T01_58_46_242Z-debug-0.log"), ["file"]);
        assert_eq!(names("backup_2026-11-23_01-58-46.tar"), ["file"]);
        assert_eq!(names("2025-09-17T01_58_46_242Z-debug-0.log"), [""; 0]);
        assert_eq!(names("2026-11-23"), ["date"]);
        assert_eq!(
            names("2025-09-17T08:01:02Z and 1695392123 and 17953921234"),
            [""; 0]
        );
    }
}
