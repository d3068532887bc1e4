//! Whatever can be done to a value on its way out, and what must not be taken for it.

use super::*;
use crate::provenance::{Coding, Source};
use crate::secret::{Kind, Persona, Seed, home};
use data_encoding::{BASE32, BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use flate2::Compression;
use flate2::read::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;
use std::io::Read;
use std::sync::LazyLock;

/// A populated home's canaries, as every run plants them.
static HOME: LazyLock<Confided> = LazyLock::new(|| {
    let home = home(&Persona::DEFAULT, Seed(7));
    let canaries = home.planted.into_iter().map(|planted| {
        assert_eq!(planted.kind, Kind::Canary);
        Known {
            source: Source::Canary(planted.name),
            value: planted.value.into_bytes(),
            unknown: planted.unknown,
            hash_only: false,
        }
    });
    Confided::new(canaries.collect())
});

/// One thing that can be done to bytes, and what it is called.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Base64,
    Base64Url,
    Base64Lines,
    Base32,
    Hex,
    HexUpper,
    HexColons,
    Numbers,
    Bits,
    Percent,
    Json,
    Html,
    Quoted,
    Gzip,
    Zlib,
    Deflate,
    Reversed,
    Rot13,
    Xor(u8),
    Shift(u8),
    Utf16,
    Dots,
    ZeroWidth,
    Tags,
    Selectors,
}

const WAYS: [Way; 25] = [
    Way::Base64,
    Way::Base64Url,
    Way::Base64Lines,
    Way::Base32,
    Way::Hex,
    Way::HexUpper,
    Way::HexColons,
    Way::Numbers,
    Way::Bits,
    Way::Percent,
    Way::Json,
    Way::Html,
    Way::Quoted,
    Way::Gzip,
    Way::Zlib,
    Way::Deflate,
    Way::Reversed,
    Way::Rot13,
    Way::Xor(0x5a),
    Way::Xor(0xd3),
    Way::Shift(0x81),
    Way::Utf16,
    Way::Dots,
    Way::ZeroWidth,
    Way::Tags,
];

fn each(bytes: &[u8], write: impl Fn(u8) -> String) -> Vec<u8> {
    bytes.iter().map(|b| write(*b)).collect::<String>().into()
}

impl Way {
    fn write(self, bytes: &[u8]) -> Vec<u8> {
        let read = |mut from: Box<dyn Read + '_>| {
            let mut out = Vec::new();
            from.read_to_end(&mut out).unwrap();
            out
        };
        let level = Compression::default();
        match self {
            Self::Base64 => BASE64.encode(bytes).into(),
            Self::Base64Url => BASE64URL_NOPAD.encode(bytes).into(),
            Self::Base64Lines => {
                let text = BASE64.encode(bytes);
                let lines = text.as_bytes().chunks(76).map(<[u8]>::to_vec);
                lines.collect::<Vec<_>>().join(&b"\r\n"[..])
            }
            Self::Base32 => BASE32.encode(bytes).into(),
            Self::Hex => HEXLOWER.encode(bytes).into(),
            Self::HexUpper => HEXUPPER.encode(bytes).into(),
            Self::HexColons => each(bytes, |b| format!("{b:02x}:")),
            Self::Numbers => each(bytes, |b| format!("{b},")),
            Self::Bits => each(bytes, |b| format!("{b:08b}")),
            Self::Percent => each(bytes, |b| format!("%{b:02X}")),
            Self::Json => each(bytes, |b| format!("\\u{b:04x}")),
            Self::Html => each(bytes, |b| format!("&#{b};")),
            Self::Quoted => each(bytes, |b| format!("={b:02X}")),
            Self::Gzip => read(Box::new(GzEncoder::new(bytes, level))),
            Self::Zlib => read(Box::new(ZlibEncoder::new(bytes, level))),
            Self::Deflate => read(Box::new(DeflateEncoder::new(bytes, level))),
            Self::Reversed => bytes.iter().rev().copied().collect(),
            Self::Rot13 => bytes.iter().map(|b| confided::turned(*b)).collect(),
            Self::Xor(key) => bytes.iter().map(|b| b ^ key).collect(),
            Self::Shift(by) => bytes.iter().map(|b| b.wrapping_add(by)).collect(),
            Self::Utf16 => bytes.iter().flat_map(|b| [*b, 0]).collect(),
            Self::Dots => bytes.iter().flat_map(|b| [*b, b'.']).collect(),
            Self::ZeroWidth => each(bytes, |b| {
                let bits = format!("{b:08b}").replace('0', "\u{200b}");
                bits.replace('1', "\u{200c}")
            }),
            Self::Tags => each(bytes, |b| {
                char::from_u32(0xe_0000 + u32::from(b)).unwrap().into()
            }),
            Self::Selectors => each(bytes, |b| {
                let code = match b {
                    0..=15 => 0xfe00 + u32::from(b),
                    b => 0xe_0100 + u32::from(b) - 16,
                };
                char::from_u32(code).unwrap().into()
            }),
        }
    }

    fn coding(self) -> Coding {
        match self {
            Self::Base64 | Self::Base64Url | Self::Base64Lines => Coding::Base64,
            Self::Base32 => Coding::Base32,
            Self::Hex | Self::HexUpper | Self::HexColons => Coding::Hex,
            Self::Numbers => Coding::Numbers,
            Self::Bits => Coding::Bits,
            Self::Percent => Coding::Url,
            Self::Json => Coding::Json,
            Self::Html => Coding::Html,
            Self::Quoted => Coding::QuotedPrintable,
            Self::Gzip => Coding::Gzip,
            Self::Zlib | Self::Deflate => Coding::Deflate,
            Self::Reversed => Coding::Reversed,
            Self::Rot13 => Coding::Rot13,
            Self::Xor(_) => Coding::Xor,
            Self::Shift(_) => Coding::Shift,
            Self::Utf16 | Self::Dots => Coding::Spaced,
            Self::ZeroWidth => Coding::ZeroWidth,
            Self::Tags => Coding::Tags,
            Self::Selectors => Coding::VariationSelectors,
        }
    }

    /// Ways that can write any bytes at all.
    fn takes(self, bytes: &[u8]) -> bool {
        match self {
            Self::Tags => bytes.iter().all(|b| (0x20..0x7f).contains(b)),
            _ => true,
        }
    }
}

