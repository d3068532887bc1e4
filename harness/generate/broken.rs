//! Arguments that are wrong in one known way: a valid case in which one keyword is broken.

use super::{
    Generator, Hints, budget,
    choice::Choices,
    outright::Outright,
    place::Place,
    schema::Segment,
    sites::{Site, Spot, sites, spots},
    walk::Walk,
};
use serde_json::{Value, json};

/// Arguments that a server should refuse, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Invalid {
    /// Always an object.
    pub arguments: Value,
    /// The one thing that is wrong with it, which the validator was heard to say.
    pub breaks: Breaks,
    /// The decisions that made the arguments: [`Generator::replay_invalid`] makes them again.
    pub choices: Vec<u64>,
}

/// A keyword that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breaks {
    /// Such as `maxLength`.
    pub keyword: String,
    /// Where it stands, as a JSON pointer along the way that a validator takes: through `$ref` and on.
    pub schema: String,
    /// Where in the arguments it is broken, as a JSON pointer.
    pub at: String,
}

impl Generator {
    /// The `nth` call that a server should refuse: a case of [`Generator::case`] with one keyword of
    /// the schema broken, and no other. Which one changes with the number. `None` when nothing was
    /// found that breaks alone.
    pub fn invalid(&self, nth: u32) -> Option<Invalid> {
        // Where little is given there may be nothing to break: then in the case that gives everything.
        [nth, 1].into_iter().find_map(|base| {
            let (case, repairs) = self.repaired(base);
            let choices = || Choices::seeded(self.seed, &self.tool, base, &repairs);
            (0..budget::BREAKS)
                .filter(|_| case.valid)
                .find_map(|round| {
                    let (made, breaks) = self.broken(choices(), nth, round)?;
                    let alone = |breaks: &Breaks| made.0.is_object() && self.alone(&made.0, breaks);
                    Some(Invalid {
                        breaks: Some(breaks).filter(alone)?,
                        arguments: made.0,
                        choices: made.1,
                    })
                })
        })
    }

    /// The arguments that an [`Invalid`]'s choices stand for. As with [`Generator::replay`], any
    /// sequence is one; what it makes may well be valid.
    pub fn replay_invalid(&self, choices: &[u64]) -> Value {
        let made = self.broken(Choices::replay(choices), 0, 0);
        made.map_or_else(|| self.replay(choices), |(made, _)| made.0)
    }

    /// A walk, and after it another one for a part of what it made.
    fn broken(
        &self,
        choices: Choices<'_>,
        nth: u32,
        round: usize,
    ) -> Option<((Value, Vec<u64>), Breaks)> {
        let (mut arguments, mut choices) = self.walk_on(choices);
        let spots = spots(&self.schema, &arguments);
        let sites = sites(&spots);
        let wish = u64::from(nth) + (round / 2) as u64;
        let index = choices.told(wish, sites.len() as u64) as usize;
        choices.afresh(round);
        let site = sites.get(index)?;
        let doc = self.without(&spots[site.spot], site)?;
        let at = &spots[site.spot].at;
        // What a user says may stand there is not what should.
        let none = Hints::default();
        let (value, choices) = Walk::part(self.ground(&none), &doc, &place(at), at.len(), choices);
        *arguments.pointer_mut(&pointer(at))? = value;
        let way = &spots[site.spot].together[site.holding].way;
        let breaks = Breaks {
            keyword: site.keyword.to_owned(),
            schema: format!("{way}/{}", site.keyword),
            at: pointer(at),
        };
        Some(((arguments, choices.record().0), breaks))
    }

    /// What holds at a spot, but with the keyword of `site` broken.
    fn without(&self, spot: &Spot<'_>, site: &Site<'_>) -> Option<Value> {
        let mut writer = Outright::new(&self.schema.root);
        let above = ["$ref", "$dynamicRef", "$recursiveRef", "allOf"];
        let mut all = Vec::new();
        for (index, holding) in spot.together.iter().enumerate() {
            let mut but = above.to_vec();
            if index == site.holding {
                but.push(site.keyword);
                but.extend_from_slice(hangs_on(site.keyword));
            }
            all.push(writer.holds_but(holding.map, &but, 0));
        }
        let map = spot.together[site.holding].map;
        let ways = writer.breaking(map, site.keyword, 0);
        if ways.is_empty() {
            return None;
        }
        all.push(json!({ "anyOf": ways }));
        Some(writer.finish(json!({ "allOf": all })))
    }

    /// Whether the validator finds that wrong, and nothing else.
    fn alone(&self, arguments: &Value, breaks: &Breaks) -> bool {
        let node = breaks.schema.strip_suffix(&breaks.keyword).unwrap_or("");
        let mut names = vec![breaks.keyword.as_str()];
        names.extend(hangs_on(&breaks.keyword));
        let found = self.schema.wrongs(arguments);
        let expected = |(at, way): &(String, String)| {
            let here = at.strip_prefix(&breaks.at);
            let word = way
                .strip_prefix(node)
                .and_then(|rest| rest.split('/').next());
            here.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                && word.is_some_and(|word| names.contains(&word))
        };
        !found.is_empty() && found.iter().all(expected)
    }
}

/// Keywords that mean nothing without `keyword`, and that a validator may name in its place.
fn hangs_on(keyword: &str) -> &'static [&'static str] {
    match keyword {
        "if" => &["then", "else"],
        "contains" => &["minContains", "maxContains"],
        _ => &[],
    }
}

fn place(at: &[Segment]) -> Place {
    at.iter()
        .fold(Place::default(), |at, segment| match segment {
            Segment::Property(name) => at.property(name),
            Segment::Index(index) => at.item(*index),
        })
}

fn pointer(at: &[Segment]) -> String {
    at.iter().fold(String::new(), |at, segment| match segment {
        Segment::Property(name) => format!("{at}/{}", super::parts::escape(name)),
        Segment::Index(index) => format!("{at}/{index}"),
    })
}
