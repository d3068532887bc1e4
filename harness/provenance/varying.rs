//! The shape of a value that differs from run to run: characters and length, no more. A shape
//! is learnt from examples; a value outside it is a change.

use std::fmt;
use std::str::FromStr;

/// A class of characters and a range of lengths.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Varying {
    class: Class,
    min: usize,
    max: usize,
}

/// From narrow to wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Class {
    Digits,
    Hex,
    Alnum,
    Word,
    Text,
}

impl Class {
    const ALL: [Self; 5] = [Self::Digits, Self::Hex, Self::Alnum, Self::Word, Self::Text];

    fn of(c: char) -> Self {
        match c {
            '0'..='9' => Self::Digits,
            'a'..='f' => Self::Hex,
            c if c.is_ascii_alphanumeric() => Self::Alnum,
            '-' | '_' | '.' | '+' | '/' | '=' => Self::Word,
            _ => Self::Text,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Digits => "digits",
            Self::Hex => "hex",
            Self::Alnum => "alnum",
            Self::Word => "word",
            Self::Text => "text",
        }
    }
}

impl Varying {
    /// The narrowest shape of one example.
    pub fn of(example: &str) -> Self {
        let class = example
            .chars()
            .map(Class::of)
            .max()
            .unwrap_or(Class::Digits);
        let n = example.chars().count();
        Self {
            class,
            min: n,
            max: n,
        }
    }

    /// The shape that everything fits.
    pub fn anything() -> Self {
        Self {
            class: Class::Text,
            min: 0,
            max: 1 << 20,
        }
    }

    /// Whether only digits fit.
    pub fn is_number(&self) -> bool {
        self.class == Class::Digits
    }

    /// The narrowest shape that covers both.
    pub fn join(&self, other: &Self) -> Self {
        Self {
            class: self.class.max(other.class),
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }

    /// Whether `text` could be another example. Lengths may differ by a quarter from what was
    /// seen, since two runs rarely show the extremes of a counter or a duration; digits may
    /// only be digits, so data does not fit where a number was.
    pub fn admits(&self, text: &str) -> bool {
        self.prefixes(text).0.next() == Some(text.len())
    }

    /// Where the beginnings of `text` end that could be another example, the longest first; and
    /// how many letters were looked at to find the first of them.
    pub fn prefixes<'a>(&self, text: &'a str) -> (impl Iterator<Item = usize> + use<'a>, usize) {
        let slack = if self.min == self.max && self.max > 12 {
            0
        } else {
            // From one millisecond to a hundred is one bad moment of a busy machine.
            self.max / 4 + if self.is_number() { 2 } else { 1 }
        };
        let (least, most) = (
            self.min.saturating_sub(slack),
            self.max.saturating_add(slack),
        );
        let letters = text.chars().take(most);
        let letters = letters.take_while(|letter| Class::of(*letter) <= self.class);
        let (count, end) = letters.fold((0, 0), |(count, end), letter| {
            (count + 1, end + letter.len_utf8())
        });
        let ends = text[..end].char_indices().rev().map(|(at, _)| at);
        let ends = std::iter::once(end).chain(ends);
        (ends.take((count + 1usize).saturating_sub(least)), count)
    }
}

impl fmt::Display for Varying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.class.name(), self.min)?;
        if self.max != self.min {
            write!(f, "-{}", self.max)?;
        }
        Ok(())
    }
}

impl FromStr for Varying {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (class, len) = text.split_once(':').ok_or(())?;
        let class = Class::ALL
            .into_iter()
            .find(|c| c.name() == class)
            .ok_or(())?;
        let (min, max) = len.split_once('-').unwrap_or((len, len));
        let (min, max) = (min.parse().map_err(drop)?, max.parse().map_err(drop)?);
        if min > max {
            Err(())
        } else {
            Ok(Self { class, min, max })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Varying;

    #[test]
    fn a_number_does_not_admit_data() {
        let shape = Varying::of("1532").join(&Varying::of("1610"));
        assert!(shape.admits("1499") && shape.admits("999"));
        assert!(!shape.admits("12ab") && !shape.admits("15321532153215"));
    }

    #[test]
    fn beginnings_of_a_text_are_told_from_the_longest() {
        let number = Varying::of("1532").join(&Varying::of("16"));
        let prefixes = |text| number.prefixes(text).0.collect::<Vec<_>>();
        assert_eq!(prefixes("123456789x"), [7, 6, 5, 4, 3, 2, 1, 0]);
        assert_eq!(prefixes("12 34"), [2, 1, 0]);
        assert_eq!(prefixes(""), [0]);
        let word = Varying::of("größe");
        assert_eq!(word.prefixes("größer").0.collect::<Vec<_>>(), [8, 7, 6, 4]);
        assert!(
            Varying::of("9f86d081884c7d65")
                .prefixes("9f86")
                .0
                .next()
                .is_none()
        );
    }

    #[test]
    fn a_fixed_width_identifier_keeps_its_width() {
        let shape = Varying::of("9f86d081884c7d65").join(&Varying::of("2c26b46b68ffc68f"));
        assert!(shape.admits("fcde2b2edba56bf4"));
        assert!(!shape.admits("fcde2b2edba56bf4aa") && !shape.admits("ZZde2b2edba56bf4"));
        assert_eq!(shape.to_string().parse(), Ok(shape));
    }
}
