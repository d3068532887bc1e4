//! Moments as registries write them (RFC 3339), to the second and comparable.
//! It never reads the clock: every moment here came from a registry or a caller.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// A moment in UTC, whole seconds: the precision dependency resolution is asked in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(OffsetDateTime);

/// Text that is no RFC 3339 date and time.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not an RFC 3339 date and time such as `2026-09-15T18:12:10Z`")]
pub struct BadTimestamp(pub String);

impl Timestamp {
    /// The next whole second, for clients whose "before" leaves the moment itself out.
    pub(super) fn next_second(self) -> Self {
        Self(self.0.saturating_add(time::Duration::SECOND))
    }
}

impl FromStr for Timestamp {
    type Err = BadTimestamp;

    /// Fractions round up, so that what was published at the moment itself counts as published.
    fn from_str(text: &str) -> Result<Self, BadTimestamp> {
        let bad = || BadTimestamp(text.chars().take(60).collect());
        let moment = OffsetDateTime::parse(text.trim(), &Rfc3339).map_err(|_| bad())?;
        let moment = moment.checked_to_offset(UtcOffset::UTC).ok_or_else(bad)?;
        let up = time::Duration::seconds(i64::from(moment.nanosecond() > 0));
        let whole = moment.replace_nanosecond(0).map_err(|_| bad())?;
        let moment = Self(whole.checked_add(up).ok_or_else(bad)?);
        // RFC 3339 ends with the year 9999; a moment that cannot be written back is none.
        moment.0.format(&Rfc3339).map_err(|_| bad())?;
        Ok(moment)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

impl TryFrom<String> for Timestamp {
    type Error = BadTimestamp;

    fn try_from(text: String) -> Result<Self, BadTimestamp> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(moment: Timestamp) -> Self {
        moment.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_forms_are_read_and_written_one_way() {
        for text in [
            "2026-09-15T18:12:09.058000+00:00",
            "2026-09-15T20:12:10+02:00",
            "2026-09-15T18:12:10Z",
        ] {
            let moment: Timestamp = text.parse().unwrap();
            assert_eq!(moment.to_string(), "2026-09-15T18:12:10Z");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026-13-01T00:00:00Z",
            "9999-12-31T23:59:59.5Z",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }
}
