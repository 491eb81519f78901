//! The bodies of quotes.

use super::DcapError;
use super::reader::Reader;

/// What a TDX module says of a trust domain (TDX DCAP, A.3.2 and A.4; the members have the document's names).
#[derive(Clone, Debug)]
pub(crate) struct TdReport {
    pub(crate) tee_tcb_svn: [u8; 16],
    pub(crate) mr_seam: [u8; 48],
    pub(crate) mrsigner_seam: [u8; 48],
    pub(crate) seam_attributes: [u8; 8],
    pub(crate) td_attributes: [u8; 8],
    pub(crate) xfam: [u8; 8],
    pub(crate) mr_td: [u8; 48],
    pub(crate) mr_config_id: [u8; 48],
    pub(crate) mr_owner: [u8; 48],
    pub(crate) mr_owner_config: [u8; 48],
    pub(crate) rtmrs: [[u8; 48]; 4],
    pub(crate) report_data: [u8; 64],
    /// From TDX 1.5 on.
    pub(crate) td_1_5: Option<Td15>,
    /// Of a TDX 1.5 that tells more.
    pub(crate) td_1_5_ex: Option<Td15Ex>,
}

/// What TDX 1.5 adds.
#[derive(Clone, Debug)]
pub(crate) struct Td15 {
    /// The module now, which may be newer than the one that started the TD.
    pub(crate) tee_tcb_svn2: [u8; 16],
    pub(crate) mr_servicetd: [u8; 48],
}

/// What the extended body adds (`sgx_report2_body_v1_5_ex_t` of Intel's `sgx_quote_5.h`).
#[derive(Clone, Debug)]
pub(crate) struct Td15Ex {
    pub(crate) vmid: u8,
    pub(crate) td_id: [u8; 32],
    pub(crate) dev_info: [u8; 48],
    pub(crate) init_servicetd_hash: [u8; 48],
    pub(crate) init_servicetd_attributes: [u8; 8],
    pub(crate) init_cpu_svn: [u8; 16],
    pub(crate) init_tee_tcb_svn: [u8; 16],
    pub(crate) init_tee_fmspc: [u8; 12],
    pub(crate) cur_servicetd_hash: [u8; 48],
    pub(crate) cur_servicetd_attributes: [u8; 8],
}

impl TdReport {
    pub(super) fn read_1_0(reader: &mut Reader<'_>) -> Result<Self, DcapError> {
        Ok(Self {
            tee_tcb_svn: reader.array()?,
            mr_seam: reader.array()?,
            mrsigner_seam: reader.array()?,
            seam_attributes: reader.array()?,
            td_attributes: reader.array()?,
            xfam: reader.array()?,
            mr_td: reader.array()?,
            mr_config_id: reader.array()?,
            mr_owner: reader.array()?,
            mr_owner_config: reader.array()?,
            rtmrs: [reader.array()?, reader.array()?, reader.array()?, reader.array()?],
            report_data: reader.array()?,
            td_1_5: None,
            td_1_5_ex: None,
        })
    }

    pub(super) fn read_1_5(reader: &mut Reader<'_>) -> Result<Self, DcapError> {
        let report = Self::read_1_0(reader)?;
        let td_1_5 = Td15 {
            tee_tcb_svn2: reader.array()?,
            mr_servicetd: reader.array()?,
        };
        Ok(Self {
            td_1_5: Some(td_1_5),
            ..report
        })
    }

    pub(super) fn read_1_5_ex(reader: &mut Reader<'_>) -> Result<Self, DcapError> {
        let report = Self::read_1_5(reader)?;
        let [vmid] = reader.array()?;
        let td_1_5_ex = Td15Ex {
            vmid,
            td_id: reader.array()?,
            dev_info: reader.array()?,
            init_servicetd_hash: reader.array()?,
            init_servicetd_attributes: reader.array()?,
            init_cpu_svn: reader.array()?,
            init_tee_tcb_svn: reader.array()?,
            init_tee_fmspc: reader.array()?,
            cur_servicetd_hash: reader.array()?,
            cur_servicetd_attributes: reader.array()?,
        };
        Ok(Self {
            td_1_5_ex: Some(td_1_5_ex),
            ..report
        })
    }
}

/// What a processor says of an enclave (QuoteLibReference, A.4; Intel SDM volume 3D, table 37-21).
#[derive(Clone, Debug)]
pub(crate) struct EnclaveReport {
    pub(crate) cpu_svn: [u8; 16],
    pub(crate) misc_select: [u8; 4],
    pub(crate) reserved1: [u8; 12],
    pub(crate) isv_ext_prod_id: [u8; 16],
    pub(crate) flags: [u8; 8],
    pub(crate) xfrm: [u8; 8],
    pub(crate) mr_enclave: [u8; 32],
    pub(crate) reserved2: [u8; 32],
    pub(crate) mr_signer: [u8; 32],
    pub(crate) reserved3: [u8; 32],
    pub(crate) config_id: [u8; 64],
    pub(crate) isv_prod_id: [u8; 2],
    pub(crate) isv_svn: [u8; 2],
    pub(crate) config_svn: [u8; 2],
    pub(crate) reserved4: [u8; 42],
    pub(crate) isv_family_id: [u8; 16],
    pub(crate) report_data: [u8; 64],
}

impl EnclaveReport {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DcapError> {
        Ok(Self {
            cpu_svn: reader.array()?,
            misc_select: reader.array()?,
            reserved1: reader.array()?,
            isv_ext_prod_id: reader.array()?,
            flags: reader.array()?,
            xfrm: reader.array()?,
            mr_enclave: reader.array()?,
            reserved2: reader.array()?,
            mr_signer: reader.array()?,
            reserved3: reader.array()?,
            config_id: reader.array()?,
            isv_prod_id: reader.array()?,
            isv_svn: reader.array()?,
            config_svn: reader.array()?,
            reserved4: reader.array()?,
            isv_family_id: reader.array()?,
            report_data: reader.array()?,
        })
    }
}
