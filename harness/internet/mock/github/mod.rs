//! GitHub (api.github.com, or below `/api/v3` of an Enterprise host): the main routes of its REST
//! API in the shapes of the public reference. Reading needs no token, writing does; every token
//! is taken. GraphQL is answered along the selection set.
//!
//! | method | route |
//! | --- | --- |
//! | GET | `/user`, `/users/{login}`, `/orgs/{org}`, `/rate_limit`, `/search/{kind}`, `/repos/{owner}/{repo}` with `/readme`, `/languages`, `/topics`, `/releases/latest`, `/compare/{range}` |
//! | all | `/repos`, `/user/repos`, `/users/{login}/repos`, `/orgs/{org}/repos`; of a repository: `/issues`, `/issues/{n}/comments`, `/issues/{n}/labels`, `/pulls`, `/pulls/{n}/reviews`, `/pulls/{n}/comments`, `/labels`, `/milestones`, `/branches`, `/commits`, `/releases`, `/tags`, `/hooks`, `/collaborators`, `/actions/runs`, `/actions/workflows`; `/gists`, `/notifications`; and their members |
//! | GET | `/repos/{owner}/{repo}/pulls/{n}/files`, `/pulls/{n}/commits`; PUT `/pulls/{n}/merge` |
//! | GET, PUT, DELETE | `/repos/{owner}/{repo}/contents/{path}`: base64, what was put comes back; a path without a dot is a folder |
//! | GET, POST, PATCH | `/repos/{owner}/{repo}/git/refs`, `ref`, `trees`, `blobs`, `commits` |
//! | POST | `/graphql`, `/repos/{owner}/{repo}/forks` |

mod contents;
mod objects;

use super::json::Json;
use super::rest::{Call, Collection, Id, Reply, Rest, Service, Style, route};
use super::{Answer, Mock, Request, made::Made};
use crate::secret::Seed;
use serde_json::{Value, json};

/// The mock; GraphQL beside the REST routes.
pub(super) struct GitHub {
    rest: Rest,
    graphql: Json,
}

impl GitHub {
    pub fn new(seed: Seed) -> Self {
        Self {
            rest: Rest::new(&SERVICE, seed),
            graphql: Json::new(seed),
        }
    }
}

impl Mock for GitHub {
    fn name(&self) -> &str {
        "github"
    }

    fn answer(&self, request: &Request) -> Option<Answer> {
        if request.method == "POST" && matches!(request.path.as_str(), "/graphql" | "/api/graphql")
        {
            if let Some(refused) = guard(request) {
                return Some(refused.answer("github POST /graphql".to_owned(), "POST"));
            }
            let answer = self.graphql.answer(request)?;
            return Some(Answer {
                by: "github POST /graphql".to_owned(),
                ..answer
            });
        }
        self.rest.answer(request)
    }
}

