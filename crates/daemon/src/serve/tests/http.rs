//! What is served, announced, logged, and how it ends.

use super::*;
use crate::telemetry::LogFormat;
use crate::telemetry::tests::Log;

#[tokio::test]
async fn http_1_and_http_2_are_served_on_one_port_without_tls() {
    let stack = start(None, quick(), router()).await;
    let url = format!("http://{}/", stack.address);
    crate::init();
    let one = reqwest::Client::builder().http1_only().build().unwrap();
    let two = reqwest::Client::builder()
        .http2_prior_knowledge()
        .build()
        .unwrap();
    for (client, version) in [(one, reqwest::Version::HTTP_11), (two, reqwest::Version::HTTP_2)] {
        let response = client.get(&url).send().await.unwrap();
        assert_eq!(response.version(), version);
        assert!(response.headers().contains_key("x-request-id"));
        assert_eq!(response.text().await.unwrap(), "hello");
    }
}

#[tokio::test]
async fn the_bound_address_is_announced() {
    let log = Log::default();
    let guard = log.capture("info", LogFormat::Json);
    let stack = start(None, quick(), router()).await;
    drop(guard);
    let text = log.text();
    let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(line["message"], "listening");
    assert_eq!(line["address"], stack.address.to_string());
    assert_eq!(line["server"], "test");
}

#[tokio::test]
async fn an_address_that_is_taken_or_missing_is_an_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let options = |listeners| ServeOptions {
        name: "test",
        listeners,
        tls: None,
        limits: quick(),
    };
    let shutdown = Shutdown::manual(SOON);
    let refused = serve(options(vec![address.into()]), router(), shutdown.clone())
        .await
        .unwrap_err();
    assert!(matches!(refused, ServeError::Bind { address: named, .. } if named == address));
    let refused = serve(options(vec![]), router(), shutdown.clone())
        .await
        .unwrap_err();
    assert!(matches!(refused, ServeError::NoListener("test")));
    let served = serve(options(vec![taken.into()]), router(), shutdown)
        .await
        .unwrap();
    assert_eq!(served.addresses(), [address]);
}

#[tokio::test]
async fn handlers_know_the_peer() {
    let stack = start(None, quick(), router()).await;
    let answer = exchange(
        stack.address,
        b"GET /peer HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert!(answer.ends_with(b"127.0.0.1"));
}

#[tokio::test]
async fn a_stop_lets_requests_finish_and_closes_idle_connections() {
    let stack = start(None, Limits::default(), router()).await;
    let mut idle = TcpStream::connect(stack.address).await.unwrap();
    let mut busy = TcpStream::connect(stack.address).await.unwrap();
    busy.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    stack.shutdown.trigger();
    assert_eq!(status(&read_to_close(&mut busy).await), "200");
    assert!(read_to_close(&mut idle).await.is_empty());
    timeout(SOON, stack.serving.finished()).await.unwrap().unwrap();
    assert!(TcpStream::connect(stack.address).await.is_err());
}

#[tokio::test]
async fn a_stop_waits_no_longer_than_its_grace() {
    let router = Router::new().route("/", get(std::future::pending::<()>));
    let stack = start(None, Limits::default(), router).await;
    let mut stuck = TcpStream::connect(stack.address).await.unwrap();
    stuck.write_all(GET).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    stack.shutdown.trigger();
    timeout(SOON, stack.serving.finished()).await.unwrap().unwrap();
}

#[tokio::test]
async fn no_header_and_no_body_is_logged_at_any_level() {
    let log = Log::default();
    let guard = log.capture("trace", LogFormat::Text);
    let stack = start(None, quick(), router()).await;
    crate::init();
    for client in [
        reqwest::Client::builder(),
        reqwest::Client::builder().http2_prior_knowledge(),
    ] {
        let request = client
            .build()
            .unwrap()
            .post(format!("http://{}/body?CANARY=1", stack.address));
        let request = request
            .header("authorization", "Bearer CANARY")
            .header("x-request-id", "CANARY!");
        assert_eq!(
            request.body("CANARY").send().await.unwrap().text().await.unwrap(),
            "6"
        );
    }
    drop(guard);
    let text = log.text();
    assert!(text.contains("request handled"), "{text}");
    assert!(!text.contains("CANARY"), "{text}");
}
