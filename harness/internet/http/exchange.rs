//! One request and its answer: captured whole, answered, emitted, and only then replied to.

use super::body::{Collect, End, ReplyBody};
use super::coding;
use super::serve::Conversation;
use super::tunnel::{Next, Target};
use super::websocket;
use crate::effect::{Body, Http, Kind, Reply};
use crate::internet::busy::Hold;
use crate::internet::dns;
use crate::internet::mock::{self, Answer};
use crate::internet::weather::Weather;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode, Version};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Answers one request. `hold` is kept until the answer is written.
pub async fn respond(
    conversation: Arc<Conversation>,
    mut request: Request<Incoming>,
    hold: Hold,
) -> Result<Response<ReplyBody>, Silence> {
    match body_length(&request) {
        Some(body) => conversation.tape.rewind_past(body),
        None => conversation.tape.rewind(),
    }
    let upgrade = takes_over(&request).then(|| hyper::upgrade::on(&mut request));
    let (parts, body) = request.into_parts();
    let mut exchange = Exchange::new(&conversation, &parts);
    match exchange.body.read(body).await {
        End::Whole => {}
        End::Cut => {
            let answer = Answer::json(400, &serde_json::json!({}), "request cut short");
            return Ok(reply(exchange.tell(answer), None, hold));
        }
        End::TooLong => {
            let mut answer = Answer::json(413, &serde_json::json!({}), "request too long");
            answer.headers.push(("connection".into(), "close".into()));
            return Ok(reply(exchange.tell(answer), None, hold));
        }
    }
    let (answer, weather) = exchange.answer(&parts);
    let delay = answer.delay;
    let answer = exchange.tell(answer);
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    if weather == Weather::Reset {
        return Err(Silence);
    }
    let next = upgrade.and_then(|on| match parts.method {
        Method::CONNECT if answer.status == 200 => {
            Target::of(&parts.uri).map(|target| Next::Tunnel(on, target))
        }
        _ if answer.status == 101 => Some(Next::WebSocket(on)),
        _ => None,
    });
    drop(exchange);
    let mut response = reply(answer, next.map(|next| (conversation, next)), hold);
    if weather == Weather::Cut {
        response.body_mut().cut();
    }
    Ok(response)
}

/// No answer is given: the connection ends.
#[derive(Debug, thiserror::Error)]
#[error("no answer")]
pub struct Silence;

/// How much of what follows its head belongs to a request, where that is said beforehand.
fn body_length(request: &Request<Incoming>) -> Option<u64> {
    let headers = request.headers();
    let is_plain = request.version() <= Version::HTTP_11
        && !headers.contains_key(header::TRANSFER_ENCODING)
        && !takes_over(request);
    match headers.get(header::CONTENT_LENGTH).filter(|_| is_plain) {
        Some(length) => length.to_str().ok()?.trim().parse().ok(),
        None => is_plain.then_some(0),
    }
}

/// Whether the connection may become something else after this request.
fn takes_over(request: &Request<Incoming>) -> bool {
    request.version() <= Version::HTTP_11
        && (request.method() == Method::CONNECT || websocket::is_asked_for(request.headers()))
}

/// A request under way. Dropped before its answer is known, it is told as cut short.
struct Exchange<'a> {
    conversation: &'a Conversation,
    /// None once it has been told.
    http: Option<Http>,
    /// Name and port that the request is for, lower case.
    host: String,
    port: u16,
    body: Collect,
    held: Bytes,
}

