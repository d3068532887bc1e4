//! Files of a repository and what git calls them. What was put under a path comes back; every
//! other path with a dot in its last word is a file, any other a folder.

use super::super::made::Made;
use super::super::rest::{Call, Reply};
use super::objects::{commit, sha};
use data_encoding::BASE64;
use serde_json::{Map, Value, json};

/// Where the paths of a repository are kept, whatever route asks.
fn place(call: &Call<'_>) -> String {
    format!("/repos/{}/{}/contents", call.param(0), call.param(1))
}

pub fn readme(call: &mut Call<'_>) -> Reply {
    let (place, made) = (place(call), call.made.clone());
    Reply::json(
        200,
        file(&made.part(&place).part("README.md"), "README.md", None),
    )
}

pub fn get(call: &mut Call<'_>) -> Reply {
    let (place, path) = (place(call), call.param(2).trim_matches('/').to_owned());
    if call.store.is_deleted(&place, &path) {
        return super::fault(404, "Not Found");
    }
    let made = call.made.part(&place);
    let put = call.store.fields(&place, &path);
    let put = put.get("content").and_then(Value::as_str);
    let last = path.rsplit('/').next().unwrap_or_default();
    if put.is_some() || last.contains('.') {
        return Reply::json(200, file(&made.part(&path), &path, put));
    }
    let below = if path.is_empty() {
        String::new()
    } else {
        format!("{path}/")
    };
    let token = made.part(&path).token("file");
    let names = [format!("{below}README.md"), format!("{below}{token}.rs")];
    let mut entries: Vec<Value> = names
        .iter()
        .map(|name| file(&made.part(name), name, None))
        .collect();
    for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
        // A folder tells what its files are called, not what they hold.
        entry.shift_remove("content");
        entry.shift_remove("encoding");
    }
    entries.push(json!({"type": "dir", "name": "src", "path": format!("{below}src"), "sha": sha(&made.part("src")), "size": 0}));
    Reply::json(200, entries.into())
}

pub fn put(call: &mut Call<'_>) -> Reply {
    let (place, path) = (place(call), call.param(2).trim_matches('/').to_owned());
    let Some(content) = call.text("content") else {
        return super::fault(422, "Invalid request.\n\n\"content\" wasn't supplied.");
    };
    let new = call.text("sha").is_none();
    let fields = Map::from_iter([("content".to_owned(), content.clone().into())]);
    call.store.create(&place, &path, fields);
    let stored = file(&call.made.part(&place).part(&path), &path, Some(&content));
    let mut commit = commit(&call.once());
    commit["message"] = call.text("message").into();
    Reply::json(
        if new { 201 } else { 200 },
        json!({"content": stored, "commit": commit}),
    )
}

pub fn delete(call: &mut Call<'_>) -> Reply {
    let (place, path) = (place(call), call.param(2).trim_matches('/').to_owned());
    call.store.delete(&place, &path);
    Reply::json(
        200,
        json!({"content": null, "commit": commit(&call.once())}),
    )
}

/// A file with its content in base64.
fn file(made: &Made, path: &str, put: Option<&str>) -> Value {
    let text = format!(
        "# {}\n\nAbout {}.\n",
        made.token("title"),
        made.token("body")
    );
    let content = put.map_or_else(|| BASE64.encode(text.as_bytes()), str::to_owned);
    let name = path.rsplit('/').next().unwrap_or(path);
    json!({
        "type": "file", "encoding": "base64", "size": content.len() / 4 * 3, "name": name, "path": path, "content": content, "sha": sha(made),
        "html_url": format!("https://github.com/acme/{path}"), "download_url": format!("https://raw.githubusercontent.com/acme/{path}"),
        "url": format!("https://api.github.com/repos/acme/{path}"), "git_url": format!("https://api.github.com/repos/acme/git/{path}"),
        "_links": {"self": format!("https://api.github.com/repos/acme/{path}"), "git": format!("https://api.github.com/repos/acme/git/{path}"), "html": format!("https://github.com/acme/{path}")},
    })
}

pub fn reference(made: &Made, name: &str, given: Option<String>) -> Value {
    json!({"ref": name, "node_id": made.long_token("node", 20), "url": format!("https://api.github.com/{name}"), "object": {"type": "commit", "sha": given.unwrap_or_else(|| sha(made)), "url": "https://api.github.com"}})
}

pub fn tree(made: &Made, name: &str) -> Value {
    let file = format!("{}.rs", made.token("file"));
    json!({"sha": name, "truncated": false, "tree": [
        {"path": "README.md", "mode": "100644", "type": "blob", "sha": sha(&made.part("readme")), "size": 64},
        {"path": format!("src/{file}"), "mode": "100644", "type": "blob", "sha": sha(made), "size": 128},
    ]})
}
