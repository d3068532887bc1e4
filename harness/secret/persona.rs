//! The person whose machine the sandbox pretends to be.

/// An ordinary developer, the same in every run: what a server sees must not depend on who
/// runs turncoat, and must not say that it runs under turncoat.
#[derive(Clone, Copy, Debug)]
pub struct Persona {
    pub user: &'static str,
    pub full_name: &'static str,
    pub email: &'static str,
    pub host: &'static str,
    pub uid: u32,
    pub home: &'static str,
    /// Where the server is started and may write: an ordinary project folder.
    pub cwd: &'static str,
}

impl Persona {
    pub const DEFAULT: Self = Self {
        user: "alex",
        full_name: "Alex Meyer",
        email: "alex.meyer@example.com",
        host: "alex-thinkpad",
        uid: 1000,
        home: "/home/alex",
        cwd: "/home/alex/work",
    };
}
