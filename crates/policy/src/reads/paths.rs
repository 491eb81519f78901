//! Paths: `input.tdx.quote`, `input["az-snp-vtpm"].tpm`, `events[_].digests`.

use super::ANY;
use crate::tokens::{self, Token};

/// The members that follow the token at `at`, and the index after the last token of them. A member that is not
/// written out is [`ANY`].
pub(super) fn members(code: &[Token], at: usize) -> (Vec<String>, usize) {
    let mut members = Vec::new();
    let mut end = at + 1;
    loop {
        match code.get(end..).unwrap_or_default() {
            [Token::Mark('.'), Token::Name(member), ..] => {
                members.push(member.clone());
                end += 2;
            }
            [Token::Index, Token::Text(member), Token::Mark(']'), ..] => {
                members.push(member.clone());
                end += 3;
            }
            [Token::Index, inner @ ..] => {
                members.push(ANY.to_owned());
                end += tokens::closing(inner) + 2;
            }
            _ => return (members, end.min(code.len())),
        }
    }
}

/// Whether the token at `at` is a name of its own, and not that of a member.
pub(super) fn is_root(code: &[Token], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| code.get(before));
    before != Some(&Token::Mark('.'))
}
