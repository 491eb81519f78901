//! HTTP/1.1 to the byte, for requests that no well-behaved client sends.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What came back.
#[derive(Debug)]
pub(crate) struct RawAnswer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Sends exactly these bytes and reads until the server closes. The request should say `connection: close`.
pub(crate) async fn exchange(address: SocketAddr, request: &[u8]) -> RawAnswer {
    let mut socket = TcpStream::connect(address).await.unwrap();
    // The server may refuse and close before it has read all of it.
    let _ = socket.write_all(request).await;
    let mut answer = Vec::new();
    let reading = socket.read_to_end(&mut answer);
    let _ = tokio::time::timeout(Duration::from_secs(20), reading)
        .await
        .expect("an answer in time");
    let text = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    RawAnswer {
        status: status.unwrap_or_else(|| panic!("no answer: {text:?}")),
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}

/// A request with this target as it stands, and header lines.
pub(crate) async fn request(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[String],
    body: &str,
) -> RawAnswer {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let text = format!(
        "{method} {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    );
    exchange(address, text.as_bytes()).await
}

impl RawAnswer {
    /// The names of the headers, in order.
    pub(crate) fn header_names(&self) -> Vec<&str> {
        self.head
            .lines()
            .skip(1)
            .filter_map(|line| line.split(':').next())
            .collect()
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The error's variant, if the body is that of an error.
    pub(crate) fn variant(&self) -> Option<String> {
        let body: serde_json::Value = serde_json::from_str(&self.body).ok()?;
        Some(body["type"].as_str()?.rsplit('/').next()?.to_owned())
    }
}
