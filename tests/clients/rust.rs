//! A client as programs in Rust are: rustls, with the roots of browsers compiled in. Sends its second
//! argument to the address in its first, over HTTPS, and prints the status it is answered with.

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

#[expect(clippy::print_stdout, reason = "who started it reads that")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(url), Some(body)) = (args.next(), args.next()) else {
        return Err("an address and a body are needed".into());
    };
    let url = url::Url::parse(&url)?;
    let host = url.host_str().ok_or("no host")?.to_owned();
    let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.clone())?;
    let connection = ClientConnection::new(Arc::new(config), name)?;
    let mut stream = StreamOwned::new(connection, TcpStream::connect((host.as_str(), 443))?);
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    write!(
        stream,
        "POST {target} HTTP/1.1\r\nHost: {host}\r\nX-Client: rust\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = Vec::new();
    // A server that ends without a farewell has answered all the same.
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    println!("{}", answer.split(' ').nth(1).unwrap_or("nothing"));
    Ok(())
}
