//! Certificates and their fingerprints.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::{Duration, SystemTime};

use common::calendar;
use peerline_dtls::*;
use proptest::prelude::*;

#[test]
fn a_certificate_is_good_for_thirty_days_webrtc_pc_4_9() {
    let certificate = Certificate::generate(calendar()).unwrap();
    assert_eq!(certificate.expires(), calendar() + Duration::from_secs(30 * 24 * 3600));
    let expires = calendar() + Duration::from_secs(1000);
    assert_eq!(Certificate::generate_until(calendar(), expires).unwrap().expires(), expires);
}

#[test]
fn a_certificate_survives_being_kept_as_pem() {
    let certificate = Certificate::generate(calendar() + Duration::from_millis(1500)).unwrap();
    let again = Certificate::from_pem(&certificate.to_pem()).unwrap();
    assert_eq!(again, certificate);
    assert_eq!(again.fingerprint(), certificate.fingerprint());
    assert_eq!(again.expires(), certificate.expires());
}

#[test]
fn key_and_certificate_must_belong_together() {
    let [one, two] = [(); 2].map(|()| Certificate::generate(calendar()).unwrap().to_pem());
    let (certificate, _) = one.split_once("-----BEGIN PRIVATE KEY").unwrap();
    let (_, key) = two.split_once("-----END CERTIFICATE-----").unwrap();
    assert_eq!(Certificate::from_pem(&format!("{certificate}{key}")), Err(CertificateError::KeyMismatch));
    assert_eq!(Certificate::from_pem(certificate), Err(CertificateError::Unreadable));
    assert_eq!(Certificate::from_pem(""), Err(CertificateError::Unreadable));
}

#[test]
fn a_time_that_x509_cannot_write_is_refused_rfc_5280_4_1_2_5() {
    let far = SystemTime::UNIX_EPOCH + Duration::from_secs(300_000_000_000);
    assert_eq!(Certificate::generate_until(calendar(), far), Err(CertificateError::Generation));
    assert_eq!(Certificate::generate(far), Err(CertificateError::Generation));
}

#[test]
fn a_certificate_shows_its_fingerprint_only() {
    let certificate = Certificate::generate(calendar()).unwrap();
    assert_eq!(
        format!("{certificate:?}"),
        format!("Certificate({:?})", certificate.fingerprint().to_string())
    );
}

#[test]
fn a_fingerprint_reads_as_it_is_written_rfc_8122_5() {
    let text = "sha-256 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:3E:4B:65:2E:7D:46:3F:54:42:CD:54:F1";
    let fingerprint: Fingerprint = text.parse().unwrap();
    assert_eq!(fingerprint.to_string(), text);
    assert_eq!(text.to_lowercase().parse(), Ok(fingerprint.clone()));
    assert_eq!(text.replace("sha", "SHA").parse(), Ok(fingerprint.clone()));
    assert_eq!(fingerprint.bytes()[..2], [0x4A, 0xAD]);
}

#[test]
fn weak_and_malformed_fingerprints_are_refused() {
    let weak = Fingerprint::new("sha-1", "4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB");
    assert_eq!(weak, Err(FingerprintError::UnsupportedHashFunction));
    for text in ["sha-256", "sha-256 ", "sha-256 AB", "sha-256 AB:C", "sha-256 +1:02"] {
        assert_eq!(text.parse::<Fingerprint>(), Err(FingerprintError::Malformed), "{text}");
    }
}

proptest! {
    #[test]
    fn parsing_never_panics(text in ".*", pem in "(-----BEGIN [A-Z ]{0,20}-----\n.{0,40}\n)?.*") {
        let _ = text.parse::<Fingerprint>();
        let _ = Certificate::from_pem(&pem);
    }
}
