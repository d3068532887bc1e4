//! The `Date` of a response (RFC 9110, section 6.6.1), by the clock of the world: hyper would tell
//! the real one, which the server could hold against its own.

use crate::internet::shared::Shared;
use hyper::Response;
use hyper::http::header::{DATE, HeaderValue};
use std::time::SystemTime;
use time::OffsetDateTime;

/// Dates a response that says none itself.
pub fn stamp<B>(shared: &Shared, mut response: Response<B>) -> Response<B> {
    if let Ok(date) = HeaderValue::try_from(imf_fixdate(shared.now())) {
        response.headers_mut().entry(DATE).or_insert(date);
    }
    response
}

/// The one form that is written: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).
fn imf_fixdate(now: SystemTime) -> String {
    let now = OffsetDateTime::from(now);
    let (weekday, month) = (now.weekday().to_string(), now.month().to_string());
    let (hour, minute, second) = now.to_hms();
    format!(
        "{weekday:.3}, {:02} {month:.3} {:04} {hour:02}:{minute:02}:{second:02} GMT",
        now.day(),
        now.year()
    )
}

#[cfg(test)]
mod tests {
    use super::imf_fixdate;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn dates_are_written_as_everyone_reads_them() {
        let date = |s| imf_fixdate(UNIX_EPOCH + Duration::from_secs(s));
        assert_eq!(date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
