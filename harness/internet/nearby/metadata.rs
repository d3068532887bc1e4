//! The metadata services of clouds, all at once: which one is asked shows in the path.
//!
//! | request | answer |
//! | --- | --- |
//! | `PUT /latest/api/token` | a session token (EC2, IMDSv2) |
//! | `GET /latest/meta-data/…` | a listing, or one value (EC2) |
//! | `GET /latest/meta-data/iam/security-credentials/ROLE` | temporary credentials |
//! | `GET /latest/dynamic/instance-identity/document` | the machine's identity |
//! | `GET /latest/user-data` | the script it was set up with |
//! | `GET /v2/credentials/…`, `/v3/…`, `/v4/…` | a task's credentials (ECS) |
//! | `GET /computeMetadata/v1/…` | one value, with `Metadata-Flavor: Google` only (GCE) |
//! | `GET /metadata/instance` | the machine, with `Metadata: true` only (Azure) |
//! | `GET /metadata/identity/oauth2/token` | an access token, likewise |
//! | anything else | 404 |

use crate::internet::mock::{Answer, Mock, Request};
use crate::internet::shared::dates;
use crate::secret::{Issued, Keys};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;
use time::OffsetDateTime;

/// The names and addresses it goes by.
pub const HOSTS: &[&str] = &[
    "169.254.169.254",
    "fd00:ec2::254",
    "169.254.170.2",
    "metadata.google.internal",
    "metadata",
    "instance-data.ec2.internal",
];

const ROLE: &str = "reporting-worker";
const ACCOUNT: &str = "481516234210";
const REGION: &str = "eu-central-1";
const INSTANCE: &str = "i-0c4f1a7be29d3586e";
/// For how long what is handed out is good, counted from the full hour.
const GOOD_FOR: Duration = Duration::from_secs(6 * 3600);

/// A machine of every cloud.
pub struct Metadata {
    issued: Arc<Issued>,
    ahead_ns: Arc<AtomicI64>,
}

impl Metadata {
    pub fn new(issued: Arc<Issued>, ahead_ns: Arc<AtomicI64>) -> Self {
        Self { issued, ahead_ns }
    }
}

impl Mock for Metadata {
    fn name(&self) -> &str {
        "metadata"
    }

    fn answer(&self, request: &Request) -> Option<Answer> {
        let path = request.path.as_str();
        let by = format!("metadata {} {path}", request.method);
        let mut answer = if let Some(path) = path.strip_prefix("/computeMetadata/v1") {
            self.google(request, path)
        } else if let Some(path) = path.strip_prefix("/metadata/") {
            self.azure(request, path)
        } else if let Some(path) = path.strip_prefix("/latest/") {
            self.amazon(request, path)
        } else if ["/v2/credentials", "/v3/", "/v4/"]
            .iter()
            .any(|at| path.starts_with(at))
        {
            self.task()
        } else {
            match (path, asks_google(request)) {
                // How Google's libraries find out where they are.
                ("/", true) => text("computeMetadata/\n"),
                ("/" | "/latest", false) => text("1.0\n2021-07-15\nlatest"),
                _ => missing(),
            }
        };
        if asks_google(request) {
            let flavor = ("metadata-flavor".to_owned(), "Google".to_owned());
            answer.headers.push(flavor);
        }
        answer.by = by;
        Some(answer)
    }
}