static SERVICE: Service = Service {
    name: "github",
    prefixes: &["/api/v3", ""],
    routes: &[
        route("GET", "/user", |call| found(call, objects::user)),
        route("GET", "/users/{login}", named_user),
        route("GET", "/orgs/{org}", named_user),
        route("GET", "/rate_limit", |_| {
            Reply::json(
                200,
                json!({"resources": {"core": {"limit": 5000, "used": 1, "remaining": 4999, "reset": 1_800_000_000}}, "rate": {"limit": 5000, "used": 1, "remaining": 4999, "reset": 1_800_000_000}}),
            )
        }),
        route("GET", "/search/{kind}", search),
        route("GET", "/repos/{owner}/{repo}", repository),
        route("GET", "/repos/{owner}/{repo}/readme", contents::readme),
        route(
            "GET",
            "/repos/{owner}/{repo}/contents/{path*}",
            contents::get,
        ),
        route(
            "PUT",
            "/repos/{owner}/{repo}/contents/{path*}",
            contents::put,
        ),
        route(
            "DELETE",
            "/repos/{owner}/{repo}/contents/{path*}",
            contents::delete,
        ),
        route("GET", "/repos/{owner}/{repo}/languages", |_| {
            Reply::json(200, json!({"Rust": 10_240, "Shell": 512}))
        }),
        route("GET", "/repos/{owner}/{repo}/topics", |call| {
            Reply::json(
                200,
                json!({"names": [call.made.part(call.path).token("topic")]}),
            )
        }),
        route("GET", "/repos/{owner}/{repo}/releases/latest", |call| {
            found(call, objects::release)
        }),
        route("GET", "/repos/{owner}/{repo}/compare/{range*}", compare),
        route("POST", "/repos/{owner}/{repo}/forks", |call| {
            Reply::json(202, objects::repository(&call.once()))
        }),
        route("GET", "/repos/{owner}/{repo}/pulls/{n}/files", |call| {
            pair(call, objects::file)
        }),
        route("GET", "/repos/{owner}/{repo}/pulls/{n}/commits", |call| {
            pair(call, objects::commit)
        }),
        route("PUT", "/repos/{owner}/{repo}/pulls/{n}/merge", merge),
        route("GET", "/repos/{owner}/{repo}/git/ref/{ref*}", reference),
        route("GET", "/repos/{owner}/{repo}/git/refs/{ref*}", reference),
        route("PATCH", "/repos/{owner}/{repo}/git/refs/{ref*}", reference),
        route("POST", "/repos/{owner}/{repo}/git/refs", |call| {
            let name = call.text("ref").unwrap_or_default();
            Reply::json(
                201,
                contents::reference(
                    &call.made.part(call.path).part(&name),
                    &name,
                    call.text("sha"),
                ),
            )
        }),
        route("GET", "/repos/{owner}/{repo}/git/trees/{sha}", |call| {
            Reply::json(
                200,
                contents::tree(&call.made.part(call.path), call.param(2)),
            )
        }),
        route("POST", "/repos/{owner}/{repo}/git/trees", |call| {
            let sha = objects::sha(&call.once());
            Reply::json(201, contents::tree(&call.once(), &sha))
        }),
        route("POST", "/repos/{owner}/{repo}/git/blobs", |call| {
            Reply::json(
                201,
                json!({"sha": objects::sha(&call.once()), "url": call.path}),
            )
        }),
        route("POST", "/repos/{owner}/{repo}/git/commits", |call| {
            Reply::json(
                201,
                json!({"sha": objects::sha(&call.once()), "message": call.text("message"), "tree": {"sha": call.text("tree")}, "parents": []}),
            )
        }),
    ],
    collections: &[
        // Of a repository, the owner's name is the collection's.
        kind(
            "/repos/{owner}",
            "repository",
            ("", "GET PATCH DELETE"),
            Id::Sent("name"),
            objects::repository,
        ),
        kind(
            "/user/repos",
            "repository",
            ("GET POST", ""),
            Id::Sent("name"),
            objects::repository,
        ),
        kind(
            "/users/{login}/repos",
            "repository",
            ("GET", ""),
            Id::Sent("name"),
            objects::repository,
        ),
        kind(
            "/orgs/{org}/repos",
            "repository",
            ("GET POST", ""),
            Id::Sent("name"),
            objects::repository,
        ),
        kind(
            "/orgs/{org}/members",
            "user",
            ("GET", "GET"),
            Id::Sent("login"),
            objects::user,
        ),
        numbered("/repos/{owner}/{repo}/issues", "issue", objects::issue),
        comments("/repos/{owner}/{repo}/issues/{n}/comments"),
        comments("/repos/{owner}/{repo}/issues/comments"),
        kind(
            "/repos/{owner}/{repo}/issues/{n}/labels",
            "label",
            ("GET POST PUT", "DELETE"),
            Id::Sent("name"),
            objects::label,
        ),
        numbered("/repos/{owner}/{repo}/pulls", "pull request", objects::pull),
        comments("/repos/{owner}/{repo}/pulls/{n}/comments"),
        kind(
            "/repos/{owner}/{repo}/pulls/{n}/reviews",
            "review",
            ALL,
            Id::Number("id"),
            objects::review,
        ),
        kind(
            "/repos/{owner}/{repo}/labels",
            "label",
            ALL,
            Id::Sent("name"),
            objects::label,
        ),
        numbered(
            "/repos/{owner}/{repo}/milestones",
            "milestone",
            objects::milestone,
        ),
        kind(
            "/repos/{owner}/{repo}/branches",
            "branch",
            ("GET", "GET"),
            Id::Sent("name"),
            objects::branch,
        ),
        kind(
            "/repos/{owner}/{repo}/commits",
            "commit",
            ("GET", "GET"),
            Id::Token("sha"),
            objects::commit,
        ),
        kind(
            "/repos/{owner}/{repo}/releases",
            "release",
            ALL,
            Id::Number("id"),
            objects::release,
        ),
        kind(
            "/repos/{owner}/{repo}/tags",
            "tag",
            ("GET", ""),
            Id::Sent("name"),
            objects::branch,
        ),
        kind(
            "/repos/{owner}/{repo}/hooks",
            "hook",
            ALL,
            Id::Number("id"),
            objects::hook,
        ),
        kind(
            "/repos/{owner}/{repo}/collaborators",
            "user",
            ("GET", "GET PUT DELETE"),
            Id::Sent("login"),
            objects::user,
        ),
        kind(
            "/repos/{owner}/{repo}/actions/runs",
            "run",
            ("GET", "GET"),
            Id::Number("id"),
            objects::run,
        ),
        kind(
            "/repos/{owner}/{repo}/actions/workflows",
            "workflow",
            ("GET", "GET"),
            Id::Number("id"),
            objects::workflow,
        ),
        kind("/gists", "gist", ALL, Id::Token("id"), objects::gist),
        kind(
            "/notifications",
            "notification",
            ("GET", ""),
            Id::Number("id"),
            objects::notification,
        ),
    ],
    style: Style {
        list: |_, collection, members| {
            Reply::json(
                200,
                match collection.noun {
                    "run" => json!({"total_count": members.len(), "workflow_runs": members}),
                    "workflow" => json!({"total_count": members.len(), "workflows": members}),
                    _ => members.into(),
                },
            )
        },
        one: |_, value| Reply::json(200, value),
        created: |collection, value| match collection.noun {
            // Labels of an issue are answered as a list.
            "label" if collection.path.contains("/issues/") => Reply::json(200, json!([value])),
            _ => Reply::json(201, value),
        },
        changed: |_, value| Reply::json(200, value),
        deleted: |_, _| Reply::empty(204),
        missing: |_| fault(404, "Not Found"),
    },
    guard,
};

