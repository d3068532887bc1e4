//! What code compares with: which of its literals decide something, how, and of what name.

use super::lex::Token;

/// Tokens that one comparison is looked for in, in either direction.
const REACH: usize = 64;
/// Members of one list.
const MEMBERS: usize = 50;
/// No argument is longer.
const LONGEST: f64 = 1e6;

/// A literal and what it is there for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::generate) struct Literal {
    pub(in crate::generate) what: What,
    /// The name of what it is compared with, as the code has it.
    pub(in crate::generate) of: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::generate) enum What {
    Text(Use, String),
    /// An ECMA-262 or Python pattern.
    Pattern(String),
    /// Of a text or a list.
    Length(Order, u32),
    Number(Order, Decimal),
}

/// How a text is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::generate) enum Use {
    Equal,
    Start,
    End,
    Within,
    /// One of a list.
    Listed,
    /// Nothing is known.
    Plain,
}

/// What a value is to be to a number for a comparison to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::generate) enum Order {
    Below,
    Equal,
    Above,
}

/// A finite number, by its bits: a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::generate) struct Decimal(u64);

impl Decimal {
    pub(in crate::generate) fn of(number: f64) -> Option<Self> {
        number.is_finite().then_some(Self(number.to_bits()))
    }

    pub(in crate::generate) fn value(self) -> f64 {
        f64::from_bits(self.0)
    }
}

/// The literals among `tokens` that may decide something, in their order.
pub(super) fn literals(tokens: &[Token<'_>]) -> Vec<Literal> {
    let code = Code(tokens);
    let found = tokens.iter().enumerate().filter_map(|(at, token)| {
        match token {
            Token::Text(text) if !text.trim().is_empty() => code.text(at, text),
            Token::Pattern(source) if !source.is_empty() => Some(Literal {
                what: What::Pattern(source.clone()),
                // `/x/.test(name)`, or `name.replace(/x/, …)`.
                of: if code.sign(at + 1) == "." && code.sign(at + 3) == "(" {
                    code.ahead(at + 4)
                } else {
                    code.called_on(at)
                },
            }),
            Token::Number(number) => code.number(at, *number),
            _ => None,
        }
    });
    found.collect()
}

struct Code<'a, 'c>(&'a [Token<'c>]);

impl Code<'_, '_> {
    fn sign(&self, at: usize) -> &str {
        match self.0.get(at) {
            Some(Token::Sign(sign)) => sign,
            _ => "",
        }
    }

    fn word(&self, at: usize) -> &str {
        match self.0.get(at) {
            Some(Token::Word(word)) => word,
            _ => "",
        }
    }

