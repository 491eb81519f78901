use axum::Router;
use tonic::Code;
use tonic::service::Routes;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::*;
use crate::health::Health;
use crate::serve::Limits;
use crate::serve::tests::{Stack, start};
use crate::tls::TlsServerConfig;
use crate::tls::tests::Authority;

const SERVICE: &str = "test.Service";

async fn server(tls: Option<&TlsServerConfig>) -> (Stack, Health) {
    let health = Health::new();
    health.set(SERVICE, true).await;
    let router: Router = Routes::new(health.service()).into_axum_router();
    (start(tls, Limits::default(), router).await, health)
}

async fn check(channel: Channel) -> Result<ServingStatus, Status> {
    let request = HealthCheckRequest {
        service: SERVICE.into(),
    };
    Ok(HealthClient::new(channel)
        .check(request)
        .await?
        .into_inner()
        .status())
}

fn client(authority: &Authority, identity: Option<&Authority>) -> TlsClientConfig {
    let (certificate, private_key) = identity.map(|from| from.issue("client", "client")).unzip();
    TlsClientConfig {
        ca: authority.ca(),
        certificate,
        private_key,
        server_name: None,
    }
}

#[tokio::test]
async fn health_is_told_over_plain_http_2() {
    let (stack, health) = server(None).await;
    let channel = channel(&GrpcClientConfig::new(format!("http://{}", stack.address), None)).unwrap();
    assert_eq!(check(channel.clone()).await.unwrap(), ServingStatus::Serving);
    health.set(SERVICE, false).await;
    assert_eq!(check(channel).await.unwrap(), ServingStatus::NotServing);
}

#[tokio::test]
async fn mutual_tls_lets_in_the_known_and_nobody_else() {
    let authority = Authority::new();
    let strangers = Authority::new();
    let tls = TlsServerConfig {
        client_ca: Some(authority.ca()),
        ..authority.server()
    };
    let (stack, _health) = server(Some(&tls)).await;
    let call = |tls: TlsClientConfig| {
        let config = GrpcClientConfig::new(format!("https://{}", stack.address), Some(tls));
        check(channel(&config).unwrap())
    };
    assert_eq!(
        call(client(&authority, Some(&authority))).await.unwrap(),
        ServingStatus::Serving
    );
    assert!(call(client(&authority, None)).await.is_err());
    assert!(call(client(&authority, Some(&strangers))).await.is_err());
    let mistrusting = client(&strangers, Some(&authority));
    assert_eq!(call(mistrusting).await.unwrap_err().code(), Code::Unavailable);
    let elsewhere = TlsClientConfig {
        server_name: Some("other.example".into()),
        ..client(&authority, Some(&authority))
    };
    assert_eq!(call(elsewhere).await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn a_channel_waits_for_no_server_and_finds_it_again() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let channel = channel(&GrpcClientConfig::new(format!("http://{address}"), None)).unwrap();
    assert_eq!(
        check(channel.clone()).await.unwrap_err().code(),
        Code::Unavailable
    );

    let health = Health::new();
    health.set(SERVICE, true).await;
    let options = crate::serve::ServeOptions {
        name: "late",
        listeners: vec![address.into()],
        tls: None,
        limits: Limits::default(),
    };
    let shutdown = crate::shutdown::Shutdown::manual(Duration::from_secs(1));
    let router = Routes::new(health.service()).into_axum_router();
    let _serving = crate::serve::serve(options, router, shutdown).await.unwrap();
    assert_eq!(check(channel).await.unwrap(), ServingStatus::Serving);
}

#[tokio::test]
async fn a_call_takes_no_longer_than_its_limit() {
    let router = Router::new().fallback(std::future::pending::<()>);
    let stack = start(None, Limits::default(), router).await;
    let mut config = GrpcClientConfig::new(format!("http://{}", stack.address), None);
    config.timeout = Duration::from_millis(50);
    let started = std::time::Instant::now();
    assert!(check(channel(&config).unwrap()).await.is_err());
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn addresses_and_tls_settings_must_fit() {
    let authority = Authority::new();
    let tls = || Some(client(&authority, None));
    let refused = |address: &str, tls| channel(&GrpcClientConfig::new(address, tls)).unwrap_err();
    for address in ["", "127.0.0.1:50004", "ftp://a:1", "http://", "/path", "a b"] {
        assert!(
            matches!(refused(address, None), GrpcClientError::Address(_)),
            "{address}"
        );
    }
    assert!(matches!(
        refused("https://a:1", None),
        GrpcClientError::TlsMissing(_)
    ));
    assert!(matches!(
        refused("http://a:1", tls()),
        GrpcClientError::TlsUnused(_)
    ));
    for address in [
        "http://127.0.0.1:50004",
        "http://rvps:50003",
        "http://[::1]:1",
        "http://rvps",
    ] {
        channel(&GrpcClientConfig::new(address, None)).unwrap();
    }
    channel(&GrpcClientConfig::new("https://[::1]:1", tls())).unwrap();
}

#[test]
fn calls_carry_the_ids_of_the_request_they_are_made_for() {
    let context = RequestContext::new();
    let (id, trace) = (context.request_id().to_string(), context.traceparent());
    let sent = context.sync_scope(|| ContextInterceptor.call(Request::new(())).unwrap());
    assert_eq!(sent.metadata().get("x-request-id").unwrap(), id.as_str());
    assert_eq!(sent.metadata().get("traceparent").unwrap(), trace.as_str());
    assert!(
        ContextInterceptor
            .call(Request::new(()))
            .unwrap()
            .metadata()
            .is_empty()
    );
}

mod whole {
    use std::convert::Infallible;
    use std::sync::{Arc, Mutex};

    use axum::body::HttpBody;
    use axum::http::{Request, Response};
    use http_body_util::BodyExt;
    use tonic::body::Body;
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_client::HealthClient;
    use tower::service_fn;

    use super::super::WholeRequests;

    /// What arrives of a request: its bytes, and whether with the first of them it is known that no more will come.
    type Seen = Arc<Mutex<Option<(Vec<u8>, bool)>>>;

    async fn receive(request: Request<Body>, seen: Seen) -> Result<Response<Body>, Infallible> {
        let mut body = request.into_body();
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        let whole = body.is_end_stream();
        *seen.lock().unwrap() = Some((first.to_vec(), whole));
        Ok(Response::new(Body::empty()))
    }

    #[tokio::test]
    async fn a_message_goes_out_with_its_end() {
        let seen = Seen::default();
        let request = || HealthCheckRequest {
            service: "a service".into(),
        };
        let server = service_fn(|request| receive(request, Arc::clone(&seen)));
        let _ = HealthClient::new(server).check(request()).await;
        let (message, whole) = seen.lock().unwrap().take().unwrap();
        assert!(!whole, "the client has learned it: this layer can go");

        let own = Arc::clone(&seen);
        let server = service_fn(move |request| receive(request, Arc::clone(&own)));
        let _ = HealthClient::new(WholeRequests(server)).check(request()).await;
        assert_eq!(seen.lock().unwrap().take(), Some((message, true)));
    }
}
