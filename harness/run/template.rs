//! URI templates (RFC 6570), for values that are text.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// All but unreserved characters (RFC 3986, section 2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// All but those and reserved ones (section 2.2).
const RESERVED: &AsciiSet = &UNRESERVED
    .remove(b':')
    .remove(b'/')
    .remove(b'?')
    .remove(b'#')
    .remove(b'[')
    .remove(b']')
    .remove(b'@')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=');

/// A piece of a template.
enum Piece<'a> {
    Literal(&'a str),
    Expression(Option<char>, Vec<Variable<'a>>),
}

struct Variable<'a> {
    name: &'a str,
    /// Letters of its value that are taken.
    prefix: Option<usize>,
}

/// The names in a template, each once, in order.
pub fn variables(template: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for piece in pieces(template) {
        let Piece::Expression(_, variables) = piece else {
            continue;
        };
        for variable in variables {
            if !names.iter().any(|known| known == variable.name) {
                names.push(variable.name.to_owned());
            }
        }
    }
    names
}

/// The URI that a template and values of its variables, members of an object, make.
pub fn expand(template: &str, values: &Value) -> String {
    let mut out = String::new();
    for piece in pieces(template) {
        match piece {
            Piece::Literal(text) => out.push_str(text),
            Piece::Expression(operator, variables) => {
                expression(operator, &variables, values, &mut out);
            }
        }
    }
    out
}

/// Section 3.2.1 and the table of appendix A.
fn expression(
    operator: Option<char>,
    variables: &[Variable<'_>],
    values: &Value,
    out: &mut String,
) {
    let (first, between, named, if_empty) = match operator {
        Some('#') => ("#", ",", false, ""),
        Some('.') => (".", ".", false, ""),
        Some('/') => ("/", "/", false, ""),
        Some(';') => (";", ";", true, ""),
        Some('?') => ("?", "&", true, "="),
        Some('&') => ("&", "&", true, "="),
        _ => ("", ",", false, ""),
    };
    let allowed = match operator {
        Some('+' | '#') => RESERVED,
        _ => UNRESERVED,
    };
    let mut lead = first;
    for variable in variables {
        let Some(value) = values[variable.name].as_str() else {
            continue;
        };
        let value: String = match variable.prefix {
            Some(letters) => value.chars().take(letters).collect(),
            None => value.to_owned(),
        };
        out.push_str(lead);
        lead = between;
        if named {
            out.push_str(variable.name);
            out.push_str(if value.is_empty() { if_empty } else { "=" });
        }
        out.extend(utf8_percent_encode(&value, allowed));
    }
}

fn pieces(template: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((inner, after)) = after.split_once('}') else {
            break;
        };
        pieces.push(Piece::Literal(before));
        let operator = inner
            .chars()
            .next()
            .filter(|first| "+#./;?&=,!@|".contains(*first));
        let names = inner[operator.map_or(0, char::len_utf8)..].split(',');
        let variables = names.map(|name| {
            let name = name.trim_end_matches('*');
            let (name, prefix) = match name.split_once(':') {
                Some((name, letters)) => (name, letters.parse().ok()),
                None => (name, None),
            };
            Variable { name, prefix }
        });
        let variables = variables.filter(|variable| !variable.name.is_empty());
        pieces.push(Piece::Expression(operator, variables.collect()));
        rest = after;
    }
    pieces.push(Piece::Literal(rest));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// The examples of section 3.2 whose values are text.
    #[test]
    fn expands_as_the_standard_says() {
        let values = json!({
            "var": "value", "hello": "Hello World!", "path": "/foo/bar", "empty": "",
            "x": "1024", "y": "768", "half": "50%", "who": "fred", "base": "http://example.com/home/",
        });
        for (template, uri) in [
            ("O{empty}X", "OX"),
            ("O{undef}X", "OX"),
            ("{hello}", "Hello%20World%21"),
            ("{half}", "50%25"),
            ("map?{x,y}", "map?1024,768"),
            ("{var:3}", "val"),
            ("{+var}", "value"),
            ("{+hello}", "Hello%20World!"),
            ("{base}index", "http%3A%2F%2Fexample.com%2Fhome%2Findex"),
            ("{+base}index", "http://example.com/home/index"),
            ("{+path}/here", "/foo/bar/here"),
            ("{#path:6}here", "#/foo/bhere"),
            ("{.who,who}", ".fred.fred"),
            ("{/var,x}/here", "/value/1024/here"),
            ("{;x,y,empty}", ";x=1024;y=768;empty"),
            ("{?x,y,undef}", "?x=1024&y=768"),
            ("{?x,y,empty}", "?x=1024&y=768&empty="),
            ("?fixed=yes{&x}", "?fixed=yes&x=1024"),
            ("notes://{who*}", "notes://fred"),
            ("no {end", "no {end"),
        ] {
            assert_eq!(expand(template, &values), uri, "{template}");
        }
        assert_eq!(variables("{a}{?b,a,c*}/{d:4}"), ["a", "b", "c", "d"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_template_ends(template in any::<String>(), value in any::<String>()) {
            let values = variables(&template).into_iter().map(|name| (name, json!(value))).collect();
            expand(&template, &Value::Object(values));
        }
    }
}