fn found(stream: &[u8]) -> Vec<Find> {
    HOME.find(stream, &mut Work::of(stream.len()))
}

/// Whether all of a value is found, and how it is said to be written.
fn whole(finds: &[Find], value: usize) -> Option<Vec<Coding>> {
    let mut finds = finds.iter();
    let find = finds.find(|find| find.value == value && find.part.is_none())?;
    Some(find.codings.clone())
}

#[test]
fn every_way_of_writing_is_found_and_named() {
    // Each way meets several values, and each value several ways.
    let ways = WAYS.into_iter().chain([Way::Selectors]);
    let ways: Vec<Way> = ways.collect();
    for (index, known) in HOME.values.iter().enumerate() {
        for way in ways.iter().copied().skip(index % 7).step_by(7) {
            let stream = way.write(&known.value);
            if stream == known.value {
                continue;
            }
            let codings = whole(&found(&stream), index);
            // A value that is a text for bytes is also found as those.
            let named = codings
                .as_ref()
                .is_some_and(|c| c.first() == Some(&way.coding()));
            assert!(named, "{} {way:?}: {codings:?}", known.source);
        }
    }
}

#[test]
fn what_is_packed_without_a_header_is_found_where_it_begins() {
    for outer in [Way::Base64, Way::Hex, Way::Numbers] {
        let stream = outer.write(&Way::Deflate.write(&HOME.values[3].value));
        assert!(whole(&found(&stream), 3).is_some(), "{outer:?}");
    }
}

#[test]
fn hashes_are_found_whole_cut_and_in_any_coding() {
    let known = &HOME.values[3];
    for (coding, hash) in digest::digests(&known.value) {
        for text in [
            HEXLOWER.encode(&hash),
            HEXUPPER.encode(&hash[..12]),
            BASE64.encode(&hash),
            BASE64URL_NOPAD.encode(&hash),
            BASE32.encode(&hash),
        ] {
            let stream = format!("id={text}; v=1");
            let codings = whole(&found(stream.as_bytes()), 3);
            assert_eq!(
                codings.and_then(|c| c.last().copied()),
                Some(coding),
                "{text}"
            );
        }
    }
}