    fn text(&self, at: usize, text: &str) -> Option<Literal> {
        let is = |r#use, of| {
            Some(Literal {
                what: What::Text(r#use, text.to_owned()),
                of,
            })
        };
        let before = at.wrapping_sub(1);
        if is_equality(self.sign(before)) {
            return is(
                Use::Equal,
                self.behind(before.checked_sub(1)).map(|of| of.0),
            );
        }
        if is_equality(self.sign(at + 1)) {
            return is(Use::Equal, self.ahead(at + 2));
        }
        if self.word(before) == "case" && self.sign(at + 1) == ":" {
            return is(Use::Equal, None);
        }
        if self.word(at + 1) == "in" {
            return is(Use::Within, self.ahead(at + 2));
        }
        if self.sign(before) == "(" {
            let method = self.word(before.wrapping_sub(1));
            let module = self.word(before.wrapping_sub(3));
            let is_pattern = method == "RegExp" || ["re", "regex"].contains(&module);
            if is_pattern {
                return Some(Literal {
                    what: What::Pattern(text.to_owned()),
                    of: self.ahead(at + 2),
                });
            }
            let r#use = match method {
                "endsWith" | "endswith" | "removesuffix" => Use::End,
                "startsWith" | "startswith" | "removeprefix" => Use::Start,
                "includes" | "indexOf" | "lastIndexOf" | "search" | "match" | "find" | "index"
                | "count" | "contains" | "split" | "replace" | "replaceAll" => Use::Within,
                "equals" | "localeCompare" => Use::Equal,
                _ => Use::Plain,
            };
            if r#use != Use::Plain {
                return is(r#use, self.called_on(at));
            }
        }
        match self.list(at) {
            Some((true, of)) => is(Use::Equal, of),
            Some((false, _)) => is(Use::Listed, None),
            None => is(Use::Plain, None),
        }
    }

    fn number(&self, at: usize, number: f64) -> Option<Literal> {
        let before = at.wrapping_sub(1);
        let (order, of) = match order(self.sign(before)) {
            Some(order) => (order, self.behind(before.checked_sub(1))),
            None => {
                let order = order(self.sign(at + 1))?;
                let order = match order {
                    Order::Below => Order::Above,
                    Order::Equal => Order::Equal,
                    Order::Above => Order::Below,
                };
                (order, self.ahead_measured(at + 2))
            }
        };
        let (of, measured) = of.map_or((None, false), |(of, measured)| (Some(of), measured));
        let what = if measured {
            // What is compared with none or one asks whether there is anything.
            let length = (2.0..=LONGEST).contains(&number).then_some(number)?;
            What::Length(order, length as u32)
        } else {
            What::Number(order, Decimal::of(number)?)
        };
        Some(Literal { what, of })
    }

    /// What the method is called on whose argument is at `at`.
    fn called_on(&self, at: usize) -> Option<String> {
        let dot = at.checked_sub(3)?;
        let method = self.sign(at - 1) == "(" && is_access(self.sign(dot));
        if !method {
            return None;
        }
        self.behind(dot.checked_sub(1)).map(|of| of.0)
    }

    /// The name of the operand that ends at `at`, and whether its length is meant.
    fn behind(&self, at: Option<usize>) -> Option<(String, bool)> {
        let mut at = at?;
        let mut measured = false;
        for _ in 0..REACH {
            match self.0.get(at)? {
                Token::Sign("]") => {
                    let open = self.opening(at, "]")?;
                    // `arguments["name"]`.
                    if let (2, Some(Token::Text(key))) = (at - open, self.0.get(open + 1)) {
                        return Some((key.clone(), measured));
                    }
                    at = open.checked_sub(1)?;
                }
                Token::Sign(")") => {
                    let open = self.opening(at, ")")?;
                    let name = open.checked_sub(1).map_or("", |before| self.word(before));
                    let dotted = open >= 2 && is_access(self.sign(open - 2));
                    at = match (name, self.0.get(open + 1)) {
                        ("", _) => at - 1,
                        ("get", Some(Token::Text(key))) if dotted => {
                            return Some((key.clone(), measured));
                        }
                        // `name.trim()`.
                        _ if dotted => open.checked_sub(3)?,
                        // `len(name)`, `String(name)`.
                        _ => {
                            measured |= name == "len";
                            return Some((self.ahead(open + 1)?, measured));
                        }
                    };
                }
                Token::Word("length" | "size") if at >= 2 && is_access(self.sign(at - 1)) => {
                    measured = true;
                    at -= 2;
                }
                Token::Word(word) => return Some(((*word).to_owned(), measured)),
                _ => return None,
            }
        }
        None
    }

    /// The bracket that the one at `close` closes.
    fn opening(&self, close: usize, kind: &str) -> Option<usize> {
        let open = if kind == ")" { "(" } else { "[" };
        let mut depth = 0_usize;
        for at in (close.saturating_sub(REACH)..=close).rev() {
            let sign = self.sign(at);
            depth += usize::from(sign == kind);
            depth -= usize::from(sign == open);
            if depth == 0 {
                return Some(at);
            }
        }
        None
    }

    /// The bracket that closes the one at `open`.
    fn closing(&self, open: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for at in open..open + REACH {
            depth += usize::from(self.sign(at) == "(");
            depth -= usize::from(self.sign(at) == ")");
            if depth == 0 {
                return Some(at);
            }
        }
        None
    }

    /// The name of the operand that begins at `at`: the last of `a.b.c` that is not called.
    fn ahead(&self, at: usize) -> Option<String> {
        self.ahead_measured(at).map(|of| of.0)
    }

    fn ahead_measured(&self, at: usize) -> Option<(String, bool)> {
        let mut at = at;
        let mut name = None;
        for _ in 0..REACH {
            let word = self.word(at);
            if word.is_empty() {
                break;
            }
            let called = self.sign(at + 1) == "(";
            match word {
                "length" | "size" if name.is_some() => return name.map(|name| (name, true)),
                "len" if called => return self.ahead(at + 2).map(|name| (name, true)),
                // `String(name)`.
                _ if called && name.is_none() => {
                    at += 2;
                    continue;
                }
                // `name.trim()`: more may follow.
                _ if called => match self.closing(at + 1) {
                    Some(close) => at = close,
                    None => break,
                },
                _ => name = Some(word.to_owned()),
            }
            if !is_access(self.sign(at + 1)) {
                break;
            }
            at += 2;
        }
        name.map(|name| (name, false))
    }

    /// Whether the text at `at` is one of a list of several; true with what is looked for in it
    /// where that is said beside it.
    fn list(&self, at: usize) -> Option<(bool, Option<String>)> {
        let member = |at: usize| {
            matches!(self.0.get(at), Some(Token::Text(_) | Token::Number(_)))
                || self.sign(at) == ","
        };
        let first = at.checked_sub(1)?;
        let before = (0..MEMBERS).take_while(|n| first.checked_sub(*n).is_some_and(member));
        let open = first.checked_sub(before.count())?;
        let after = (0..MEMBERS).take_while(|n| member(at + 1 + n));
        let close = at + 1 + after.count();
        let brackets = [("[", "]"), ("(", ")"), ("{", "}")];
        if !brackets.contains(&(self.sign(open), self.sign(close))) || close - open < 4 {
            return None;
        }
        let above = open.checked_sub(1);
        if above.is_some_and(|above| self.word(above) == "in") {
            let negated = usize::from(self.word(open.wrapping_sub(2)) == "not");
            return Some((
                true,
                self.behind(open.checked_sub(2 + negated)).map(|of| of.0),
            ));
        }
        let asked = is_access(self.sign(close + 1)) && self.sign(close + 3) == "(";
        match self.word(close + 2) {
            "includes" | "indexOf" if asked => Some((true, self.ahead(close + 4))),
            // Arguments of a call are no list.
            _ if self.sign(open) == "(" && above.is_some_and(|at| !self.word(at).is_empty()) => {
                None
            }
            _ => Some((false, None)),
        }
    }
}

