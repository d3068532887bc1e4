//! Holds a parsed document against the grammar. Everything that a look at one value or one
//! table can tell is checked here; what needs files or two places is left to `build`.

use super::grammar::{Key, Need, Node, Table};
use super::load::Known;
use super::nearest::{either, list, nearest, suggest};
use super::problem::Problems;
use super::text::{Text, quote};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeInteger, DeString, DeTable, DeValue};

/// Reports whatever in the document does not fit `root`.
pub fn check(
    root: &'static Table,
    document: &Spanned<DeTable<'_>>,
    known: &Known<'_>,
    problems: &mut Problems<'_>,
) {
    let mut checker = Checker {
        root,
        known,
        problems,
    };
    checker.table(root, document.get_ref(), document.span());
}

/// The value of a TOML integer where 64 bits without a sign hold it.
pub fn whole(integer: &DeInteger<'_>) -> Option<u64> {
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

struct Checker<'a, 'p> {
    root: &'static Table,
    known: &'a Known<'a>,
    problems: &'a mut Problems<'p>,
}

impl Checker<'_, '_> {
    fn table(&mut self, grammar: &'static Table, table: &DeTable<'_>, span: Range<usize>) {
        // Keys that unknown ones stand for: they are not missing as well.
        let mut meant = Vec::new();
        for (key, value) in table {
            match grammar.key(key.get_ref()) {
                Some(known) => self.key(grammar, known, table, key.span(), value),
                None => meant.extend(self.unknown(grammar, key)),
            }
        }
        for key in grammar.keys {
            let there = table.contains_key(key.name) || meant.contains(&key.name);
            if matches!(key.need, Need::Required) && !there {
                let message = format!("`{}` is missing from {}", key.name, grammar.title);
                self.problems
                    .add(span.clone(), message, hint_for_missing(key));
            }
        }
        if !grammar.one_of.iter().any(|key| meant.contains(key)) {
            self.one_of(grammar, table, &span);
        }
    }

    fn key(
        &mut self,
        grammar: &Table,
        key: &'static Key,
        table: &DeTable<'_>,
        at: Range<usize>,
        value: &Spanned<DeValue<'_>>,
    ) {
        match key.need {
            Need::With(other, wanted) => {
                let found = table.get(other).and_then(|value| value.get_ref().as_str());
                if found != Some(wanted) {
                    let message = format!(
                        "`{}` in {} goes with `{other} = \"{wanted}\"` only",
                        key.name, grammar.title
                    );
                    self.problems.add(at, message, None);
                }
            }
            Need::Optional | Need::Required => {}
        }
        self.node(&key.node, key.name, value);
    }

    /// Reports a key and returns those that it may stand for.
    fn unknown(
        &mut self,
        grammar: &'static Table,
        key: &Spanned<DeString<'_>>,
    ) -> Vec<&'static str> {
        let name = key.get_ref().as_ref();
        let valid = grammar.keys.iter().map(|key| key.name);
        let stranger = grammar.strangers.iter().find(|(known, _)| *known == name);
        let near = nearest(name, valid.clone());
        let owners = self.root.owners(name);
        let hint = if let Some((_, instead)) = stranger {
            Some((*instead).to_owned())
        } else if let Some(near) = near {
            Some(format!("did you mean `{near}`?"))
        } else if let [owner, ..] = owners.as_slice() {
            Some(format!("`{name}` belongs to {owner}"))
        } else {
            list(valid.clone()).map(|all| format!("valid here: {all}"))
        };
        let message = format!("unknown key {} in {}", quote(name), grammar.title);
        self.problems.add(key.span(), message, hint);
        match stranger {
            Some(_) => valid.collect(),
            None => near.into_iter().collect(),
        }
    }

    fn one_of(&mut self, grammar: &Table, table: &DeTable<'_>, span: &Range<usize>) {
        let mut found: Vec<_> = table
            .iter()
            .filter(|(key, _)| grammar.one_of.contains(&key.get_ref().as_ref()))
            .map(|(key, _)| key)
            .collect();
        found.sort_by_key(|key| key.span().start);
        let all = either(grammar.one_of.iter().copied()).unwrap_or_default();
        if let [first, second, ..] = found.as_slice() {
            let (first, second_name) = (first.get_ref(), second.get_ref());
            let message = format!("`{second_name}` cannot stand beside `{first}`");
            let hint = format!("{} takes one of {all}", grammar.title);
            self.problems.add(second.span(), message, Some(hint));
        } else if found.is_empty() && !grammar.one_of.is_empty() {
            let message = format!("{} needs one of {all}", grammar.title);
            self.problems.add(span.clone(), message, None);
        }
    }

    fn node(&mut self, node: &'static Node, name: &str, value: &Spanned<DeValue<'_>>) {
        let span = value.span();
        match (node, value.get_ref()) {
            (Node::Text(text), DeValue::String(word)) => self.text(*text, word, span),
            (Node::Choice(choices), DeValue::String(word)) => {
                if !choices.contains(&word.as_ref()) {
                    let message = format!("unknown value {} for `{name}`", quote(word));
                    let hint = suggest(word, choices.iter().copied());
                    self.problems.add(span, message, hint);
                }
            }
            (Node::Whole { min, max }, DeValue::Integer(number)) => {
                if !whole(number).is_some_and(|number| (*min..=*max).contains(&number)) {
                    self.range(name, &min.to_string(), &max.to_string(), span);
                }
            }
            (Node::Number { min, max }, value @ (DeValue::Integer(_) | DeValue::Float(_))) => {
                if !number(value).is_some_and(|number| (*min..=*max).contains(&number)) {
                    self.range(name, &min.to_string(), &max.to_string(), span);
                }
            }
            (Node::Mode, DeValue::Integer(number)) => self.mode(name, number, span),
            (Node::Flag, DeValue::Boolean(_)) => {}
            (Node::Json, value) => self.json(value, span),
            (Node::List(least, each), DeValue::Array(items)) => {
                if items.len() < *least {
                    let message = format!("`{name}` is an empty list");
                    let hint = "leave the key out instead".to_owned();
                    self.problems.add(span, message, Some(hint));
                }
                for item in items {
                    self.node(each, name, item);
                }
            }
            (Node::Table(grammar), DeValue::Table(table)) => self.table(grammar, table, span),
            (Node::Map(keys, each), DeValue::Table(table)) => {
                for (key, value) in table {
                    self.text(*keys, key.get_ref(), key.span());
                    self.node(each, key.get_ref(), value);
                }
            }
            (Node::Tree, DeValue::Table(table)) => self.tree(table),
            (Node::Either(nodes), value_here) => {
                match nodes.iter().find(|node| node.takes(value_here)) {
                    Some(node) => self.node(node, name, value),
                    None => self.kind(node, name, value),
                }
            }
            _ => self.kind(node, name, value),
        }
    }

    fn text(&mut self, text: Text, word: &str, span: Range<usize>) {
        if let Err(fault) = text.check(word, self.known) {
            self.problems.add(span, fault.message, fault.hint);
        }
    }

    /// Hints by argument: lists are leaves, tables lead on to arguments inside arguments.
    fn tree(&mut self, table: &DeTable<'_>) {
        for (key, value) in table {
            match value.get_ref() {
                DeValue::Table(inner) => self.tree(inner),
                _ => self.node(&Node::List(1, &Node::Json), key.get_ref(), value),
            }
        }
    }

    fn json(&mut self, value: &DeValue<'_>, span: Range<usize>) {
        match value {
            DeValue::Integer(number) if super::build::json_integer(number).is_none() => {
                let message = "this number does not fit into 64 bits";
                let hint = "write it as a string if the tool takes one";
                self.problems.add(span, message, Some(hint.to_owned()));
            }
            DeValue::Float(_) if number(value).is_none() => {
                let message = "JSON has no such number";
                let hint = "arguments travel as JSON: use a finite number";
                self.problems.add(span, message, Some(hint.to_owned()));
            }
            DeValue::Array(items) => {
                for item in items {
                    self.json(item.get_ref(), item.span());
                }
            }
            DeValue::Table(table) => {
                for (_, value) in table {
                    self.json(value.get_ref(), value.span());
                }
            }
            _ => {}
        }
    }

    fn mode(&mut self, name: &str, number: &DeInteger<'_>, span: Range<usize>) {
        let digits = number.as_str();
        if number.radix() != 8 {
            let message = format!("`{name}` must be written in octal");
            let hint = (number.radix() == 10 && digits.bytes().all(|digit| digit < b'8'))
                .then(|| format!("write `{name} = 0o{digits}`"));
            self.problems.add(span, message, hint);
        } else if whole(number).is_none_or(|mode| mode > 0o777) {
            self.range(name, "0o0", "0o777", span);
        }
    }

    fn range(&mut self, name: &str, min: &str, max: &str, span: Range<usize>) {
        let message = format!("`{name}` must be from {min} to {max}");
        self.problems.add(span, message, None);
    }

    fn kind(&mut self, wanted: &Node, name: &str, value: &Spanned<DeValue<'_>>) {
        let found = kind_name(value.get_ref());
        let message = format!(
            "{} must be {}, not {found}",
            quote(name),
            wanted.kind_name()
        );
        let source = self.problems.source(value.span());
        let short = source.len() <= 40 && !source.contains('\n');
        let hint = match (wanted.plain(), value.get_ref()) {
            (
                Node::Text(_) | Node::Choice(_),
                DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_),
            ) if short => Some(format!("write it in quotes: `\"{source}\"`")),
            (Node::Whole { .. } | Node::Number { .. } | Node::Flag, DeValue::String(text))
                if wanted.plain().reads(text) =>
            {
                Some(format!("write it without quotes: `{text}`"))
            }
            (Node::List(_, Node::Table(table)), DeValue::Table(_))
                if table.title.starts_with("[[") =>
            {
                Some(format!(
                    "write the header with two brackets: `{}`",
                    table.title
                ))
            }
            (Node::List(_, each), value) if short && each.takes(value) => {
                Some(format!("write it in brackets: `[{source}]`"))
            }
            _ => None,
        };
        self.problems.add(value.span(), message, hint);
    }
}

