//! The options of `CONNECT`.

use serde::Deserialize;

/// What a client says of itself. What it leaves out is as the protocol has it from its beginning: verbose, pedantic, with an echo.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Options {
    /// Whether every operation is answered by `+OK`.
    pub verbose: bool,
    /// Whether subjects are looked at strictly.
    pub pedantic: bool,
    /// Whether it hears its own publications.
    pub echo: bool,
    /// 1 where it takes `INFO` at any time.
    pub protocol: i64,
    /// Whether it takes headers.
    pub headers: bool,
    /// Whether it wants to hear at once that nobody answers.
    pub no_responders: bool,
    /// A token.
    pub auth_token: Option<String>,
    /// A user's name.
    pub user: Option<String>,
    /// The user's password.
    pub pass: Option<String>,
    /// What operators see it as.
    pub name: Option<String>,
    /// The language of the client library.
    pub lang: Option<String>,
    /// The version of the client library.
    pub version: Option<String>,
    /// An account, which only servers of old took.
    pub account: Option<String>,
    /// Whether a new account is asked for.
    pub new_account: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            verbose: true,
            pedantic: true,
            echo: true,
            protocol: 0,
            headers: false,
            no_responders: false,
            auth_token: None,
            user: None,
            pass: None,
            name: None,
            lang: None,
            version: None,
            account: None,
            new_account: false,
        }
    }
}

/// Why options are not taken. The link is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionsFault {
    /// They are not JSON, or of the wrong types: closed without a word.
    Unreadable,
    /// A protocol that is not spoken.
    Protocol,
    /// No-responders answers are made of headers.
    NoRespondersWithoutHeaders,
    /// An account cannot be chosen by its client.
    Account,
}

impl OptionsFault {
    /// What is said before the link is closed.
    #[must_use]
    pub fn text(self) -> Option<&'static str> {
        match self {
            Self::Unreadable => None,
            Self::Protocol => Some("invalid client protocol"),
            Self::NoRespondersWithoutHeaders => Some("no responders requires headers support"),
            Self::Account => Some("Authorization Violation"),
        }
    }
}

impl Options {
    /// Reads the JSON of a `CONNECT`. Unknown keys are left alone, since libraries send what other servers want to know.
    ///
    /// # Errors
    /// When it is not taken.
    pub fn read(json: &[u8]) -> Result<Self, OptionsFault> {
        let options: Self = serde_json::from_slice(json).map_err(|_| OptionsFault::Unreadable)?;
        if options.new_account || options.account.as_deref().is_some_and(|account| !account.is_empty()) {
            return Err(OptionsFault::Account);
        }
        if !(0..=1).contains(&options.protocol) {
            return Err(OptionsFault::Protocol);
        }
        if options.no_responders && !options.headers {
            return Err(OptionsFault::NoRespondersWithoutHeaders);
        }
        Ok(options)
    }

    /// The secret it shows: a token, or a password.
    #[must_use]
    pub fn secret(&self) -> Option<&str> {
        let given = self.auth_token.as_deref().or(self.pass.as_deref());
        given.filter(|secret| !secret.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_as_from_the_beginning() {
        assert_eq!(Options::read(b"{}"), Ok(Options::default()));
        let options = Options::read(
            br#"{"verbose":false,"pedantic":false,"lang":"go","version":"1.2","protocol":1,"echo":false,"headers":true,"no_responders":true,"tls_required":false,"sig":"x"}"#,
        )
        .unwrap();
        assert!(!options.verbose && !options.pedantic && !options.echo && options.headers && options.no_responders);
        for (json, fault) in [
            (&b"{"[..], OptionsFault::Unreadable),
            (br#"{"verbose":"yes"}"#, OptionsFault::Unreadable),
            (br#"{"protocol":2}"#, OptionsFault::Protocol),
            (br#"{"protocol":-1}"#, OptionsFault::Protocol),
            (br#"{"no_responders":true}"#, OptionsFault::NoRespondersWithoutHeaders),
            (br#"{"account":"a"}"#, OptionsFault::Account),
            (br#"{"new_account":true}"#, OptionsFault::Account),
        ] {
            assert_eq!(Options::read(json), Err(fault), "{}", String::from_utf8_lossy(json));
        }
    }

    #[test]
    fn a_token_or_a_password_is_the_secret() {
        let secret = |json: &str| Options::read(json.as_bytes()).unwrap().secret().map(str::to_owned);
        assert_eq!(secret(r#"{"auth_token":"t"}"#).as_deref(), Some("t"));
        assert_eq!(secret(r#"{"user":"u","pass":"p"}"#).as_deref(), Some("p"));
        assert_eq!(secret(r#"{"auth_token":""}"#), None);
        assert_eq!(secret("{}"), None);
    }
}