#[test]
fn a_value_that_stands_for_bytes_is_found_as_those() {
    let key = |name: &str| {
        let named = |known: &Known| known.source == Source::Canary(name.to_owned());
        HOME.values.iter().position(named).unwrap()
    };
    let list = key("~/.config/solana/id.json");
    let bytes: Vec<u8> = serde_json::from_slice(&HOME.values[list].value).unwrap();
    assert_eq!(
        whole(&found(HEXLOWER.encode(&bytes).as_bytes()), list),
        Some(vec![Coding::Hex, Coding::Bytes])
    );
    // The secret half of an OpenSSH key, taken out of its file.
    let ssh = key("~/.ssh/id_ed25519");
    let line = &HOME.values[ssh].value;
    let secret = data_encoding::BASE64_NOPAD.decode(&line[6..46]).unwrap();
    let finds = found(HEXLOWER.encode(&secret).as_bytes());
    assert!(finds.iter().any(|find| find.value == ssh), "{finds:?}");
}

#[test]
fn a_find_says_where_it_stands() {
    let known = &HOME.values[0];
    let text = String::from_utf8(known.value.clone()).unwrap();
    let backwards: String = text.chars().rev().collect();
    let coded = BASE64.encode(text.as_bytes());
    for written in [text, backwards, coded] {
        let stream = format!("some words, then {written} and more");
        let finds = found(stream.as_bytes());
        let places: Vec<&str> = finds.iter().map(|f| &stream[f.place.clone()]).collect();
        assert_eq!(places, [written]);
    }
}

#[test]
fn pieces_are_told_with_what_they_are() {
    let known = &HOME.values[0];
    let half = known.unknown.start..known.unknown.start + known.unknown.len() / 2;
    for way in [
        Way::Hex,
        Way::Base64,
        Way::Reversed,
        Way::Xor(0x77),
        Way::Base32,
    ] {
        let stream = way.write(&known.value[half.clone()]);
        let finds = found(&stream);
        let [find] = &finds[..] else {
            panic!("{way:?}: {finds:?}")
        };
        let part = find.part.clone().unwrap();
        // A letter of base64 that the neighbours share says nothing.
        assert!(
            part.start >= half.start && part.end <= half.end,
            "{way:?} {part:?}"
        );
        assert!(part.len() + 4 >= half.len(), "{way:?} {part:?}");
    }
}

/// Whether the first way leaves something that the second, around it, hides from the tables, and
/// that no key can be guessed of: text under a key that makes it other text.
fn is_out_of_reach(inner: Way, outer: Way) -> bool {
    let keyed = |way| matches!(way, Way::Xor(_) | Way::Shift(_));
    let turns = |way| matches!(way, Way::Reversed | Way::Rot13) || keyed(way);
    let text = !matches!(
        inner,
        Way::Base64 | Way::Base64Url | Way::Hex | Way::HexUpper
    ) && !turns(inner);
    match (inner, outer) {
        // What a turned text says, or holds under a key, only text says again.
        (inner, outer) if turns(inner) && turns(outer) => true,
        // The bytes of a character are no character when they are turned or under a key.
        (Way::ZeroWidth | Way::Tags, outer) if turns(outer) => true,
        // No header tells where it begins.
        (Way::Deflate, _) => true,
        // Two bytes do not either, where any key may be over them.
        (Way::Zlib, outer) => turns(outer),
        (Way::Gzip, outer) => outer == Way::Rot13,
        (_, Way::Xor(0x5a)) => text && !matches!(inner, Way::Gzip | Way::Zlib),
        _ => false,
    }
}

