//! What callers over gRPC may do to reference values whom nobody asks who they are.
//!
//! A service in this process, which asks its own callers, is none of them.

use tonic::Status;

use crate::config::{Config, RvpsConfig};

/// What strangers may do besides reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strangers {
    /// Everything: there are none, or it makes no difference who asks.
    Unlimited,
    /// Registering, for only what trust anchors have signed is taken. Whoever could also take a value back, or forget it,
    /// could register an old one after that.
    Registering,
    /// Nothing: the RVPS would take it for this service's own wish, which it knows by its certificate.
    Reading,
}

impl Strangers {
    pub(crate) fn of(config: &Config) -> Self {
        if config.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some()) {
            return Self::Unlimited;
        }
        match &config.rvps_config {
            RvpsConfig::BuiltIn { trust_anchors, .. } if !trust_anchors.is_empty() => Self::Registering,
            RvpsConfig::GrpcRemote {
                tls: Some(tls),
                insecure_forward_for_anyone,
                ..
            } if tls.certificate.is_some() => match insecure_forward_for_anyone {
                true => {
                    tracing::warn!(
                        "insecure_forward_for_anyone: whoever reaches the port changes reference values in the name of \
                         this service"
                    );
                    Self::Unlimited
                }
                false => Self::Reading,
            },
            _ => Self::Unlimited,
        }
    }

    /// Lets a registration pass, or not.
    pub(crate) fn register(self) -> Result<(), Status> {
        match self {
            Self::Unlimited | Self::Registering => Ok(()),
            Self::Reading => Err(in_our_name()),
        }
    }

    /// Lets a deletion or revocation pass, or not.
    pub(crate) fn manage(self) -> Result<(), Status> {
        match self {
            Self::Unlimited => Ok(()),
            Self::Registering => Err(Status::permission_denied(
                "who is not known may not delete or revoke reference values where `trust_anchors` are configured: set \
                 `tls.client_ca` in the configuration of the Attestation Service",
            )),
            Self::Reading => Err(in_our_name()),
        }
    }
}

fn in_our_name() -> Status {
    Status::permission_denied(
        "who is not known may not change reference values in the name of this service, which shows the RVPS its own \
         certificate: set `tls.client_ca` in the configuration of the Attestation Service, or ask the RVPS itself",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(config: Value) -> Strangers {
        Strangers::of(&serde_json::from_value(config).unwrap())
    }

    fn remote(tls: &Value, insecure: bool) -> Value {
        json!({"type": "GrpcRemote", "address": "https://rvps", "tls": tls, "insecure_forward_for_anyone": insecure})
    }

    #[test]
    fn with_nothing_configured_strangers_may_do_everything() {
        assert_eq!(of(json!({})), Strangers::Unlimited);
        let own = json!({"certificate": "c", "private_key": "k"});
        assert_eq!(of(json!({"tls": own})), Strangers::Unlimited);
        let without = json!({"ca": "ca.pem"});
        assert_eq!(
            of(json!({"rvps_config": remote(&without, false)})),
            Strangers::Unlimited
        );
    }

    #[test]
    fn where_signatures_count_strangers_register_and_take_nothing_back() {
        let rvps = json!({"type": "BuiltIn", "trust_anchors": [{"name": "vendor", "key": "k"}]});
        let strangers = of(json!({"rvps_config": rvps}));
        assert_eq!(strangers, Strangers::Registering);
        strangers.register().unwrap();
        let refused = strangers.manage().unwrap_err();
        assert_eq!(refused.code(), tonic::Code::PermissionDenied);
        assert!(refused.message().contains("tls.client_ca"), "{refused}");
        let asks = json!({"certificate": "c", "private_key": "k", "client_ca": "ca"});
        assert_eq!(
            of(json!({"rvps_config": rvps, "tls": asks})),
            Strangers::Unlimited
        );
    }

    #[test]
    fn nobody_borrows_the_name_that_the_rvps_knows_unless_the_operator_says_so() {
        let shown = json!({"ca": "ca.pem", "certificate": "c", "private_key": "k"});
        let strangers = of(json!({"rvps_config": remote(&shown, false)}));
        assert_eq!(strangers, Strangers::Reading);
        for refused in [strangers.register(), strangers.manage()] {
            assert_eq!(refused.unwrap_err().code(), tonic::Code::PermissionDenied);
        }
        assert_eq!(
            of(json!({"rvps_config": remote(&shown, true)})),
            Strangers::Unlimited
        );
        let asks = json!({"certificate": "c", "private_key": "k", "client_ca": "ca"});
        assert_eq!(
            of(json!({"rvps_config": remote(&shown, false), "tls": asks})),
            Strangers::Unlimited
        );
    }
}
