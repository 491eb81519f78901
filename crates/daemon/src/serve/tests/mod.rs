mod gather;
mod http;
mod limits;
mod tls;

use std::time::Duration;

use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::*;
use crate::tls::TlsServerConfig;

const SOON: Duration = Duration::from_secs(5);

/// A server on a free port.
pub(crate) struct Stack {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: Shutdown,
    pub(crate) serving: Serving,
}

pub(crate) async fn start(tls: Option<&TlsServerConfig>, limits: Limits, router: Router) -> Stack {
    let shutdown = Shutdown::manual(Duration::from_millis(500));
    let options = ServeOptions {
        name: "test",
        listeners: vec![SocketAddr::from(([127, 0, 0, 1], 0)).into()],
        tls: tls.map(|tls| tls.load().unwrap()),
        limits,
    };
    let serving = serve(options, router, shutdown.clone()).await.unwrap();
    Stack {
        address: serving.addresses()[0],
        shutdown,
        serving,
    }
}

fn router() -> Router {
    let slow = || async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        "slow"
    };
    let peer = || async {
        crate::telemetry::RequestContext::current()
            .unwrap()
            .peer()
            .unwrap()
            .ip()
            .to_string()
    };
    Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/slow", get(slow))
        .route("/peer", get(peer))
        .route(
            "/body",
            post(|body: axum::body::Bytes| async move { body.len().to_string() }),
        )
}

fn quick() -> Limits {
    Limits {
        header_timeout: Duration::from_millis(200),
        handshake_timeout: Duration::from_millis(200),
        request_timeout: Duration::from_millis(400),
        certificate_poll: Duration::from_millis(50),
        ..Limits::default()
    }
}

/// Sends `bytes` and reads until the server closes. Errors (a reset) count as closed.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let _ = socket.write_all(bytes).await;
    read_to_close(&mut socket).await
}

async fn read_to_close(socket: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    let _ = timeout(SOON, socket.read_to_end(&mut answer))
        .await
        .expect("the server closes the connection");
    answer
}

fn status(answer: &[u8]) -> &str {
    std::str::from_utf8(answer.get(9..12).unwrap_or_default()).unwrap()
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