impl<'a> Exchange<'a> {
    fn new(conversation: &'a Conversation, parts: &Parts) -> Self {
        let Conversation { shared, link, .. } = conversation;
        shared.stats.requests.fetch_add(1, Ordering::Relaxed);
        let absolute = parts.uri.authority().map(|a| a.as_str());
        let claimed = absolute
            .or_else(|| parts.headers.get(header::HOST)?.to_str().ok())
            .unwrap_or_default();
        let secure = link.tls.is_some();
        // A proxy is asked for other schemes than its own.
        let scheme = match parts.uri.scheme_str() {
            Some("https") => "https",
            Some("http") if parts.version < Version::HTTP_2 => "http",
            _ if secure => "https",
            _ => "http",
        };
        let default = if scheme == "https" { 443 } else { 80 };
        let (name, port) = split_port(claimed);
        let authority = match port {
            Some(port) if port != default => format!("{}:{port}", name.to_ascii_lowercase()),
            _ => name.to_ascii_lowercase(),
        };
        // Through a proxy the request names its destination; else the connection does, and
        // the Host header is a claim that only counts where nothing else is known.
        let proxied = absolute.is_some() && parts.version < Version::HTTP_2;
        let (host, port) = match link.host() {
            Some(host) if !proxied => (host.to_owned(), link.peer.address.port()),
            _ if proxied => (name.to_ascii_lowercase(), port.unwrap_or(default)),
            _ if name.is_empty() => (link.peer.name(), link.peer.address.port()),
            _ => (name.to_ascii_lowercase(), link.peer.address.port()),
        };
        let target = parts.uri.path_and_query().map_or_else(
            || {
                if parts.method == Method::CONNECT {
                    claimed
                } else {
                    "/"
                }
            },
            |t| t.as_str(),
        );
        let http = Http {
            peer: link.peer.clone(),
            scheme: scheme.to_owned(),
            version: version(parts.version).to_owned(),
            method: parts.method.as_str().to_owned(),
            authority,
            target: target.to_owned(),
            headers: fields(&parts.headers),
            body: Body::default(),
            reply: Reply {
                status: 0,
                headers: Vec::new(),
                body: Body::default(),
                by: String::new(),
            },
        };
        Self {
            conversation,
            http: Some(http),
            host,
            port,
            body: Collect::new(shared),
            held: Bytes::new(),
        }
    }

    /// Takes what was read of the body into the effect, once, with its codings undone.
    fn settle_body(&mut self) {
        let (Some(http), Some((body, held))) = (&mut self.http, self.body.finish()) else {
            return;
        };
        (http.body, self.held) = (body, held);
        http.headers.append(&mut self.body.trailers);
        let coding = http.headers.iter().find(|(n, _)| n == "content-encoding");
        if let Some((_, codings)) = coding
            && self.held.len() as u64 == http.body.len
            && let Some(plain) =
                coding::undo(&self.held, codings, self.conversation.shared.limits.whole)
        {
            http.body = Body::new(&plain);
            self.held = plain;
        }
    }

    /// Finds the answer, once the body is complete.
    fn answer(&mut self, parts: &Parts) -> (Answer, Weather) {
        self.settle_body();
        match self.own_answer(parts) {
            Ok(answer) => (answer, Weather::Fair),
            Err(request) => self.answer_of_upstream(&request),
        }
    }

    fn answer_of_upstream(&self, request: &mock::Request) -> (Answer, Weather) {
        let shared = &self.conversation.shared;
        let nth = || shared.nth.next(("mood", &request.host, request.port));
        let mood = shared.upstreams.mood(request, nth);
        let weather = mood.unwrap_or_else(|| shared.weather());
        let answer = weather.answer().unwrap_or_else(|| {
            let mut answer = shared.upstreams.answer(request);
            if weather == Weather::Telling {
                let key = ("cue", &request.host, &request.path);
                shared.cues.tell(&mut answer, shared.nth.next(key) as usize);
            }
            weather.change(answer, request, shared.seed)
        });
        (answer, weather)
    }

    /// The gateway's own answer, or else the request that an upstream has to answer.
    fn own_answer(&self, parts: &Parts) -> Result<Answer, Box<mock::Request>> {
        let shared = &self.conversation.shared;
        let Some(http) = &self.http else {
            return Ok(Answer::json(500, &serde_json::json!({}), "gateway"));
        };
        if parts.method == Method::CONNECT {
            let status = if parts.version < Version::HTTP_2 {
                200
            } else {
                501
            };
            return Ok(bare(status, Vec::new(), "proxy"));
        }
        if parts.version == Version::HTTP_11
            && let Some(headers) = websocket::accept(&parts.headers)
        {
            return Ok(bare(101, headers, "websocket"));
        }
        let (path, query) = http.target.split_once('?').unwrap_or((&http.target, ""));
        if let Some(answer) = name_lookup(self.conversation, http, path, query, &self.held) {
            return Ok(answer);
        }
        let scheme = if http.scheme == "https" {
            "https"
        } else {
            "http"
        };
        Err(Box::new(mock::Request {
            scheme,
            host: self.host.clone(),
            port: self.port,
            method: http.method.clone(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: http.headers.clone(),
            body: self.held.clone(),
            nth: shared.nth.next((&http.method, &self.host, path)),
        }))
    }

    /// Emits the request with its answer, which is fit to be sent then.
    fn tell(&mut self, answer: Answer) -> Answer {
        self.settle_body();
        if let Some(mut http) = self.http.take() {
            http.reply = Reply {
                status: answer.status,
                headers: answer.headers.clone(),
                body: Body::new(&answer.body),
                by: answer.by.clone(),
            };
            self.conversation.shared.emit(Kind::Http(http));
        }
        answer
    }
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        if self.http.is_some() {
            let none = bare(0, Vec::new(), "request cut short");
            self.tell(none);
        }
    }
}

