//! What holds for every renderer, whatever a server says.

use super::terminal::{Detail, View};
use super::*;
use crate::verdict::{Report, Severity};
use proptest::prelude::*;

/// Every form of a report, by name.
fn all(report: &Report) -> Vec<(&'static str, String)> {
    let view = View {
        width: 80,
        colour: false,
        detail: Detail::Full,
    };
    let place = sarif::Place {
        file: "scenarios/x.toml".into(),
        line: 1,
    };
    type Write<'a> = &'a dyn Fn(&mut Vec<u8>) -> std::io::Result<()>;
    let forms: [(&'static str, Write); 6] = [
        ("terminal", &|out| terminal::write(report, &view, out)),
        ("json", &|out| json::write(report, out)),
        ("junit", &|out| junit::write(report, Severity::Change, out)),
        ("sarif", &|out| sarif::write(report, &place, out)),
        ("markdown", &|out| markdown::write(report, out)),
        ("html", &|out| html::write(report, out)),
    ];
    let render = |(name, write): (&'static str, Write)| {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        (name, String::from_utf8(out).unwrap())
    };
    forms.into_iter().map(render).collect()
}

/// Markup outside of code, as a crude reading of CommonMark sees it.
fn outside_code(markdown: &str) -> String {
    let mut out = String::new();
    let mut fence: Option<usize> = None;
    for line in markdown.lines() {
        let ticks = line.chars().take_while(|c| *c == '`').count();
        match fence {
            Some(open) if ticks >= open && line.trim_end_matches('`').is_empty() => fence = None,
            Some(_) => {}
            None if ticks >= 3 && !line[ticks..].contains('`') => fence = Some(ticks),
            None => {
                let mut rest = line;
                while let Some(start) = rest.find('`') {
                    out.push_str(&rest[..start]);
                    let run = rest[start..].chars().take_while(|c| *c == '`').count();
                    let after = &rest[start + run..];
                    match closing(after, run) {
                        Some(end) => rest = &after[end..],
                        None => {
                            out.push_str(&rest[start..start + run]);
                            rest = after;
                        }
                    }
                }
                out.push_str(rest);
                out.push('\n');
            }
        }
    }
    out
}

fn closing(text: &str, run: usize) -> Option<usize> {
    let mut at = 0;
    while let Some(start) = text[at..].find('`').map(|start| at + start) {
        let ticks = text[start..].chars().take_while(|c| *c == '`').count();
        if ticks == run {
            return Some(start + ticks);
        }
        at = start + ticks;
    }
    None
}

fn check(text: &str) {
    for (name, shown) in all(&sample::hostile(text)) {
        let unfit: Vec<char> = shown
            .chars()
            .filter(|c| *c != '\n' && text::is_unfit(*c))
            .collect();
        assert!(unfit.is_empty(), "{name} lets {unfit:?} through");
        match name {
            "json" | "sarif" => {
                serde_json::from_str::<serde_json::Value>(&shown).unwrap();
            }
            "html" | "junit" => assert!(!shown.contains("<marker"), "{name} lets markup through"),
            "markdown" => assert!(
                !outside_code(&shown).contains("marker")
                    || outside_code(&shown).contains("&lt;marker"),
                "markdown lets markup through: {}",
                outside_code(&shown)
            ),
            _ => {}
        }
    }
}

#[test]
fn hostile_text_stays_text() {
    for text in [
        "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m",
        "\u{202e}reversed\u{2066}\u{200b}\u{e0041}\u{feff}",
        "<marker onload=alert(1)>\"'&]]>",
        "</code></pre></details><marker>",
        "```\n<marker>\n```",
        "`` ` ``` <marker> `",
        "\n\n# <marker>\n\n<marker>",
        "a\r\nb\rc\0\u{fffe}\u{ffff}",
        "",
        " ",
        "`",
    ] {
        check(text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_text_stays_text(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn any_markup_stays_text(text in "[`<>/&\"'\\[\\]()!#*~ \n\r|\\\\@:-]{0,6}<marker>[`<>/ \n|]{0,6}") {
        check(&text);
    }
}
