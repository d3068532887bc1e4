//! ECMA-262 patterns in the words of `regex-syntax`.
//!
//! Only for making strings: what is made is checked by the validator's own engine, so a look-around
//! may be dropped here, and a back-reference may end the attempt.

/// The pattern without what `regex-syntax` lacks; `None` for what cannot be put in other words.
pub(super) fn translate(js: &str) -> Option<String> {
    let chars: Vec<char> = js.chars().collect();
    let mut out = String::with_capacity(js.len() + 16);
    let mut at = 0;
    let mut in_class = false;
    while let Some(&c) = chars.get(at) {
        match c {
            '\\' => {
                at = escape(&chars, at + 1, in_class, &mut out)?;
                continue;
            }
            '[' if in_class => out.push_str("\\["),
            '[' => {
                // `[^]` is any character, `[]` none.
                if chars[at + 1..].starts_with(&['^', ']']) {
                    out.push_str("(?s:.)");
                    at += 3;
                    continue;
                }
                if chars.get(at + 1) == Some(&']') {
                    return None;
                }
                in_class = true;
                out.push('[');
                if chars.get(at + 1) == Some(&'^') {
                    out.push('^');
                    at += 1;
                }
            }
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            // `&&`, `--` and `~~` are set operations there, plain characters here.
            '&' | '~' if in_class => {
                out.push('\\');
                out.push(c);
            }
            '(' if !in_class && is_lookaround(&chars[at..]) => {
                at = closing(&chars, at)? + 1;
                // A quantified look-around is still nothing.
                while matches!(chars.get(at), Some('?' | '*' | '+')) {
                    at += 1;
                }
                continue;
            }
            // `{` that opens no count stands for itself.
            '{' if !in_class && !is_count(&chars[at..]) => out.push_str("\\{"),
            '}' if !in_class && !closes_count(&chars[..at]) => out.push_str("\\}"),
            _ => out.push(c),
        }
        at += 1;
    }
    Some(out)
}

/// Translates the escape whose letter is at `at`; returns where it ends.
fn escape(chars: &[char], at: usize, in_class: bool, out: &mut String) -> Option<usize> {
    let c = *chars.get(at)?;
    match c {
        'd' => out.push_str(if in_class { "0-9" } else { "[0-9]" }),
        'D' => out.push_str("[^0-9]"),
        'w' => out.push_str(if in_class {
            "0-9A-Za-z_"
        } else {
            "[0-9A-Za-z_]"
        }),
        'W' => out.push_str("[^0-9A-Za-z_]"),
        's' | 'S' | 'b' | 'B' | 'n' | 'r' | 't' | 'f' | 'v' if !(in_class && c == 'b') => {
            out.push('\\');
            out.push(c);
        }
        'p' | 'P' => {
            let end = at + chars[at..].iter().position(|c| *c == '}')?;
            out.push('\\');
            // `Script=Greek` and `L` are written alike in both; `sc=` is not known there.
            let body: String = chars[at..=end].iter().collect();
            out.push_str(
                &body
                    .replace("sc=", "Script=")
                    .replace("scx=", "Script_Extensions="),
            );
            return Some(end + 1);
        }
        'u' | 'x' => {
            let digits: String = match chars.get(at + 1) {
                Some('{') => chars[at + 2..].iter().take_while(|c| **c != '}').collect(),
                _ => {
                    let width = if c == 'u' { 4 } else { 2 };
                    chars[at + 1..].iter().take(width).collect()
                }
            };
            let code = u32::from_str_radix(&digits, 16).ok()?;
            let braces = usize::from(chars.get(at + 1) == Some(&'{')) * 2;
            // A surrogate is no character: pairs of them are left to other ways of making the string.
            char::from_u32(code)?;
            out.push_str(&format!("\\x{{{code:x}}}"));
            return Some(at + 1 + digits.chars().count() + braces);
        }
        '0' => out.push_str("\\x{0}"),
        'c' => {
            let letter = chars.get(at + 1).filter(|c| c.is_ascii_alphabetic())?;
            out.push_str(&format!("\\x{{{:x}}}", u32::from(*letter) % 32));
            return Some(at + 2);
        }
        '1'..='9' | 'k' => return None,
        _ => out.push_str(&regex_syntax::escape(&c.to_string())),
    }
    Some(at + 1)
}

fn is_lookaround(rest: &[char]) -> bool {
    [
        &['(', '?', '='][..],
        &['(', '?', '!'],
        &['(', '?', '<', '='],
        &['(', '?', '<', '!'],
    ]
    .iter()
    .any(|opening| rest.starts_with(opening))
}

/// Where the group that opens at `open` closes.
fn closing(chars: &[char], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut in_class = false;
    let mut at = open;
    while let Some(c) = chars.get(at) {
        match c {
            '\\' => at += 1,
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => depth += 1,
            ')' if !in_class => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

fn is_count(rest: &[char]) -> bool {
    let Some(end) = rest.iter().position(|c| *c == '}') else {
        return false;
    };
    end > 1
        && rest[1].is_ascii_digit()
        && rest[1..end].iter().all(|c| c.is_ascii_digit() || *c == ',')
}

fn closes_count(before: &[char]) -> bool {
    let open = before
        .iter()
        .rposition(|c| !c.is_ascii_digit() && *c != ',');
    open.is_some_and(|open| {
        before[open] == '{' && before.get(open + 1).is_some_and(char::is_ascii_digit)
    })
}

#[cfg(test)]
mod tests {
    use super::translate;

    #[test]
    fn differences_between_the_dialects() {
        for (js, rust) in [
            (r"^\d{3}-[\d.]+$", Some(r"^[0-9]{3}-[0-9.]+$")),
            (r"^(?!\.)(?!.*\.\.)a\/b$", Some("^a/b$")),
            (r"[[&&x]", Some(r"[\[\&\&x]")),
            (r"^[^]*$", Some("^(?s:.)*$")),
            (r"\u00e9\x41\u{1F600}", Some(r"\x{e9}\x{41}\x{1f600}")),
            (r"a{,3}{x}b{2}", Some(r"a\{,3\}\{x\}b{2}")),
            (r"(?<year>\d)\k<year>", None),
            (r"(a)\1", None),
            (r"\", None),
        ] {
            assert_eq!(translate(js).as_deref(), rust, "{js}");
        }
    }
}
