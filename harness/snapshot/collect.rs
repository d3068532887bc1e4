//! Builds a behaviour from the events of one run, in one pass and in bounded memory.

mod fold;
mod held;
mod installs;
mod leaks;
mod lives;
mod reads;
mod trails;

use self::fold::fold;
use self::leaks::{Answers, Told};
use self::lives::Starts;
use self::trails::{Spot, Trails};
use super::tries::Tries;
use super::{Behaviour, Calls, Operation, Place, Recent, Scope, Scoped, Sightings};
use crate::effect::{Effect, Kind, Phase, Program, Reply, Script};
use crate::provenance::{
    Dissected, Explainer, Expr, Leaf, Part, Piece, Source, Varying, Weight, dissect, last_step,
    learnt, segment,
};
use regex::Regex;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::LazyLock;

/// Explanations kept of one place; beyond it they are folded by shape (`many-values`).
const MAX_VALUES: usize = 48;
/// Operations of one scope; beyond it paths are folded to their host (`many-paths`).
const MAX_OPERATIONS: usize = 400;
/// Answers remembered as known.
const REPLIES: usize = 512;
/// Places of one operation; further ones share one.
const MAX_PLACES: usize = 2_000;

/// Feeds on the events of one run.
pub struct Collector {
    explainer: Explainer,
    behaviour: Behaviour,
    /// Scope of each tool and the calls made of it.
    tools: Vec<(Scope, u32)>,
    /// Index into `tools` and number within the tool.
    calls: Recent<(u32, u32)>,
    /// What plain values could be: place → sources that fitted in every call so far.
    plain: Plain,
    /// Times an operation was done in the call in progress.
    in_call: HashMap<(Scope, String), (u32, u32)>,
    address: Regex,
    /// Answers that were learnt from, and the generation of memory that knows them.
    replies: (u64, HashSet<Answer>),
    tries: Tries,
    trails: Trails,
    answers: Answers,
    starts: Starts,
    /// The script that the installation is at.
    script: Option<Script>,
}

/// Host, hash of the body, headers.
type Answer = (String, String, Vec<(String, String)>);

/// Sources by scope, operation and place.
type Plain = HashMap<(Scope, String, String), BTreeSet<Source>>;

/// Mail addresses. No top-level domain is a number (RFC 3696, section 2), but a version's last part
/// is. Compiled once: that takes milliseconds, and every run begins with it.
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z][A-Za-z0-9-]+")
        .expect("a constant pattern compiles")
});

impl Collector {
    pub fn new(explainer: Explainer) -> Self {
        Self {
            explainer,
            behaviour: Behaviour::default(),
            tools: Vec::new(),
            calls: Recent::default(),
            plain: HashMap::new(),
            in_call: HashMap::new(),
            address: ADDRESS.clone(),
            replies: Default::default(),
            tries: Tries::default(),
            trails: Trails::default(),
            answers: Answers::default(),
            starts: Starts::default(),
            script: None,
        }
    }

    /// A call begins.
    pub fn call(&mut self, tool: &str, arguments: &Value) {
        self.hold_tries();
        self.explainer.call(tool, arguments);
        let known = self
            .tools
            .iter()
            .position(|(scope, _)| scope.tool.as_deref() == Some(tool));
        let index = known.unwrap_or_else(|| {
            self.tools.push((Scope::tool(tool), 0));
            self.tools.len() - 1
        });
        let made = &mut self.tools[index].1;
        self.calls.push((index as u32, *made));
        *made += 1;
        self.behaviour
            .scopes
            .entry(Scope::tool(tool))
            .or_default()
            .calls += 1;
        self.in_call
            .retain(|(scope, _), _| scope.phase != Phase::Call);
    }

    /// The server's clock jumped to `now`, in Unix seconds.
    pub fn jump(&mut self, now: i64) {
        self.explainer.jump(now);
    }

