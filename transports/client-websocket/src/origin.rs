//! Cross-site WebSocket hijacking is stopped here: browsers send `Origin` and cannot forge it.

use http::HeaderMap;
use http::header::{HOST, ORIGIN};

use crate::config::WebSocketConfig;

/// Whether a request may come from where it comes from.
pub(crate) fn is_allowed(config: &WebSocketConfig, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return config.allow_missing_origin };
    let Ok(origin) = origin.to_str() else { return false };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    config.allowed_origins.iter().any(|allowed| match allowed.as_str() {
        "*" => true,
        "same" => host.is_some_and(|host| is_same(origin, host)),
        exact => exact.eq_ignore_ascii_case(origin),
    })
}

/// Whether an origin names the host of the request, port included.
fn is_same(origin: &str, host: &str) -> bool {
    let Some((scheme, rest)) = origin.split_once("://") else { return false };
    let port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let full = |name: &str| {
        let has_port = name.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|digit| digit.is_ascii_digit()));
        if has_port { name.to_ascii_lowercase() } else { format!("{}{port}", name.to_ascii_lowercase()) }
    };
    full(rest) == full(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(origins: &[&str], missing: bool, origin: Option<&str>, host: &str) -> bool {
        let config = WebSocketConfig {
            allowed_origins: origins.iter().map(ToString::to_string).collect(),
            allow_missing_origin: missing,
            frame_bytes_max: 1,
            message_bytes_max: 1,
        };
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        is_allowed(&config, &headers)
    }

    #[test]
    fn only_listed_origins_come_in() {
        let here = "app.example:7422";
        for (origins, missing, origin, host, expected) in [
            (&["same"][..], true, Some("http://app.example:7422"), here, true),
            (&["same"], true, Some("https://app.example"), "app.example", true),
            (&["same"], true, Some("https://app.example"), "app.example:443", true),
            (&["same"], true, Some("http://app.example"), "app.example:443", false),
            (&["same"], true, Some("http://evil.example:7422"), here, false),
            (&["same"], true, Some("null"), here, false),
            (&["same"], true, Some("http://app.example:7422.evil.example"), here, false),
            (&["https://www.example"], true, Some("https://www.example"), here, true),
            (&["https://www.example"], true, Some("https://www.example.evil"), here, false),
            (&["*"], true, Some("https://anything"), here, true),
            (&[], true, Some("http://app.example:7422"), here, false),
            (&[], true, None, here, true),
            (&["*"], false, None, here, false),
        ] {
            assert_eq!(allowed(origins, missing, origin, host), expected, "{origins:?} {origin:?} {host}");
        }
    }
}
