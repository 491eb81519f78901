//! The wire form of SNP evidence, and the sequence of checks.

use super::chain::{self, VekKind, VerifiedVek};
use super::report::{REPORT_LENGTH, Report};
use super::revocation::{RevocationList, Standing};
use super::{HwId, Shared, SnpError, SnpProduct, SnpVerifier, claims, signature};
use crate::binding::{check_init_data, check_report_data};
use crate::x509::Certificate;
use crate::{
    EndorsementId, Endorsements, ExpectedBinding, ParsedEvidence, Tee, TeeClass, UnverifiedEvidence,
    VerifiedClaims, VerifyError,
};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use sev::firmware::guest::AttestationReport;
use std::sync::Arc;

/// More certificates than any platform's table has.
const MAX_CERTIFICATES: usize = 16;
/// Longer than any certificate of a chain, as DER or PEM.
const MAX_CERTIFICATE_LENGTH: usize = 8192;

/// Evidence in form. Nothing of it is proved.
pub(crate) struct SnpEvidence {
    shared: Arc<Shared>,
    report: Report,
    certificates: Vec<WireCertificate>,
}

/// A report that a processor with a trusted endorsement key made at VMPL 0. Made by [`SnpEvidence::verify_report`]
/// alone; what it is bound to is not checked yet.
pub(crate) struct VerifiedReport<'a> {
    report: &'a Report,
    vek: Arc<VerifiedVek>,
    standing: Standing,
}

impl VerifiedReport<'_> {
    /// The report's members.
    pub(crate) fn fields(&self) -> &AttestationReport {
        &self.report.fields
    }

    /// The claims of SEV-SNP, typed.
    pub(crate) fn claims(&self) -> Map<String, Value> {
        claims::of(self.report, &self.vek, self.standing)
    }
}

/// The JSON object a guest sends.
#[derive(Deserialize)]
struct Wire {
    attestation_report: AttestationReport,
    #[serde(default)]
    cert_chain: Option<Vec<WireCertificate>>,
}

/// An entry of the certificate table that the host gave to the guest. DER or PEM.
#[derive(Deserialize)]
struct WireCertificate {
    cert_type: CertificateType,
    data: Vec<u8>,
}

/// A name, or an object for a type that the sender's library has no name for.
#[derive(Deserialize)]
#[serde(untagged)]
enum CertificateType {
    Named(String),
    Other(IgnoredAny),
}

impl WireCertificate {
    fn is(&self, name: &str) -> bool {
        match &self.cert_type {
            CertificateType::Named(found) => found == name,
            CertificateType::Other(_) => false,
        }
    }
}

impl SnpEvidence {
    pub(super) fn parse(shared: Arc<Shared>, evidence: UnverifiedEvidence<'_>) -> Result<Self, VerifyError> {
        let malformed = |reason: &str| VerifyError::Format {
            tee: Tee::Snp,
            reason: reason.to_owned(),
        };
        let wire: Wire = evidence.parse(Tee::Snp)?;
        let certificates = wire.cert_chain.unwrap_or_default();
        if certificates.len() > MAX_CERTIFICATES {
            return Err(malformed("too many certificates"));
        }
        if certificates
            .iter()
            .any(|certificate| certificate.data.len() > MAX_CERTIFICATE_LENGTH)
        {
            return Err(malformed("a certificate is too long"));
        }
        Ok(Self {
            shared,
            report: Report::new(wire.attestation_report)?,
            certificates,
        })
    }

    /// Evidence that is part of other evidence: a report as the processor wrote it, and the certificate of its
    /// VCEK, DER or PEM.
    pub(crate) fn of_raw_report(
        verifier: &SnpVerifier,
        report: &[u8; REPORT_LENGTH],
        vcek: Vec<u8>,
    ) -> Result<Self, SnpError> {
        if vcek.len() > MAX_CERTIFICATE_LENGTH {
            return Err(SnpError::Certificate {
                certificate: "VCEK",
                reason: "it is too long".to_owned(),
            });
        }
        Ok(Self {
            shared: Arc::clone(&verifier.0),
            report: Report::from_raw(report)?,
            certificates: vec![WireCertificate {
                cert_type: CertificateType::Named(VekKind::Vcek.as_str().to_owned()),
                data: vcek,
            }],
        })
    }