fn is_access(sign: &str) -> bool {
    [".", "?."].contains(&sign)
}

fn is_equality(sign: &str) -> bool {
    ["===", "!==", "==", "!="].contains(&sign)
}

fn order(sign: &str) -> Option<Order> {
    match sign {
        "<" | "<=" => Some(Order::Below),
        ">" | ">=" => Some(Order::Above),
        sign => is_equality(sign).then_some(Order::Equal),
    }
}

#[cfg(test)]
mod tests {
    use super::super::lex::{Language, tokens};
    use super::*;

    fn told(code: &str, language: Language) -> Vec<String> {
        let tokens = tokens(code, language, usize::MAX);
        let told = literals(&tokens).into_iter().map(|literal| {
            let what = match literal.what {
                What::Text(r#use, text) => format!("{use:?} {text}"),
                What::Pattern(source) => format!("/{source}/"),
                What::Length(order, n) => format!("length {order:?} {n}"),
                What::Number(order, n) => format!("{order:?} {}", n.value()),
            };
            format!("{what} of {}", literal.of.as_deref().unwrap_or("-"))
        });
        told.collect()
    }

    #[test]
    fn what_scripts_compare_is_told() {
        for (code, expected) in [
            (
                r#"if (to.endsWith("@bank.example"))"#,
                "End @bank.example of to",
            ),
            (
                r#"a.to?.toLowerCase().trim().startsWith('x')"#,
                "Start x of to",
            ),
            (
                r#"args["subject"].includes("y")"#,
                "Plain subject of -; Within y of subject",
            ),
            (r#""high"===e.priority"#, "Equal high of priority"),
            (r#"e.priority !== "high""#, "Equal high of priority"),
            (
                r#"switch(x){case "a": case "b": }"#,
                "Equal a of -; Equal b of -",
            ),
            (r#"/invoice/i.test(params.subject)"#, "/invoice/ of subject"),
            (
                r#"new RegExp("inv", "i").test(s)"#,
                "/inv/ of -; Plain i of -",
            ),
            (
                r#"body.replaceAll(/\d/g, "7")"#,
                "/\\d/ of body; Plain 7 of -",
            ),
            ("text.length > 80", "length Above 80 of text"),
            ("80<text.trim().length", "length Above 80 of text"),
            (
                "amount >= 99.5 && 3 === n",
                "Above 99.5 of amount; Equal 3 of n",
            ),
            ("list.length > 0", ""),
            ("text.length > 4294967295", ""),
            (
                r#"["a", "b"].includes(args.kind)"#,
                "Equal a of kind; Equal b of kind",
            ),
            (r#"const W = ["a", 'b'];"#, "Listed a of -; Listed b of -"),
            (r#"f("a", "b")"#, "Plain a of -; Plain b of -"),
            (r#"String(to) === "a""#, "Equal a of to"),
        ] {
            assert_eq!(
                told(code, Language::JavaScript).join("; "),
                expected,
                "{code}"
            );
        }
    }

    #[test]
    fn what_python_compares_is_told() {
        for (code, expected) in [
            (
                r#"if "invoice" in subject.lower():"#,
                "Within invoice of subject",
            ),
            (
                r#"if args.kind not in ("a", "b"):"#,
                "Equal a of kind; Equal b of kind",
            ),
            (
                r#"to.endswith(("@a.example", "@b.example"))"#,
                "Listed @a.example of -; Listed @b.example of -",
            ),
            (
                r#"re.search(r"inv\d", subject, re.I)"#,
                "/inv\\d/ of subject",
            ),
            (
                "if len(body) > 120 and n == 4:",
                "length Above 120 of body; Equal 4 of n",
            ),
            (
                r#"arguments["to"].strip() == "x""#,
                "Plain to of -; Equal x of to",
            ),
            (
                r#"args.get("to", "").endswith("x")"#,
                "Plain to of -; End x of to",
            ),
        ] {
            assert_eq!(told(code, Language::Python).join("; "), expected, "{code}");
        }
    }
}
