//! How requests ask for a part of a list, whatever the API calls it.

/// Parameters that name a place after the start, and the least value that does.
const PLACES: [(&str, u64); 7] = [
    ("page", 2),
    ("page_number", 2),
    ("pagenumber", 2),
    ("offset", 1),
    ("skip", 1),
    ("start", 1),
    ("startat", 1),
];
/// Those that name one by any value.
const CURSORS: [&str; 8] = [
    "cursor",
    "after",
    "page_token",
    "pagetoken",
    "next_token",
    "nexttoken",
    "start_cursor",
    "starting_after",
];
const LIMITS: [&str; 7] = [
    "limit",
    "per_page",
    "page_size",
    "pagesize",
    "count",
    "first",
    "size",
];

/// Whether a page after the first is asked for. `asked` knows parameters by their names in lower
/// case.
pub(super) fn is_later(asked: impl Fn(&str) -> Option<String>) -> bool {
    let number = |name: &str| asked(name).and_then(|v| v.parse::<u64>().ok());
    let mut places = PLACES.iter();
    places.any(|(name, least)| number(name).is_some_and(|n| n >= *least))
        || CURSORS
            .iter()
            .any(|name| asked(name).is_some_and(|v| !v.is_empty()))
}

/// How many members are wanted at most.
pub(super) fn limit(asked: impl Fn(&str) -> Option<String>) -> Option<u64> {
    let mut limits = LIMITS.iter();
    limits.find_map(|name| asked(name)?.parse().ok())
}
