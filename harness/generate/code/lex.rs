//! Code taken apart into what is compared and what it is compared with: words, literals, signs.
//!
//! No parser: code that no parser takes is read as well, minified code too, and what cannot be
//! told (a division from a regular expression after a brace) is told the likelier way.

use std::iter::Peekable;
use std::str::CharIndices;

/// Literals longer than this many characters keep their place and lose their text.
const LONGEST: usize = 200;
/// Characters of a regular expression.
const PATTERN: usize = 2_000;
/// Templates within templates.
const NESTED: usize = 64;

/// Languages that packages are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// And TypeScript.
    JavaScript,
    Python,
}

impl Language {
    /// By the extension of a file.
    pub fn of(extension: &str) -> Option<Self> {
        match extension {
            "js" | "mjs" | "cjs" | "ts" | "mts" | "cts" => Some(Self::JavaScript),
            "py" => Some(Self::Python),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(in crate::generate) enum Token<'c> {
    Word(&'c str),
    /// A string without anything put in; empty where it is too long to be of use.
    Text(String),
    /// Between slashes.
    Pattern(String),
    Number(f64),
    /// Operators and brackets, the longest that fits.
    Sign(&'c str),
}

const SIGNS: &[&str] = &[
    "===", "!==", "**=", "...", "==", "!=", "<=", ">=", "=>", "&&", "||", "??", "?.", "++", "--",
    "<<", ">>", "+=", "-=", "//",
];
/// Words after which a slash opens a regular expression.
const BEFORE_A_PATTERN: &[&str] = &[
    "return",
    "typeof",
    "case",
    "in",
    "of",
    "delete",
    "void",
    "throw",
    "new",
    "else",
    "do",
    "await",
    "yield",
    "instanceof",
];

/// The tokens of `code`, of at most `most` of them.
pub(in crate::generate) fn tokens(code: &str, language: Language, most: usize) -> Vec<Token<'_>> {
    let mut lexer = Lexer {
        code,
        rest: code.char_indices().peekable(),
        language,
        templates: Vec::new(),
        out: Vec::new(),
    };
    while lexer.out.len() < most && lexer.step() {}
    lexer.out
}

struct Lexer<'c> {
    code: &'c str,
    rest: Peekable<CharIndices<'c>>,
    language: Language,
    /// Braces open within each template that is open.
    templates: Vec<usize>,
    out: Vec<Token<'c>>,
}

impl<'c> Lexer<'c> {
    /// Reads one token or what is none; false at the end.
    fn step(&mut self) -> bool {
        let Some(&(at, c)) = self.rest.peek() else {
            return false;
        };
        let script = self.language == Language::JavaScript;
        match c {
            _ if c.is_whitespace() => self.skip(1),
            '#' if !script => self.line(),
            '/' if script && self.follows(at, "//") => self.line(),
            '/' if script && self.follows(at, "/*") => self.comment(),
            '/' if script && self.opens_a_pattern() && self.pattern(at) => {}
            '"' | '\'' => self.text(c, false),
            '`' if script => {
                self.skip(1);
                self.template();
            }
            '0'..='9' => self.number(at),
            _ if is_word(c) => self.word(at),
            _ => self.sign(at, c),
        }
        true
    }

    fn skip(&mut self, characters: usize) {
        (0..characters).for_each(|_| _ = self.rest.next());
    }

    fn follows(&self, at: usize, text: &str) -> bool {
        self.code[at..].starts_with(text)
    }

    fn line(&mut self) {
        while self.rest.next_if(|(_, c)| *c != '\n').is_some() {}
    }

    fn comment(&mut self) {
        self.skip(2);
        while let Some((at, c)) = self.rest.next() {
            if c == '*' && self.follows(at, "*/") {
                self.skip(1);
                return;
            }
        }
    }

    fn opens_a_pattern(&self) -> bool {
        match self.out.last() {
            None => true,
            Some(Token::Word(word)) => BEFORE_A_PATTERN.contains(word),
            Some(Token::Sign(sign)) => ![")", "]", "}", "++", "--"].contains(sign),
            Some(_) => false,
        }
    }

    /// A regular expression, if one ends on this line.
    fn pattern(&mut self, at: usize) -> bool {
        let (mut in_class, mut escaped) = (false, false);
        let body = &self.code[at + 1..];
        let end = body.char_indices().take(PATTERN).find(|(_, c)| {
            let ends = !escaped && (*c == '/' && !in_class || *c == '\n');
            match c {
                _ if escaped => {}
                '[' => in_class = true,
                ']' => in_class = false,
                _ => {}
            }
            escaped = !escaped && *c == '\\';
            ends
        });
        let Some((length, '/')) = end else {
            return false;
        };
        let source = &body[..length];
        self.skip(source.chars().count() + 2);
        while self.rest.next_if(|(_, c)| is_word(*c)).is_some() {}
        self.out.push(Token::Pattern(bounded(source.to_owned())));
        true
    }

    /// A string from its quote on; one that a line's end cuts short says nothing.
    fn text(&mut self, quote: char, raw: bool) {
        let Some((at, _)) = self.rest.next() else {
            return;
        };
        let triple = [quote; 3].iter().collect::<String>();
        let long = self.language == Language::Python && self.follows(at, &triple);
        if long {
            self.skip(2);
        }
        let mut said = String::new();
        while let Some((at, c)) = self.rest.next() {
            let ends = c == quote && (!long || self.follows(at, &triple));
            if ends {
                self.skip(if long { 2 } else { 0 });
                self.out.push(Token::Text(bounded(said)));
                return;
            }
            match c {
                '\n' if !long => return,
                '\\' if raw => {
                    said.push(c);
                    said.extend(self.rest.next().map(|(_, c)| c));
                }
                '\\' => said.extend(self.escape()),
                _ => said.push(c),
            }
        }
    }

    /// What stands behind a backslash.
    fn escape(&mut self) -> Option<char> {
        let (_, c) = self.rest.next()?;
        let digits = match c {
            'n' => return Some('\n'),
            't' => return Some('\t'),
            'r' => return Some('\r'),
            '\n' => return None,
            'x' => 2,
            'u' => 4,
            _ => return Some(c),
        };
        let braced = self.rest.next_if(|(_, c)| *c == '{').is_some();
        let mut code = 0_u32;
        for _ in 0..if braced { 6 } else { digits } {
            let Some((_, digit)) = self.rest.next_if(|(_, c)| c.is_ascii_hexdigit()) else {
                break;
            };
            code = code << 4 | digit.to_digit(16).unwrap_or(0);
        }
        if braced {
            self.rest.next_if(|(_, c)| *c == '}');
        }
        char::from_u32(code)
    }

    /// A template, or what is left of one behind something put in. Only a whole one is a text.
    fn template(&mut self) {
        let whole = matches!(self.code[..self.here()].chars().last(), Some('`'));
        let mut said = String::new();
        while let Some((at, c)) = self.rest.next() {
            match c {
                '`' => {
                    let text = if whole { bounded(said) } else { String::new() };
                    self.out.push(Token::Text(text));
                    return;
                }
                '$' if self.follows(at, "${") && self.templates.len() < NESTED => {
                    self.skip(1);
                    self.templates.push(0);
                    self.out.push(Token::Sign("`"));
                    return;
                }
                '\\' => said.extend(self.escape()),
                _ => said.push(c),
            }
        }
    }

    fn here(&mut self) -> usize {
        self.rest.peek().map_or(self.code.len(), |(at, _)| *at)
    }

    fn number(&mut self, at: usize) {
        let part = |c: char| is_word(c) || c == '.';
        while self.rest.next_if(|(_, c)| part(*c)).is_some() {}
        let end = self.here();
        let digits = self.code[at..end].replace('_', "");
        let digits = digits.trim_end_matches('n');
        let read = match digits.get(..2) {
            Some("0x" | "0X") => u64::from_str_radix(&digits[2..], 16).ok().map(|n| n as f64),
            Some("0b" | "0B") => u64::from_str_radix(&digits[2..], 2).ok().map(|n| n as f64),
            _ => digits.parse().ok(),
        };
        self.out.push(Token::Number(read.unwrap_or(f64::NAN)));
    }

    fn word(&mut self, at: usize) {
        while self.rest.next_if(|(_, c)| is_word(*c)).is_some() {}
        let end = self.here();
        let word = &self.code[at..end];
        let quote = self.rest.peek().map(|(_, c)| *c);
        let quote = quote.filter(|c| self.language == Language::Python && ['"', '\''].contains(c));
        match quote {
            Some(quote) if word.len() <= 2 && word.chars().all(|c| "rbufRBUF".contains(c)) => {
                let before = self.out.len();
                self.text(quote, word.contains(['r', 'R']));
                // Something may be put in.
                if word.contains(['f', 'F'])
                    && let Some(Token::Text(text)) = self.out.get_mut(before)
                    && text.contains('{')
                {
                    text.clear();
                }
            }
            _ => self.out.push(Token::Word(word)),
        }
    }

    fn sign(&mut self, at: usize, c: char) {
        match (c, self.templates.last_mut()) {
            ('{', Some(open)) => *open += 1,
            ('}', Some(0)) => {
                self.templates.pop();
                self.skip(1);
                return self.template();
            }
            ('}', Some(open)) => *open -= 1,
            _ => {}
        }
        let rest = &self.code[at..];
        let long = SIGNS.iter().find(|sign| rest.starts_with(**sign));
        let sign = long.map_or(&rest[..c.len_utf8()], |sign| &rest[..sign.len()]);
        self.skip(sign.chars().count());
        self.out.push(Token::Sign(sign));
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

fn bounded(text: String) -> String {
    if text.chars().nth(LONGEST).is_some() {
        String::new()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(code: &str, language: Language) -> Vec<String> {
        let tokens = tokens(code, language, usize::MAX).into_iter();
        let told = tokens.map(|token| match token {
            Token::Word(word) => word.to_owned(),
            Token::Text(text) => format!("{text:?}"),
            Token::Pattern(source) => format!("/{source}/"),
            Token::Number(number) => number.to_string(),
            Token::Sign(sign) => sign.to_owned(),
        });
        told.collect()
    }

    #[test]
    fn scripts_are_taken_apart() {
        let script = |code: &str| told(code, Language::JavaScript).join(" ");
        for (code, expected) in [
            ("a==='x\\u{41}\\x42\\n' // \"no\"", "a === \"xAB\\n\""),
            (
                "x=/[/\"]\\/a/gi.test(y)/2",
                "x = /[/\"]\\/a/ . test ( y ) / 2",
            ),
            ("a /* \"no\" */ ?.b", "a ?. b"),
            (
                "`a${f({x:1})+`in${'q'}`}b` + `whole`",
                "` f ( { x : 1 } ) + ` \"q\" \"\" \"\" + \"whole\"",
            ),
            ("0x1F>1_000n<.5", "31 > 1000 < . 5"),
            ("'cut short\nb", "b"),
            ("return/\\d/", "return /\\d/"),
            ("}/2/g", "} / 2 / g"),
        ] {
            assert_eq!(script(code), expected, "{code}");
        }
    }

    #[test]
    fn python_is_taken_apart() {
        let python = |code: &str| told(code, Language::Python).join(" ");
        for (code, expected) in [
            ("x == b'y' # 'no'", "x == \"y\""),
            ("r'\\d\"' in f'{a}b'", "\"\\\\d\\\"\" in \"\""),
            ("\"\"\"a\n'b'\"\"\" // f'c'", "\"a\\n'b'\" // \"c\""),
            ("rb = a / b", "rb = a / b"),
        ] {
            assert_eq!(python(code), expected, "{code}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_is_read_it_ends(code in "[a-z0-9'\"`/\\\\${}()\\[\\]#.=<>\n é]{0,80}") {
            for language in [Language::JavaScript, Language::Python] {
                let tokens = tokens(&code, language, usize::MAX);
                prop_assert!(tokens.len() <= code.len() + 1);
            }
        }
    }
}
