//! The bodies of quotes.

/// What a quote is about.
#[derive(Clone, Debug)]
pub enum Body {
    /// An enclave.
    Enclave(Box<EnclaveBody>),
    /// A trust domain.
    Td(Box<TdBody>),
}

/// Which body a TD's quote has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TdKind {
    /// Of TDX 1.0.
    Td10,
    /// Of TDX 1.5.
    Td15,
    /// Of TDX 1.5, extended.
    Td15Ex,
}

impl TdKind {
    /// The number of version 5 quotes.
    pub fn number(self) -> u16 {
        match self {
            TdKind::Td10 => 2,
            TdKind::Td15 => 3,
            TdKind::Td15Ex => 4,
        }
    }
}

/// A trust domain's report.
#[derive(Clone, Debug)]
pub struct TdBody {
    /// Which of the members are in the quote.
    pub kind: TdKind,
    /// Versions of the TDX components at the TD's start: module version, module identity, and others.
    pub tee_tcb_svn: [u8; 16],
    /// The module.
    pub mr_seam: [u8; 48],
    /// The module's signer.
    pub mrsigner_seam: [u8; 48],
    /// The module's attributes.
    pub seam_attributes: [u8; 8],
    /// The TD's attributes.
    pub td_attributes: u64,
    /// The TD's extended features.
    pub xfam: u64,
    /// What the TD started with.
    pub mr_td: [u8; 48],
    /// Not by the owner.
    pub mr_config_id: [u8; 48],
    /// The owner.
    pub mr_owner: [u8; 48],
    /// By the owner.
    pub mr_owner_config: [u8; 48],
    /// Measured since.
    pub rtmrs: [[u8; 48]; 4],
    /// The guest's own.
    pub report_data: [u8; 64],
    /// TDX 1.5: versions of the TDX components now.
    pub tee_tcb_svn2: [u8; 16],
    /// TDX 1.5: bound service TDs.
    pub mr_servicetd: [u8; 48],
    /// Extended: the other members, 237 bytes.
    pub extended: Vec<u8>,
}

impl Default for TdBody {
    /// A TD of TDX 1.0 without debugging, as Linux wants it.
    fn default() -> Self {
        let tee_tcb_svn = [3, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        Self {
            kind: TdKind::Td10,
            tee_tcb_svn,
            mr_seam: [0x5e; 48],
            mrsigner_seam: [0; 48],
            seam_attributes: [0; 8],
            td_attributes: 1 << 28,
            xfam: 0x0006_02e7,
            mr_td: [0x7d; 48],
            mr_config_id: [0; 48],
            mr_owner: [0; 48],
            mr_owner_config: [0; 48],
            rtmrs: [[0; 48]; 4],
            report_data: [0; 64],
            tee_tcb_svn2: tee_tcb_svn,
            mr_servicetd: [0; 48],
            extended: vec![0; 237],
        }
    }
}

impl TdBody {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let [rtmr_0, rtmr_1, rtmr_2, rtmr_3] = &self.rtmrs;
        let (attributes, xfam) = (self.td_attributes.to_le_bytes(), self.xfam.to_le_bytes());
        let fields: [&[u8]; 15] = [
            &self.tee_tcb_svn,
            &self.mr_seam,
            &self.mrsigner_seam,
            &self.seam_attributes,
            &attributes,
            &xfam,
            &self.mr_td,
            &self.mr_config_id,
            &self.mr_owner,
            &self.mr_owner_config,
            rtmr_0,
            rtmr_1,
            rtmr_2,
            rtmr_3,
            &self.report_data,
        ];
        let mut bytes = fields.concat();
        if self.kind != TdKind::Td10 {
            bytes.extend(self.tee_tcb_svn2);
            bytes.extend(self.mr_servicetd);
        }
        if self.kind == TdKind::Td15Ex {
            bytes.extend(&self.extended);
        }
        bytes
    }
}

/// An enclave's report.
#[derive(Clone, Debug)]
pub struct EnclaveBody {
    /// Versions of the processor's components.
    pub cpu_svn: [u8; 16],
    /// MISCSELECT.
    pub misc_select: [u8; 4],
    /// Flags and XFRM.
    pub attributes: [u8; 16],
    /// The enclave.
    pub mr_enclave: [u8; 32],
    /// Its signer.
    pub mr_signer: [u8; 32],
    /// Its configuration.
    pub config_id: [u8; 64],
    /// Its product.
    pub isv_prod_id: u16,
    /// Its version.
    pub isv_svn: u16,
    /// Its own.
    pub report_data: [u8; 64],
}

impl Default for EnclaveBody {
    /// A production enclave.
    fn default() -> Self {
        Self {
            cpu_svn: [5; 16],
            misc_select: [0; 4],
            attributes: [5, 0, 0, 0, 0, 0, 0, 0, 0xe7, 0, 0, 0, 0, 0, 0, 0],
            mr_enclave: [0xec; 32],
            mr_signer: [0x51; 32],
            config_id: [0; 64],
            isv_prod_id: 7,
            isv_svn: 3,
            report_data: [0; 64],
        }
    }
}

impl EnclaveBody {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let (product, version) = (self.isv_prod_id.to_le_bytes(), self.isv_svn.to_le_bytes());
        let fields: [&[u8]; 14] = [
            &self.cpu_svn,
            &self.misc_select,
            // Reserved, and the extended product id.
            &[0; 12 + 16],
            &self.attributes,
            &self.mr_enclave,
            &[0; 32],
            &self.mr_signer,
            &[0; 32],
            &self.config_id,
            &product,
            &version,
            // The configuration's version, reserved, and the family.
            &[0; 2],
            &[0; 42 + 16],
            &self.report_data,
        ];
        fields.concat()
    }
}
