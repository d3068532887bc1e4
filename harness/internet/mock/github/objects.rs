//! GitHub's objects without their keys, as its REST reference shows them.

use super::super::made::Made;
use serde_json::{Value, json};

/// A commit's, tree's or blob's name.
pub fn sha(made: &Made) -> String {
    format!(
        "{}{}",
        made.uuid("sha a").replace('-', ""),
        &made.uuid("sha b")[..8]
    )
}

fn at(made: &Made) -> String {
    made.moment("created").seconds()
}

fn id(made: &Made) -> u64 {
    made.number("number id", 100_000_000, 999_999_999)
}

fn title(made: &Made) -> String {
    format!("Sample {}", made.token("title"))
}

fn body(made: &Made) -> String {
    format!("About {}", made.token("body"))
}

fn url(made: &Made) -> String {
    format!("https://github.com/acme/{}", made.token("url"))
}

pub fn user(made: &Made) -> Value {
    let login = made.token("login");
    json!({
        "login": login, "id": id(made), "node_id": made.long_token("node", 20), "type": "User", "site_admin": false,
        "name": format!("Sam {login}"), "email": format!("{login}@example.com"), "company": null, "bio": null, "location": null,
        "avatar_url": format!("https://avatars.githubusercontent.com/u/{}", id(made)), "html_url": format!("https://github.com/{login}"),
        "url": format!("https://api.github.com/users/{login}"), "public_repos": 2, "followers": 3, "following": 4, "created_at": at(made), "updated_at": at(made),
    })
}

pub fn repository(made: &Made) -> Value {
    let (owner, name) = (
        user(&made.part("owner")),
        format!("repo-{}", made.token("name")),
    );
    let full = format!("{}/{name}", owner["login"].as_str().unwrap_or_default());
    json!({
        "id": id(made), "node_id": made.long_token("node", 20), "name": name, "full_name": full, "private": false, "owner": owner,
        "html_url": format!("https://github.com/{full}"), "url": format!("https://api.github.com/repos/{full}"), "clone_url": format!("https://github.com/{full}.git"),
        "git_url": format!("git://github.com/{full}.git"), "ssh_url": format!("git@github.com:{full}.git"),
        "description": body(made), "fork": false, "homepage": null, "language": "Rust", "stargazers_count": 5, "watchers_count": 5, "forks_count": 1,
        "open_issues_count": 2, "default_branch": "main", "topics": [], "archived": false, "disabled": false, "visibility": "public",
        "created_at": at(made), "updated_at": at(made), "pushed_at": at(made), "license": null, "permissions": {"admin": true, "push": true, "pull": true},
    })
}

pub fn issue(made: &Made) -> Value {
    json!({
        "id": id(made), "node_id": made.long_token("node", 20), "number": made.number("n", 1_000, 99_999), "title": title(made), "body": body(made),
        "state": "open", "state_reason": null, "locked": false, "user": user(&made.part("user")), "labels": [], "assignee": null, "assignees": [],
        "milestone": null, "comments": 0, "created_at": at(made), "updated_at": at(made), "closed_at": null, "html_url": url(made), "author_association": "MEMBER",
    })
}

pub fn pull(made: &Made) -> Value {
    let mut pull = issue(made);
    let tip = |name: &str| {
        json!({
            "ref": name, "label": format!("acme:{name}"), "sha": sha(&made.part(name)),
            "user": user(&made.part("owner")), "repo": repository(&made.part("repository")),
        })
    };
    for (name, end) in [
        ("url", ""),
        ("issue_url", "/issue"),
        ("patch_url", ".patch"),
    ] {
        pull[name] = format!("{}{end}", url(made)).into();
    }
    pull["requested_reviewers"] = json!([]);
    pull["draft"] = false.into();
    pull["merged"] = false.into();
    pull["mergeable"] = true.into();
    pull["merged_at"] = Value::Null;
    pull["merge_commit_sha"] = Value::Null;
    pull["head"] = tip("topic");
    pull["base"] = tip("main");
    pull["diff_url"] = format!("{}.diff", url(made)).into();
    for (name, n) in [
        ("commits", 1),
        ("additions", 3),
        ("deletions", 1),
        ("changed_files", 1),
    ] {
        pull[name] = n.into();
    }
    pull
}