const ALL: (&str, &str) = ("GET POST", "GET PUT PATCH DELETE");

const fn kind(
    path: &'static str,
    noun: &'static str,
    methods: (&'static str, &'static str),
    id: Id,
    make: fn(&Made) -> Value,
) -> Collection {
    Collection {
        path,
        noun,
        methods,
        id,
        make,
    }
}

const fn numbered(path: &'static str, noun: &'static str, make: fn(&Made) -> Value) -> Collection {
    kind(path, noun, ALL, Id::Number("number"), make)
}

const fn comments(path: &'static str) -> Collection {
    kind(path, "comment", ALL, Id::Number("id"), objects::comment)
}

fn guard(request: &Request) -> Option<Reply> {
    let reads = matches!(request.method.as_str(), "GET" | "HEAD");
    let private = ["/user", "/notifications"].iter().any(|path| {
        let rest = request
            .path
            .trim_start_matches("/api/v3")
            .strip_prefix(path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    let missing = (!reads || private) && request.header("authorization").is_none();
    missing.then(|| fault(401, "Requires authentication"))
}

fn fault(status: u16, message: &str) -> Reply {
    Reply::json(
        status,
        json!({"message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string()}),
    )
}

/// One thing that is there.
fn found(call: &mut Call<'_>, make: fn(&Made) -> Value) -> Reply {
    Reply::json(200, make(&call.made.part(call.path)))
}

/// A repository by the names that the path says.
fn repository(call: &mut Call<'_>) -> Reply {
    let (owner, name) = (call.param(0).to_owned(), call.param(1).to_owned());
    let place = format!("/repos/{owner}");
    if call.store.is_deleted(&place, &name) {
        return fault(404, "Not Found");
    }
    let Some(collection) = call.collection("repository") else {
        return fault(404, "Not Found");
    };
    let mut value = call.member(collection, &place, &name);
    let full = format!("{owner}/{name}");
    value["html_url"] = format!("https://github.com/{full}").into();
    value["owner"]["login"] = owner.into();
    value["full_name"] = full.into();
    Reply::json(200, value)
}

fn named_user(call: &mut Call<'_>) -> Reply {
    let mut user = objects::user(&call.made.part(call.path));
    user["login"] = call.param(0).into();
    Reply::json(200, user)
}

/// Two things that belong to another.
fn pair(call: &mut Call<'_>, make: fn(&Made) -> Value) -> Reply {
    let made = call.made.part(call.path);
    Reply::json(200, json!([make(&made.part(0)), make(&made.part(1))]))
}

fn search(call: &mut Call<'_>) -> Reply {
    let make = match call.param(0) {
        "repositories" => objects::repository,
        "issues" => objects::issue,
        "users" => objects::user,
        "commits" => objects::commit,
        "code" => objects::code,
        "labels" => objects::label,
        _ => return fault(404, "Not Found"),
    };
    if call.text("q").is_none_or(|q| q.is_empty()) {
        return fault(422, "Validation Failed");
    }
    let made = call.made.part(call.path);
    let later = call
        .text("page")
        .and_then(|page| page.parse::<u64>().ok())
        .is_some_and(|page| page > 1);
    let items: Vec<Value> = (0..if later { 0 } else { 2 })
        .map(|i| make(&made.part(i)))
        .collect();
    Reply::json(
        200,
        json!({"total_count": 2, "incomplete_results": false, "items": items}),
    )
}

fn compare(call: &mut Call<'_>) -> Reply {
    let made = call.made.part(call.path);
    Reply::json(
        200,
        json!({
            "status": "ahead", "ahead_by": 1, "behind_by": 0, "total_commits": 1,
            "commits": [objects::commit(&made)], "files": [objects::file(&made)],
        }),
    )
}

fn merge(call: &mut Call<'_>) -> Reply {
    let place = format!("/repos/{}/{}/pulls", call.param(0), call.param(1));
    let number = call.param(2).to_owned();
    let merged = [
        ("merged".to_owned(), true.into()),
        ("state".to_owned(), "closed".into()),
    ];
    call.store
        .change(&place, &number, merged.into_iter().collect(), false);
    Reply::json(
        200,
        json!({"sha": objects::sha(&call.once()), "merged": true, "message": "Pull Request successfully merged"}),
    )
}

fn reference(call: &mut Call<'_>) -> Reply {
    let name = format!("refs/{}", call.param(2));
    let value = contents::reference(&call.made.part(call.path), &name, call.text("sha"));
    Reply::json(200, value)
}