    /// An effect was seen.
    pub fn effect(&mut self, effect: &Effect) {
        match &effect.kind {
            Kind::Program(program) => {
                let (start, given_up) = self.tries.see(effect, program);
                self.given_up(given_up);
                start.iter().for_each(|start| self.settled(start));
            }
            Kind::Life(life) => self.life(effect, life),
            _ => self.settled(effect),
        }
    }

    fn settled(&mut self, effect: &Effect) {
        if let Kind::Surface(surface) = &effect.kind {
            if self.behaviour.surface.revision.is_empty() {
                self.behaviour.surface = surface.clone();
            } else if self.behaviour.surface != *surface {
                self.behaviour.later = Some(surface.clone());
            }
            return self.listing_leaks(effect);
        }
        if let Kind::Script(script) = &effect.kind {
            // What the one before looked for in vain is its own.
            let given_up = self.tries.give_up();
            self.given_up(given_up);
            self.script = Some(script.clone());
        }
        if reads::is_of_start(effect) {
            return;
        }
        let Some(mut parts) = dissect(&effect.kind) else {
            return;
        };
        let own = self.is_own_folder(effect);
        if own {
            installs::fold_own_folder(&mut parts);
        }
        let (scope, call) = self.place_of(effect);
        let name = self.operation_name(&parts, &scope);
        let host = parts.host.as_deref().map(|host| self.destination(host));
        self.seen(&scope, &name, host, call, effect.seq);
        if let Kind::Program(Program {
            pid: pid @ 1..,
            missing: false,
            ..
        }) = effect.kind
        {
            self.started(pid, &scope, &name, call);
        }
        if own && let Some(operation) = self.operation(&scope, &name) {
            // How many files a package is built of is no deed.
            operation.most = 1;
        }
        let told = self.leaves(&parts, &scope, &name, call, effect.seq);
        let leaks = self.leaks(&effect.kind, &told);
        self.add(&scope, &name, leaks, call, effect.seq);
        let spot = Spot {
            scope,
            name,
            call,
            seq: effect.seq,
        };
        self.follow(&effect.kind, &parts, &told, &spot);
        self.answers.hear(&effect.kind);
        if let Some(host) = &parts.host
            && self.is_news(host, &effect.kind)
        {
            self.explainer.reply(host, learnt(&effect.kind));
        }
    }

    /// Counts an operation.
    fn seen(&mut self, scope: &Scope, name: &str, host: Option<String>, call: u32, seq: u64) {
        let scoped = self
            .behaviour
            .scopes
            .entry(scope.clone())
            .or_insert_with(|| Scoped {
                calls: 1,
                ..Scoped::default()
            });
        let operation = scoped
            .operations
            .entry(name.to_owned())
            .or_insert_with(|| Operation {
                calls: Calls::default(),
                most: 0,
                host,
                places: BTreeMap::new(),
                steady: true,
                first: seq,
            });
        operation.calls.add(call);
        let times = self
            .in_call
            .entry((scope.clone(), name.to_owned()))
            .or_insert((call, 0));
        if times.0 != call {
            *times = (call, 0);
        }
        times.1 += 1;
        operation.most = operation.most.max(times.1);
    }

    /// Whether an answer may teach anything: most were given before, in earlier calls.
    fn is_news(&mut self, host: &str, kind: &Kind) -> bool {
        let Kind::Http(http) = kind else { return true };
        let generation = self.explainer.generation();
        let (of, known) = &mut self.replies;
        if *of != generation || known.len() >= REPLIES {
            *of = generation;
            known.clear();
        }
        let Reply { body, headers, .. } = &http.reply;
        known.insert((host.to_owned(), body.sha256.clone(), headers.clone()))
    }