pub fn comment(made: &Made) -> Value {
    let commit = sha(made);
    json!({
        "node_id": made.long_token("node", 20), "body": body(made), "user": user(&made.part("user")), "html_url": url(made), "url": url(made),
        "created_at": at(made), "updated_at": at(made), "author_association": "MEMBER",
        // Of those on a pull request.
        "pull_request_url": url(made), "pull_request_review_id": id(made), "path": "src/main.rs", "position": 1, "original_position": 1,
        "commit_id": commit, "original_commit_id": commit, "diff_hunk": "@@ -1 +1 @@", "_links": {"self": {"href": url(made)}, "html": {"href": url(made)}, "pull_request": {"href": url(made)}},
    })
}

pub fn review(made: &Made) -> Value {
    json!({"node_id": made.long_token("node", 20), "author_association": "MEMBER", "pull_request_url": url(made), "user": user(&made.part("user")), "body": body(made), "state": "COMMENTED", "html_url": url(made), "commit_id": sha(made), "submitted_at": at(made)})
}

pub fn label(made: &Made) -> Value {
    json!({"id": id(made), "name": made.token("name"), "color": "ededed", "default": false, "description": body(made)})
}

pub fn milestone(made: &Made) -> Value {
    json!({"id": id(made), "title": title(made), "description": body(made), "state": "open", "open_issues": 1, "closed_issues": 0, "created_at": at(made), "due_on": null, "html_url": url(made)})
}

pub fn branch(made: &Made) -> Value {
    json!({"commit": {"sha": sha(made), "url": url(made)}, "protected": false, "zipball_url": url(made), "tarball_url": url(made)})
}

pub fn commit(made: &Made) -> Value {
    let name = made.token("name");
    let by = json!({"name": format!("Sam {name}"), "email": format!("{name}@example.com"), "date": at(made)});
    json!({
        "sha": sha(made), "html_url": url(made), "author": user(&made.part("user")), "committer": user(&made.part("user")), "parents": [],
        "commit": {"message": title(made), "author": by, "committer": by, "tree": {"sha": sha(&made.part("tree"))}, "comment_count": 0},
    })
}

pub fn file(made: &Made) -> Value {
    json!({"sha": sha(made), "filename": format!("src/{}.rs", made.token("file")), "status": "modified", "blob_url": url(made), "raw_url": url(made), "contents_url": url(made), "additions": 3, "deletions": 1, "changes": 4, "patch": format!("@@ -1 +1 @@\n-old\n+{}", made.token("patch"))})
}

pub fn release(made: &Made) -> Value {
    json!({"id": id(made), "tag_name": "v0.0.1", "name": "v0.0.1", "body": body(made), "draft": false, "prerelease": false, "target_commitish": "main", "created_at": at(made), "published_at": at(made), "html_url": url(made), "assets": [], "author": user(&made.part("user"))})
}

pub fn hook(made: &Made) -> Value {
    json!({"type": "Repository", "name": "web", "active": true, "events": ["push"], "config": {"url": format!("https://example.com/{}", made.token("hook")), "content_type": "json"}, "created_at": at(made), "updated_at": at(made)})
}

pub fn run(made: &Made) -> Value {
    json!({"name": title(made), "head_branch": "main", "head_sha": sha(made), "run_number": 7, "event": "push", "status": "completed", "conclusion": "success", "workflow_id": id(made), "html_url": url(made), "created_at": at(made), "updated_at": at(made)})
}

pub fn workflow(made: &Made) -> Value {
    json!({"name": title(made), "path": ".github/workflows/ci.yml", "state": "active", "created_at": at(made), "updated_at": at(made), "html_url": url(made)})
}

pub fn gist(made: &Made) -> Value {
    let name = format!("{}.md", made.token("file"));
    json!({"description": body(made), "public": false, "html_url": url(made), "created_at": at(made), "updated_at": at(made), "comments": 0, "owner": user(&made.part("user")), "files": {name.clone(): {"filename": name, "type": "text/markdown", "language": "Markdown", "size": 20, "content": body(made)}}})
}

pub fn notification(made: &Made) -> Value {
    json!({"unread": true, "reason": "mention", "updated_at": at(made), "last_read_at": null, "subject": {"title": title(made), "type": "Issue", "url": url(made)}, "repository": repository(&made.part("repository"))})
}

pub fn code(made: &Made) -> Value {
    let name = format!("{}.rs", made.token("file"));
    json!({"name": name, "path": format!("src/{name}"), "sha": sha(made), "html_url": url(made), "repository": repository(&made.part("repository")), "score": 1.0})
}
