//! `/demo` and `/console`: built by `web/`, part of the binary.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use rust_embed::{EmbeddedFile, RustEmbed};

use super::App;

#[derive(RustEmbed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Built;

/// Scripts and styles from here only; links to this host only.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Encodings that the build writes beside a file, the smallest first.
const ENCODINGS: &[(&str, &str)] = &[("br", ".br"), ("gzip", ".gz")];

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(|| async { Redirect::temporary("/demo") }))
        .route("/demo", get(|headers: HeaderMap| async move { page("demo.html", &headers) }))
        .route("/console", get(|headers: HeaderMap| async move { page("console.html", &headers) }))
        .route("/assets/{*path}", get(asset))
}

fn page(name: &str, request: &HeaderMap) -> Response {
    let Some(file) = Built::get(name) else {
        let text = "This build has no pages: they are built by `cargo xtask dev`, or by `npm ci && npm run build` in web/ before `cargo build`.\n";
        return (StatusCode::NOT_FOUND, text).into_response();
    };
    let tag = tag(&file);
    if request.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
    }
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::ETAG, tag),
    ];
    (headers, smallest(name, file, request)).into_response()
}

/// Names carry a hash of the content, so they may be kept for good.
async fn asset(Path(path): Path<String>, request: HeaderMap) -> Response {
    let name = format!("assets/{path}");
    let Some(file) = Built::get(&name) else { return StatusCode::NOT_FOUND.into_response() };
    let kind = match path.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ];
    (headers, smallest(&name, file, &request)).into_response()
}

/// A file in the smallest encoding that the client takes and the build has made.
fn smallest(name: &str, file: EmbeddedFile, request: &HeaderMap) -> Response {
    let taken = request.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let encoded = ENCODINGS.iter().filter(|(encoding, _)| accepts(taken, encoding)).find_map(|(encoding, suffix)| {
        Built::get(&format!("{name}{suffix}")).map(|file| (file, HeaderValue::from_static(encoding)))
    });
    let vary = (header::VARY, HeaderValue::from_static("Accept-Encoding"));
    match encoded {
        Some((file, encoding)) => {
            ([vary, (header::CONTENT_ENCODING, encoding)], file.data.into_owned()).into_response()
        }
        None => ([vary], file.data.into_owned()).into_response(),
    }
}

/// Whether a client takes an encoding (RFC 9110, 12.5.3): named, and not with a weight of zero.
fn accepts(taken: &str, encoding: &str) -> bool {
    taken.split(',').any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
        named && weight > 0.0
    })
}

fn tag(file: &EmbeddedFile) -> HeaderValue {
    let hash = file.metadata.sha256_hash();
    let digits: String = hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::from_str(&format!("\"{digits}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_taken_when_named_and_not_refused() {
        for (taken, br, gzip) in [
            ("gzip, deflate, br", true, true),
            ("gzip;q=0, br;q=0.1", true, false),
            ("BR", true, false),
            ("", false, false),
            ("brotli", false, false),
            ("br;q=0.0", false, false),
        ] {
            assert_eq!((accepts(taken, "br"), accepts(taken, "gzip")), (br, gzip), "{taken}");
        }
    }
}
