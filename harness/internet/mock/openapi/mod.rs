//! Upstreams that an OpenAPI document describes, 3.0 or 3.1, in YAML or JSON. What the document
//! says is answered, and nothing else: a path or method that it lacks is no route of this mock.
//!
//! | request | answer |
//! | --- | --- |
//! | any | the lowest 2xx response, else `default`; JSON where there is a choice of types |
//! | with something required missing or wrong | the declared 400 or 422, if there is one |
//! | POST to a collection | what was sent, as far as the response knows it, with what is made up; it is kept |
//! | GET of a member | what was sent for it; every member exists until it is deleted |
//! | GET of a collection | what was created, the newest first, and two members from the seed |
//! | PUT, PATCH of a member; POST of a word below it | the member, changed |
//! | DELETE of a member | it is gone: 404 from then on, and in no list |
//!
//! Values are the author's (`example`, `examples`, `default`, `const`, `enum`) where they fit,
//! else they follow from the seed, the host, the collection and the member's name, and are valid
//! by their schemas. Lists have one page. Documents are bounded in size, depth and files, and
//! refer to nothing on other machines.

mod answer;
mod dialect;
mod document;
mod error;
mod load;
mod request;
mod response;
mod route;
mod shape;

mod text;
mod things;
mod value;
mod yaml;

pub use error::{OpenApiError, OpenApiProblem, Place};

use super::store::Store;
use super::{Answer, Mock, Request, made::Made};
use crate::secret::Seed;
use answer::Asked;
use document::Description;
use route::Route;
use serde_json::Value;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// A document, read and checked: what every run of a comparison starts from.
#[derive(Clone)]
pub struct Document(Arc<Inner>);

struct Inner {
    description: Description,
    routes: Vec<Route>,
}

impl Document {
    /// Reads a document. The files that it refers to lie below `folder`; all are read now, and
    /// nothing is opened later.
    pub fn load(path: &Path, folder: &Path) -> Result<Self, OpenApiError> {
        let root = load::load(path, folder)?;
        Self::of(root).map_err(|(pointer, problem)| OpenApiError {
            file: path.to_owned(),
            place: if pointer.is_empty() {
                Place::Whole
            } else {
                Place::Pointer(pointer)
            },
            problem,
        })
    }

    fn of(root: Value) -> Result<Self, (String, OpenApiProblem)> {
        let whole = |problem| (String::new(), problem);
        if let Some(version) = root.get("swagger") {
            let version = version
                .as_str()
                .map_or_else(|| version.to_string(), str::to_owned);
            return Err(whole(OpenApiProblem::Swagger(version)));
        }
        match root.get("openapi") {
            Some(Value::String(version))
                if ["3.0", "3.1"].iter().any(|v| version.starts_with(v)) => {}
            Some(Value::String(version)) => {
                return Err(whole(OpenApiProblem::Version(version.clone())));
            }
            Some(other) => return Err(whole(OpenApiProblem::Version(other.to_string()))),
            None => return Err(whole(OpenApiProblem::NotOpenApi)),
        }
        let description = Description::new(root);
        let routes = Route::all(&description)?;
        Ok(Self(Arc::new(Inner {
            description,
            routes,
        })))
    }
}

impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Document({} paths)", self.0.routes.len())
    }
}

/// The mock; one for each run, since it remembers what was created.
pub struct OpenApi {
    document: Document,
    seed: Seed,
    store: Mutex<Store>,
}

impl OpenApi {
    pub fn new(document: Document, seed: Seed) -> Self {
        Self {
            document,
            seed,
            store: Mutex::default(),
        }
    }
}

impl Mock for OpenApi {
    fn name(&self) -> &str {
        "openapi"
    }

    fn answer(&self, request: &Request) -> Option<Answer> {
        let Inner {
            description,
            routes,
        } = &*self.document.0;
        let matched = Route::find(routes, &request.method, &request.path)?;
        let asked = Asked {
            root: description.root(),
            routes,
            matched: &matched,
            request,
            made: Made::new(self.seed, format!("openapi {}", request.host)),
        };
        let mut store = self.store.lock().unwrap_or_else(|e| e.into_inner());
        asked.answer(&mut store)
    }
}

#[cfg(test)]
mod tests;
