//! Servers of other implementations, as far as our services can tell.

pub(crate) mod attestation;
pub(crate) mod rvps;

use std::net::SocketAddr;
use std::time::Duration;

use daemon::serve::{Limits, Listener, ServeOptions, Serving, serve};
use daemon::shutdown::Shutdown;
use tonic::service::Routes;

/// A fake that serves until it is dropped.
pub(crate) struct Server {
    /// `http://…`
    pub(crate) url: String,
    stop: Shutdown,
    _serving: Serving,
}

impl Server {
    async fn start(routes: Routes) -> Self {
        daemon::init();
        let stop = Shutdown::manual(Duration::from_millis(100));
        let options = ServeOptions {
            name: "fake",
            listeners: vec![Listener::Address(SocketAddr::from(([127, 0, 0, 1], 0)))],
            tls: None,
            limits: Limits::default(),
        };
        let serving = serve(options, routes.prepare().into_axum_router(), stop.clone())
            .await
            .unwrap();
        let url = format!("http://{}", serving.addresses()[0]);
        Self {
            url,
            stop,
            _serving: serving,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.trigger();
    }
}
