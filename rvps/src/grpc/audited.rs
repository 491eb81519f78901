//! Who changes something, written down before it is done.

use daemon::{
    audit::{About, AdminCall, AdminCaller, AdminLine, Attempt},
    tls::PeerCertificate,
};
use tonic::{Request, Status};

use super::Api;
use crate::{Caller, caller::Registrar};

impl Api {
    /// Lets in whoever is known and `may` do this, for whom ever that one asks. A line of the audit log says so, or says
    /// why not.
    pub(super) async fn admit<T>(
        &self,
        request: &Request<T>,
        rpc: &'static str,
        on_behalf_of: Option<String>,
        about: impl FnOnce() -> About,
        may: impl FnOnce(&Caller) -> Result<(), Status>,
    ) -> Result<(Caller, Attempt<'_, AdminLine>), Status> {
        let mut call = AdminCall::new(rpc);
        if self.audit.is_on() {
            call = call.about(about());
        }
        let caller = match self.writer(request) {
            Ok(caller) => caller.on_behalf_of(on_behalf_of),
            Err(status) => {
                // Whose certificate is not known is told apart from who has none.
                let certificate = request.extensions().get::<PeerCertificate>();
                if let Some(certificate) = certificate.filter(|_| self.audit.is_on()) {
                    call = call.by(AdminCaller::of(Some(certificate)));
                }
                self.audit.refused(call, &status);
                return Err(status);
            }
        };
        let call = call.by(in_a_line(&caller.who));
        if let Err(status) = may(&caller) {
            self.audit.refused(call, &status);
            return Err(status);
        }
        let attempt = self.audit.attempt(call).await?;
        Ok((caller, attempt))
    }
}

fn in_a_line(who: &Registrar) -> AdminCaller {
    AdminCaller {
        how: who.how.as_str(),
        name: who.name.clone(),
        on_behalf_of: None,
    }
    .for_whom(who.on_behalf_of.clone())
}
