//! Numbers: within every bound, small where small is meant, else known again.

use super::{
    facets::{Facets, Types},
    meaning::{self, Quantity},
    place::Place,
    walk::Walk,
};
use serde_json::{Number, Value};

/// The largest integer every JSON implementation keeps (RFC 8259, section 6).
const SAFE: f64 = 9_007_199_254_740_991.0;

/// What all parts together let stand.
struct Range {
    low: f64,
    high: f64,
    low_open: bool,
    high_open: bool,
    step: Option<f64>,
}

impl<'s> Walk<'s, '_> {
    pub(super) fn number(&mut self, facets: &Facets<'s>, at: &Place) -> Value {
        let made = self.any_number(facets, at);
        let steps = facets.all("not").filter_map(Value::as_object);
        let steps = steps.filter(|not| not.len() == 1);
        let steps: Vec<f64> = steps
            .filter_map(|not| not.get("multipleOf")?.as_f64())
            .collect();
        let (Some(first), Some(step)) = (made.as_f64(), steps.first()) else {
            return made;
        };
        let (range, whole) = (Range::of(facets), facets.types == Types::INTEGER);
        let off =
            |n: &f64| range.fits(*n, whole) && steps.iter().all(|step| (n / step).fract() != 0.0);
        let near = [0.0, 1.0, -1.0, step / 2.0, -step / 2.0, step / 3.0];
        let found = near.into_iter().map(|more| first + more).find(off);
        match found {
            Some(n) if n.fract() == 0.0 => Value::from(n as i64),
            Some(n) => Number::from_f64(n).map_or(made, Value::Number),
            None => made,
        }
    }

    fn any_number(&mut self, facets: &Facets<'s>, at: &Place) -> Value {
        let about = facets.about();
        let quantity = meaning::of_number(&self.said(facets, at, &about));
        let whole_only = !facets.types.has(Types::NUMBER.without(Types::INTEGER));
        let shown: Vec<&Value> = facets
            .shown()
            .into_iter()
            .filter(|v| v.is_number())
            .collect();
        let style = self.style(at, 12);
        let wish = self.choices.draw(at, 1 << 32);
        if style == 9 && !shown.is_empty() {
            return shown[wish as usize % shown.len()].clone();
        }
        let range = Range::of(facets);
        // Some bounds are past what a float counts exactly: the bound itself is then the best answer.
        if range.low > SAFE || range.high < -SAFE {
            let bound = facets
                .all("minimum")
                .chain(facets.all("maximum"))
                .find(|v| v.is_number());
            return bound.cloned().unwrap_or_else(|| Value::from(0));
        }
        if !facets.types.has(Types::INTEGER) {
            return range.broken(quantity, wish);
        }
        let whole = whole_only || whole_by_meaning(quantity);
        let fed = self.fed_number(at, quantity, &|n| range.fits(n, whole));
        if let Some(fed) = fed {
            return fed;
        }
        if whole_only || range.step.is_some() || whole_by_meaning(quantity) || style != 6 {
            range
                .whole(quantity, style, wish)
                .map_or_else(|| range.any(quantity, wish), Value::from)
        } else {
            range.any(quantity, wish)
        }
    }
}

/// Servers take `number` for what they then use as a count.
fn whole_by_meaning(quantity: Quantity) -> bool {
    use Quantity::{Latitude, Longitude, Money, Percent, Ratio};
    !matches!(quantity, Latitude | Longitude | Money | Percent | Ratio)
        && quantity != Quantity::Distinct
}

/// Where values of this kind lie when no bound says otherwise.
fn usual(quantity: Quantity) -> (f64, f64) {
    match quantity {
        Quantity::Small => (1.0, 20.0),
        Quantity::Effort => (1.0, 3.0),
        Quantity::Offset => (0.0, 9.0),
        Quantity::Port => (1_024.0, 49_151.0),
        Quantity::Year => (2_026.0, 2_026.0),
        Quantity::Month => (1.0, 12.0),
        Quantity::Day => (1.0, 28.0),
        Quantity::Hour => (0.0, 23.0),
        Quantity::Latitude => (-60.0, 60.0),
        Quantity::Longitude => (-170.0, 170.0),
        Quantity::Ratio => (0.0, 1.0),
        Quantity::Percent => (1.0, 99.0),
        // The year 2026.
        Quantity::Seconds => (1_767_225_600.0, 1_798_761_599.0),
        Quantity::Millis => (1_767_225_600_000.0, 1_798_761_599_000.0),
        Quantity::Money => (1_000.0, 99_999.0),
        Quantity::Id | Quantity::Distinct => (10_000.0, 9_999_999.0),
    }
}

