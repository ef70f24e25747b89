//! Which servers are believed to be themselves.

use std::fmt;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};

/// SHA-256 of a certificate's DER encoding.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CertificateFingerprint(pub [u8; 32]);

impl CertificateFingerprint {
    /// Reads 64 hexadecimal digits, with or without colons between the bytes, as `openssl x509 -fingerprint -sha256` prints them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits: Vec<u8> = text
            .chars()
            .filter(|character| *character != ':')
            .map(|character| character.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect::<Option<_>>()?;
        let (pairs, rest) = digits.as_chunks::<2>();
        let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
        rest.is_empty().then_some(Self(bytes.try_into().ok()?))
    }

    /// The fingerprint of the first certificate in a PEM file's text.
    #[must_use]
    pub fn of_pem(text: &str) -> Option<Self> {
        CertificateDer::from_pem_slice(text.as_bytes()).ok().map(|certificate| Self::of(&certificate))
    }

    /// The fingerprint of a certificate in DER.
    #[must_use]
    pub fn of(certificate: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(aws_lc_rs_digest(certificate).as_ref());
        Self(hash)
    }
}

fn aws_lc_rs_digest(bytes: &[u8]) -> impl AsRef<[u8]> {
    ::aws_lc_rs::digest::digest(&::aws_lc_rs::digest::SHA256, bytes)
}

impl fmt::Display for CertificateFingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, byte) in self.0.iter().enumerate() {
            let colon = if number == 0 { "" } else { ":" };
            write!(formatter, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for CertificateFingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CertificateFingerprint({self})")
    }
}

/// Which server is believed to be the one that the link names.
///
/// What participants say to each other is sealed whatever the server is. A wrong one can learn who meets when, and keep them apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// One with a certificate that the web's authorities have signed.
    #[default]
    Authorities,
    /// One with this certificate, whoever signed it: for a server with a certificate of its own making.
    Fingerprint(CertificateFingerprint),
    /// Any at all, over https or plain http.
    Anybody,
}

impl Trust {
    /// What rustls is told; `protocols` are those spoken inside (RFC 7301), none where it isn't said.
    ///
    /// # Errors
    /// rustls's, when it has no authorities to ask.
    pub fn client_config(self, protocols: &[&[u8]]) -> Result<ClientConfig, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let authorities = WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(&provider))
            .build()
            .map_err(|error| Error::General(error.to_string()))?;
        let verifier = Verifier { trust: self, authorities, provider: Arc::clone(&provider) };
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(config)
    }
}

/// A certificate that was not believed: whoever is asked to believe it has to see which one it is.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{error}")]
pub struct Disbelieved {
    /// Which one it is.
    pub certificate: CertificateFingerprint,
    /// What is wrong with it.
    pub error: CertificateError,
}

impl Disbelieved {
    /// What made a TLS handshake fail, where it was this.
    #[must_use]
    pub fn find(error: &std::io::Error) -> Option<&Self> {
        match error.get_ref()?.downcast_ref()? {
            Error::InvalidCertificate(CertificateError::Other(OtherError(other))) => other.downcast_ref(),
            _ => None,
        }
    }
}

/// Believes a certificate because authorities or the user said so. That the server holds its key is checked in any case.
#[derive(Debug)]
struct Verifier {
    trust: Trust,
    authorities: Arc<WebPkiServerVerifier>,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn judge(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<(), Error> {
        match self.trust {
            Trust::Authorities => {
                self.authorities.verify_server_cert(certificate, intermediates, name, ocsp, now).map(|_| ())
            }
            Trust::Fingerprint(wanted) if wanted != CertificateFingerprint::of(certificate) => {
                Err(CertificateError::ApplicationVerificationFailure.into())
            }
            Trust::Fingerprint(_) | Trust::Anybody => Ok(()),
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.judge(certificate, intermediates, name, ocsp, now).map_err(|error| match error {
            Error::InvalidCertificate(error) => {
                let certificate = CertificateFingerprint::of(certificate);
                let disbelieved = Disbelieved { certificate, error };
                CertificateError::Other(OtherError(Arc::new(disbelieved))).into()
            }
            error => error,
        })?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_openssl_prints_it() {
        let fingerprint = CertificateFingerprint::of(b"certificate");
        let printed = fingerprint.to_string();
        assert_eq!(printed.len(), 95);
        assert_eq!(CertificateFingerprint::parse(&printed), Some(fingerprint));
        assert_eq!(
            CertificateFingerprint::parse(&printed.replace(':', "").to_lowercase()),
            Some(fingerprint)
        );
        for wrong in ["", "AB", "zz", &printed[3..], &format!("{printed}:00")] {
            assert_eq!(CertificateFingerprint::parse(wrong), None, "{wrong}");
        }
    }
}
