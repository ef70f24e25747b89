//! The certificate that the server makes for itself, so that the first start needs no configuration.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};

use super::{TlsError, provider};
use crate::data_dir::DataDir;

const KEY: &str = "self-signed.key";
const CERTIFICATE: &str = "self-signed.pem";
const DESCRIPTION: &str = "self-signed.json";

/// Browsers refuse longer ones (CA/Browser Forum Baseline Requirements §6.3.2).
const LIFE: Duration = Duration::from_secs(397 * 86_400);
const RENEW_BEFORE: Duration = Duration::from_secs(30 * 86_400);
/// Clients' clocks go wrong too.
const VALID_BEFORE_NOW: Duration = Duration::from_secs(86_400);

/// What is in the kept certificate, so that it needs no parser.
#[derive(Serialize, Deserialize)]
struct Description {
    names: BTreeSet<String>,
    /// Seconds since 1970.
    expires: u64,
}

/// The kept certificate when it still fits, else a new one. Its key stays the same.
pub(super) fn load_or_make(data_dir: &DataDir, public_ips: &[IpAddr]) -> Result<Arc<CertifiedKey>, TlsError> {
    let names = names(public_ips);
    let now = SystemTime::now();
    let key = match data_dir.read(KEY)?.and_then(|pem| KeyPair::from_pem(&pem).ok()) {
        Some(key) => key,
        None => {
            let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
            data_dir.write(KEY, key.serialize_pem().as_bytes())?;
            return make(data_dir, &key, names, now);
        }
    };
    let fits = |description: &Description| {
        let enough = now.duration_since(UNIX_EPOCH).unwrap_or_default() + RENEW_BEFORE;
        description.names.is_superset(&names) && description.expires > enough.as_secs()
    };
    let kept = data_dir.read(DESCRIPTION)?.and_then(|text| serde_json::from_str(&text).ok());
    if kept.as_ref().is_some_and(fits)
        && let Some(pem) = data_dir.read(CERTIFICATE)?
        && let Ok(certificate) = CertificateDer::from_pem_slice(pem.as_bytes())
        && let Ok(certified) = certify(certificate, &key)
    {
        return Ok(certified);
    }
    make(data_dir, &key, names, now)
}

fn make(
    data_dir: &DataDir,
    key: &KeyPair,
    names: BTreeSet<String>,
    now: SystemTime,
) -> Result<Arc<CertifiedKey>, TlsError> {
    let mut parameters = CertificateParams::new(names.iter().cloned().collect::<Vec<_>>())?;
    parameters.distinguished_name.push(DnType::CommonName, "Peerline, self-signed");
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    parameters.not_before = (now - VALID_BEFORE_NOW).into();
    parameters.not_after = (now + LIFE - VALID_BEFORE_NOW).into();
    let certificate = parameters.self_signed(key)?;

    let expires = (now + LIFE - VALID_BEFORE_NOW).duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let description = serde_json::to_vec(&Description { names, expires }).map_err(std::io::Error::other)?;
    data_dir.write(CERTIFICATE, certificate.pem().as_bytes())?;
    data_dir.write(DESCRIPTION, &description)?;
    certify(certificate.der().clone(), key)
}

fn certify(certificate: CertificateDer<'static>, key: &KeyPair) -> Result<Arc<CertifiedKey>, TlsError> {
    let private = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    Ok(Arc::new(CertifiedKey::from_der(vec![certificate], private, &provider())?))
}

/// Every name under which a browser may have found this machine.
fn names(public_ips: &[IpAddr]) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = public_ips.iter().map(ToString::to_string).collect();
    names.insert("localhost".into());
    names.extend(
        [IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])].map(|ip| ip.to_string()),
    );
    names.extend(crate::addresses::of_this_machine().map(|ip| ip.to_string()));
    if let Ok(host) = rustix::system::uname().nodename().to_str()
        && !host.is_empty()
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
    {
        names.insert(host.to_ascii_lowercase());
        names.insert(format!("{}.local", host.split('.').next().unwrap_or(host)).to_ascii_lowercase());
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificate_is_kept_until_the_addresses_change_and_its_key_longer() {
        let path = std::env::temp_dir().join(format!("peerline-self-signed-{}", std::process::id()));
        let data_dir = DataDir::open(&path).unwrap();
        let first = load_or_make(&data_dir, &[]).unwrap();
        let again = load_or_make(&data_dir, &[]).unwrap();
        let moved = load_or_make(&data_dir, &["203.0.113.9".parse().unwrap()]).unwrap();
        let key = |certified: &CertifiedKey| certified.key.public_key().unwrap().to_vec();
        assert_eq!(first.cert, again.cert);
        assert_ne!(first.cert, moved.cert);
        assert_eq!(key(&first), key(&moved));
        std::fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn a_damaged_file_is_replaced() {
        let path = std::env::temp_dir().join(format!("peerline-self-signed-damaged-{}", std::process::id()));
        let data_dir = DataDir::open(&path).unwrap();
        load_or_make(&data_dir, &[]).unwrap();
        for file in [KEY, CERTIFICATE, DESCRIPTION] {
            data_dir.write(file, b"garbage").unwrap();
            load_or_make(&data_dir, &[]).unwrap();
        }
        std::fs::remove_dir_all(path).unwrap();
    }
}
