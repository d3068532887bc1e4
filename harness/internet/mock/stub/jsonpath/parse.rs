//! Reading a JSON path.

use super::{JsonPath, Operand, Order, Step, Test};
use regex::Regex;

const MAX_DEPTH: usize = 32;

pub(super) struct Parser<'a> {
    text: &'a str,
    at: usize,
}

type Parsed<T> = Result<T, String>;

impl<'a> Parser<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// A path and nothing after it.
    pub fn whole(mut self) -> Parsed<JsonPath> {
        self.space();
        self.expect("$")?;
        let path = self.path(0)?;
        self.space();
        match self.rest().is_empty() {
            true => Ok(path),
            false => Err(self.unknown()),
        }
    }

    fn path(&mut self, depth: usize) -> Parsed<JsonPath> {
        if depth > MAX_DEPTH {
            return Err(format!("nested deeper than {MAX_DEPTH}"));
        }
        let mut steps = Vec::new();
        loop {
            if self.eat("..") {
                steps.push(Step::Below);
                match self.rest().chars().next() {
                    Some('[') => {}
                    Some('*') => {
                        self.at += 1;
                        steps.push(Step::All);
                    }
                    _ => steps.push(Step::Name(self.name()?)),
                }
            } else if self.eat(".") {
                if self.eat("*") {
                    steps.push(Step::All);
                    continue;
                }
                let name = self.name()?;
                if !self.eat("(") {
                    steps.push(Step::Name(name));
                    continue;
                }
                self.expect(")")?;
                if name != "length" && name != "size" {
                    return Err(format!("function `{name}()`"));
                }
                return Ok(JsonPath {
                    steps,
                    length: true,
                });
            } else if self.eat("[") {
                steps.push(self.bracket(depth)?);
            } else {
                return Ok(JsonPath {
                    steps,
                    length: false,
                });
            }
        }
    }

    /// What follows an opening bracket.
    fn bracket(&mut self, depth: usize) -> Parsed<Step> {
        self.space();
        if self.eat("?") {
            self.space();
            let test = self.any(depth + 1)?;
            self.space();
            self.expect("]")?;
            return Ok(Step::Filter(test));
        }
        let mut steps = Vec::new();
        loop {
            self.space();
            steps.push(match self.rest().chars().next() {
                Some('*') => {
                    self.at += 1;
                    Step::All
                }
                Some('\'' | '"') => Step::Name(self.quoted()?),
                _ => self.index()?,
            });
            self.space();
            if !self.eat(",") {
                break;
            }
        }
        self.expect("]")?;
        match steps.len() {
            1 => Ok(steps.remove(0)),
            _ => Ok(Step::Union(steps)),
        }
    }

    fn index(&mut self) -> Parsed<Step> {
        let from = self.integer()?;
        self.space();
        if self.eat(":") {
            self.space();
            return Ok(Step::Slice(from, self.integer()?));
        }
        from.map(Step::Index).ok_or_else(|| self.unknown())
    }

    fn integer(&mut self) -> Parsed<Option<i64>> {
        let rest = self.rest();
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '-')
            .unwrap_or(rest.len());
        if digits == 0 {
            return Ok(None);
        }
        let number = rest[..digits].parse().map_err(|_| self.unknown())?;
        self.at += digits;
        Ok(Some(number))
    }

    fn any(&mut self, depth: usize) -> Parsed<Test> {
        let mut tests = vec![self.all(depth)?];
        while self.mark("||") {
            tests.push(self.all(depth)?);
        }
        Ok(if tests.len() == 1 {
            tests.remove(0)
        } else {
            Test::Any(tests)
        })
    }

    fn all(&mut self, depth: usize) -> Parsed<Test> {
        let mut tests = vec![self.test(depth)?];
        while self.mark("&&") {
            tests.push(self.test(depth)?);
        }
        Ok(if tests.len() == 1 {
            tests.remove(0)
        } else {
            Test::All(tests)
        })
    }

    fn test(&mut self, depth: usize) -> Parsed<Test> {
        if depth > MAX_DEPTH {
            return Err(format!("nested deeper than {MAX_DEPTH}"));
        }
        if self.mark("(") {
            let test = self.any(depth + 1)?;
            self.space();
            self.expect(")")?;
            return Ok(test);
        }
        if !self.rest().starts_with("!=") && self.mark("!") {
            return Ok(Test::Not(Box::new(self.test(depth + 1)?)));
        }
        let left = self.operand(depth)?;
        if self.mark("=~") {
            return Ok(Test::Like(left, self.regex()?));
        }
        let orders = [
            ("==", Order::Equal),
            ("!=", Order::Unequal),
            ("<=", Order::LessEqual),
            (">=", Order::GreaterEqual),
            ("<", Order::Less),
            (">", Order::Greater),
        ];
        for (mark, order) in orders {
            if self.mark(mark) {
                return Ok(Test::Compare(left, order, self.operand(depth)?));
            }
        }
        match left {
            Operand::Literal(_) => Err(self.unknown()),
            path => Ok(Test::Exists(path)),
        }
    }

    fn operand(&mut self, depth: usize) -> Parsed<Operand> {
        self.space();
        if self.eat("@") {
            return Ok(Operand::Here(self.path(depth + 1)?));
        }
        if self.eat("$") {
            return Ok(Operand::Root(self.path(depth + 1)?));
        }
        if self.rest().starts_with(['\'', '"']) {
            return Ok(Operand::Literal(self.quoted()?.into()));
        }
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c));
        let word = &rest[..end.unwrap_or(rest.len())];
        let value = serde_json::from_str(word).map_err(|_| self.unknown())?;
        self.at += word.len();
        Ok(Operand::Literal(value))
    }

    /// `/pattern/` with flags; Jayway matches the whole text.
    fn regex(&mut self) -> Parsed<Regex> {
        self.space();
        self.expect("/")?;
        let rest = self.rest();
        let mut escaped = false;
        let end = rest.char_indices().find(|(_, c)| {
            let ends = *c == '/' && !escaped;
            escaped = *c == '\\' && !escaped;
            ends
        });
        let (end, _) = end.ok_or_else(|| self.unknown())?;
        let pattern = rest[..end].replace("\\/", "/");
        self.at += end + 1;
        let flags = if self.eat("i") { "(?i)" } else { "" };
        Regex::new(&format!(r"\A{flags}(?:{pattern})\z")).map_err(|_| format!("`/{pattern}/`"))
    }

    fn name(&mut self) -> Parsed<String> {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '-');
        let name = &rest[..end.unwrap_or(rest.len())];
        if name.is_empty() {
            return Err(self.unknown());
        }
        self.at += name.len();
        Ok(name.to_owned())
    }

    fn quoted(&mut self) -> Parsed<String> {
        let rest = self.rest();
        let mut chars = rest.char_indices();
        let quote = chars.next().map(|(_, c)| c);
        let mut text = String::new();
        let mut escaped = false;
        for (i, c) in chars {
            match c {
                c if escaped => {
                    text.push(c);
                    escaped = false;
                }
                '\\' => escaped = true,
                c if Some(c) == quote => {
                    self.at += i + c.len_utf8();
                    return Ok(text);
                }
                c => text.push(c),
            }
        }
        Err(self.unknown())
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn eat(&mut self, mark: &str) -> bool {
        let found = self.rest().starts_with(mark);
        self.at += if found { mark.len() } else { 0 };
        found
    }

    /// A mark after white space.
    fn mark(&mut self, mark: &str) -> bool {
        let before = self.at;
        self.space();
        if self.eat(mark) {
            return true;
        }
        self.at = before;
        false
    }

    fn expect(&mut self, mark: &str) -> Parsed<()> {
        match self.eat(mark) {
            true => Ok(()),
            false => Err(format!("expected `{mark}` at `{}`", self.rest())),
        }
    }

    fn unknown(&self) -> String {
        match self.rest() {
            "" => "it ends too early".to_owned(),
            rest => format!("`{rest}`"),
        }
    }
}