    /// Explains the values of an effect; what it told of.
    fn leaves(
        &mut self,
        parts: &Dissected,
        scope: &Scope,
        name: &str,
        call: u32,
        seq: u64,
    ) -> Told {
        // Lists repeat values: within one effect they have one explanation.
        let mut explained: HashMap<&str, Expr> = HashMap::new();
        let mut found: Vec<(Cow<str>, Expr)> = Vec::with_capacity(parts.leaves.len());
        let mut told = Told::default();
        for leaf in &parts.leaves {
            let place = self.named_place(leaf);
            let mut expr = match leaf.weight {
                Weight::Full | Weight::ConfidentialOnly | Weight::Label => explained
                    .entry(&leaf.value)
                    .or_insert_with(|| self.explainer.explain(&leaf.value))
                    .clone(),
                Weight::Plain => Expr::text(leaf.value.clone()),
            };
            if leaf.weight == Weight::Full
                && expr.is_constant()
                && let Some(source) = self.namesake(&place, &leaf.value)
            {
                expr = Expr::from(source);
            }
            let secret = expr.sources().into_iter().any(Source::is_confidential);
            told.note(&place, &leaf.value, &expr);
            if leaf.weight == Weight::ConfidentialOnly && !secret
                || leaf.weight == Weight::Label && expr.is_constant()
            {
                continue;
            }
            if is_plain(&leaf.value, leaf.weight) && expr.is_constant() {
                self.fit(scope, name, &place, &leaf.value);
            }
            let addresses = self.addresses(&leaf.value, &expr);
            found.push((place.clone(), expr));
            for (role, address) in addresses {
                found.push((Cow::Owned(format!("{role} in {place}")), address));
            }
        }
        self.add(scope, name, found, call, seq);
        told
    }

    /// Counts values of an operation by their places.
    fn add<P: AsRef<str>>(
        &mut self,
        scope: &Scope,
        name: &str,
        values: impl IntoIterator<Item = (P, Expr)>,
        call: u32,
        seq: u64,
    ) {
        let armed_by = self.armed_by(scope);
        if let Some(operation) = self.operation(scope, name) {
            for (place, expr) in values {
                let expr = match &armed_by {
                    Some(tool) => expr.of_earlier(tool),
                    None => expr,
                };
                add(operation, place.as_ref(), expr, call, seq);
            }
        }
    }

    /// The tool whose arguments turn up where nothing is asked any more: the last one's.
    fn armed_by(&self, scope: &Scope) -> Option<String> {
        let late = matches!(scope.phase, Phase::Idle | Phase::Exit);
        let last = self.calls.count().checked_sub(1).filter(|_| late)?;
        let (tool, _) = self.calls.get(last)?;
        self.tools[*tool as usize].0.tool.clone()
    }

    fn operation(&mut self, scope: &Scope, name: &str) -> Option<&mut Operation> {
        let scoped = self.behaviour.scopes.get_mut(scope)?;
        scoped.operations.get_mut(name)
    }

    /// Mail addresses inside a longer value, each explained on its own: a list of recipients is
    /// as many values as it has members. Where the value is more than a list, they are mentions.
    fn addresses(&self, value: &str, whole: &Expr) -> Vec<(&'static str, Expr)> {
        let explained = matches!(whole.0.as_slice(), [Part::From(_)]);
        if explained || value.len() > 16_384 || !value.contains('@') {
            return Vec::new();
        }
        let hits: Vec<&str> = self
            .address
            .find_iter(value)
            .map(|hit| hit.as_str())
            .filter(|hit| *hit != value)
            .collect();
        let rest = value.len() - hits.iter().map(|hit| hit.len()).sum::<usize>();
        // Room for a display name, angle brackets and a separator each (RFC 5322, section 3.4).
        let role = if rest <= 40 * hits.len() {
            "address"
        } else {
            "mention"
        };
        hits.into_iter()
            .map(|hit| (role, self.explainer.explain(hit)))
            .collect()
    }

    /// The argument of this call that goes by the place's own name and has its value: `fr` in
    /// `query.lang` where `lang` is `fr`. Too short to prove anything by itself, it is what such
    /// a place is for; under another name it stays text.
    fn namesake(&self, place: &str, value: &str) -> Option<Source> {
        if value.is_empty() || value.len() > NAMESAKE {
            return None;
        }
        let own = last_name(place);
        let named = |source: &Source| matches!(source, Source::Argument(path) if !own.is_empty() && last_name(path) == own);
        self.explainer.candidates(value).into_iter().find(named)
    }

