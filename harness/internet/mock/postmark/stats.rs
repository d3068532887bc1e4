//! The statistics routes: a week of numbers before the run, in which the parts add up.

use super::{Call, Fault, Reply, World};
use serde_json::{Map, Value, json};

const DAYS: u64 = 7;
const SECONDS_A_DAY: u64 = 86_400;
/// The tags that messages of the history carry.
const TAGS: [&str; 2] = ["welcome", "receipt"];

/// `GET /stats/outbound`: every total in one object, rates in percent.
pub(super) fn overview(world: &mut World, call: &Call<'_>) -> Reply {
    let total = |name: &str| -> Result<u64, Fault> {
        Ok(days(world, call)?.iter().map(|day| day.count(name)).sum())
    };
    let bounced = BOUNCES
        .iter()
        .try_fold(0, |sum, name| Ok::<_, Fault>(sum + total(name)?))?;
    let (sent, spam) = (total("Sent")?, total("SpamComplaint")?);
    let rate = |part: u64| {
        let percent = if sent == 0 {
            0.0
        } else {
            part as f64 * 100.0 / sent as f64
        };
        (percent * 1000.0).round() / 1000.0
    };
    let (opens, unique) = (total("Opens")?, total("UniqueOpens")?);
    let (clicks, links) = (total("Clicks")?, total("UniqueClicks")?);
    Ok(json!({
        "Sent": sent, "Bounced": bounced, "SMTPApiErrors": total("SMTPApiError")?,
        "BounceRate": rate(bounced), "SpamComplaints": spam, "SpamComplaintsRate": rate(spam),
        "Opens": opens, "UniqueOpens": unique, "Tracked": total("Tracked")?,
        "WithLinkTracking": total("Tracked")?, "WithOpenTracking": total("Tracked")?,
        "TotalTrackedLinksSent": total("Tracked")?, "UniqueLinksClicked": links,
        "TotalClicks": clicks, "WithClientRecorded": unique, "WithPlatformRecorded": unique,
        "WithReadTimeRecorded": unique,
    }))
}

pub(super) fn sends(world: &mut World, call: &Call<'_>) -> Reply {
    table(world, call, &[("Sent", "Sent")])
}

const BOUNCES: [&str; 4] = ["HardBounce", "SoftBounce", "SMTPApiError", "Transient"];

pub(super) fn bounces(world: &mut World, call: &Call<'_>) -> Reply {
    table(world, call, &BOUNCES.map(|name| (name, name)))
}

pub(super) fn spam(world: &mut World, call: &Call<'_>) -> Reply {
    table(world, call, &[("SpamComplaint", "SpamComplaint")])
}

pub(super) fn tracked(world: &mut World, call: &Call<'_>) -> Reply {
    table(world, call, &[("Tracked", "Tracked")])
}

pub(super) fn opens(world: &mut World, call: &Call<'_>) -> Reply {
    table(
        world,
        call,
        &[("Opens", "Opens"), ("Unique", "UniqueOpens")],
    )
}

pub(super) fn open_platforms(world: &mut World, call: &Call<'_>) -> Reply {
    let platforms = ["Desktop", "Mobile", "WebMail", "Unknown"];
    table(world, call, &platforms.map(|name| (name, name)))
}

pub(super) fn open_clients(world: &mut World, call: &Call<'_>) -> Reply {
    table(
        world,
        call,
        &[
            ("Apple Mail", "Desktop"),
            ("Gmail", "WebMail"),
            ("iPhone", "Mobile"),
        ],
    )
}

pub(super) fn read_times(world: &mut World, call: &Call<'_>) -> Reply {
    table(
        world,
        call,
        &[("5s", "Mobile"), ("10s", "Desktop"), ("20s", "WebMail")],
    )
}

pub(super) fn clicks(world: &mut World, call: &Call<'_>) -> Reply {
    table(
        world,
        call,
        &[("Clicks", "Clicks"), ("Unique", "UniqueClicks")],
    )
}

pub(super) fn click_browsers(world: &mut World, call: &Call<'_>) -> Reply {
    table(
        world,
        call,
        &[("Google Chrome", "UniqueClicks"), ("Firefox", "TextClicks")],
    )
}

