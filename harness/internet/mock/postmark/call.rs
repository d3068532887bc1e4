//! One request to Postmark, read as far as every route needs: token, headers, query, JSON.

use super::super::Request;
use super::{Fault, Route, Token};
use serde_json::{Map, Value};

/// The token with which a send is checked and then dropped.
const TEST_TOKEN: &str = "POSTMARK_API_TEST";
const MAX_SINGLE: usize = 10 * 1024 * 1024;
const MAX_BATCH: usize = 50 * 1024 * 1024;
/// `count` and `count + offset` of every list.
const MAX_COUNT: u64 = 500;
const MAX_REACH: u64 = 10_000;

/// A request that carries a token of the right form.
pub(super) struct Call<'a> {
    /// Placeholder values of the path, decoded.
    params: Vec<String>,
    query: Vec<(String, String)>,
    body: &'a [u8],
    /// The route's path, as the table writes it.
    pub route: &'static str,
    /// How many requests with this method and path came before.
    pub nth: u64,
    /// Whether the test token was used: validate, keep nothing.
    pub test: bool,
}

impl<'a> Call<'a> {
    pub fn read(request: &'a Request, route: &Route, params: Vec<String>) -> Result<Self, Fault> {
        let (header, kind) = match route.token {
            Token::Server => ("x-postmark-server-token", "Server"),
            Token::Account => ("x-postmark-account-token", "Account"),
        };
        let value = request.header(header).unwrap_or_default().trim();
        let test = route.token == Token::Server && value == TEST_TOKEN;
        if !test && !is_uuid(value) {
            let message = format!("Request does not contain a valid {kind} token.");
            return Err(Fault::new(10, message).with_status(401));
        }
        media_types(request)?;
        let batch = route.path.contains("/batch");
        if request.body.len() > if batch { MAX_BATCH } else { MAX_SINGLE } {
            return Err(Fault::new(300, "The request exceeds the size limit.").with_status(413));
        }
        let query = url::form_urlencoded::parse(request.query.as_bytes())
            .map(|(name, value)| (fold(&name), value.into_owned()))
            .collect();
        Ok(Self {
            params,
            query,
            body: &request.body,
            route: route.path,
            nth: request.nth,
            test,
        })
    }

    /// The value of the path's `i`th placeholder.
    pub fn param(&self, i: usize) -> &str {
        self.params.get(i).map_or("", String::as_str)
    }

    /// A query parameter, however its name is cased.
    pub fn query(&self, name: &str) -> Option<&str> {
        let name = fold(name);
        let found = self.query.iter().find(|(n, _)| *n == name);
        found.map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
    }

    /// `count` and `offset`, which every list wants; `code` is the list's own error code.
    pub fn page(&self, code: u32) -> Result<(usize, usize), Fault> {
        let count = self.paging("count", code)?;
        let offset = self.paging("offset", code)?;
        if count > MAX_COUNT {
            let message = format!("You may only request up to {MAX_COUNT} items per call.");
            return Err(Fault::new(code, message));
        }
        if count + offset > MAX_REACH {
            let message = "Count + Offset cannot exceed 10,000.";
            return Err(Fault::new(code, message));
        }
        Ok((count as usize, offset as usize))
    }

    fn paging(&self, name: &str, code: u32) -> Result<u64, Fault> {
        let Some(text) = self.query(name) else {
            let message = format!("Parameter '{name}' is required but was left out.");
            return Err(Fault::new(code, message));
        };
        let number = text.parse::<u32>().map(u64::from);
        number.map_err(|_| Fault::new(code, format!("Parameter '{name}' should be an integer.")))
    }

    pub fn json(&self) -> Result<Value, Fault> {
        let invalid = |_| Fault::new(402, "Received invalid JSON input.");
        serde_json::from_slice(self.body).map_err(invalid)
    }

    /// The body as one object; `missing` where it is empty or something else.
    pub fn object(&self, missing: impl FnOnce() -> Fault) -> Result<Fields, Fault> {
        if self.body.iter().all(u8::is_ascii_whitespace) {
            return Err(missing());
        }
        Fields::of(self.json()?).ok_or_else(missing)
    }
}

/// A JSON object whose names are looked up without regard to case, as Postmark reads them.
/// Null and empty text count as absent.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    pub fn of(value: Value) -> Option<Self> {
        match value {
            Value::Object(map) => Some(Self(map)),
            _ => None,
        }
    }

    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        let exact = self.0.get(name);
        let found = exact.or_else(|| {
            let folded = |(n, _): &(&String, &Value)| n.eq_ignore_ascii_case(name);
            self.0.iter().find(folded).map(|(_, v)| v)
        });
        found.filter(|v| !v.is_null() && v.as_str() != Some(""))
    }

    pub fn text(&self, name: &str) -> Result<Option<&str>, Fault> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        value.as_str().map(Some).ok_or_else(|| Fault::field(name))
    }

    pub fn flag(&self, name: &str) -> Result<Option<bool>, Fault> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        value.as_bool().map(Some).ok_or_else(|| Fault::field(name))
    }

    /// A text out of a list of values.
    pub fn choice(
        &self,
        name: &str,
        choices: &[&'static str],
    ) -> Result<Option<&'static str>, Fault> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let found = choices.iter().find(|c| c.eq_ignore_ascii_case(text));
        found.copied().map(Some).ok_or_else(|| Fault::field(name))
    }

    /// A list of objects.
    pub fn list(&self, name: &str) -> Result<Vec<Fields>, Fault> {
        let Some(value) = self.get(name) else {
            return Ok(Vec::new());
        };
        let items = value.as_array().ok_or_else(|| Fault::field(name))?;
        let object = |item: &Value| Fields::of(item.clone()).ok_or_else(|| Fault::field(name));
        items.iter().map(object).collect()
    }
}

/// JSON in, JSON out. A missing Accept or one that takes anything is let pass.
fn media_types(request: &Request) -> Result<(), Fault> {
    let json = |value: &str| {
        let value = value.to_ascii_lowercase();
        ["application/json", "text/json", "text/x-json"]
            .iter()
            .any(|t| value.contains(t))
    };
    let accepts = request.header("accept").is_none_or(|accept| {
        json(accept) || accept.contains("*/*") || accept.contains("application/*")
    });
    let sends = request.body.is_empty() || request.header("content-type").is_some_and(json);
    if accepts && sends {
        return Ok(());
    }
    let message = "Content-Type and Accept headers must be set to application/json, \
                   text/json, or text/x-json.";
    Err(Fault::new(409, message).with_status(415))
}

fn fold(name: &str) -> String {
    name.to_ascii_lowercase()
}

fn is_uuid(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}
