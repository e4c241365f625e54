//! From settings to components that can start: the second of the three phases (settings, plan, running server).

use std::sync::Arc;

use pointsman_auth::tokens::StaticTokens;
use pointsman_contract::backplane::BackplaneRole;
use pointsman_contract::component::{Claim, Ready};
use pointsman_contract::policy::Policy;

use crate::builtin::Builtin;
use crate::http::ApiConfig;
use crate::settings::Settings;
use crate::settings::load::Loaded;
use crate::settings::report::ConfigFaults;

pub(crate) mod adapters;

/// Validated components and the settings they came from. Nothing has been opened yet, but for the files of secrets.
#[derive(Debug)]
pub struct Plan {
    pub(crate) settings: Settings,
    pub(crate) backplane: Ready<BackplaneRole>,
    pub(crate) policies: Vec<Arc<dyn Policy>>,
    pub(crate) authenticator: Arc<StaticTokens>,
    pub(crate) api: ApiConfig,
}

impl Plan {
    /// Validates every component.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn new(loaded: &Loaded, builtin: &Builtin) -> Result<Self, ConfigFaults> {
        let settings = &loaded.settings;
        let mut faults = Vec::new();
        let (kind, table) = settings.backplane.resolve();
        let backplane = builtin.backplanes.resolve(&kind, table).map_err(|error| {
            let key = if error.key == "backplane" { error.key } else { format!("backplane.{}", error.key) };
            let advice = if builtin.backplanes.kinds().any(|known| known == kind) {
                ""
            } else {
                ". For a single node, start with `--backplane memory` or set `backplane = \"memory\"`"
            };
            faults.push((key, format!("{}{advice}", error.message)));
        });
        let authenticator = settings.authenticator().map_err(|fault| faults.push(fault));
        let token = settings.api.token.resolve().map_err(|message| faults.push(("api.token".into(), message)));
        if let Ok(backplane) = &backplane {
            faults.extend(clash(settings, &backplane.claims));
        }
        let (Ok(backplane), Ok(authenticator), Ok(token), true) = (backplane, authenticator, token, faults.is_empty())
        else {
            return Err(loaded.report(faults));
        };
        let api = ApiConfig {
            token,
            anonymous: settings.api.anonymous,
            body_bytes_max: settings.http.body_bytes_max.len(),
            body_timeout: settings.http.body_timeout.0,
        };
        let policies = builtin.policies.clone();
        Ok(Self { settings: settings.clone(), backplane, policies, authenticator: Arc::new(authenticator), api })
    }

    /// The settings it was made from.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

/// Two components that want the same port, file or subjects.
fn clash(settings: &Settings, claims: &[Claim]) -> Option<(String, String)> {
    let taken = Claim::Port(settings.http.listen);
    (settings.http.listen.port() != 0 && claims.contains(&taken)).then(|| {
        ("http.listen".to_owned(), "the backplane wants the same address; give one of them another".to_owned())
    })
}