pub(super) fn click_platforms(world: &mut World, call: &Call<'_>) -> Reply {
    table(
        world,
        call,
        &[
            ("Desktop", "HtmlClicks"),
            ("Mobile", "TextClicks"),
            ("Unknown", "Zero"),
        ],
    )
}

pub(super) fn click_places(world: &mut World, call: &Call<'_>) -> Reply {
    table(
        world,
        call,
        &[("HTML", "HtmlClicks"), ("Text", "TextClicks")],
    )
}

/// One day's counts; the parts are made of the whole, so every sum holds.
struct Day {
    date: String,
    sent: u64,
    tracked: u64,
    opened: u64,
    clicked: u64,
}

impl Day {
    fn count(&self, name: &str) -> u64 {
        let bounced = self.sent / 20;
        match name {
            "Sent" => self.sent,
            "HardBounce" => bounced / 2,
            "SoftBounce" => bounced / 4,
            "Transient" => bounced - bounced / 2 - bounced / 4,
            "SpamComplaint" => self.sent / 100,
            "Tracked" => self.tracked,
            "Opens" => self.opened + self.opened / 2,
            "UniqueOpens" => self.opened,
            "Desktop" => self.opened / 2,
            "Mobile" => self.opened / 4,
            "WebMail" => self.opened - self.opened / 2 - self.opened / 4,
            "Clicks" => self.clicked + self.clicked / 3,
            "UniqueClicks" => self.clicked,
            "HtmlClicks" => self.clicked - self.clicked / 5,
            "TextClicks" => self.clicked / 5,
            _ => 0,
        }
    }
}

/// The days that the request's dates, stream and tag leave over.
fn days(world: &World, call: &Call<'_>) -> Result<Vec<Day>, Fault> {
    let mut bounds = ["9999-12-31"; 2];
    for (bound, name) in bounds.iter_mut().zip(["fromdate", "todate"]) {
        let Some(text) = call.query(name) else {
            continue;
        };
        let date = text.get(..10).filter(|d| is_date(d));
        *bound = date.ok_or_else(|| {
            Fault::new(
                900,
                format!("Parameter '{name}' should be a date/time value."),
            )
        })?;
    }
    let from = if call.query("fromdate").is_some() {
        bounds[0]
    } else {
        ""
    };
    let to = bounds[1];
    if from > to {
        return Err(Fault::new(
            1502,
            "Parameter FromDate must be older than ToDate.",
        ));
    }
    let stream = call.query("messagestream");
    if stream.is_some_and(|name| world.stream(name).is_none()) {
        let message = "The message stream for the provided 'ID' was not found.";
        return Err(Fault::new(1226, message));
    }
    let past = call.query("tag").is_none_or(|tag| TAGS.contains(&tag))
        && stream.is_none_or(|name| name.eq_ignore_ascii_case("outbound"));
    if !past {
        return Ok(Vec::new());
    }
    let made = world.made.part("stats");
    let first = made.moment("first");
    let all = (0..DAYS).map(|i| {
        let sent = made.number(&format!("sent {i}"), 100, 400);
        Day {
            date: first.plus(i * SECONDS_A_DAY).date(),
            sent,
            tracked: sent / 2,
            opened: sent / 4,
            clicked: sent / 10,
        }
    });
    Ok(all
        .filter(|day| *from <= *day.date && *day.date <= *to)
        .collect())
}

/// Days with their counts and the totals; a count of nothing is left out of a day, as
/// Postmark does.
fn table(world: &World, call: &Call<'_>, columns: &[(&str, &str)]) -> Reply {
    let days = days(world, call)?;
    let row = |day: &Day| {
        let mut row = Map::new();
        row.insert("Date".to_owned(), day.date.clone().into());
        for (title, name) in columns {
            if day.count(name) > 0 {
                row.insert((*title).to_owned(), day.count(name).into());
            }
        }
        Value::Object(row)
    };
    let mut reply = Map::new();
    reply.insert("Days".to_owned(), days.iter().map(row).collect());
    for (title, name) in columns {
        let total: u64 = days.iter().map(|day| day.count(name)).sum();
        reply.insert((*title).to_owned(), total.into());
    }
    Ok(Value::Object(reply))
}

fn is_date(text: &str) -> bool {
    let digit = |(i, b): (usize, u8)| {
        if i == 4 || i == 7 {
            b == b'-'
        } else {
            b.is_ascii_digit()
        }
    };
    text.bytes().enumerate().all(digit)
}
