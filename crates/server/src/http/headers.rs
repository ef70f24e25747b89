//! The headers that every answer carries.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, header};

use super::client::Client;
use crate::config::Config;

/// A call needs these of the browser; the rest of what a page could ask for stays off.
const PERMISSIONS: &str = "autoplay=(self), camera=(self), clipboard-write=(self), display-capture=(self), \
    fullscreen=(self), microphone=(self), picture-in-picture=(self), screen-wake-lock=(self), \
    accelerometer=(), clipboard-read=(), encrypted-media=(), gamepad=(), geolocation=(), gyroscope=(), hid=(), \
    idle-detection=(), local-fonts=(), magnetometer=(), midi=(), payment=(), publickey-credentials-get=(), \
    serial=(), usb=(), xr-spatial-tracking=()";

/// Adds them.
pub(super) fn add(response: &mut Response<Body>, client: Option<&Client>, config: &Config) {
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&content_security_policy(client, &config.embed_origins)) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    set(headers, HeaderName::from_static("permissions-policy"), PERMISSIONS);
    set(headers, header::REFERRER_POLICY, "no-referrer");
    set(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(headers, HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(headers, HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    // Browsers may be told never to come by plain HTTP again.
    if config.certificate.is_public() && client.is_some_and(|client| client.is_secure) {
        set(headers, header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.entry(name).or_insert(HeaderValue::from_static(value));
}

/// Nothing from anywhere else. `'self'` covers the WebSocket in newer browsers only, so it is named as well.
fn content_security_policy(client: Option<&Client>, embed_origins: &[String]) -> String {
    let ancestors = if embed_origins.is_empty() { "'none'".to_owned() } else { embed_origins.join(" ") };
    let web_socket = client.map_or_else(String::new, |client| {
        let scheme = if client.is_secure { "wss" } else { "ws" };
        format!(" {scheme}://{}", client.host)
    });
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'{web_socket}; \
         img-src 'self' data: blob:; media-src 'self' blob: mediastream:; font-src 'self'; manifest-src 'self'; \
         worker-src 'self'; frame-ancestors {ancestors}; base-uri 'none'; form-action 'none'"
    )
}
