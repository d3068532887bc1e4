//! Why no arguments can be made from a schema.

/// A schema that no call can be made from. `place` is a JSON pointer into the schema, as `#/properties/to`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaProblem {
    #[error("`{place}` is no schema: expected an object, found {found}")]
    NotASchema { place: String, found: &'static str },
    #[error("`{place}` does not allow an object, and tool arguments are one")]
    NotAnObject { place: String },
    #[error("`{place}` refers to `{target}`, which is outside the schema")]
    Outside { place: String, target: String },
    #[error("`{place}` refers to `{target}`, which does not exist")]
    Dangling { place: String, target: String },
    /// `path` is the argument's dotted path, empty for the arguments themselves.
    #[error("argument `{path}` cannot be given: {why}")]
    Unsatisfiable { path: String, why: String },
    #[error("`{place}` cannot be used: {why}")]
    Broken { place: String, why: String },
    #[error("`{place}` is past the limit of {limit} {unit}")]
    TooLarge {
        place: String,
        limit: usize,
        unit: &'static str,
    },
}
