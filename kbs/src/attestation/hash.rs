//! Which of the hash algorithms that a client offers its evidence is to be bound by (wire: kbs-http, section 3).

use kbs_types::Tee;
use serde_json::Value;

/// A choice among the algorithms that a client offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashChoice {
    /// Nothing is said: the client takes SHA-384.
    Unsaid,
    /// This one, by its name on the wire.
    Selected(&'static str),
}

/// Why a handshake cannot begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashChoiceError {
    /// The service appraises nothing.
    #[error("the attestation service does not offer this")]
    NotOffered,
    /// The client or its TEE does not suit the service.
    #[error("{0}")]
    Unsuitable(&'static str),
}

/// What the Attestation Service of this ecosystem chooses: only `se` negotiates.
pub(super) fn of_coco(tee: Tee, offered: Option<&Value>) -> Result<HashChoice, HashChoiceError> {
    let (Tee::Se, Some(offered)) = (tee, offered) else {
        return Ok(HashChoice::Unsaid);
    };
    let offered = offered
        .as_array()
        .ok_or(HashChoiceError::Unsuitable("SE expected hash algorithm array"))?;
    match names(offered, "sha512") {
        true => Ok(HashChoice::Selected("sha512")),
        false => Err(HashChoiceError::Unsuitable("SE TEE does not support sha512")),
    }
}

/// Whether a list names an algorithm, in whatever case. What is no text names nothing.
pub(super) fn names(offered: &[Value], algorithm: &str) -> bool {
    let mut names = offered.iter().filter_map(Value::as_str);
    names.any(|name| name.eq_ignore_ascii_case(algorithm))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_se_negotiates_a_hash() {
        let offer = json!(["SHA512", 7]);
        assert_eq!(of_coco(Tee::Se, Some(&offer)), Ok(HashChoice::Selected("sha512")));
        assert_eq!(of_coco(Tee::Snp, Some(&offer)), Ok(HashChoice::Unsaid));
        assert_eq!(of_coco(Tee::Se, None), Ok(HashChoice::Unsaid));
        for offer in [json!(["sha256"]), json!("sha512"), json!([])] {
            assert!(of_coco(Tee::Se, Some(&offer)).is_err());
        }
    }
}
