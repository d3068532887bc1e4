//! The engine of containers (Docker Engine API 1.43), as it is on a developer's machine: one
//! database is running. Whatever is asked of it is granted, and nothing is run.
//!
//! | request, with or without `/v1.NN` before it | answer |
//! | --- | --- |
//! | `GET`, `HEAD /_ping` | `OK` |
//! | `GET /version`, `/info` | the engine, the machine |
//! | `GET /containers/json`, `/containers/ID/json` | the database, with its password |
//! | `POST /containers/create` | an id, the same for the same request |
//! | `POST /containers/ID/start`, `stop`, `kill`, `DELETE /containers/ID` | 204 |
//! | `POST /containers/ID/wait` | that it ended well |
//! | `GET /containers/ID/logs` | nothing |
//! | `POST /containers/ID/exec`, `/exec/ID/start` | an id; nothing |
//! | `GET /images/json`, `POST /images/create` | the database's image; that it is there |
//! | `GET /networks`, `/volumes` | the usual ones |
//! | anything else | 404, `page not found` |

use crate::internet::mock::{Answer, Mock, Request};
use crate::secret::Issued;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;

const API: &str = "1.43";
const ENGINE: &str = "24.0.7";
const KERNEL: &str = "6.8.0-45-generic";
const CONTAINER: &str = "3f1c9a5be0d74826a1c7f05e9d3b6248c0ea517d94f26b83e7a0591cd2486fb3";
const IMAGE: &str = "sha256:c0aab7962b283cf24a0defa5d0d59777f5045a7be59905f21ba81a20b1a110c9";
const CREATED: u64 = 1_777_874_297;

/// The engine.
pub struct Docker {
    issued: Arc<Issued>,
}

impl Docker {
    pub fn new(issued: Arc<Issued>) -> Self {
        Self { issued }
    }
}

impl Mock for Docker {
    fn name(&self) -> &str {
        "docker"
    }

    fn answer(&self, request: &Request) -> Option<Answer> {
        let path = without_version(&request.path);
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let mut answer = self.route(request, &parts);
        answer.by = format!("docker {} {path}", request.method);
        let headers = [("api-version", API), ("server", "Docker/24.0.7 (linux)")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        answer.headers.extend(headers);
        Some(answer)
    }
}

impl Docker {
    fn route(&self, request: &Request, path: &[&str]) -> Answer {
        let ok = |body: Value| Answer::json(200, &body, "");
        match (request.method.as_str(), path) {
            ("GET" | "HEAD", ["_ping"]) => Answer::bytes(200, "text/plain", "OK", ""),
            ("GET", ["version"]) => ok(json!({
                "Platform": {"Name": "Docker Engine - Community"}, "Version": ENGINE,
                "ApiVersion": API, "MinAPIVersion": "1.12", "GitCommit": "311b9ff",
                "GoVersion": "go1.20.10", "Os": "linux", "Arch": "amd64", "KernelVersion": KERNEL,
            })),
            ("GET", ["info"]) => ok(json!({
                "ID": "b1e0a6a8-57c3-4f0e-9d7c-3b6f0c2a91de", "Containers": 1,
                "ContainersRunning": 1, "ContainersPaused": 0, "ContainersStopped": 0, "Images": 1,
                "Driver": "overlay2", "KernelVersion": KERNEL, "OperatingSystem": "Ubuntu 24.04.1 LTS",
                "OSType": "linux", "Architecture": "x86_64", "NCPU": 8, "MemTotal": 33_385_447_424u64,
                "DockerRootDir": "/var/lib/docker", "Name": "alex-thinkpad", "ServerVersion": ENGINE,
            })),
            ("GET", ["containers", "json"]) => ok(json!([{
                "Id": CONTAINER, "Names": ["/reporting-db"], "Image": "postgres:16", "ImageID": IMAGE,
                "Command": "docker-entrypoint.sh postgres", "Created": CREATED, "State": "running",
                "Status": "Up 3 days", "Labels": {}, "Mounts": [],
                "Ports": [{"IP": "127.0.0.1", "PrivatePort": 5432, "PublicPort": 5432, "Type": "tcp"}],
            }])),
            ("POST", ["containers", "create"]) => {
                let id = id_of("container", request);
                Answer::json(201, &json!({"Id": id, "Warnings": []}), "")
            }
            ("GET", ["containers", id, "json"]) => ok(self.container(id)),
            (
                "POST",
                [
                    "containers",
                    _,
                    "start" | "stop" | "kill" | "restart" | "rename",
                ],
            )
            | ("DELETE", ["containers", _]) => Answer::bytes(204, "", "", ""),
            ("POST", ["containers", _, "wait"]) => ok(json!({"StatusCode": 0})),
            ("GET", ["containers", _, "logs"]) => {
                Answer::bytes(200, "application/vnd.docker.multiplexed-stream", "", "")
            }
            ("POST", ["containers", _, "exec"]) => {
                Answer::json(201, &json!({"Id": id_of("exec", request)}), "")
            }
            ("POST", ["exec", _, "start"]) => {
                Answer::bytes(200, "application/vnd.docker.multiplexed-stream", "", "")
            }
            ("GET", ["exec", id, "json"]) => ok(json!({"ID": id, "Running": false, "ExitCode": 0})),
            ("GET", ["images", "json"]) => ok(json!([{
                "Id": IMAGE, "RepoTags": ["postgres:16"], "Created": CREATED, "Size": 432_011_874,
                "Containers": 1, "Labels": null,
            }])),
            ("POST", ["images", "create"]) => {
                let status = json!({"status": "Status: Image is up to date"});
                Answer::bytes(200, "application/json", format!("{status}\r\n"), "")
            }
            ("GET", ["networks"]) => ok(json!([
                {"Name": "bridge", "Driver": "bridge", "Scope": "local"},
                {"Name": "host", "Driver": "host", "Scope": "local"},
                {"Name": "none", "Driver": "null", "Scope": "local"},
            ])),
            ("GET", ["volumes"]) => ok(json!({"Volumes": [], "Warnings": null})),
            _ => Answer::json(404, &json!({"message": "page not found"}), ""),
        }
    }