#[test]
fn a_value_is_found_in_any_two_codings_with_noise_around_it() {
    let short = |value: &usize| HOME.values[*value].value.len() < 28;
    let mut values = (0..HOME.values.len()).filter(short).cycle();
    let mut missed: Vec<(Way, Way)> = Vec::new();
    for inner in WAYS {
        for outer in WAYS {
            let value = values.next().unwrap();
            let known = &HOME.values[value];
            let inside = inner.write(&known.value);
            let written = [&b"id: "[..], &inside, b" see you, 17."].concat();
            if is_out_of_reach(inner, outer) || !outer.takes(&written) {
                continue;
            }
            let stream = outer.write(&written);
            if whole(&found(&stream), value).is_none() {
                missed.push((inner, outer));
            }
        }
    }
    assert!(missed.is_empty(), "{missed:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn a_value_inside_a_longer_coded_text_is_found_at_any_offset(
        value in 0..HOME.values.len(),
        before in "[a-z]{0,9}",
        after in "[a-z]{0,9}",
        glued in "[a-z]{0,4}",
    ) {
        for way in [Way::Base64, Way::Base64Url, Way::Base32, Way::Hex, Way::Bits] {
            let inside = [before.as_bytes(), &HOME.values[value].value, after.as_bytes()].concat();
            let coded = String::from_utf8(way.write(&inside)).unwrap();
            let stream = format!("{glued}{coded}");
            prop_assert!(whole(&found(stream.as_bytes()), value).is_some(), "{way:?} {stream}");
        }
    }

    #[test]
    fn a_value_under_any_key_is_found_at_any_offset(
        value in 0..HOME.values.len(),
        key in 1..=255u8,
        before in proptest::collection::vec(any::<u8>(), 0..40),
        after in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        for way in [Way::Xor(key), Way::Shift(key)] {
            let written = way.write(&HOME.values[value].value);
            let stream = [before.clone(), written, after.clone()].concat();
            prop_assert!(whole(&found(&stream), value).is_some(), "{way:?}");
        }
    }

    #[test]
    fn any_bytes_are_looked_at_within_bounds(
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
        text in "[%=&#\\\\ux0-9a-f;,+/ \u{200b}\u{200c}]{0,200}",
    ) {
        prop_assert_eq!(found(&bytes), []);
        prop_assert_eq!(found(text.as_bytes()), []);
    }
}

#[test]
fn chance_is_no_find() {
    // Identifiers, hashes and tokens of the shapes that canaries have, but other ones: the homes
    // of other seeds.
    for seed in 1000..1002 {
        let home = home(&Persona::DEFAULT, Seed(seed));
        for file in home.files.iter().filter(|file| file.content.len() < 2048) {
            // A whole file holds what everybody's file holds.
            assert_eq!(found(&file.content), [], "{seed} {}", file.path);
        }
    }
}

#[test]
fn work_is_bounded_by_length_whatever_the_bytes() {
    let worst: [(&str, Vec<u8>); 8] = [
        (
            "base32 inside base32",
            b"mfrggzdfmztwq2lknnwg23tpobyxe43uov3ho6dzpi".repeat(50),
        ),
        ("escapes of escapes", b"%2525252525".repeat(200)),
        ("headers of gzip", b"\x1f\x8b\x08\x00".repeat(500)),
        ("headers of zlib", b"\x78\x9c".repeat(1000)),
        (
            "zero-width",
            "\u{200b}\u{200c}\u{200d}\u{2060}".repeat(200).into_bytes(),
        ),
        ("numbers", b"120,156,".repeat(300)),
        // Each of these would be read anew from every place, were that not seen to.
        ("one byte", b"a".repeat(1 << 18)),
        (
            "headers of gzip with a name",
            b"\x1f\x8b\x08\x1f".repeat(1 << 16),
        ),
    ];
    for (what, bytes) in worst {
        let mut work = Work::of(bytes.len());
        let before = work.left();
        assert_eq!(HOME.find(&bytes, &mut work), [], "{what}");
        assert!(
            before - work.left() <= (1 << 19) + 16 * bytes.len(),
            "{what}"
        );
    }
}

/// Of what is long, a value is found anywhere as it stands or under a key, and in a coding at
/// either end; and what it costs does not grow with the length.
#[test]
fn a_long_stream_is_looked_at_within_bounds() {
    let planted = home(&Persona::DEFAULT, Seed(7)).planted;
    let key = planted.iter().find(|p| p.value.len() > 60).unwrap();
    let value = key.value.as_bytes();
    let coded = BASE64.encode(value).into_bytes();
    let keyed: Vec<u8> = value.iter().map(|byte| byte ^ 0x5a).collect();
    let filler = b"some words, and more of them. ".repeat(1 << 14);
    let found = |stream: &[u8]| {
        let mut work = Work::of(stream.len());
        assert!(work.left() <= (1 << 19) + (16 << 18));
        !HOME.find(stream, &mut work).is_empty()
    };
    let middle = [&filler[..], b" "].concat();
    for text in [value, &keyed] {
        assert!(found(&[&middle, text, b" ", &filler].concat()));
    }
    assert!(found(&[&coded, &b" "[..], &filler].concat()));
    assert!(found(&[&middle, &coded[..]].concat()));
    assert!(!found(&filler));
}
