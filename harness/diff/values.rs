//! What one value that the old version did not put in this place means.

use super::change::{Rule, Weight};
use super::known::Known;
use super::place::{Role, role};
use super::wording::instructing;
use crate::provenance::{Coding, Expr, Part, REMOVED, Source, is_invisible};

/// A judgement on one value: the rule it falls under and why.
pub struct Reading {
    pub rule: Rule,
    pub weight: Weight,
    /// What is said of it after the place's name.
    pub says: String,
}

/// Where the value stands.
pub struct Spot<'a> {
    pub known: &'a Known<'a>,
    pub host: Option<&'a str>,
    pub place: &'a str,
    /// What the old version put there in the same calls; empty for a place that is new.
    pub was: &'a [&'a Expr],
    /// Whether the old version had this operation.
    pub operation_known: bool,
    /// Sources that left another place of the same operation: a value that moved.
    pub moved: &'a [Source],
    /// Whether an argument of this path existed in the old version.
    pub had_argument: &'a dyn Fn(&str) -> bool,
    /// The result of a tool is told to the model, not to a host.
    pub is_result: bool,
    /// What a file holds goes to nobody.
    pub is_file: bool,
}

/// Reads a value. Every value has a reading; the least is that it is another value.
pub fn read(value: &Expr, spot: &Spot) -> Reading {
    // What was taken out of a file went nowhere.
    if spot.is_file && spot.place.starts_with(REMOVED) {
        return plain(value, spot);
    }
    confidential(value, spot)
        .or_else(|| told_to_model(value, spot))
        .or_else(|| address(value, spot))
        .or_else(|| crossed(value, spot))
        .or_else(|| replaced(value, spot))
        .or_else(|| link(value, spot))
        .or_else(|| reached(value, spot))
        .unwrap_or_else(|| plain(value, spot))
}

fn reading(rule: Rule, weight: Weight, says: impl Into<String>) -> Option<Reading> {
    Some(Reading {
        rule,
        weight,
        says: says.into(),
    })
}

/// Secrets and canaries in places they were not in.
fn confidential(value: &Expr, spot: &Spot) -> Option<Reading> {
    let before: Vec<&Source> = spot.was.iter().flat_map(|expr| expr.sources()).collect();
    let fresh = |source: &&Source| !before.contains(source) && !spot.moved.contains(source);
    let source = value
        .sources()
        .into_iter()
        .filter(|s| s.is_confidential())
        .find(fresh)?;
    match source {
        Source::Canary(name) => {
            let rule = if spot.is_result {
                Rule::SecretInResult
            } else {
                Rule::CanaryLeak
            };
            reading(
                rule,
                Weight::Ordinary,
                format!(
                    "carries `{name}`{}, which the server was never given",
                    way(value, source)
                ),
            )
        }
        Source::Secret(name) if spot.is_result => reading(
            Rule::SecretInResult,
            Weight::Ordinary,
            format!("shows the secret `{name}`{}", way(value, source)),
        ),
        Source::Secret(name) => {
            let host = spot.host.unwrap_or("a new place");
            let told = spot
                .host
                .is_some_and(|host| spot.known.was_told(host, source));
            // A request of a new kind to the secret's own upstream has to authenticate as well, in a
            // place for it, or where the others do.
            let usual = || {
                spot.host
                    .is_some_and(|host| spot.known.was_told_at(host, spot.place, source))
            };
            if told && !spot.operation_known && (role(spot.place) == Role::Credential || usual()) {
                return None;
            }
            reading(
                Rule::SecretLeak,
                Weight::Ordinary,
                format!(
                    "carries the secret `{name}`{} to {host}",
                    way(value, source)
                ),
            )
        }
        _ => None,
    }
}

/// How a source is written in a value, the outermost coding first: ` (base64, reversed)`. Nothing
/// where it stands as it is.
fn way(value: &Expr, source: &Source) -> String {
    fn codings(expr: &Expr, source: &Source) -> Option<Vec<&'static str>> {
        expr.0.iter().find_map(|part| match part {
            Part::From(from) => (from == source).then(Vec::new),
            Part::Coded(coding, inner) => {
                let mut rest = codings(inner, source)?;
                rest.insert(0, coding.name());
                Some(rest)
            }
            _ => None,
        })
    }
    match codings(value, source).unwrap_or_default() {
        codings if codings.is_empty() => String::new(),
        codings => format!(" ({})", codings.join(", ")),
    }
}

