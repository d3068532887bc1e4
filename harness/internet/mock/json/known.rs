//! Endpoints whose replies have one shape everywhere, told by path and body, never by what
//! the tested server is.

use super::super::Request;
use super::Sent;
use super::object::Objects;
use super::target::Target;
use serde_json::{Value, json};

/// The version that update checks find: older than anything, so that they go quiet.
const VERSION: &str = "0.0.1";

/// The reply of a well-known endpoint.
pub(super) fn value(
    request: &Request,
    target: &Target,
    sent: &Sent,
    objects: &Objects<'_>,
) -> Option<Value> {
    let last = target.last();
    let path = target.path.as_str();
    let posts = request.method == "POST";
    if path.contains("/.well-known/") {
        return discovery(path, objects);
    }
    match last {
        "jwks" | "certs" | "keys" if !posts && path.contains("oauth") => {
            return Some(json!({"keys": []}));
        }
        "token" | "access_token" => return Some(grant(sent, objects)),
        "code" | "device_authorization" if posts && path.contains("device") => {
            return Some(device(objects));
        }
        _ if posts && sent.text("grant_type").is_some() => return Some(grant(sent, objects)),
        _ => {}
    }
    if posts {
        return model(path, sent, objects);
    }
    package(request, target)
}

/// RFC 8414, section 2, and RFC 9728, section 2; OpenID providers use the first as well.
fn discovery(path: &str, objects: &Objects<'_>) -> Option<Value> {
    let base = objects.base();
    if path.contains("oauth-protected-resource") {
        return Some(json!({"resource": base, "authorization_servers": [base]}));
    }
    if path.contains("jwks") {
        return Some(json!({"keys": []}));
    }
    let server =
        path.contains("openid-configuration") || path.contains("oauth-authorization-server");
    server.then(|| {
        json!({
            "issuer": base,
            "authorization_endpoint": format!("{base}/oauth/authorize"),
            "token_endpoint": format!("{base}/oauth/token"),
            "userinfo_endpoint": format!("{base}/oauth/userinfo"),
            "registration_endpoint": format!("{base}/oauth/register"),
            "revocation_endpoint": format!("{base}/oauth/revoke"),
            "device_authorization_endpoint": format!("{base}/oauth/device/code"),
            "jwks_uri": format!("{base}/oauth/jwks"),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
        })
    })
}

/// RFC 6749, section 5.1.
fn grant(sent: &Sent, objects: &Objects<'_>) -> Value {
    let made = objects.once();
    json!({
        "access_token": made.long_token("access", 40), "token_type": "Bearer",
        "expires_in": 3600, "refresh_token": made.long_token("refresh", 40),
        "scope": sent.text("scope").unwrap_or_default(), "ok": true,
        "token": made.long_token("access", 40),
    })
}

/// RFC 8628, section 3.2.
fn device(objects: &Objects<'_>) -> Value {
    let made = objects.once();
    json!({
        "device_code": made.long_token("device", 40), "user_code": made.token("user"),
        "verification_uri": format!("{}/device", objects.base()),
        "expires_in": 900, "interval": 1,
    })
}

/// Language models: one short message in the shapes of the two usual APIs.
fn model(path: &str, sent: &Sent, objects: &Objects<'_>) -> Option<Value> {
    let id = objects.once().token("id");
    let name = sent.text("model")?;
    let text = objects.sentence();
    let usage = json!({"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2, "input_tokens": 1, "output_tokens": 1});
    if path.ends_with("/completions") {
        let choice = json!({"index": 0, "finish_reason": "stop", "text": text, "message": {"role": "assistant", "content": text}});
        return Some(
            json!({"id": id, "object": "chat.completion", "model": name, "choices": [choice], "usage": usage}),
        );
    }
    if path.ends_with("/embeddings") {
        let data = json!([{"object": "embedding", "index": 0, "embedding": vec![0.125; 8]}]);
        return Some(json!({"object": "list", "model": name, "data": data, "usage": usage}));
    }
    path.ends_with("/messages").then(|| {
        json!({
            "id": id, "type": "message", "role": "assistant", "model": name,
            "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "usage": usage,
        })
    })
}

/// The newest version of a package or of a release.
fn package(request: &Request, target: &Target) -> Option<Value> {
    let segments: Vec<&str> = target.segments.iter().map(String::as_str).collect();
    let npm = request.host.starts_with("registry.");
    match segments[..] {
        ["pypi", name, "json"] => Some(json!({
            "info": {"name": name, "version": VERSION, "summary": "", "requires_python": null},
            "releases": {VERSION: []}, "urls": [],
        })),
        [.., "releases", "latest"] => Some(json!({
            "id": 1, "name": format!("v{VERSION}"), "tag_name": format!("v{VERSION}"),
            "draft": false, "prerelease": false, "body": "", "assets": [],
            "html_url": format!("{}://{}{}", request.scheme, request.host, target.path),
        })),
        [name, "latest"] | [_, name, "latest"] if npm => {
            Some(json!({"name": name, "version": VERSION, "dependencies": {}}))
        }
        [name] | [name, _] if npm && !name.starts_with('-') => {
            let name = segments.join("/");
            let manifest = json!({"name": name, "version": VERSION, "dependencies": {}});
            Some(json!({
                "name": name, "dist-tags": {"latest": VERSION},
                "versions": {VERSION: manifest}, "time": {},
            }))
        }
        _ => None,
    }
}