    /// The place of a leaf; of a list's member, by the name that it has or that was given to it.
    fn named_place<'a>(&self, leaf: &'a Leaf) -> Cow<'a, str> {
        let Some(label) = &leaf.label else {
            return Cow::Borrowed(&leaf.place);
        };
        let list = leaf.place.trim_end_matches("[]");
        let given = self.explainer.candidates(label).into_iter().next();
        let label = match given {
            Some(source) => Expr::from(source).to_string(),
            None => self.name_piece(label),
        };
        // What follows the last bracket is the label.
        Cow::Owned(format!("{list}[{}]", label.replace(['[', ']'], "")))
    }

    fn fit(&mut self, scope: &Scope, name: &str, place: &str, value: &str) {
        let now: BTreeSet<Source> = self.explainer.candidates(value).into_iter().collect();
        let key = (scope.clone(), name.to_owned(), place.to_owned());
        self.plain
            .entry(key)
            .and_modify(|fits| fits.retain(|source| now.contains(source)))
            .or_insert(now);
    }

    /// The scope of an effect and the number of the call within it.
    fn place_of(&self, effect: &Effect) -> (Scope, u32) {
        match (
            effect.phase,
            effect.call.and_then(|call| self.calls.get(call)),
        ) {
            (Phase::Call, Some((tool, nth))) => (self.tools[*tool as usize].0.clone(), *nth),
            (Phase::Install, _) => match &self.script {
                Some(script) => (installs::scope(script), 0),
                None => (Scope::phase(Phase::Install), 0),
            },
            (phase, _) => (Scope::phase(phase), 0),
        }
    }

    fn operation_name(&self, parts: &Dissected, scope: &Scope) -> String {
        let mut name = String::new();
        let mut full = String::new();
        for (i, piece) in parts.operation.iter().enumerate() {
            match piece {
                Piece::Fixed(text) => full.push_str(text),
                Piece::Name(raw) => full.push_str(&self.name_piece(raw)),
                Piece::Path(path) => full.push_str(&self.read_path(path)),
                Piece::Url { scheme, host, path } => full.push_str(&self.url(scheme, host, path)),
                Piece::Domain(domain) => match self.explainer.led_to(domain) {
                    Some(lead) => full.push_str(&Expr::from(lead.source).to_string()),
                    None => {
                        let labels = domain.split('.').map(|label| self.name_piece(label));
                        full.push_str(&labels.collect::<Vec<_>>().join("."));
                    }
                },
            }
            if i == 0 {
                name.clone_from(&full);
                if let Some(Piece::Url { scheme, host, .. }) = parts.operation.get(1) {
                    name.push_str(&format!("{scheme}://{}", self.destination(host)));
                }
            }
        }
        let known = self.behaviour.scopes.get(scope);
        match known.and_then(|scoped| reads::crowded(scoped, &full, MAX_OPERATIONS)) {
            Some(folded) if folded.is_empty() => format!("{name}(many)"),
            Some(folded) => format!("{name}{folded}"),
            None => full,
        }
    }

    /// A URL that an argument gave is that argument; one that leads elsewhere on a host which an
    /// argument named has the argument for its host. A tool that fetches what it is told to does
    /// one thing, however many hosts it is sent to.
    fn url(&self, scheme: &str, host: &str, path: &str) -> String {
        let lead = self.explainer.led_to(host);
        let whole =
            |url: &url::Url| url.scheme() == scheme && url.path().trim_start_matches('/') == path;
        let base = match lead {
            Some(lead) if lead.url.as_ref().is_some_and(whole) => {
                return Expr::from(lead.source).to_string();
            }
            Some(lead) => Expr::from(lead.source).to_string(),
            None => host.to_owned(),
        };
        let segments = path.split('/').map(|segment| self.name_piece(segment));
        format!(
            "{scheme}://{base}/{}",
            segments.collect::<Vec<_>>().join("/")
        )
    }

    /// The destination as behaviours know it: the argument that named it, or itself.
    fn destination(&self, host: &str) -> String {
        match self.explainer.led_to(host) {
            Some(lead) => Expr::from(lead.source).to_string(),
            None => host.to_owned(),
        }
    }

    /// A path segment or label that holds a value becomes its source; ordinary words stay.
    fn name_piece(&self, raw: &str) -> String {
        let text = segment(raw);
        let expr = self.explainer.explain(&text);
        let telling = expr.0.iter().any(|part| match part {
            Part::From(Source::Setting(_)) => text.bytes().any(|b| b.is_ascii_digit()),
            Part::Text(_) => false,
            _ => true,
        });
        if telling {
            expr.to_string()
        } else if looks_made_up(&text) {
            Expr(vec![Part::Varying(Varying::of(&text))]).to_string()
        } else {
            raw.chars().take(256).collect()
        }
    }

    /// The behaviour, with plain values resolved: a value that varied and in every call was
    /// equal to the same input is that input.
    pub fn finish(mut self) -> Behaviour {
        let given_up = self.tries.give_up();
        self.given_up(given_up);
        self.read_rest();
        resolved(self.behaviour, &self.plain)
    }

    /// The behaviour up to now, as if the run ended here.
    pub fn so_far(&mut self) -> Behaviour {
        let given_up = self.tries.give_up();
        self.given_up(given_up);
        self.read_rest();
        resolved(self.behaviour.clone(), &self.plain)
    }
}