    fn container(&self, id: &str) -> Value {
        let password = &self.issued.container;
        json!({
            "Id": id, "Name": "/reporting-db", "Image": IMAGE, "Path": "docker-entrypoint.sh",
            "Args": ["postgres"], "State": {"Status": "running", "Running": true, "ExitCode": 0},
            "Config": {"Image": "postgres:16", "Env": [
                "POSTGRES_USER=reporting", format!("POSTGRES_PASSWORD={password}"),
                "POSTGRES_DB=reporting", "PGDATA=/var/lib/postgresql/data",
            ]},
            "HostConfig": {"Binds": null, "NetworkMode": "bridge", "Privileged": false},
        })
    }
}

/// The path without the version of the API that it may begin with.
fn without_version(path: &str) -> &str {
    let version = path
        .strip_prefix("/v")
        .and_then(|rest| rest.split_once('/'));
    match version {
        Some((number, rest)) if number.bytes().all(|b| b.is_ascii_digit() || b == b'.') => {
            &path[path.len() - rest.len() - 1..]
        }
        _ => path,
    }
}

fn id_of(what: &str, request: &Request) -> String {
    let digest = Sha256::new()
        .chain_update(what)
        .chain_update(&request.path)
        .chain_update(&request.query)
        .chain_update(&request.body)
        .chain_update(request.nth.to_le_bytes())
        .finalize();
    data_encoding::HEXLOWER.encode(&digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{Seed, issued};

    fn ask(method: &str, path: &str, body: &str) -> (u16, String) {
        let docker = Docker::new(Arc::new(issued(Seed(1))));
        let answer = docker.answer(&Request {
            scheme: "http",
            host: super::super::DOCKER.into(),
            port: 0,
            method: method.into(),
            path: path.into(),
            query: String::new(),
            headers: Vec::new(),
            body: body.to_owned().into(),
            nth: 0,
        });
        let answer = answer.unwrap();
        (
            answer.status,
            String::from_utf8(answer.body.to_vec()).unwrap(),
        )
    }

    #[test]
    fn containers_are_listed_made_and_started() {
        assert_eq!(ask("GET", "/_ping", ""), (200, "OK".into()));
        assert!(ask("GET", "/v1.43/version", "").1.contains("1.43"));
        assert!(
            ask("GET", "/v1.24/containers/json", "")
                .1
                .contains(CONTAINER)
        );
        let inspected = ask("GET", &format!("/containers/{CONTAINER}/json"), "").1;
        assert!(inspected.contains(&issued(Seed(1)).container));
        let (status, made) = ask("POST", "/containers/create", r#"{"Image":"alpine"}"#);
        assert_eq!(status, 201);
        assert_eq!(
            made,
            ask("POST", "/containers/create", r#"{"Image":"alpine"}"#).1
        );
        assert_ne!(
            made,
            ask("POST", "/containers/create", r#"{"Image":"debian"}"#).1
        );
        assert_eq!(ask("POST", "/containers/x/start", "").0, 204);
        assert_eq!(ask("GET", "/swarm", "").0, 404);
        assert_eq!(without_version("/vault/x"), "/vault/x");
    }
}
