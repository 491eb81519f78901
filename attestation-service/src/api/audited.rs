//! Who changes something, written down before it is done.

use daemon::audit::{About, AdminCall, AdminCaller, Attempt};
use daemon::tls::PeerCertificate;
use protos::attestation::{PolicyAuthor, PolicyVersion};
use tonic::{Request, Status};

use crate::AttestationService;
use crate::audit::Line;

/// Leave to change something, for whoever reaches the port: by the certificate, where TLS asks for one.
pub(super) async fn admit<'a, T>(
    service: &'a AttestationService,
    request: &Request<T>,
    rpc: &'static str,
    on_behalf_of: impl FnOnce(&T) -> Option<String>,
    about: impl FnOnce(&T) -> About,
) -> Result<Attempt<'a, Line>, Status> {
    let audit = service.audit();
    let mut call = AdminCall::new(rpc);
    if audit.is_on() {
        let caller = AdminCaller::of(request.extensions().get::<PeerCertificate>());
        let message = request.get_ref();
        call = call
            .by(caller.for_whom(on_behalf_of(message)))
            .about(about(message));
    }
    audit.attempt(call).await
}

/// Whom the caller calls the author, in a line.
pub(super) fn author(author: Option<&PolicyAuthor>) -> Option<String> {
    author.map(|PolicyAuthor { how, name }| match name.as_str() {
        "" => how.clone(),
        name => format!("{name} ({how})"),
    })
}

/// Notes the version that is in force now.
pub(super) fn learn_version(version: Option<&PolicyVersion>, about: &mut About) {
    if let Some(version) = version {
        about.version = Some(version.number);
        about.digest = version.digest.clone();
    }
}
