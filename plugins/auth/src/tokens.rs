//! Static tokens.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use pointsman_contract::auth::{AuthError, Authenticator, Credentials};
use pointsman_contract::identity::Identity;
use pointsman_protocol::codes::CloseCode;
use subtle::ConstantTimeEq;

/// One credential.
#[derive(Clone)]
pub struct StaticToken {
    /// The secret.
    pub token: String,
    /// Whom it stands for.
    pub identity: Arc<Identity>,
}

impl fmt::Debug for StaticToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticToken").field("identity", &self.identity.credential).finish_non_exhaustive()
    }
}

/// Knows a list of tokens, and whether strangers come in.
#[derive(Debug)]
pub struct StaticTokens {
    tokens: Vec<StaticToken>,
    anonymous: Option<Arc<Identity>>,
}

impl StaticTokens {
    /// With `anonymous`, a peer without a token is let in as that identity.
    #[must_use]
    pub fn new(tokens: Vec<StaticToken>, anonymous: Option<Arc<Identity>>) -> Self {
        Self { tokens, anonymous }
    }
}

/// Whether a name is that of the token, or of the user it stands for.
fn is_named(identity: &Identity, name: &str) -> bool {
    *identity.credential == *name || identity.user.as_deref() == Some(name)
}

#[async_trait]
impl Authenticator for StaticTokens {
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Arc<Identity>, AuthError> {
        let Some(given) = credentials.token else {
            return self.anonymous.clone().ok_or_else(|| AuthError {
                code: CloseCode::Unauthenticated,
                message: "this server lets nobody in without a token; send one in `connect`".into(),
            });
        };
        // All of them are compared, so that the time taken does not say which came near.
        let mut found = None;
        for known in &self.tokens {
            let named = credentials.user.is_none_or(|user| is_named(&known.identity, user));
            if bool::from(known.token.as_bytes().ct_eq(given.as_bytes())) && named {
                found = Some(Arc::clone(&known.identity));
            }
        }
        found.ok_or_else(|| AuthError {
            code: CloseCode::Unauthenticated,
            message: "the token is not valid here; get a new one".into(),
        })
    }

    fn knows(&self, identity: &Identity) -> bool {
        let known = self.tokens.iter().map(|known| &known.identity).chain(&self.anonymous);
        known.into_iter().any(|known| **known == *identity)
    }
}

#[cfg(test)]
mod tests {
    use pointsman_contract::identity::Rules;

    use super::*;

    async fn of(tokens: &StaticTokens, token: Option<&str>) -> Option<String> {
        let credentials = Credentials { user: None, token, address: None };
        tokens.authenticate(credentials).await.ok().map(|identity| identity.credential.to_string())
    }

    #[tokio::test]
    async fn only_known_tokens_come_in() {
        let named = |name: &str| Arc::new(Identity { credential: name.into(), ..Identity::default() });
        let list = vec![
            StaticToken { token: "a-secret".into(), identity: named("a") },
            StaticToken { token: "b-secret".into(), identity: named("b") },
        ];
        let closed = StaticTokens::new(list.clone(), None);
        assert_eq!(of(&closed, Some("a-secret")).await.as_deref(), Some("a"));
        assert_eq!(of(&closed, Some("b-secret")).await.as_deref(), Some("b"));
        for wrong in [None, Some(""), Some("a-secre"), Some("a-secret ")] {
            assert_eq!(of(&closed, wrong).await, None, "{wrong:?}");
        }
        let open = StaticTokens::new(list, Some(Arc::new(Identity::anonymous())));
        assert_eq!(of(&open, None).await.as_deref(), Some("anonymous"));
        assert_eq!(of(&open, Some("wrong")).await, None, "a wrong token is not no token");
        assert!(!format!("{open:?}").contains("secret"));
    }

    #[test]
    fn an_identity_that_changed_is_not_known_any_more() {
        let token =
            |identity: &Identity| StaticToken { token: "a-secret".into(), identity: Arc::new(identity.clone()) };
        let before = Identity { credential: "a".into(), ..Identity::default() };
        let narrowed = Identity { subscribe: Rules { allow: Some(Vec::new()), deny: Vec::new() }, ..before.clone() };
        let list = StaticTokens::new(vec![token(&narrowed)], Some(Arc::new(Identity::anonymous())));
        assert!(list.knows(&narrowed) && list.knows(&Identity::anonymous()));
        assert!(!list.knows(&before), "it may read less now");
        assert!(!StaticTokens::new(Vec::new(), None).knows(&Identity::anonymous()));
    }
}