/// Counts one value of one place of an operation.
fn add(operation: &mut Operation, place: &str, expr: Expr, call: u32, seq: u64) {
    let crowded = operation.places.len() >= MAX_PLACES && !operation.places.contains_key(place);
    let place = if crowded { "(further places)" } else { place };
    // Most places are known: their names are copied once.
    if !operation.places.contains_key(place) {
        let fresh = Place {
            steady: true,
            ..Place::default()
        };
        operation.places.insert(place.to_owned(), fresh);
    }
    let Some(place) = operation.places.get_mut(place) else {
        return;
    };
    place.calls.add(call);
    if let Some(seen) = place.values.get_mut(&expr) {
        seen.calls.add(call);
        return;
    }
    let full = place.values.len() >= MAX_VALUES;
    let expr = if full { fold(place, expr) } else { expr };
    let unseen = || Sightings {
        calls: Calls::default(),
        first: seq,
    };
    place
        .values
        .entry(expr)
        .or_insert_with(unseen)
        .calls
        .add(call);
}

fn resolved(mut behaviour: Behaviour, plain: &Plain) -> Behaviour {
    for ((scope, name, place), fits) in plain {
        let Some(source) = fits.iter().next() else {
            continue;
        };
        let Some(place) = behaviour
            .scopes
            .get_mut(scope)
            .and_then(|scoped| scoped.operations.get_mut(name))
            .and_then(|operation| operation.places.get_mut(place))
        else {
            continue;
        };
        let constants = place
            .values
            .keys()
            .filter(|expr| expr.is_constant())
            .count();
        if constants > 1 && constants == place.values.len() {
            let first = place
                .values
                .values()
                .map(|s| s.first)
                .min()
                .unwrap_or_default();
            let calls = place.calls.clone();
            place.values =
                BTreeMap::from([(Expr::from(source.clone()), Sightings { calls, first })]);
        }
    }
    behaviour
}

/// Longest value that an argument's name may explain; a longer one is told by its text.
const NAMESAKE: usize = 16;

/// The last name of a path, as letters and digits in lower case: `body.filter[].perPage` and
/// `per_page` are the same.
fn last_name(path: &str) -> String {
    let plain = last_step(path).chars().filter(|c| c.is_alphanumeric());
    plain.flat_map(char::to_lowercase).collect()
}

/// Short values prove nothing by turning up: `5`, `true`, `high`.
fn is_plain(value: &str, weight: Weight) -> bool {
    weight == Weight::Plain || value.len() < 12
}

/// An identifier made by a machine: a UUID, a long hash, a long number.
fn looks_made_up(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let hex = text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    (text.len() >= 16 && hex && digits >= 4) || (text.len() >= 9 && digits == text.len())
}
