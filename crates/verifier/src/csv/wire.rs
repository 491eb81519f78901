//! The JSON of the evidence: structures of the `csv-rs` library as `serde` writes them, back to their bytes.

use super::certificate::{CA_LENGTH, PLATFORM_LENGTH};
use super::chain::HskCek;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use std::fmt;

/// The JSON object a guest sends.
#[derive(Deserialize)]
pub(super) struct Evidence {
    pub(super) attestation_report: Report,
    pub(super) cert_chain: Chain,
    pub(super) serial_number: Vec<u8>,
    #[serde(default)]
    pub(super) cc_eventlog: Option<String>,
}

/// A page of memory with a report, and of which version it is.
#[derive(Deserialize)]
pub(super) struct Report {
    pub(super) magic: Bytes<16>,
    pub(super) flags: u32,
    pub(super) data: Bytes<4096>,
}

/// The certificates that come with it.
#[derive(Deserialize)]
pub(super) struct Chain {
    #[serde(default)]
    hsk_cek: Option<Sent>,
    pek: PlatformCertificate,
}

#[derive(Deserialize)]
struct Sent {
    hsk: CaCertificate,
    cek: PlatformCertificate,
}

impl Chain {
    /// HSK and CEK, if the guest sent them.
    pub(super) fn hsk_cek(&self) -> Option<HskCek> {
        let Sent { hsk, cek } = self.hsk_cek.as_ref()?;
        Some(HskCek {
            hsk: hsk.to_bytes(),
            cek: cek.to_bytes(),
        })
    }

    pub(super) fn pek(&self) -> [u8; PLATFORM_LENGTH] {
        self.pek.to_bytes()
    }
}

/// `certs::ca::Certificate`.
#[derive(Deserialize)]
struct CaCertificate {
    body: CaBody,
    signature: Signature,
    _reserved: Bytes<112>,
}

#[derive(Deserialize)]
struct CaBody {
    preamble: Preamble,
    pubkey: Point,
    uid_size: u16,
    user_id: Bytes<254>,
    reserved: Bytes<108>,
}

#[derive(Deserialize)]
struct Preamble {
    ver: u32,
    data: CaData,
}

#[derive(Deserialize)]
struct CaData {
    kid: Bytes<16>,
    sid: Bytes<16>,
    usage: u32,
    reserved: Bytes<24>,
}

impl CaCertificate {
    fn to_bytes(&self) -> [u8; CA_LENGTH] {
        let Preamble { ver, data } = &self.body.preamble;
        let mut writer = Writer::default();
        writer.u32(*ver).bytes(&data.kid).bytes(&data.sid).u32(data.usage);
        writer.bytes(&data.reserved).point(&self.body.pubkey);
        writer.u16(self.body.uid_size).bytes(&self.body.user_id);
        writer.bytes(&self.body.reserved).signature(&self.signature);
        writer.bytes(&self._reserved).finish()
    }
}

/// `certs::csv::Certificate`.
#[derive(Deserialize)]
struct PlatformCertificate {
    body: PlatformBody,
    sigs: [SignatureBlock; 2],
}

#[derive(Deserialize)]
struct PlatformBody {
    ver: u32,
    data: PlatformData,
}

#[derive(Deserialize)]
struct PlatformData {
    firmware: Firmware,
    reserved1: u16,
    pubkey: PublicKey,
    uid_size: u16,
    user_id: Bytes<254>,
    sid: Bytes<16>,
    reserved2: Bytes<608>,
}

#[derive(Deserialize)]
struct Firmware {
    major: u8,
    minor: u8,
}

#[derive(Deserialize)]
struct PublicKey {
    usage: u32,
    algo: u32,
    key: Point,
}

#[derive(Deserialize)]
struct SignatureBlock {
    usage: u32,
    algo: u32,
    signature: Signature,
    _reserved: Bytes<368>,
}

impl PlatformCertificate {
    fn to_bytes(&self) -> [u8; PLATFORM_LENGTH] {
        let data = &self.body.data;
        let mut writer = Writer::default();
        writer.u32(self.body.ver);
        writer.u16(u16::from_le_bytes([data.firmware.major, data.firmware.minor]));
        writer
            .u16(data.reserved1)
            .u32(data.pubkey.usage)
            .u32(data.pubkey.algo);
        writer
            .point(&data.pubkey.key)
            .u16(data.uid_size)
            .bytes(&data.user_id);
        writer.bytes(&data.sid).bytes(&data.reserved2);
        for block in &self.sigs {
            writer
                .u32(block.usage)
                .u32(block.algo)
                .signature(&block.signature);
            writer.bytes(&block._reserved);
        }
        writer.finish()
    }
}

#[derive(Deserialize)]
struct Point {
    g: u32,
    x: Bytes<72>,
    y: Bytes<72>,
}

#[derive(Deserialize)]
struct Signature {
    r: Bytes<72>,
    s: Bytes<72>,
}

/// Writes the fixed layouts that `reader` reads.
#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn u16(&mut self, value: u16) -> &mut Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    fn bytes<const N: usize>(&mut self, bytes: &Bytes<N>) -> &mut Self {
        self.0.extend(bytes.0);
        self
    }

    fn point(&mut self, point: &Point) -> &mut Self {
        self.u32(point.g).bytes(&point.x).bytes(&point.y)
    }

    fn signature(&mut self, signature: &Signature) -> &mut Self {
        self.bytes(&signature.r).bytes(&signature.s)
    }

    /// The fields of a layout are together as long as the layout.
    fn finish<const N: usize>(&mut self) -> [u8; N] {
        let mut whole = [0; N];
        for (place, byte) in whole.iter_mut().zip(&self.0) {
            *place = *byte;
        }
        whole
    }
}

/// A list of exactly so many bytes.
pub(super) struct Bytes<const N: usize>(pub(super) [u8; N]);

impl<'de, const N: usize> Deserialize<'de> for Bytes<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Exactly<const N: usize>;

        impl<'de, const N: usize> Visitor<'de> for Exactly<N> {
            type Value = Bytes<N>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of {N} bytes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Bytes<N>, A::Error> {
                let mut bytes = [0; N];
                for (at, place) in bytes.iter_mut().enumerate() {
                    *place = list
                        .next_element()?
                        .ok_or_else(|| A::Error::invalid_length(at, &self))?;
                }
                match list.next_element::<IgnoredAny>()? {
                    Some(_) => Err(A::Error::invalid_length(N + 1, &self)),
                    None => Ok(Bytes(bytes)),
                }
            }
        }

        deserializer.deserialize_seq(Exactly::<N>)
    }
}
