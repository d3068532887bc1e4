//! Paths of a document and which of them a request means (OpenAPI 3.1, section 4.8.8): the one
//! with the most literal text wins.

use super::document::{Description, Node};
use super::error::OpenApiProblem;
use super::load::escaped;
use percent_encoding::percent_decode_str;

const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// A path with its operations.
pub struct Route {
    /// As the document writes it.
    pub path: String,
    /// Paths of the servers that have it, without a final slash.
    bases: Vec<String>,
    segments: Vec<Segment>,
    /// Methods in capitals, and where their operations stand.
    operations: Vec<(String, String)>,
    /// Where the path item stands.
    pub item: String,
}

/// Literal text and names, in turn.
type Segment = Vec<Piece>;

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Name(String),
}

/// The parameters of a path, and its segments.
type Fit<'r> = (Vec<(&'r str, String)>, Vec<String>);

/// What a request means.
pub struct Matched<'r> {
    pub route: &'r Route,
    /// Where the operation stands.
    pub operation: &'r str,
    /// Decoded, in the order of the path.
    pub params: Vec<(&'r str, String)>,
    /// The segments of the request below the server's own path, decoded.
    pub segments: Vec<String>,
}

impl Route {
    /// All paths of a description, those with the most literal text first. A mistake comes with
    /// its pointer.
    pub fn all(description: &Description) -> Result<Vec<Self>, (String, OpenApiProblem)> {
        let root = description.root();
        let mut routes = Vec::new();
        let Some(paths) = root.get("paths") else {
            return Err((String::new(), OpenApiProblem::NoPaths));
        };
        for (path, item) in paths.members().filter(|(path, _)| !path.starts_with("x-")) {
            let here = |problem| (format!("/paths/{}", escaped(path)), problem);
            if !path.starts_with('/') {
                return Err(here(OpenApiProblem::NotAPath(path.to_owned())));
            }
            if !item.value.is_object() {
                let want = "an object with operations";
                return Err(here(OpenApiProblem::Wrong { want }));
            }
            let segments = path
                .split('/')
                .skip(1)
                .map(segment)
                .collect::<Option<Vec<_>>>();
            let segments = segments.ok_or_else(|| here(OpenApiProblem::Braces(path.to_owned())))?;
            let mut operations = Vec::new();
            let mut bases = Vec::new();
            for method in METHODS {
                let Some(operation) = item.get(method) else {
                    continue;
                };
                let own = [
                    operation.get("servers"),
                    item.get("servers"),
                    root.get("servers"),
                ];
                for base in own
                    .into_iter()
                    .flatten()
                    .next()
                    .map_or(vec![String::new()], |s| servers(&s))
                {
                    if !bases.contains(&base) {
                        bases.push(base);
                    }
                }
                operations.push((method.to_ascii_uppercase(), operation.pointer));
            }
            if !operations.is_empty() {
                let (path, item) = (path.to_owned(), item.pointer);
                routes.push(Self {
                    path,
                    bases,
                    segments,
                    operations,
                    item,
                });
            }
        }
        if routes.is_empty() {
            return Err(("/paths".to_owned(), OpenApiProblem::NoPaths));
        }
        routes.sort_by_key(Self::rank);
        Ok(routes)
    }

    /// Smaller for what is more literal, from the left.
    fn rank(&self) -> Vec<usize> {
        let rank = |segment: &Segment| match &segment[..] {
            [] | [Piece::Literal(_)] => 0,
            [Piece::Name(_)] => 2,
            _ => 1,
        };
        self.segments.iter().map(rank).collect()
    }

    /// The route and operation that a request means, if any.
    pub fn find<'r>(routes: &'r [Self], method: &str, path: &str) -> Option<Matched<'r>> {
        let matched = |method: &str| {
            routes.iter().find_map(|route| {
                let (_, operation) = route.operations.iter().find(|(m, _)| m == method)?;
                let found = route.bases.iter().find_map(|base| route.fit(base, path));
                let (params, segments) = found?;
                Some(Matched {
                    route,
                    operation,
                    params,
                    segments,
                })
            })
        };
        // RFC 9110, section 9.3.2: whatever can be got has a head.
        matched(method).or_else(|| (method == "HEAD").then(|| matched("GET")).flatten())
    }

    fn fit(&self, base: &str, path: &str) -> Option<Fit<'_>> {
        let rest = path.strip_prefix(base)?.strip_prefix('/')?;
        let slash = matches!(self.segments.last(), Some(last) if last.is_empty());
        let rest = match rest.strip_suffix('/') {
            Some(shorter) if !slash && !rest.is_empty() => shorter,
            _ => rest,
        };
        let decode = |s: &str| percent_decode_str(s).decode_utf8_lossy().into_owned();
        let given: Vec<String> = rest.split('/').map(decode).collect();
        if given.len() != self.segments.len() {
            return None;
        }
        let mut params = Vec::new();
        for (segment, text) in self.segments.iter().zip(&given) {
            take(segment, text, &mut params)?;
        }
        Some((params, given))
    }

    /// The last parameter, where the path ends with it: its members are things with that name.
    pub fn last_param(&self) -> Option<&str> {
        match self.segments.last().map(Vec::as_slice) {
            Some([Piece::Name(name)]) => Some(name),
            _ => None,
        }
    }

    /// The last word of the path.
    pub fn noun(&self) -> &str {
        let words = self
            .segments
            .iter()
            .rev()
            .filter_map(|segment| match &segment[..] {
                [Piece::Literal(word)] => Some(word.as_str()),
                _ => None,
            });
        words.into_iter().next().unwrap_or_default()
    }

    pub fn has(&self, method: &str) -> bool {
        self.operations.iter().any(|(m, _)| m == method)
    }

    /// The route that is this one's path and a parameter.
    pub fn child<'r>(&self, routes: &'r [Self]) -> Option<&'r Self> {
        let len = self.segments.len();
        routes.iter().find(|other| {
            other.segments.len() == len + 1
                && other
                    .segments
                    .iter()
                    .zip(&self.segments)
                    .all(|(a, b)| alike(a, b))
                && other.last_param().is_some()
        })
    }

    /// The route that this one's path continues by one word, where it names a member.
    pub fn parent<'r>(&self, routes: &'r [Self]) -> Option<&'r Self> {
        let len = self.segments.len().checked_sub(1)?;
        let mut parents = routes.iter().filter(|other| other.segments.len() == len);
        parents.find(|other| {
            other
                .segments
                .iter()
                .zip(&self.segments)
                .all(|(a, b)| alike(a, b))
                && other.last_param().is_some()
        })
    }
}