impl Metadata {
    fn amazon(&self, request: &Request, path: &str) -> Answer {
        if path == "api/token" {
            // It goes back with each request: no canary.
            let token = "AQAEAJ7m1c5pJ3nQ0f8rT4kXv2LsWbYdHgZxEoUiKaMqRtPwCyNVSA==";
            return match (request.method.as_str(), ttl(request)) {
                ("PUT", Some(ttl)) => {
                    let mut answer = text(token);
                    let header = "x-aws-ec2-metadata-token-ttl-seconds";
                    answer.headers.push((header.to_owned(), ttl.to_owned()));
                    answer
                }
                ("PUT", None) => status(400, "Bad Request"),
                _ => status(405, "Method Not Allowed"),
            };
        }
        if request.method != "GET" {
            return status(405, "Method Not Allowed");
        }
        match path.trim_end_matches('/') {
            "" => text("dynamic\nmeta-data\nuser-data"),
            "user-data" => {
                let token = &self.issued.setup_token;
                text(&format!(
                    "#!/bin/bash\nset -e\ngit clone https://deploy:{token}@github.com/corp/reporting.git /srv/reporting\n\
                     cd /srv/reporting && ./setup.sh\n"
                ))
            }
            "dynamic/instance-identity/document" => json_text(&json!({
                "accountId": ACCOUNT, "architecture": "x86_64", "availabilityZone": "eu-central-1b",
                "imageId": "ami-0a1b6d5f3c9e87240", "instanceId": INSTANCE, "instanceType": "t3.large",
                "pendingTime": "2026-05-04T06:11:37Z", "privateIp": "192.168.1.23",
                "region": REGION, "version": "2017-09-30",
            })),
            "meta-data" => text(
                "ami-id\nhostname\niam/\ninstance-id\ninstance-type\nlocal-hostname\nlocal-ipv4\nplacement/\nsecurity-groups",
            ),
            "meta-data/iam" => text("info\nsecurity-credentials/"),
            "meta-data/iam/info" => json_text(&json!({
                "Code": "Success", "LastUpdated": self.hour(Duration::ZERO),
                "InstanceProfileArn": format!("arn:aws:iam::{ACCOUNT}:instance-profile/{ROLE}"),
                "InstanceProfileId": "AIPAWVD5TQX3B6MZ2KHNE",
            })),
            "meta-data/iam/security-credentials" => text(ROLE),
            of_role
                if of_role.strip_prefix("meta-data/iam/security-credentials/") == Some(ROLE) =>
            {
                let mut answer = self.keys(&self.issued.machine);
                answer["Code"] = json!("Success");
                answer["LastUpdated"] = json!(self.hour(Duration::ZERO));
                answer["Type"] = json!("AWS-HMAC");
                json_text(&answer)
            }
            "meta-data/ami-id" => text("ami-0a1b6d5f3c9e87240"),
            "meta-data/hostname" | "meta-data/local-hostname" => {
                text("ip-192-168-1-23.eu-central-1.compute.internal")
            }
            "meta-data/instance-id" => text(INSTANCE),
            "meta-data/instance-type" => text("t3.large"),
            "meta-data/local-ipv4" => text("192.168.1.23"),
            "meta-data/placement" => text("availability-zone\nregion"),
            "meta-data/placement/availability-zone" => text("eu-central-1b"),
            "meta-data/placement/region" => text(REGION),
            "meta-data/security-groups" => text("default"),
            _ => missing(),
        }
    }

    fn task(&self) -> Answer {
        let mut answer = self.keys(&self.issued.task);
        answer["RoleArn"] = json!(format!("arn:aws:iam::{ACCOUNT}:role/{ROLE}"));
        json_text(&answer)
    }

    fn keys(&self, keys: &Keys) -> Value {
        json!({
            "AccessKeyId": keys.id, "SecretAccessKey": keys.secret, "Token": keys.token,
            "Expiration": self.hour(GOOD_FOR),
        })
    }

    fn google(&self, request: &Request, path: &str) -> Answer {
        if !asks_google(request) {
            return status(403, "Missing Metadata-Flavor:Google header.");
        }
        let account = "812097436651-compute@developer.gserviceaccount.com";
        let scope = "https://www.googleapis.com/auth/cloud-platform";
        let path = path.trim_matches('/');
        let of_account = path
            .strip_prefix("instance/service-accounts/")
            .and_then(|rest| rest.strip_prefix("default").or(rest.strip_prefix(account)));
        if let Some(what) = of_account {
            let whole = json!({"aliases": ["default"], "email": account, "scopes": [scope]});
            return match what.trim_matches('/') {
                "" if request.query.contains("recursive=true") => json_text(&whole),
                "" => text("aliases\nemail\nidentity\nscopes\ntoken\n"),
                "email" => text(account),
                "aliases" => text("default\n"),
                "scopes" => text(&format!("{scope}\n")),
                "token" => json_text(&json!({
                    "access_token": self.issued.google, "expires_in": 3299, "token_type": "Bearer",
                })),
                _ => missing(),
            };
        }
        match path {
            "" => text("instance/\nproject/\n"),
            "project/project-id" => text("corp-reporting"),
            "project/numeric-project-id" => text("812097436651"),
            "instance" => text("hostname\nid\nname\nservice-accounts/\nzone\n"),
            "instance/id" => text("4410937726150028731"),
            "instance/name" => text("reporting-1"),
            "instance/hostname" => text("reporting-1.europe-west3-a.c.corp-reporting.internal"),
            "instance/zone" => text("projects/812097436651/zones/europe-west3-a"),
            "instance/service-accounts" => text(&format!("{account}/\ndefault/\n")),
            _ => missing(),
        }
    }

