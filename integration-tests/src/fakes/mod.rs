//! Vendors' servers, as far as our services can tell, that can be anything a server can be: slow, wrong, down.
//!
//! - [`ita`]: Intel Trust Authority.
//! - [`kds`]: AMD's Key Distribution Service.
//! - [`nras`]: NVIDIA's Remote Attestation Service.
//! - [`pcs`]: Intel's Provisioning Certification Service, or a cache of it.

pub mod ita;
pub mod kds;
pub mod nras;
pub mod pcs;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Response, Uri, header};
use daemon::serve::{Limits, Listener, ServeOptions, Serving, serve};
use daemon::shutdown::Shutdown;

/// How a vendor behaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// As it should.
    #[default]
    Well,
    /// It answers 503 to everything.
    Down,
    /// It answers 429, and when to come again, in seconds, if that is given.
    Limited(Option<u64>),
    /// It answers as it should, after a while.
    Slow(Duration),
    /// It answers with something of the right form that is another's.
    Wrong,
    /// It answers with a page of its own.
    Nonsense,
    /// It answers without end.
    Oversized,
    /// It sends everybody to another address, where what was asked for is.
    Redirecting,
}

/// A good answer.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// Its body.
    pub body: Vec<u8>,
    /// A header, by name and value.
    pub header: Option<(&'static str, String)>,
}

impl From<Vec<u8>> for Reply {
    fn from(body: Vec<u8>) -> Self {
        Self { body, header: None }
    }
}

/// What a vendor knows: the answer to a path with its query, or to one of another's (`wrong`).
pub trait Knowledge: Send + Sync + 'static {
    /// `None`: there is no such thing.
    fn answer(&self, path: &str, query: &str, wrong: bool) -> Option<Reply>;
}

/// A server that runs until it is dropped.
pub struct Vendor {
    url: String,
    state: Arc<State>,
    stop: Shutdown,
    _serving: Serving,
}

struct State {
    knowledge: Box<dyn Knowledge>,
    manner: Mutex<Manner>,
    asked: Mutex<Vec<String>>,
}

/// Longer than any answer of a vendor.
const TOO_LONG: usize = 16 * 1024 * 1024;

/// Where [`Manner::Redirecting`] sends everybody.
const ELSEWHERE: &str = "/elsewhere";

impl Vendor {
    /// Starts one on a free port of the loopback interface.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start(knowledge: impl Knowledge) -> anyhow::Result<Self> {
        daemon::init();
        let state = Arc::new(State {
            knowledge: Box::new(knowledge),
            manner: Mutex::default(),
            asked: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        let router = axum::Router::new().fallback(move |uri: Uri| {
            let state = Arc::clone(&shared);
            async move { state.respond(&uri).await }
        });
        let stop = Shutdown::manual(Duration::ZERO);
        let options = ServeOptions {
            name: "fake-vendor",
            listeners: vec![Listener::Address(SocketAddr::from(([127, 0, 0, 1], 0)))],
            tls: None,
            limits: Limits::default(),
        };
        let serving = serve(options, router, stop.clone()).await?;
        let address = serving.addresses().first().copied();
        let address = address.ok_or_else(|| anyhow::anyhow!("it listens nowhere"))?;
        Ok(Self {
            url: format!("http://{address}"),
            state,
            stop,
            _serving: serving,
        })
    }

    /// Where it is: `http://…`
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How it behaves from now on.
    pub fn behave(&self, manner: Manner) {
        *lock(&self.state.manner) = manner;
    }

    /// What it was asked for, with the query.
    pub fn asked(&self) -> Vec<String> {
        lock(&self.state.asked).clone()
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        self.stop.trigger();
    }
}

impl State {
    async fn respond(&self, uri: &Uri) -> Response<Body> {
        lock(&self.asked).push(uri.to_string());
        let manner = lock(&self.manner).clone();
        let path = uri.path();
        let query = uri.query().unwrap_or_default();
        let known = |path: &str, wrong| match self.knowledge.answer(path, query, wrong) {
            Some(reply) => good(reply),
            None => status(404),
        };
        match manner {
            Manner::Well => known(path, false),
            Manner::Down => status(503),
            Manner::Limited(seconds) => {
                let mut answer = status(429);
                if let Some(seconds) = seconds {
                    answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
                }
                answer
            }
            Manner::Slow(time) => {
                tokio::time::sleep(time).await;
                known(path, false)
            }
            Manner::Wrong => known(path, true),
            Manner::Nonsense => Response::new("<html>Please sign in to the network</html>".into()),
            Manner::Oversized => Response::new(vec![0x30; TOO_LONG].into()),
            Manner::Redirecting => match path.strip_prefix(ELSEWHERE) {
                Some(path) => known(path, false),
                None => {
                    let mut answer = status(302);
                    if let Ok(location) = format!("{ELSEWHERE}{uri}").parse() {
                        answer.headers_mut().insert(header::LOCATION, location);
                    }
                    answer
                }
            },
        }
    }
}

fn good(reply: Reply) -> Response<Body> {
    let mut answer = Response::new(reply.body.into());
    if let Some((name, value)) = reply.header
        && let Ok(value) = value.parse()
    {
        answer.headers_mut().insert(name, value);
    }
    answer
}

fn status(code: u16) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    if let Ok(code) = code.try_into() {
        *answer.status_mut() = code;
    }
    answer
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
