//! What can be otherwise in the world of a run than in the ordinary one. A server that waits for a
//! date, for one client or for its upstream to fail shows what it does only where it finds that.

use crate::internet::Weather;
use crate::sandbox::Identity;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

const DAY: u64 = 86_400;

/// One thing that is otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Condition {
    Date,
    Uptime,
    Calls,
    Order,
    Client,
    Capabilities,
    Upstream,
    Ci,
    User,
    Host,
    Zone,
    Locale,
    Ending,
}

impl Condition {
    pub const ALL: &[Self] = &[
        Self::Date,
        Self::Uptime,
        Self::Calls,
        Self::Order,
        Self::Client,
        Self::Capabilities,
        Self::Upstream,
        Self::Ci,
        Self::User,
        Self::Host,
        Self::Zone,
        Self::Locale,
        Self::Ending,
    ];

    /// As the command line and reports name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::Uptime => "uptime",
            Self::Calls => "calls",
            Self::Order => "order",
            Self::Client => "client",
            Self::Capabilities => "capabilities",
            Self::Upstream => "upstream",
            Self::Ci => "ci",
            Self::User => "user",
            Self::Host => "host",
            Self::Zone => "zone",
            Self::Locale => "locale",
            Self::Ending => "ending",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|c| c.name() == name)
    }
}

/// The conditions of one run, and how far the date is off.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conditions {
    set: BTreeSet<Condition>,
    days: u64,
}

impl Default for Conditions {
    fn default() -> Self {
        [].into_iter().collect()
    }
}

impl FromIterator<Condition> for Conditions {
    fn from_iter<I: IntoIterator<Item = Condition>>(conditions: I) -> Self {
        Self {
            set: conditions.into_iter().collect(),
            days: DAYS,
        }
    }
}

/// The worlds that a comparison is made in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Worlds {
    /// The ordinary one, then one in which everything is different.
    #[default]
    OrdinaryAndOthers,
    /// One alone.
    Only(Conditions),
}

/// How far the date is ahead: ten years, so that few wait for longer, and another day of the week.
/// Not so far that the last pause ends after January 2038, when 32 bits no longer hold the time.
const DAYS: u64 = 10 * 366 - 3;
/// Seconds that pass in each long pause: two of them, and the short ones, are fewer than the 2³¹
/// milliseconds of uptime after which Node's own timers go wrong.
const PASSING: u64 = 11 * DAY;
/// And another hour of the day.
const HOURS: u64 = 11;

impl Conditions {
    pub fn all() -> Self {
        Condition::ALL.iter().copied().collect()
    }

    /// Their names, as the command line reads them.
    pub fn names(&self) -> Vec<String> {
        self.iter().map(|c| c.name().to_owned()).collect()
    }

    pub fn has(&self, condition: Condition) -> bool {
        self.set.contains(&condition)
    }

    pub fn iter(&self) -> impl Iterator<Item = Condition> {
        self.set.iter().copied()
    }

    pub fn len(&self) -> usize {
        self.set.len()
    }

    /// Whether the world is the ordinary one.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    pub fn without(&self, condition: Condition) -> Self {
        let mut rest = self.clone();
        rest.set.remove(&condition);
        rest
    }

    /// The same with the date so many days ahead.
    pub fn ahead(&self, days: u64) -> Self {
        Self {
            days,
            ..self.clone()
        }
    }

    /// How far the date is ahead at the start.
    pub fn date(&self) -> Duration {
        let ahead = self.has(Condition::Date);
        Duration::from_secs(if ahead {
            self.days * DAY + HOURS * 3600
        } else {
            0
        })
    }

    /// How often as many calls are made.
    pub fn times(&self) -> u32 {
        if self.has(Condition::Calls) { 4 } else { 1 }
    }

    /// How upstreams are doing in the call of a tool with this number, from 0. In a few early ones
    /// they fail, in up to `ways` of them and each time in another way; most calls go well, for
    /// what is done after success, and upstreams then say what the code waits for.
    pub fn weather(&self, tool: &str, nth: u32, ways: u32) -> Weather {
        const FOUL: [u32; Weather::WAYS as usize] = [2, 4, 5, 7, 9, 10, 12];
        let way = FOUL.iter().position(|foul| *foul == nth);
        match way.map(|way| way as u32) {
            Some(way) if way < ways && self.has(Condition::Upstream) => {
                // Where each tool sees few ways, all of them together see more.
                let begin = tool.bytes().map(u32::from).sum::<u32>();
                Weather::nth(begin, way)
            }
            _ if nth % 2 == 1 && self.has(Condition::Upstream) => Weather::Telling,
            _ => Weather::Fair,
        }
    }

    /// Time that passes between two calls in the middle of a run.
    pub fn pause(&self) -> Option<Duration> {
        self.has(Condition::Uptime)
            .then(|| Duration::from_secs(PASSING))
    }

    /// Whether time is made to pass while a server only waits for it: to try again after its
    /// upstream failed, for one.
    pub fn hurries(&self) -> bool {
        self.has(Condition::Uptime) || self.has(Condition::Upstream)
    }

    /// Times that pass after the last call, one after the other; empty where it is waited in
    /// real time.
    pub fn idle(&self) -> &'static [Duration] {
        const STEPS: &[Duration] = &[
            Duration::from_secs(60),
            Duration::from_secs(3_600),
            Duration::from_secs(25 * 3_600),
            Duration::from_secs(PASSING),
        ];
        if self.has(Condition::Uptime) {
            STEPS
        } else {
            &[]
        }
    }

    /// Variables that are set.
    pub fn environment(&self) -> Vec<(&'static str, &'static str)> {
        let of = |condition, variables: &[(&'static str, &'static str)]| {
            let variables = if self.has(condition) { variables } else { &[] };
            variables.to_vec()
        };
        [
            of(Condition::Ci, &[("CI", "true"), ("GITHUB_ACTIONS", "true")]),
            of(Condition::User, &[("USER", USER), ("LOGNAME", USER)]),
            of(Condition::Zone, &[("TZ", ZONE)]),
            of(Condition::Locale, &[("LANG", "de_DE.UTF-8")]),
        ]
        .concat()
    }

    /// What the machine says of itself.
    pub fn identity(&self) -> Identity {
        let mut identity = Identity::default();
        if self.has(Condition::User) {
            (identity.user, identity.full_name) = (USER.to_owned(), "Kim Sato".to_owned());
        }
        if self.has(Condition::Host) {
            identity.host = "prod-app-02".to_owned();
        }
        if self.has(Condition::Zone) {
            identity.zone = ZONE.to_owned();
        }
        identity
    }
}

