//! The stock that texts are put together from: ordinary, varied, nobody's.

pub(super) const FIRST: &[&str] = &[
    "Maria", "Jonas", "Aisha", "Priya", "Tomás", "Ingrid", "Wei", "Olivia", "Mateo", "Zoë",
    "Samuel", "Hanna",
];
pub(super) const LAST: &[&str] = &[
    "Lindqvist",
    "Okafor",
    "Müller",
    "Garcia",
    "Novak",
    "Tanaka",
    "Brennan",
    "Silva",
    "Haddad",
    "Kowalski",
];
/// Registered by nobody (RFC 2606, RFC 6761); the first ones look most like a company's.
pub(super) const HOSTS: &[&str] = &[
    "northwind.example",
    "acme-tools.example",
    "lakeside.example",
    "mail.example.com",
    "example.com",
    "example.org",
    "example.net",
];
pub(super) const OPENINGS: &[&str] = &[
    "Quarterly review",
    "Notes from Tuesday",
    "Order confirmation",
    "Travel plan for Zürich",
    "Invoice reminder",
    "Welcome aboard",
    "Release checklist",
    "Meeting with Garcia & Söhne",
    "Draft agenda",
    "Follow-up",
];
pub(super) const SENTENCES: &[&str] = &[
    "Please find the numbers attached and let me know what you think.",
    "We moved the meeting to 3 PM; the room stays the same.",
    "The café on Main Street has confirmed our booking for twelve people.",
    "Could you send the signed copy back by Friday?",
    "Everything is ready for the launch, apart from the last two screenshots.",
    "Thanks for the quick reply – that helps a lot.",
];
pub(super) const TOPICS: &[&str] = &[
    "budget", "roadmap", "invoice", "harbour", "garden", "bicycle", "weather", "espresso",
    "library", "festival",
];
pub(super) const CITIES: &[&str] = &[
    "Zürich", "Porto", "Kyoto", "Bristol", "Oslo", "Austin", "Nairobi", "Leipzig",
];
pub(super) const STREETS: &[&str] = &[
    "Harbour Street",
    "Linden Avenue",
    "Mill Lane",
    "Station Road",
];
pub(super) const COUNTRIES: &[&str] = &["US", "DE", "GB", "FR", "SE", "JP", "BR", "CA"];
pub(super) const COUNTRY_NAMES: &[&str] =
    &["Germany", "Portugal", "Japan", "Brazil", "Sweden", "Canada"];
pub(super) const LANGUAGES: &[&str] = &["en", "de", "fr", "es", "en-US", "pt-BR", "ja"];
pub(super) const TIMEZONES: &[&str] = &[
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Tokyo",
    "Europe/London",
];
pub(super) const CURRENCIES: &[&str] = &["USD", "EUR", "GBP", "SEK", "JPY"];
pub(super) const MIME: &[&str] = &["text/plain", "application/pdf", "text/csv", "image/png"];
pub(super) const EMOJI: &[&str] = &["👍", "🎉", "🚀", "✅"];
pub(super) const FILES: &[&str] = &["notes", "report", "summary", "draft", "minutes"];
pub(super) const EXTENSIONS: &[&str] = &["md", "txt", "csv", "json"];
/// Names for the entries of maps that may hold anything.
pub(super) const KEYS: &[&str] = &[
    "reference",
    "department",
    "campaign",
    "source",
    "ticket",
    "region",
];
pub(super) const HEADER_KEYS: &[&str] = &["X-Reference", "X-Campaign", "X-Ticket", "X-Department"];