    /// Makes every check but those of the binding.
    pub(crate) fn verify_report(
        &self,
        endorsements: &Endorsements,
        now: i64,
    ) -> Result<VerifiedReport<'_>, VerifyError> {
        let Report { fields, signed, .. } = &self.report;
        let vek = self.verified_vek(endorsements, now)?;
        let standing = self.check_revocation(&vek, endorsements, now)?;
        signature::verify(&vek.key, signed, &fields.signature)?;
        if fields.vmpl != 0 {
            return Err(SnpError::Vmpl(fields.vmpl).into());
        }
        Ok(VerifiedReport {
            report: &self.report,
            vek,
            standing,
        })
    }

    /// The first certificate of the kind that the report's signing key has.
    fn vek(&self) -> Option<&[u8]> {
        self.of_type(self.report.signing_key.as_str())
    }

    fn of_type(&self, name: &str) -> Option<&[u8]> {
        let found = self.certificates.iter().find(|certificate| certificate.is(name));
        found.map(|certificate| certificate.data.as_slice())
    }

    fn has_the_other_kind(&self) -> bool {
        let other = match self.report.signing_key {
            VekKind::Vcek => VekKind::Vlek,
            VekKind::Vlek => VekKind::Vcek,
        };
        self.of_type(other.as_str()).is_some()
    }

    /// By CPUID; else by what the certificate says of itself; else all whose TCB has the report's layout.
    fn products(&self) -> Vec<SnpProduct> {
        let claimed = || {
            let certificate = Certificate::parse(self.vek()?).ok()?;
            chain::claimed(&certificate).ok().map(|(_, product)| product)
        };
        match self.report.product.or_else(claimed) {
            Some(product) => vec![product],
            None => {
                let fmc = self.report.fields.reported_tcb.fmc.is_some();
                SnpProduct::ALL
                    .into_iter()
                    .filter(|product| product.has_fmc() == fmc)
                    .collect()
            }
        }
    }

    fn hwid(&self) -> Result<HwId, SnpError> {
        let short = self.report.fields.reported_tcb.fmc.is_some();
        HwId::from_report(&self.report.fields.chip_id, short).ok_or(SnpError::ChipIdMasked)
    }

    fn vcek_id(&self) -> Result<EndorsementId, SnpError> {
        let tcb = self.report.reported_tcb();
        Ok(EndorsementId::SnpVcek {
            products: self.products(),
            hwid: self.hwid()?,
            tcb,
        })
    }

    /// The endorsement key: verified up to a root, of the right kind, product line, TCB and chip, and in time.
    fn verified_vek(&self, endorsements: &Endorsements, now: i64) -> Result<Arc<VerifiedVek>, VerifyError> {
        if let Some(vek) = self.vek() {
            return self.check_vek(vek, endorsements, now);
        }
        let expected = self.report.signing_key.as_str();
        if self.has_the_other_kind() {
            return Err(SnpError::OtherKeyKind { expected }.into());
        }
        match self.report.signing_key {
            VekKind::Vlek => Err(SnpError::MissingVlek.into()),
            VekKind::Vcek => {
                let id = self.vcek_id()?;
                let Some(vek) = endorsements.get(&id) else {
                    return Err(VerifyError::MissingEndorsement(id));
                };
                self.check_vek(vek, endorsements, now)
                    .map_err(|error| error.of_endorsement(id))
            }
        }
    }

    fn check_vek(
        &self,
        vek: &[u8],
        endorsements: &Endorsements,
        now: i64,
    ) -> Result<Arc<VerifiedVek>, VerifyError> {
        let Shared { roots, caches, .. } = &*self.shared;
        let vek = caches.veks.get_or(vek, || {
            let endorsed: Vec<Vec<u8>> = self.endorsed_signers(endorsements);
            let supplied = self
                .certificates
                .iter()
                .filter(|entry| entry.is("ASK") || entry.is("ASVK"));
            let supplied = supplied
                .map(|entry| entry.data.as_slice())
                .chain(endorsed.iter().map(Vec::as_slice));
            chain::verify(vek, &supplied.collect::<Vec<_>>(), roots)
        })?;
        if vek.kind != self.report.signing_key {
            return Err(SnpError::OtherKeyKind {
                expected: self.report.signing_key.as_str(),
            }
            .into());
        }
        if let Some(report) = self.report.product.filter(|product| *product != vek.product) {
            return Err(SnpError::OtherProduct {
                report,
                certificate: vek.product,
            }
            .into());
        }
        if vek.product.has_fmc() != self.report.fields.reported_tcb.fmc.is_some() {
            return Err(SnpError::TcbLayout.into());
        }
        if !vek.validity.contains(now) {
            return Err(SnpError::Validity.into());
        }
        let report_tcb = self.report.reported_tcb();
        if vek.tcb != report_tcb {
            return Err(SnpError::TcbMismatch {
                report: report_tcb,
                certificate: vek.tcb,
            }
            .into());
        }
        if let Some(hwid) = vek.hwid
            && hwid != self.hwid()?
        {
            return Err(SnpError::ChipIdMismatch.into());
        }
        Ok(vek)
    }

    fn endorsed_signers(&self, endorsements: &Endorsements) -> Vec<Vec<u8>> {
        let ids = self
            .products()
            .into_iter()
            .map(|product| EndorsementId::SnpAsvk { product });
        ids.filter_map(|id| endorsements.get(&id))
            .flat_map(crate::x509::certificates)
            .collect()
    }

    /// Refuses a chain that a list names, and, where lists are required, a list that says nothing.
    fn check_revocation(
        &self,
        vek: &VerifiedVek,
        endorsements: &Endorsements,
        now: i64,
    ) -> Result<Standing, VerifyError> {
        let id = vek.kind.revocation_list(vek.product);
        let Some(list) = endorsements.get(&id) else {
            return Ok(Standing::None);
        };
        let Shared {
            roots,
            caches,
            lists_are_optional,
        } = &*self.shared;
        let list = caches
            .lists
            .get_or(list, || RevocationList::verify(list, vek.product, roots));
        let standing = match list {
            Ok(list) => list.check(&vek.links, now)?,
            Err(_) if *lists_are_optional => Standing::Unusable,
            Err(error) => return Err(error.into()),
        };
        let fault = match standing {
            _ if *lists_are_optional => None,
            Standing::Current => None,
            Standing::Expired | Standing::Unusable => Some("it is expired or not yet valid"),
            Standing::None => Some("it is of another root"),
        };
        match fault {
            Some(fault) => Err(SnpError::RevocationList(fault.to_owned()).into()),
            None => Ok(standing),
        }
    }
}