/// DNS over HTTPS: messages (RFC 8484) and the JSON of public resolvers.
fn name_lookup(
    conversation: &Conversation,
    http: &Http,
    path: &str,
    query: &str,
    body: &[u8],
) -> Option<Answer> {
    const MESSAGE: &str = "application/dns-message";
    let Conversation { shared, link, .. } = conversation;
    let says = |name: &str, value: &str| {
        http.headers
            .iter()
            .any(|(n, v)| n == name && v.starts_with(value))
    };
    let server = link.peer.address;
    let message = if http.method == "POST" && says("content-type", MESSAGE) {
        body.to_vec()
    } else if http.method == "GET" && query.contains("dns=") {
        let (_, coded) = url::form_urlencoded::parse(query.as_bytes()).find(|(n, _)| n == "dns")?;
        data_encoding::BASE64URL_NOPAD
            .decode(coded.trim_end_matches('=').as_bytes())
            .ok()?
    } else if http.method == "GET"
        && (says("accept", "application/dns-json") || path == "/resolve")
        && query.contains("name=")
    {
        let found = dns::over_json(shared, query, server)?;
        let mut answer = Answer::json(200, &found, "resolver");
        answer.headers[0].1 = "application/dns-json".into();
        return Some(answer);
    } else {
        return None;
    };
    let reply = dns::resolve(shared, &message, "doh", server)?;
    let mut answer = bare(
        200,
        vec![("content-type".into(), MESSAGE.into())],
        "resolver",
    );
    answer.body = reply.into();
    Some(answer)
}

fn bare(status: u16, headers: Vec<(String, String)>, by: &str) -> Answer {
    Answer {
        status,
        headers,
        body: Bytes::new(),
        by: by.to_owned(),
        delay: Duration::ZERO,
    }
}

/// The answer as hyper sends it. What a mock cannot say in HTTP is left out.
fn reply(
    answer: Answer,
    next: Option<(Arc<Conversation>, Next)>,
    hold: Hold,
) -> Response<ReplyBody> {
    if let Some((conversation, next)) = next {
        let mut slot = conversation.next.lock().unwrap_or_else(|e| e.into_inner());
        *slot = Some(next);
    }
    let mut response = Response::new(ReplyBody::new(answer.body, Some(hold)));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in &answer.headers {
        // Framing is hyper's to say.
        if name.eq_ignore_ascii_case("content-length")
            || name.eq_ignore_ascii_case("transfer-encoding")
        {
            continue;
        }
        if let (Ok(name), Ok(value)) = (
            HeaderName::try_from(name.as_str()),
            HeaderValue::try_from(value.as_str()),
        ) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// Header fields in the order sent, names in lower case.
pub fn fields(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect()
}

/// Host and port of an authority; brackets of an IPv6 address are taken off.
pub fn split_port(authority: &str) -> (&str, Option<u16>) {
    let authority = authority.rsplit('@').next().unwrap_or(authority);
    if let Some((address, rest)) = authority.strip_prefix('[').and_then(|a| a.split_once(']')) {
        return (address, rest.strip_prefix(':').and_then(|p| p.parse().ok()));
    }
    if authority.parse::<IpAddr>().is_ok() {
        return (authority, None);
    }
    match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()),
        None => (authority, None),
    }
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}

#[cfg(test)]
mod tests {
    use super::split_port;

    #[test]
    fn authorities_are_taken_apart() {
        assert_eq!(split_port("a.example:8443"), ("a.example", Some(8443)));
        assert_eq!(split_port("a.example"), ("a.example", None));
        assert_eq!(split_port("[2606::1]:443"), ("2606::1", Some(443)));
        assert_eq!(split_port("2606::1"), ("2606::1", None));
        assert_eq!(split_port("user:pw@a.example:1"), ("a.example", Some(1)));
        assert_eq!(split_port("a:b:c"), ("a:b", None));
    }
}
