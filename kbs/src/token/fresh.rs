use std::fmt;

use jose::jwt::IssuedToken;

/// A token that was made for this service a moment ago.
#[derive(Clone)]
pub enum FreshToken {
    /// By somebody else, as far as can be known: it is worth what its signature is worth.
    Received(String),
    /// By an attestation service in this process.
    Issued(Box<IssuedToken>),
}

impl FreshToken {
    /// The compact form.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Received(token) => token,
            Self::Issued(token) => token.as_str(),
        }
    }
}

impl From<String> for FreshToken {
    fn from(token: String) -> Self {
        Self::Received(token)
    }
}

impl From<IssuedToken> for FreshToken {
    fn from(token: IssuedToken) -> Self {
        Self::Issued(Box::new(token))
    }
}

/// Tokens are not for logs.
impl fmt::Debug for FreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Received(_) => "Received(..)",
            Self::Issued(_) => "Issued(..)",
        })
    }
}
