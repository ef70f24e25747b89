//! The web app and the SDK, as they stand in the binary.

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, header};

/// One file of the web, at its path under the site.
pub(super) struct Asset {
    path: &'static str,
    identity: &'static [u8],
    brotli: Option<&'static [u8]>,
    /// Quoted, as in the header; the compressed form is other bytes, so it has a tag of its own (RFC 9110 §8.8.3.3).
    etag: &'static str,
    brotli_etag: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The file at `path`; the app itself at `/`, at every link, and at `/check`.
pub(super) fn find(path: &str) -> Option<&'static Asset> {
    let path = match path {
        "/" | "/c" | "/c/" | "/check" | "/check/" => "/index.html",
        path => path,
    };
    let index = ASSETS.binary_search_by(|asset| asset.path.cmp(path)).ok()?;
    ASSETS.get(index)
}

impl Asset {
    pub(super) fn respond<B>(&self, request: &Request<B>) -> Response<Body> {
        let (content, etag, is_compressed) = match self.brotli {
            Some(brotli) if accepts_brotli(request) => (brotli, self.brotli_etag, true),
            _ => (self.identity, self.etag, false),
        };
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(self.path)));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(self.cache_control()));
        headers.insert(header::ETAG, HeaderValue::from_static(etag));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if self.path.starts_with("/sdk/") {
            // Other sites may load the SDK; what it may do here is decided at `/signal`.
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
        }
        let known = request.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
        if known.is_some_and(|tags| tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag)) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        if is_compressed {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
        }
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(content.len()));
        if request.method() != Method::HEAD {
            *response.body_mut() = Body::from(bytes::Bytes::from_static(content));
        }
        response
    }

    /// The build puts a hash into the name of everything under `/assets/`.
    fn cache_control(&self) -> &'static str {
        if self.path.starts_with("/assets/") { "public, max-age=31536000, immutable" } else { "no-cache" }
    }
}

fn accepts_brotli<B>(request: &Request<B>) -> bool {
    let accepts = |coding: &str| {
        let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = matches!(parameters.trim().strip_prefix("q="), Some("0" | "0.0" | "0.00" | "0.000"));
        name.trim().eq_ignore_ascii_case("br") && !refused
    };
    let lines = request.headers().get_all(header::ACCEPT_ENCODING).iter();
    lines.filter_map(|line| line.to_str().ok()).any(|line| line.split(',').any(accepts))
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "mp3" => "audio/mpeg",
        "ogg" | "opus" => "audio/ogg",
        "webm" => "video/webm",
        "mp4" => "video/mp4",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