/// What a result tells the model: orders, and links that carry data or lead somewhere new.
fn told_to_model(value: &Expr, spot: &Spot) -> Option<Reading> {
    if !spot.is_result {
        return None;
    }
    let now = value.unexplained();
    let was: Vec<String> = spot.was.iter().map(|expr| expr.unexplained()).collect();
    if let Some(order) = instructing(&was.join("\n"), &now) {
        let says = format!("gives orders (\u{201c}{order}\u{201d}): {}", shown(value));
        return reading(Rule::InstructingText, Weight::Ordinary, says);
    }
    let before: Vec<String> = was
        .iter()
        .flat_map(|text| spot.known.strange_hosts(text))
        .collect();
    let host = spot
        .known
        .strange_hosts(&now)
        .into_iter()
        .find(|host| !before.contains(host))?;
    reading(
        Rule::ResultChanged,
        Weight::Grave,
        format!("links to `{host}`: {}", shown(value)),
    )
}

/// Addresses that nothing explains.
fn address(value: &Expr, spot: &Spot) -> Option<Reading> {
    let role = role(spot.place);
    if spot.is_result
        || matches!(role, Role::Identifier | Role::Agent)
        || spot.place.starts_with("mention in")
    {
        return None;
    }
    // A queue of mail may lie in a file that was written before; of another file it is told that
    // it was written.
    if spot.is_file && !(spot.operation_known && value.is_constant()) {
        return None;
    }
    let text = value.unexplained();
    let is_address = spot.place.starts_with("address in")
        || looks_like_address(&value.outline())
        || (spot.place == "envelope to" && !text.trim().is_empty());
    let strange = text.contains('@') || spot.place == "envelope to";
    if !is_address || !strange || value.has_varying() {
        return None;
    }
    let says = format!(
        "goes to {}, which nothing the server was given explains",
        shown(value)
    );
    match role {
        Role::Redirect => reading(Rule::RedirectField, Weight::Ordinary, says),
        _ => reading(Rule::HiddenRecipient, Weight::Ordinary, says),
    }
}

/// What an earlier call was given decides where something of this one goes.
fn crossed(value: &Expr, spot: &Spot) -> Option<Reading> {
    let decides = matches!(role(spot.place), Role::Recipient | Role::Redirect)
        || spot.place.starts_with("address in");
    if spot.is_result || spot.is_file || !decides || spot.place.starts_with("mention in") {
        return None;
    }
    let before: Vec<&Source> = spot.was.iter().flat_map(|expr| expr.sources()).collect();
    let source = value.sources().into_iter().find(|source| {
        matches!(source, Source::Earlier(..))
            && !before.contains(source)
            && !spot.moved.contains(source)
    })?;
    reading(
        Rule::ArgumentLeak,
        Weight::Ordinary,
        format!("goes to {source}, which an earlier call was given and this one was not"),
    )
}