const USER: &str = "kim";
const ZONE: &str = "Asia/Tokyo";

impl FromStr for Conditions {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => return Ok(Self::all()),
            "none" => return Ok(Self::default()),
            _ => {}
        }
        let named = |name: &str| {
            let known = || Condition::ALL.iter().map(|c| c.name()).collect::<Vec<_>>();
            Condition::named(name.trim()).ok_or_else(|| {
                format!(
                    "no condition `{name}`: `all`, `none`, or of {}",
                    known().join(", ")
                )
            })
        };
        text.split(',').map(named).collect()
    }
}

/// As `--under` reads them.
impl fmt::Display for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.set.len() == Condition::ALL.len() {
            return f.write_str("all");
        }
        f.write_str(if self.is_empty() { "none" } else { "" })?;
        f.write_str(&self.names().join(","))
    }
}

/// The condition as a reader needs it, after "seen only". `client` is the name of the other one.
pub fn when(conditions: &Conditions, client: &str) -> String {
    let words = conditions.iter().map(|condition| match condition {
        Condition::Date => format!("the date is {} days later", conditions.days),
        Condition::Uptime => "it has run for hours or days".to_owned(),
        Condition::Calls => "it is called more often".to_owned(),
        Condition::Order => "its tools are called in another order".to_owned(),
        Condition::Client => format!("the client is `{client}`"),
        Condition::Capabilities => "the client offers no roots, sampling or elicitation".to_owned(),
        Condition::Upstream => "an upstream fails".to_owned(),
        Condition::Ci => "`CI` is set".to_owned(),
        Condition::User => format!("the user is `{USER}`"),
        Condition::Host => format!("the host is `{}`", conditions.identity().host),
        Condition::Zone => format!("the time zone is {ZONE}"),
        Condition::Locale => "the locale is de_DE".to_owned(),
        Condition::Ending => "it is ended by SIGTERM, before its stdin is closed".to_owned(),
    });
    words.collect::<Vec<_>>().join(", and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_has_a_name_and_makes_a_difference() {
        for condition in Condition::ALL {
            assert_eq!(Condition::named(condition.name()), Some(*condition));
            let alone: Conditions = [*condition].into_iter().collect();
            assert_eq!(alone.to_string(), condition.name());
            assert!(alone.without(*condition).is_empty());
            assert!(!when(&alone, "x").is_empty());
        }
        for text in ["all", "none", "date,ci"] {
            assert_eq!(text.parse::<Conditions>().unwrap().to_string(), text);
        }
        assert!("dat".parse::<Conditions>().unwrap_err().contains("date"));
        assert_eq!(Conditions::all().to_string(), "all");
        assert_eq!(Conditions::default().to_string(), "none");
        assert_eq!(when(&Conditions::all(), "x").matches(", and ").count(), 12);
    }

    #[test]
    fn upstreams_fail_in_a_few_calls_and_in_every_way() {
        let well = [Weather::Fair, Weather::Telling];
        let foul = |conditions: &Conditions| -> Vec<Weather> {
            let all = (0..64).map(|nth| conditions.weather("send", nth, Weather::WAYS));
            all.filter(|weather| !well.contains(weather)).collect()
        };
        assert!(foul(&Conditions::default()).is_empty());
        let ways = foul(&Conditions::all());
        assert_eq!(ways.len(), Weather::WAYS as usize);
        for (i, way) in ways.iter().enumerate() {
            assert!(!ways[..i].contains(way));
        }
        let all = Conditions::all();
        let few = (0..64).map(|nth| all.weather("send", nth, 1));
        assert_eq!(few.filter(|weather| !well.contains(weather)).count(), 1);
    }
}
