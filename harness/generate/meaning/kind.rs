//! The kinds of values, and what is known about a place before its kind is.

/// What a text argument stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::generate) enum Meaning {
    Address,
    Base64,
    /// Of JSON.
    Base64Json,
    Branch,
    /// A cell of a spreadsheet.
    Cell,
    CellRange,
    City,
    Code,
    Colour,
    Command,
    Company,
    Country,
    Cron,
    Css,
    Currency,
    Cursor,
    Date,
    DateTime,
    Digits,
    Domain,
    Duration,
    Email,
    /// One or more addresses in one string, comma-separated.
    EmailList,
    Emoji,
    FileName,
    Folder,
    Glob,
    Hash,
    Html,
    Id,
    Ipv4,
    Ipv6,
    Json,
    JsonPointer,
    RelativeJsonPointer,
    Jwt,
    Language,
    /// A folder of a mail account.
    Mailbox,
    Markdown,
    MimeType,
    PersonName,
    Path,
    Phone,
    /// A message, a body, a comment: said in so many words.
    Prose,
    Query,
    Regex,
    /// A path within a repository or archive, never absolute.
    RelativePath,
    Secret,
    Slug,
    SqlChange,
    SqlCreate,
    SqlSelect,
    Table,
    /// Nothing known.
    Text,
    Time,
    Timezone,
    Title,
    Url,
    Username,
    Uuid,
    Version,
}

/// What a number stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::generate) enum Quantity {
    /// Limits, pages, counts: 1 to 20.
    Small,
    /// Waiting and working: as little as possible.
    Effort,
    Offset,
    Port,
    Year,
    Month,
    Day,
    Hour,
    Latitude,
    Longitude,
    Ratio,
    Percent,
    Seconds,
    Millis,
    Money,
    /// A number that names a thing: never a fraction.
    Id,
    /// Nothing known: a number that is known again.
    Distinct,
}

/// All that is said about a place.
pub(in crate::generate) struct Said<'a> {
    pub(in crate::generate) name: &'a str,
    pub(in crate::generate) parent: &'a str,
    pub(in crate::generate) tool: &'a str,
    /// Titles and descriptions, in lower case.
    pub(in crate::generate) about: &'a str,
    pub(in crate::generate) format: Option<&'a str>,
}
