//! The certificate a peer is known by: ECDSA on P-256, self-signed (RFC 8827 §6.5).

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, DistinguishedName, DnType};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use x509_cert::der::Decode;

use crate::key::PrivateKey;
use crate::{Fingerprint, HashFunction};

/// What the W3C gives a certificate when nothing is asked for (webrtc-pc §4.9): 30 days.
const LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// Clocks differ: a certificate is valid from a day ago, as browsers do it.
const BACKDATED: Duration = Duration::from_secs(24 * 3600);

/// Why there is no certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The PEM holds no certificate, no PKCS #8 private key, or something unreadable.
    #[error("no certificate with an ECDSA P-256 key in this PEM")]
    Unreadable,
    /// Key and certificate don't belong together.
    #[error("the private key is not the certificate's")]
    KeyMismatch,
    /// It couldn't be made: the expiry is out of the range that X.509 can write.
    #[error("the certificate could not be made")]
    Generation,
}

/// A certificate with its private key: a peer's identity in DTLS. Cheap enough to make one for each connection,
/// which keeps connections from being linked (RFC 8827 §9.1), or kept in a file with [`to_pem`](Self::to_pem).
/// A clone shares them.
#[derive(Clone)]
pub struct Certificate {
    certificate: Arc<[u8]>,
    private_key: PrivateKey,
    /// The key as it is kept, in PKCS #8.
    private_key_der: Arc<[u8]>,
    expires: SystemTime,
}

impl Certificate {
    /// Makes a key and a certificate that is good for 30 days from `now`.
    pub fn generate(now: SystemTime) -> Result<Self, CertificateError> {
        let expires = now.checked_add(LIFETIME).ok_or(CertificateError::Generation)?;
        Self::generate_until(now, expires)
    }

    /// Makes a key and a certificate that is good from `now` (a day before it, because clocks differ) until `expires`.
    pub fn generate_until(now: SystemTime, expires: SystemTime) -> Result<Self, CertificateError> {
        let private_key = PrivateKey::generate().map_err(|_| CertificateError::Generation)?;
        let private_key_der = private_key.to_pkcs8().map_err(|_| CertificateError::Generation)?;
        let mut parameters = CertificateParams::default();
        let mut name = DistinguishedName::new();
        // What everybody's browser calls itself: the name tells nothing.
        name.push(DnType::CommonName, "WebRTC");
        parameters.distinguished_name = name;
        parameters.not_before = x509_time(now.checked_sub(BACKDATED).unwrap_or(now))?;
        let not_after = x509_time(expires)?;
        parameters.not_after = not_after;
        let certificate = parameters.self_signed(&private_key).map_err(|_| CertificateError::Generation)?;
        Ok(Self {
            certificate: certificate.der().as_ref().into(),
            private_key,
            private_key_der: private_key_der.into(),
            // X.509 has whole seconds.
            expires: not_after.replace_nanosecond(0).unwrap_or(not_after).into(),
        })
    }

    /// Reads what [`to_pem`](Self::to_pem) wrote: a certificate and a PKCS #8 private key, in any order.
    pub fn from_pem(pem: &str) -> Result<Self, CertificateError> {
        let certificate =
            CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| CertificateError::Unreadable)?;
        let key =
            PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| CertificateError::Unreadable)?;
        Self::check(&certificate, key.secret_pkcs8_der())
    }

    /// What somebody else made has to fit together; the key's check alone takes as long as a signature.
    fn check(certificate: &[u8], private_key_der: &[u8]) -> Result<Self, CertificateError> {
        let parsed =
            x509_cert::Certificate::from_der(certificate).map_err(|_| CertificateError::Unreadable)?;
        let private_key = PrivateKey::from_pkcs8(private_key_der).ok_or(CertificateError::Unreadable)?;
        let parsed = parsed.tbs_certificate();
        if parsed.subject_public_key_info().subject_public_key.raw_bytes() != private_key.public() {
            return Err(CertificateError::KeyMismatch);
        }
        Ok(Self {
            certificate: certificate.into(),
            private_key,
            private_key_der: private_key_der.into(),
            expires: SystemTime::UNIX_EPOCH + parsed.validity().not_after.to_unix_duration(),
        })
    }

    /// Certificate and private key as PEM, to be kept where nobody else can read it.
    pub fn to_pem(&self) -> String {
        pem::encode_many_config(
            &[
                pem::Pem::new("CERTIFICATE", &*self.certificate),
                pem::Pem::new("PRIVATE KEY", &*self.private_key_der),
            ],
            pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF),
        )
    }

    /// The certificate in DER.
    pub fn der(&self) -> &[u8] {
        &self.certificate
    }

    /// Until when it is good. Peers that believe fingerprints don't look at it; the W3C's API refuses an expired one.
    pub fn expires(&self) -> SystemTime {
        self.expires
    }

    /// Its fingerprint by SHA-256, for SDP.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(HashFunction::Sha256, &self.certificate)
    }

    pub(crate) fn private_key(&self) -> &PrivateKey {
        &self.private_key
    }

    /// Its key [is lent](crate::key::lending).
    pub(crate) fn to_dimpl(&self) -> dimpl::DtlsCertificate {
        dimpl::DtlsCertificate { certificate: self.certificate.to_vec(), private_key: Vec::new() }
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Certificate").field(&self.fingerprint().to_string()).finish()
    }
}

/// Two certificates are equal if they are the same one; the key follows from it.
impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.certificate == other.certificate
    }
}

impl Eq for Certificate {}

/// X.509 writes years from 1950 to 9999 (RFC 5280 §4.1.2.5).
fn x509_time(time: SystemTime) -> Result<time::OffsetDateTime, CertificateError> {
    let latest = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    if time < SystemTime::UNIX_EPOCH || time > latest {
        return Err(CertificateError::Generation);
    }
    Ok(time.into())
}