/// Whether two segments take the same place, whatever their parameters are called.
fn alike(a: &Segment, b: &Segment) -> bool {
    match (&a[..], &b[..]) {
        ([Piece::Name(_)], [Piece::Name(_)]) => true,
        _ => a == b,
    }
}

/// `{owner}`, `issues`, `{id}.json`; none where braces do not match.
fn segment(text: &str) -> Option<Segment> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        let end = start + rest[start..].find('}')?;
        if start > 0 {
            pieces.push(Piece::Literal(decoded(&rest[..start])));
        }
        pieces.push(Piece::Name(rest[start + 1..end].to_owned()));
        rest = &rest[end + 1..];
    }
    if rest.contains('}') {
        return None;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(decoded(rest)));
    }
    Some(pieces)
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Takes a segment apart; a name goes up to the next literal.
fn take<'r>(segment: &'r Segment, text: &str, params: &mut Vec<(&'r str, String)>) -> Option<()> {
    let mut rest = text;
    let mut pieces = segment.iter().peekable();
    while let Some(piece) = pieces.next() {
        match piece {
            Piece::Literal(literal) => rest = rest.strip_prefix(literal.as_str())?,
            Piece::Name(name) => {
                let end = match pieces.peek() {
                    Some(Piece::Literal(next)) => rest.find(next.as_str())?,
                    _ => rest.len(),
                };
                if end == 0 {
                    return None;
                }
                params.push((name, rest[..end].to_owned()));
                rest = &rest[end..];
            }
        }
    }
    rest.is_empty().then_some(())
}

/// The paths of a list of servers, with their variables' defaults.
fn servers(list: &Node<'_>) -> Vec<String> {
    let base = |server: Node<'_>| {
        let mut url = server.text("url").unwrap_or("/").to_owned();
        if let Some(variables) = server.get("variables") {
            for (name, variable) in variables.members() {
                let value = variable.text("default").unwrap_or_default();
                url = url.replace(&format!("{{{name}}}"), value);
            }
        }
        let path = match url.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("", |at| &rest[at..]),
            None => url.as_str(),
        };
        let path = path
            .split(['?', '#'])
            .next()
            .unwrap_or_default()
            .trim_matches('/');
        if path.is_empty() {
            String::new()
        } else {
            format!("/{path}")
        }
    };
    let bases: Vec<String> = list.items().map(base).collect();
    if bases.is_empty() {
        vec![String::new()]
    } else {
        bases
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn routes() -> Vec<Route> {
        let paths = json!({
            "/users/{id}": {"get": {}, "delete": {}},
            "/users/me": {"get": {}},
            "/users/{id}.json": {"get": {}},
            "/a/{x}/c": {"get": {}},
            "/a/b/{y}": {"get": {}},
            "/up/": {"servers": [{"url": "https://other.example/{v}", "variables": {"v": {"default": "v9"}}}], "get": {}},
        });
        let document = json!({"servers": [{"url": "https://api.example/v2/"}, {"url": "/v1"}], "paths": paths});
        Route::all(&Description::new(document)).unwrap()
    }

    #[test]
    fn the_most_literal_path_wins() {
        let routes = routes();
        let found = |method: &str, path: &str| {
            let found = Route::find(&routes, method, path)?;
            let params: Vec<String> = found
                .params
                .iter()
                .map(|(n, v)| format!("{n}={v}"))
                .collect();
            Some(format!("{} {}", found.route.path, params.join(",")))
        };
        for (method, path, expected) in [
            ("GET", "/v2/users/me", Some("/users/me ")),
            ("GET", "/v1/users/a%20b%2Fc", Some("/users/{id} id=a b/c")),
            ("HEAD", "/v1/users/7/", Some("/users/{id} id=7")),
            ("DELETE", "/v1/users/me", Some("/users/{id} id=me")),
            ("GET", "/v1/users/7.json", Some("/users/{id}.json id=7")),
            ("GET", "/v1/a/b/c", Some("/a/b/{y} y=c")),
            ("GET", "/v9/up/", Some("/up/ ")),
            ("GET", "/users/7", None),
            ("PATCH", "/v1/users/7", None),
            ("GET", "/v1/users/", None),
            ("GET", "/v1/users", None),
        ] {
            assert_eq!(found(method, path).as_deref(), expected, "{method} {path}");
        }
    }

    #[test]
    fn braces_come_in_pairs() {
        for path in ["/a/{b", "/a/b}"] {
            let document = json!({"paths": {path: {"get": {}}}});
            assert!(Route::all(&Description::new(document)).is_err(), "{path}");
        }
    }
}