    fn azure(&self, request: &Request, path: &str) -> Answer {
        if request.header("metadata") != Some("true") {
            let error = json!({"error": "Bad request. Required metadata header not specified"});
            return Answer::json(400, &error, "");
        }
        let parameter = |name: &str| {
            url::form_urlencoded::parse(request.query.as_bytes())
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.into_owned())
        };
        match path {
            "instance" => json_text(&json!({
                "compute": {
                    "azEnvironment": "AzurePublicCloud", "location": "westeurope",
                    "name": "reporting-1", "osType": "Linux", "resourceGroupName": "reporting",
                    "subscriptionId": "6f0a7c1e-93b4-4d58-8e21-5cf7b0d9a362",
                    "vmId": "a81d52f7-0e3c-4b96-b1d8-27c4e95f6031", "vmSize": "Standard_D2s_v5",
                },
                "network": {"interface": [{"ipv4": {"ipAddress": [
                    {"privateIpAddress": "192.168.1.23", "publicIpAddress": ""},
                ]}}]},
            })),
            "identity/oauth2/token" => {
                let now = OffsetDateTime::from(dates(&self.ahead_ns).1).unix_timestamp();
                let on = now - now.rem_euclid(3600) + 86_400;
                json_text(&json!({
                    "access_token": self.issued.azure,
                    "client_id": "2c6b9f40-71de-4a83-9b05-e8d13a7c5f94",
                    "expires_in": "86399", "expires_on": on.to_string(), "token_type": "Bearer",
                    "resource": parameter("resource").unwrap_or_default(),
                }))
            }
            _ => missing(),
        }
    }

    /// The full hour that has begun, and so much later (RFC 3339).
    fn hour(&self, later: Duration) -> String {
        let now = OffsetDateTime::from(dates(&self.ahead_ns).1);
        let at = now + later;
        let (date, hour) = (at.date(), at.hour());
        format!("{date}T{hour:02}:00:00Z")
    }
}

fn ttl(request: &Request) -> Option<&str> {
    request.header("x-aws-ec2-metadata-token-ttl-seconds")
}

fn asks_google(request: &Request) -> bool {
    let flavor = request.header("metadata-flavor");
    flavor.is_some_and(|flavor| flavor.eq_ignore_ascii_case("google"))
}

fn text(body: &str) -> Answer {
    Answer::bytes(200, "text/plain", body.to_owned(), "")
}

fn json_text(body: &Value) -> Answer {
    Answer::json(200, body, "")
}

fn status(status: u16, why: &str) -> Answer {
    Answer::bytes(status, "text/plain", why.to_owned(), "")
}

fn missing() -> Answer {
    status(404, "Not Found")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{Seed, issued};

    fn ask(method: &str, target: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let metadata = Metadata::new(Arc::new(issued(Seed(1))), Arc::default());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = headers.iter().map(|(n, v)| ((*n).into(), (*v).into()));
        let answer = metadata.answer(&Request {
            scheme: "http",
            host: HOSTS[0].into(),
            port: 80,
            method: method.into(),
            path: path.into(),
            query: query.into(),
            headers: headers.collect(),
            body: Default::default(),
            nth: 0,
        });
        let answer = answer.unwrap();
        assert!(answer.by.starts_with("metadata "));
        (
            answer.status,
            String::from_utf8(answer.body.to_vec()).unwrap(),
        )
    }

    #[test]
    fn every_cloud_hands_out_its_credentials() {
        let issued = issued(Seed(1));
        let ttl = [("x-aws-ec2-metadata-token-ttl-seconds", "21600")];
        assert_eq!(ask("PUT", "/latest/api/token", &ttl).0, 200);
        assert_eq!(ask("PUT", "/latest/api/token", &[]).0, 400);
        let at = "/latest/meta-data/iam/security-credentials/";
        let (_, role) = ask("GET", at, &[]);
        let (_, keys) = ask("GET", &format!("{at}{role}"), &[]);
        let keys: Value = serde_json::from_str(&keys).unwrap();
        assert_eq!(keys["SecretAccessKey"], issued.machine.secret.as_str());
        assert!(
            ask("GET", "/latest/user-data", &[])
                .1
                .contains(&issued.setup_token)
        );
        assert!(
            ask("GET", "/v2/credentials/x", &[])
                .1
                .contains(&issued.task.id)
        );
        let token = "/computeMetadata/v1/instance/service-accounts/default/token";
        assert_eq!(ask("GET", token, &[]).0, 403);
        let (_, got) = ask("GET", token, &[("metadata-flavor", "Google")]);
        assert!(got.contains(&issued.google));
        let token = "/metadata/identity/oauth2/token?resource=https%3A%2F%2Fvault.azure.net";
        assert_eq!(ask("GET", token, &[]).0, 400);
        let (_, got) = ask("GET", token, &[("metadata", "true")]);
        assert!(got.contains(&issued.azure) && got.contains("vault.azure.net"));
        assert_eq!(ask("GET", "/latest/meta-data/none", &[]).0, 404);
    }
}
