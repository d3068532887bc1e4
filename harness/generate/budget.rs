//! The bounds that keep a hostile schema from costing more than a moment.

/// Most values (scalars and containers) in one case.
pub(super) const VALUES: usize = 4_000;
/// Most bytes of text in one case.
pub(super) const TEXT: usize = 1 << 20;
/// Longest single string, in characters; a schema that asks for more gets an honest invalid case.
pub(super) const STRING: usize = 64 << 10;
/// Longest array.
pub(super) const ITEMS: usize = 512;
/// Most subschemas looked into for one value.
pub(super) const PARTS: usize = 400;
/// Depth of values past which everything optional is left out.
pub(super) const DEPTH: usize = 5;
/// Depth of values past which nothing is made any more.
pub(super) const FLOOR: usize = 40;
/// Most subschemas in one tool's schema, and how deep they may nest.
pub(super) const SCHEMA_NODES: usize = 50_000;
pub(super) const SCHEMA_DEPTH: usize = 96;
/// Most copies of parts of a schema in which a reference leads elsewhere than in the original.
pub(super) const COPIES: usize = 64;
/// Most names that may lead to another place in each copy.
pub(super) const MOVING: usize = 16;
/// Most ways through a schema's resources (each with its `$id`): a validator has to tell each apart.
pub(super) const WAYS: usize = 1_000;
/// Longest address of a schema.
pub(super) const ADDRESS: usize = 1_024;
/// Most subschemas of a schema that is said outright.
pub(super) const OUTRIGHT: usize = 20_000;
/// Times that one value's branches are chosen anew when nothing is in all of them.
pub(super) const TRIES: usize = 12;
/// Most subschema visits a single validation may need; past it a value counts as unchecked.
pub(super) const VISITS: usize = 50_000;
/// Most steps a pattern may backtrack while matching one string.
pub(super) const BACKTRACK: usize = 10_000;
/// Most states a pattern may come to, its counts multiplied out.
pub(super) const STATES: u64 = 10_000;
/// Times a rejected case is repaired before it is handed out as invalid.
pub(super) const ROUNDS: usize = 32;
/// Of those, how many before the schema is said outright.
pub(super) const PATIENCE: usize = 14;
/// Times when the bounds above were in the way: other branches may be smaller, but not many are tried.
pub(super) const HOPELESS_ROUNDS: usize = 3;
/// Ways tried to break one keyword and no other.
pub(super) const BREAKS: usize = 16;
/// Most candidates a shrinker offers.
pub(super) const SHRINKS: usize = 2_000;

/// What is left for one case.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    values: usize,
    text: usize,
    tries: usize,
    overdrawn: bool,
}

impl Budget {
    pub(super) fn full() -> Self {
        Self {
            values: VALUES,
            text: TEXT,
            tries: VALUES,
            overdrawn: false,
        }
    }

    /// Takes one value; false once there are none left.
    pub(super) fn value(&mut self) -> bool {
        self.values = self.values.saturating_sub(1);
        self.overdrawn |= self.values == 0;
        self.values > 0
    }

    /// Takes `n` bytes of text; false once there is not enough left.
    pub(super) fn text(&mut self, n: usize) -> bool {
        let enough = n <= self.text;
        self.text = self.text.saturating_sub(n);
        self.overdrawn |= !enough;
        enough
    }

    /// Takes one more try at a value whose parts leave nothing; false once there are none left.
    pub(super) fn try_again(&mut self) -> bool {
        self.tries = self.tries.saturating_sub(1);
        self.tries > 0
    }

    /// The schema asks for more than it may.
    pub(super) fn refuse(&mut self) {
        self.overdrawn = true;
    }

    /// Whether anything was refused: what was made is then not what was asked for.
    pub(super) fn overdrawn(&self) -> bool {
        self.overdrawn
    }

    /// Most of it is spent: leave out what can be left out.
    pub(super) fn short(&self) -> bool {
        self.values < VALUES / 2
    }
}