impl ParsedEvidence for SnpEvidence {
    fn endorsements_for(&self) -> Vec<EndorsementId> {
        let mut ids = Vec::new();
        let products = self.products();
        if self.vek().is_none() && self.report.signing_key == VekKind::Vcek && !self.has_the_other_kind() {
            ids.extend(self.vcek_id().ok());
        }
        if self.report.signing_key == VekKind::Vlek && self.vek().is_some() && self.of_type("ASVK").is_none()
        {
            let unknown = products
                .iter()
                .filter(|product| !self.shared.roots.has_asvk(**product));
            ids.extend(unknown.map(|product| EndorsementId::SnpAsvk { product: *product }));
        }
        let kind = self.report.signing_key;
        ids.extend(products.into_iter().map(|product| kind.revocation_list(product)));
        ids
    }

    fn verify(
        &self,
        expected: &ExpectedBinding,
        endorsements: &Endorsements,
        now: i64,
    ) -> Result<Vec<VerifiedClaims>, VerifyError> {
        let report = self.verify_report(endorsements, now)?;
        let fields = report.fields();
        check_report_data(expected.report_data.as_deref(), &fields.report_data)?;
        check_init_data(expected.init_data.as_deref(), &fields.host_data)?;
        let claims = VerifiedClaims::new(Tee::Snp, TeeClass::Cpu, report.claims())
            .with_report_data(crate::digits::hex(fields.report_data))
            .with_init_data(crate::digits::hex(fields.host_data));
        Ok(vec![claims])
    }
}