fn hint_for_missing(key: &Key) -> Option<String> {
    match key.node {
        Node::Text(Text::Format) => {
            Some("the first line of a scenario is `format = \"turncoat.scenario/1\"`".to_owned())
        }
        _ => None,
    }
}

/// A finite number.
pub fn number(value: &DeValue<'_>) -> Option<f64> {
    let number: f64 = match value {
        DeValue::Float(float) => float.as_str().parse().ok()?,
        DeValue::Integer(integer) => super::build::json_integer(integer)?.as_f64()?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

fn kind_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "`true` or `false`",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

impl Node {
    /// Whether a value of this TOML type can stand here at all.
    fn takes(&self, value: &DeValue<'_>) -> bool {
        match self {
            Self::Text(_) | Self::Choice(_) => value.is_str(),
            Self::Whole { .. } | Self::Mode => value.is_integer(),
            Self::Number { .. } => value.is_integer() || value.is_float(),
            Self::Flag => value.is_bool(),
            Self::Json => true,
            Self::List(..) => value.is_array(),
            Self::Table(_) | Self::Map(..) | Self::Tree => value.is_table(),
            Self::Either(nodes) => nodes.iter().any(|node| node.takes(value)),
        }
    }

    /// The simplest way to write what stands here.
    fn plain(&self) -> &Self {
        match self {
            Self::Either([first, ..]) => first.plain(),
            _ => self,
        }
    }

    /// Whether the text of a string would do without its quotes.
    fn reads(&self, text: &str) -> bool {
        match self {
            Self::Flag => matches!(text, "true" | "false"),
            Self::Whole { .. } => text.parse::<u64>().is_ok(),
            Self::Number { .. } => text.parse::<f64>().is_ok_and(f64::is_finite),
            _ => false,
        }
    }

    fn kind_name(&self) -> String {
        match self {
            Self::Text(_) | Self::Choice(_) => "a string".into(),
            Self::Whole { .. } => "a whole number".into(),
            Self::Number { .. } => "a number".into(),
            Self::Mode => "permission bits in octal such as `0o600`".into(),
            Self::Flag => "`true` or `false`".into(),
            Self::Json => "a value".into(),
            Self::List(..) => "a list".into(),
            Self::Table(table) if !table.example.is_empty() => format!("`{}`", table.example),
            Self::Table(_) | Self::Map(..) | Self::Tree => "a table".into(),
            Self::Either(nodes) => {
                let kinds: Vec<_> = nodes.iter().map(Self::kind_name).collect();
                kinds.join(" or ")
            }
        }
    }
}
