//! The quote of a real vTPM that comes with the crate `az-cvm-vtpm`, which we are built with. It is not in this
//! repository: it is read from where cargo unpacked the crate.

use crate::testing::{pem_body, published};
use crate::tpm::{AttestationKey, Pcrs, Signature, TpmError, UnverifiedQuote, certificates_from_pem};
use simulated_tee::proof::{self, Proof};

/// Message, signature and PCRs: three lists, each behind its length as eight bytes, little-endian.
#[derive(Clone)]
struct Vector {
    message: Vec<u8>,
    signature: Vec<u8>,
    pcrs: Vec<Vec<u8>>,
    key: AttestationKey,
}

fn file(name: &str) -> Option<Vec<u8>> {
    let folder = published("az-cvm-vtpm-0.8.2")?;
    Some(std::fs::read(folder.join("test").join(name)).unwrap())
}

fn vector() -> Option<Vector> {
    let (bytes, pem) = (file("quote.bin")?, file("akpub.pem")?);
    let mut rest = bytes.as_slice();
    let mut take = |width: usize| {
        let (head, tail) = rest.split_first_chunk::<8>().unwrap();
        let (taken, tail) = tail.split_at(usize::try_from(u64::from_le_bytes(*head)).unwrap() * width);
        rest = tail;
        taken.to_vec()
    };
    let (signature, message, pcrs) = (take(1), take(1), take(32));
    Some(Vector {
        message,
        signature,
        pcrs: pcrs.chunks(32).map(<[u8]>::to_vec).collect(),
        key: AttestationKey::from_spki(&pem_body(&pem)).unwrap(),
    })
}

impl Vector {
    fn verify(&self) -> Result<Vec<u8>, TpmError> {
        let quote = UnverifiedQuote::new(
            self.message.clone(),
            Signature::RsaSsa(self.signature.clone()),
            Pcrs::from_values(&self.pcrs).unwrap(),
        );
        quote
            .verify(&self.key)
            .map(|verified| verified.extra_data().to_vec())
    }
}

#[test]
fn the_quote_of_az_cvm_vtpm_verifies_and_no_changed_one_does() {
    let Some(good) = vector() else { return };
    assert_eq!(good.verify(), Ok(b"challenge".to_vec()));
    for at in 0..good.message.len() {
        let mut other = good.clone();
        other.message[at] ^= 1;
        assert_eq!(other.verify(), Err(TpmError::Signature), "message {at}");
    }
    for at in (0..256).step_by(16) {
        let mut other = good.clone();
        other.signature[at] ^= 1;
        assert_eq!(other.verify(), Err(TpmError::Signature), "signature {at}");
    }
    for register in 0..24 {
        let mut other = good.clone();
        other.pcrs[register][31] ^= 1;
        assert_eq!(other.verify(), Err(TpmError::PcrDigest), "PCR {register}");
    }
    let mutations = good.message.len() + 16 + 24;
    proof::note("tpm", Proof::Vectors, "az-cvm-vtpm", 1).unwrap();
    proof::note("tpm", Proof::Mutations, "az-cvm-vtpm", mutations).unwrap();
}

#[test]
fn the_vendor_certificates_of_az_cvm_vtpm_are_no_roots_for_tpms_by_accident() {
    let Some(pem) = file("certs.pem") else { return };
    let certificates = crate::x509::pem_blocks(&pem).unwrap();
    assert!(certificates_from_pem(&pem).is_err());
    assert_eq!(certificates.len(), 3);
    // The VCEK is no authority.
    let options = crate::TpmOptions {
        ak_roots: vec![certificates[0].clone()],
        ..crate::TpmOptions::default()
    };
    assert!(crate::tpm::TpmVerifier::new(&options).is_err());
}