/// A value that was given and no longer is, or no longer is all there is.
fn replaced(value: &Expr, spot: &Spot) -> Option<Reading> {
    if spot.is_result || spot.was.is_empty() {
        return None;
    }
    let now = value.sources();
    let before: Vec<&Source> = spot.was.iter().flat_map(|expr| expr.sources()).collect();
    let lost = before
        .iter()
        .find(|source| !now.contains(source) && !matches!(source, Source::Upstream(..)));
    let place_role = role(spot.place);
    if let Some(lost) = lost {
        let unexplained = !value.unexplained().trim().is_empty();
        return match lost {
            Source::Secret(name) => reading(
                Rule::CredentialsSwapped,
                Weight::Ordinary,
                format!("held the secret `{name}`, now {}", shown(value)),
            ),
            _ if place_role == Role::Redirect && unexplained && !spot.is_file => reading(
                Rule::RedirectField,
                Weight::Ordinary,
                format!("held {lost}, now {}", shown(value)),
            ),
            _ => reading(
                Rule::AlteredValue,
                Weight::Ordinary,
                format!("held {lost}, now {}", shown(value)),
            ),
        };
    }
    let whole = |expr: &Expr| {
        expr.0
            .iter()
            .any(|part| matches!(part, Part::From(Source::Argument(_))))
    };
    let partial = |expr: &Expr| {
        expr.0
            .iter()
            .any(|part| matches!(part, Part::Coded(Coding::Part, _)))
    };
    if spot.was.iter().any(|expr| whole(expr) && !partial(expr)) && partial(value) && !whole(value)
    {
        return reading(
            Rule::AlteredValue,
            Weight::Ordinary,
            format!(
                "held an argument as it was given, now altered: {}",
                shown(value)
            ),
        );
    }
    let added = value.unexplained();
    let given = spot
        .was
        .iter()
        .any(|expr| expr.0.len() == 1 && !expr.is_constant());
    let telling =
        added.contains('<') || !spot.known.strange_hosts(&added).is_empty() || added.contains('@');
    if given && telling {
        return reading(
            Rule::AlteredValue,
            Weight::Ordinary,
            format!(
                "held what was given, now with something added: {}",
                shown(value)
            ),
        );
    }
    None
}

/// A link that nothing explains, to a host that was never named.
fn link(value: &Expr, spot: &Spot) -> Option<Reading> {
    let place_role = role(spot.place);
    if spot.is_result || place_role == Role::Agent || spot.place.starts_with("argv") {
        return None;
    }
    let text = value.unexplained();
    let known = spot
        .was
        .iter()
        .flat_map(|expr| spot.known.strange_hosts(&expr.unexplained()))
        .collect::<Vec<_>>();
    let host = spot
        .known
        .strange_hosts(&text)
        .into_iter()
        .find(|host| !known.contains(host))?;
    reading(
        Rule::RedirectField,
        Weight::Ordinary,
        format!("names the host `{host}`: {}", shown(value)),
    )
}

/// Arguments and settings in places they did not reach.
fn reached(value: &Expr, spot: &Spot) -> Option<Reading> {
    if spot.is_result {
        return None;
    }
    let before: Vec<&Source> = spot.was.iter().flat_map(|expr| expr.sources()).collect();
    let fresh = |source: &&Source| !before.contains(source) && !spot.moved.contains(source);
    let disguised = disguised(value);
    let aside = spot.place.starts_with("header ") || spot.place.starts_with("query.");
    if let Some(source) = value.sources().into_iter().find(|source| {
        let hidden = disguised.contains(source) || role(spot.place) == Role::Agent;
        matches!(source, Source::Setting(_)) && fresh(source) && hidden
    }) {
        return reading(
            Rule::ArgumentLeak,
            Weight::Ordinary,
            format!("carries {source} in disguise: {}", shown(value)),
        );
    }
    let source = value
        .sources()
        .into_iter()
        .filter(fresh)
        .find(|source| match source {
            Source::Argument(path) => (spot.had_argument)(path),
            Source::Earlier(..) => true,
            _ => false,
        })?;
    let host = spot.host?;
    if !spot.known.was_told(host, source) {
        return spot.known.host(host).then_some(Reading {
            rule: Rule::ArgumentLeak,
            weight: Weight::Ordinary,
            says: format!("carries {source} to {host}, which was never told it"),
        });
    }
    // In the body of the same request it is one more field; beside it, or coded, it is a way
    // for data to leave unseen.
    if spot.operation_known && (aside || disguised.contains(&source)) {
        return reading(
            Rule::ArgumentLeak,
            Weight::Ordinary,
            format!("carries {source}, which stood elsewhere in this request and still does"),
        );
    }
    None
}

/// Sources that are written in a coding which no protocol asks for.
fn disguised(value: &Expr) -> Vec<&Source> {
    value
        .0
        .iter()
        .filter_map(|part| match part {
            Part::Coded(coding, inner) if coding.disguises() => Some(inner.sources()),
            _ => None,
        })
        .flatten()
        .collect()
}