impl Range {
    fn of(facets: &Facets<'_>) -> Self {
        let bounds = |key| facets.all(key).filter_map(Value::as_f64);
        let (mut low, mut low_open) = (f64::NEG_INFINITY, false);
        let (mut high, mut high_open) = (f64::INFINITY, false);
        let open = |key: &str| facets.all(key).any(|v| *v == Value::Bool(true));
        for bound in bounds("minimum") {
            if bound > low {
                (low, low_open) = (bound, open("exclusiveMinimum"));
            }
        }
        for bound in bounds("exclusiveMinimum") {
            if bound >= low {
                (low, low_open) = (bound, true);
            }
        }
        for bound in bounds("maximum") {
            if bound < high {
                (high, high_open) = (bound, open("exclusiveMaximum"));
            }
        }
        for bound in bounds("exclusiveMaximum") {
            if bound <= high {
                (high, high_open) = (bound, true);
            }
        }
        // Several steps meet in their product; the usual one is alone.
        let step = bounds("multipleOf")
            .filter(|step| *step > 0.0)
            .reduce(|a, b| {
                if a % b == 0.0 {
                    a
                } else if b % a == 0.0 {
                    b
                } else {
                    a * b
                }
            });
        Self {
            low,
            high,
            low_open,
            high_open,
            step,
        }
    }

    /// Whether a number may stand there.
    fn fits(&self, n: f64, whole: bool) -> bool {
        let low = n > self.low || (n == self.low && !self.low_open);
        let high = n < self.high || (n == self.high && !self.high_open);
        let step = self.step.is_none_or(|step| (n / step).fract() == 0.0);
        low && high && step && n.abs() <= SAFE && (!whole || n.fract() == 0.0)
    }

    /// The usual interval cut to the bounds; the bounds' own neighbourhood where they do not meet.
    fn interval(&self, quantity: Quantity) -> (f64, f64) {
        let (a, b) = usual(quantity);
        let (low, high) = (a.max(self.low), b.min(self.high));
        if low <= high {
            (low, high)
        } else if self.low.is_finite() && self.low > b {
            (self.low, self.high.min(self.low + 1_000.0))
        } else if self.high.is_finite() {
            (self.low.max(self.high - 1_000.0), self.high)
        } else {
            (a, b)
        }
    }

    /// A whole number, a boundary now and then; `None` when there is none.
    fn whole(&self, quantity: Quantity, style: u64, wish: u64) -> Option<Number> {
        let first = {
            let up = self.low.ceil();
            if self.low_open && up == self.low {
                up + 1.0
            } else {
                up
            }
        };
        let last = {
            let down = self.high.floor();
            if self.high_open && down == self.high {
                down - 1.0
            } else {
                down
            }
        };
        let step = self.step.unwrap_or(1.0);
        // The least whole number that is a multiple of a step such as 0.5 or 2.5.
        let step = (1..=1_000)
            .map(|k| step * f64::from(k))
            .find(|s| s.fract() == 0.0)
            // Of a step such as 1e-8, every whole number is one.
            .or_else(|| ((1.0 / step).fract() == 0.0).then_some(1.0))?;
        let (a, b) = self.interval(quantity);
        let near = |bound: f64| bound.is_finite() && bound.abs() <= 1e6;
        let (a, b) = match style {
            10 if near(first) => (first, first),
            11 if near(last) && quantity != Quantity::Effort => (last, last),
            _ => (a.max(first), b.min(last)),
        };
        let (k_low, k_high) = ((a.max(first) / step).ceil(), (b.min(last) / step).floor());
        let (k_low, k_high) = if k_low <= k_high {
            (k_low, k_high)
        } else {
            (
                (first.max(-SAFE) / step).ceil(),
                (last.min(SAFE) / step).floor(),
            )
        };
        if k_low > k_high {
            return None;
        }
        let count = (k_high - k_low + 1.0).min(4_294_967_296.0) as u64;
        let value = (k_low + (wish % count) as f64) * step;
        (value.abs() <= SAFE && value >= first && value <= last).then(|| Number::from(value as i64))
    }

    /// A number that is not whole.
    fn broken(&self, quantity: Quantity, wish: u64) -> Value {
        let (a, b) = self.interval(quantity);
        let share = (wish >> 1) as f64 / 2_147_483_648.0;
        let near = (a + (b - a) * share).floor() + 0.5;
        let value = [near, near - 1.0, a / 2.0 + b / 2.0]
            .into_iter()
            .find(|v| self.fits(*v, false));
        Number::from_f64(value.unwrap_or(near)).map_or(Value::Null, Value::Number)
    }

    /// Any number: two decimals where they fit.
    fn any(&self, quantity: Quantity, wish: u64) -> Value {
        let (a, b) = self.interval(quantity);
        let share = wish as f64 / 4_294_967_296.0;
        let raw = a + (b - a) * share;
        let rounded = (raw * 100.0).round() / 100.0;
        let inside = Self {
            step: None,
            ..*self
        };
        let fits = |v: f64| inside.fits(v, false);
        let stepped = self.step.map(|step| (raw / step).round() * step);
        let middle = a / 2.0 + b / 2.0;
        let value = stepped
            .into_iter()
            .chain([rounded, raw, middle])
            .find(|v| fits(*v))
            .unwrap_or(middle);
        Number::from_f64(value).map_or(Value::Null, Value::Number)
    }
}
