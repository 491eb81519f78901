//! A minimal HTTP/1.1 client on one kept-alive connection. It reads just what the driver needs: the status,
//! the session cookie, the body by its length.

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::target::Target;

/// One open connection.
pub struct Connection {
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// `name=value` of the first `Set-Cookie`.
    pub cookie: Option<String>,
    /// The whole body.
    pub body: Vec<u8>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Connection {
    /// Connects, with TLS if the target asks for it.
    pub async fn open(target: &Target) -> anyhow::Result<Self> {
        let tcp = TcpStream::connect(&target.authority)
            .await
            .with_context(|| format!("cannot connect to {}", target.authority))?;
        tcp.set_nodelay(true)?;
        let stream: Box<dyn Stream> = match &target.tls {
            None => Box::new(tcp),
            Some((name, config)) => {
                let connector = tokio_rustls::TlsConnector::from(config.clone());
                Box::new(
                    connector
                        .connect(name.clone(), tcp)
                        .await
                        .context("the TLS handshake failed")?,
                )
            }
        };
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(16 * 1024),
        })
    }

    /// Sends one whole request and reads the whole answer.
    pub async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<Answer> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end;
            }
            self.read_more().await?;
        };
        let (status, length, cookie) = read_head(self.buffer.get(..head).unwrap_or_default())?;
        let start = head + 4;
        while self.buffer.len() < start + length {
            self.read_more().await?;
        }
        let body = self
            .buffer
            .get(start..start + length)
            .unwrap_or_default()
            .to_vec();
        Ok(Answer { status, cookie, body })
    }

    async fn read_more(&mut self) -> anyhow::Result<()> {
        let count = self.stream.read_buf(&mut self.buffer).await?;
        ensure!(count > 0, "the server closed the connection");
        Ok(())
    }
}

/// Builds a request with the usual headers.
pub fn request(method: &str, path: &str, authority: &str, cookie: Option<&str>, body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {authority}\r\naccept: */*\r\n");
    if let Some(cookie) = cookie {
        head.push_str(&format!("cookie: {cookie}\r\n"));
    }
    if !body.is_empty() {
        head.push_str(&format!(
            "content-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        ));
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn read_head(head: &[u8]) -> anyhow::Result<(u16, usize, Option<String>)> {
    let text = std::str::from_utf8(head).context("the answer's head is not text")?;
    let mut lines = text.split("\r\n");
    let status_line = lines.next().unwrap_or_default();
    let Some(status) = status_line.split(' ').nth(1).and_then(|code| code.parse().ok()) else {
        bail!("not an HTTP answer: {status_line}");
    };
    let (mut length, mut cookie) = (0, None);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            length = value
                .trim()
                .parse()
                .context("a content-length that is no number")?;
        } else if name.eq_ignore_ascii_case("set-cookie") && cookie.is_none() {
            cookie = value.split(';').next().map(|pair| pair.trim().to_owned());
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            bail!("the driver reads answers by content-length only");
        }
    }
    Ok((status, length, cookie))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_gives_status_length_and_cookie() {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 74\r\nset-cookie: kbs-session-id=ab; Expires=x";
        let (status, length, cookie) = read_head(head).unwrap();
        assert_eq!(
            (status, length, cookie.as_deref()),
            (200, 74, Some("kbs-session-id=ab"))
        );
        assert!(read_head(b"nonsense").is_err());
        assert!(read_head(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked").is_err());
    }

    #[test]
    fn a_request_carries_its_cookie_and_the_length_of_its_body() {
        let bytes = request("POST", "/a", "h:1", Some("c=d"), b"{}");
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with("POST /a HTTP/1.1\r\nhost: h:1\r\n"));
        assert!(text.contains("cookie: c=d\r\n") && text.ends_with("content-length: 2\r\n\r\n{}"));
    }
}