/// Another value, and no more.
fn plain(value: &Expr, spot: &Spot) -> Reading {
    let says = match spot.was {
        [] => format!("is {}", shown(value)),
        [was, ..] => format!("was {}, now {}", shown(was), shown(value)),
    };
    let invisible = value.unexplained().chars().any(is_invisible)
        && !spot
            .was
            .iter()
            .any(|expr| expr.unexplained().chars().any(is_invisible));
    if invisible {
        return Reading {
            rule: Rule::InvisibleUnicode,
            weight: Weight::Ordinary,
            says,
        };
    }
    let rule = match (spot.is_result, spot.was.is_empty()) {
        (true, _) => Rule::ResultChanged,
        (false, true) => Rule::NewField,
        (false, false) => Rule::ChangedValue,
    };
    let names_itself = role(spot.place) == Role::Agent || spot.place.ends_with("ersion");
    let trivial = names_itself && spot.was.iter().any(|was| only_version_moved(was, value));
    Reading {
        rule,
        weight: if trivial {
            Weight::Trivial
        } else {
            Weight::Ordinary
        },
        says,
    }
}

/// Whether two values differ in version numbers and nothing else.
pub fn only_version_moved(a: &Expr, b: &Expr) -> bool {
    let without = |expr: &Expr| {
        let text = expr.to_string();
        let mut out = String::new();
        let mut version = false;
        for token in text
            .split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+')))
        {
            let word = token.trim_end_matches(|c: char| {
                !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+'))
            });
            let bare = word.strip_prefix('v').unwrap_or(word);
            if is_version(bare) {
                version = true;
                out.push('#');
                out.push_str(&token[word.len()..]);
            } else {
                out.push_str(token);
            }
        }
        version.then_some(out)
    };
    let (a, b) = (without(a), without(b));
    a.is_some() && a == b
}

/// Semantic Versioning 2.0.0 with the usual pre-release words, so that neither an IPv4 address nor
/// data in a version's clothes passes for one.
fn is_version(text: &str) -> bool {
    let number = |n: &str| (1..=6).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit());
    let (core, rest) = text.split_once('-').unwrap_or((text, ""));
    let core: Vec<&str> = core.split('.').collect();
    let words = [
        "alpha", "beta", "rc", "next", "dev", "pre", "canary", "post",
    ];
    (2..=3).contains(&core.len())
        && core.iter().all(|n| number(n))
        && (rest.is_empty()
            || rest
                .split('.')
                .all(|part| number(part) || words.contains(&part)))
}

fn looks_like_address(text: &str) -> bool {
    let text = text.trim().trim_matches(|c| "<>,;\"'".contains(c));
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    !local.contains(char::is_whitespace)
        && !domain.contains(char::is_whitespace)
        && !domain.contains('/')
        && (domain.contains('.') || local.is_empty())
        && !text.contains("://")
}

/// A value, short enough for a line.
pub fn shown(value: &Expr) -> String {
    shortened(&value.to_string())
}

pub fn shortened(text: &str) -> String {
    const MOST: usize = 160;
    let mut chars = text.chars();
    let head: String = chars.by_ref().take(MOST).collect();
    if chars.next().is_some() {
        format!("`{head}…`")
    } else {
        format!("`{head}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_numbers_are_told_from_other_numbers() {
        let moved = |a: &str, b: &str| only_version_moved(&Expr::text(a), &Expr::text(b));
        assert!(moved("axios/1.7.2", "axios/1.8.0"));
        assert!(moved("Postmark.JS - 4.0.5", "Postmark.JS - 4.0.7-beta.1"));
        assert!(!moved("axios/1.7.2", "undici"));
        assert!(!moved("192.0.2.1 spy", "192.0.2.1 friend"));
        assert!(!moved("same", "same"));
    }

    #[test]
    fn addresses_are_told_from_other_text() {
        assert!(
            looks_like_address("spy@elsewhere.example") && looks_like_address("@elsewhere.example")
        );
        assert!(
            !looks_like_address("see you @ noon") && !looks_like_address("https://a@b.example/")
        );
    }
}
