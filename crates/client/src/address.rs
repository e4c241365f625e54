//! Where the server is.

use crate::error::UrlError;

/// The port of a server, where none is given.
const PORT: u16 = 7422;
/// The path of the WebSocket link, where none is given.
const PATH: &str = "/v1/ws";

/// A checked address: `ws://host:port/path`, `http://…`, or `host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// Without the brackets of an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Host and port as they were given, for messages and the `Host` header.
    pub(crate) authority: String,
    /// With query.
    pub(crate) path: String,
}

impl Address {
    pub(crate) fn parse(url: &str) -> Result<Self, UrlError> {
        let malformed = |why| UrlError::Malformed { url: url.to_owned(), why };
        if url.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err(malformed("it holds a space or control character"));
        }
        let rest = match url.split_once("://") {
            None => url,
            Some((scheme, rest)) => match scheme.to_ascii_lowercase().as_str() {
                "ws" | "http" => rest,
                "wss" | "https" => return Err(UrlError::Tls { url: url.to_owned() }),
                _ => return Err(UrlError::Scheme { url: url.to_owned(), scheme: scheme.to_owned() }),
            },
        };
        let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
        let (given, path) = match rest.find(['/', '?']).and_then(|at| rest.split_at_checked(at)) {
            Some((given, path)) if path.starts_with('?') => (given, format!("{PATH}{path}")),
            Some((given, "/")) => (given, PATH.to_owned()),
            Some((given, path)) => (given, path.to_owned()),
            None => (rest, PATH.to_owned()),
        };
        if given.contains('@') {
            return Err(malformed("user and password belong into the token, not into the address"));
        }
        let (host, port) = match given.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or_else(|| malformed("`[` without `]`"))?;
                (host, if port.is_empty() { None } else { Some(port.strip_prefix(':').unwrap_or(port)) })
            }
            None => match given.split_once(':') {
                Some((_, port)) if port.contains(':') => {
                    return Err(malformed("an IPv6 address stands in `[` and `]`"));
                }
                Some((host, port)) => (host, Some(port)),
                None => (given, None),
            },
        };
        if host.is_empty() {
            return Err(malformed("it names no host"));
        }
        let port = match port {
            None => PORT,
            Some(port) => match port.parse() {
                Ok(port) if port != 0 => port,
                _ => return Err(malformed("the port is a number from 1 to 65535")),
            },
        };
        let authority = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        Ok(Self { host: host.to_owned(), port, authority, path })
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}{}", self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_in_every_plain_form() {
        for (url, expected, host, port) in [
            ("ws://example.org:80", "ws://example.org:80/v1/ws", "example.org", 80),
            ("ws://example.org", "ws://example.org:7422/v1/ws", "example.org", 7422),
            ("HTTP://example.org/", "ws://example.org:7422/v1/ws", "example.org", 7422),
            ("example.org:1", "ws://example.org:1/v1/ws", "example.org", 1),
            ("127.0.0.1:65535/a/b?c=d#e", "ws://127.0.0.1:65535/a/b?c=d", "127.0.0.1", 65535),
            ("ws://h:1?c=/d", "ws://h:1/v1/ws?c=/d", "h", 1),
            ("[::1]:5", "ws://[::1]:5/v1/ws", "::1", 5),
            ("ws://[::1]", "ws://[::1]:7422/v1/ws", "::1", 7422),
        ] {
            let address = Address::parse(url).unwrap();
            assert_eq!((address.url().as_str(), address.host.as_str(), address.port), (expected, host, port), "{url}");
        }
    }

    #[test]
    fn other_addresses_are_refused_with_a_reason() {
        for (url, what) in [
            ("wss://example.org", "no TLS"),
            ("https://example.org", "no TLS"),
            ("quic://example.org", "`quic` is not known"),
            ("", "no host"),
            ("ws://", "no host"),
            (":80", "no host"),
            ("a:0", "port"),
            ("a:", "port"),
            ("a:65536", "port"),
            ("a:b", "port"),
            ("::1", "`[`"),
            ("[::1", "`]`"),
            ("u:p@a", "token"),
            ("a b", "space"),
            ("a\r\nb", "control"),
        ] {
            let error = Address::parse(url).unwrap_err().to_string();
            assert!(error.contains(what), "{url}: {error}");
        }
    }
}
