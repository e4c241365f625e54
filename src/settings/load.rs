//! From files, environment and flags to [`Settings`], with every fault and every origin.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use figment::providers::Serialized;
use figment::value::{Dict, Map};
use figment::{Figment, Metadata, Profile, Provider};
use pointsman_contract::component::Table;
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Settings;
use super::report::{ConfigFaults, Fault, Origin};

/// Larger files are refused.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Variables that are not settings: those of the command line, of programs that connect to a node, and of this project's own tests.
const NOT_SETTINGS: &[&str] = &[
    "POINTSMAN_CONFIG",
    "POINTSMAN_URL",
    "POINTSMAN_TOKEN",
    "POINTSMAN_WS_URL",
    "POINTSMAN_HTTP_URL",
    "POINTSMAN_BIN",
    "POINTSMAN_BINARY",
    "POINTSMAN_CASES",
    "POINTSMAN_TORTURE",
];
const NOT_SETTINGS_PREFIX: &str = "POINTSMAN_TEST_";

/// Whether a variable is meant for the settings at all.
fn is_setting(name: &str) -> bool {
    !NOT_SETTINGS.contains(&name) && !name.starts_with(NOT_SETTINGS_PREFIX)
}

/// Where settings come from, each over the one before.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// What the verb starts from.
    pub verb: Option<(&'static str, Table)>,
    /// The file.
    pub file: Option<PathBuf>,
    /// Environment variables; those that do not begin with `POINTSMAN_` are ignored.
    pub environment: Vec<(String, String)>,
    /// Flags, as a tree of keys.
    pub flags: Table,
}

/// Settings and where each came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    origins: BTreeMap<String, Origin>,
}

impl Loaded {
    /// Every key with its value and its origin, in the order of their names. Secrets are hidden.
    #[must_use]
    pub fn entries(&self) -> Vec<(String, String, Origin)> {
        let mut entries = Vec::new();
        let defaults = tree(&Settings::default());
        flatten("", &tree(&self.settings), &mut |key, value| {
            let text = match value {
                Value::String(text) => format!("{:?}", hide_password(text)),
                other => other.to_string(),
            };
            entries.push((key.to_owned(), text, self.origin_of_value(&defaults, key)));
        });
        entries
    }
}

impl Loaded {
    /// The origin of a value: its own, or that of the list or table it stands in as a whole. That its section stands somewhere says nothing.
    fn origin_of_value(&self, defaults: &Value, key: &str) -> Origin {
        let whole =
            std::iter::successors(Some(key), |key| key.rfind(['.', '[']).and_then(|at| key.get(..at))).find(|key| {
                defaults.pointer(&format!("/{}", key.replace('.', "/"))).is_some_and(|value| !value.is_object())
            });
        match whole {
            Some(whole) if self.origins.contains_key(key) || self.origins.contains_key(whole) => {
                origin_of(&self.origins, key)
            }
            _ => Origin::Default,
        }
    }

    /// Faults found later than loading, with their places.
    #[must_use]
    pub fn report(&self, faults: Vec<(String, String)>) -> ConfigFaults {
        let mut faults: Vec<Fault> = faults
            .into_iter()
            .map(|(key, message)| Fault { origin: origin_of(&self.origins, &key), key, message, suggestion: None })
            .collect();
        faults.sort();
        ConfigFaults(faults)
    }
}

/// Keys in which two trees of settings differ. A secret given as text is compared by its value, and never shown.
pub(super) fn changes(before: &Settings, after: &Settings) -> Vec<String> {
    let leaves = |settings: &Settings| {
        let mut leaves = BTreeMap::new();
        flatten("", &tree(settings), &mut |key, value| {
            leaves.insert(key.to_owned(), value.clone());
        });
        leaves
    };
    let (old, new) = (leaves(before), leaves(after));
    let mut changed: Vec<String> = old
        .keys()
        .chain(new.keys().filter(|key| !old.contains_key(*key)))
        .filter(|key| old.get(*key) != new.get(*key))
        .cloned()
        .collect();
    if before.api.token != after.api.token {
        changed.push("api.token".into());
    }
    if before.auth.tokens != after.auth.tokens {
        changed.push("auth.tokens".into());
    }
    changed.sort();
    changed.dedup();
    changed
}

fn hide_password(text: &str) -> String {
    match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://***@{host}"),
        _ => text.to_owned(),
    }
}

fn tree(settings: &Settings) -> Value {
    serde_json::to_value(settings).unwrap_or_default()
}

fn flatten(prefix: &str, value: &Value, each: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(table) if !table.is_empty() => {
            for (key, value) in table {
                flatten(&join(prefix, key), value, each);
            }
        }
        leaf => each(prefix, leaf),
    }
}

fn join(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") }
}

/// The origin of a key: its own, or that of the nearest section above it.
fn origin_of(origins: &BTreeMap<String, Origin>, key: &str) -> Origin {
    let mut key = key;
    loop {
        if let Some(origin) = origins.get(key) {
            return origin.clone();
        }
        match key.rfind(['.', '[']).and_then(|at| key.split_at_checked(at)) {
            Some((above, _)) => key = above,
            None => return Origin::Default,
        }
    }
}

/// One layer of values, for figment to merge.
struct Layer {
    name: String,
    table: Table,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }
    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Serialized::defaults(&self.table).data()
    }
}

/// Reads, merges and checks.
///
/// # Errors
/// Everything that is wrong.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigFaults> {
    let mut loader = Loader { defaults: tree(&Settings::default()), faults: Vec::new(), origins: BTreeMap::new() };
    let mut figment = Figment::from(Serialized::defaults(Settings::default()));
    if let Some((verb, table)) = &sources.verb {
        loader.layer(table, &|_| Origin::Verb(verb));
        figment = figment.merge(Layer { name: (*verb).to_owned(), table: table.clone() });
    }
    if let Some(path) = &sources.file
        && let Some(table) = loader.file(path)
    {
        figment = figment.merge(Layer { name: path.display().to_string(), table });
    }
    for (name, text) in &sources.environment {
        if let Some(table) = loader.variable(name, text) {
            figment = figment.merge(Layer { name: name.clone(), table });
        }
    }
    loader.layer(&sources.flags, &|_| Origin::Flag);
    figment = figment.merge(Layer { name: "command line".into(), table: sources.flags.clone() });
    loader.finish(&figment)
}

struct Loader {
    defaults: Value,
    faults: Vec<Fault>,
    origins: BTreeMap<String, Origin>,
}

impl Loader {
    fn fault(&mut self, origin: Origin, key: &str, message: impl Into<String>, suggestion: Option<String>) {
        self.faults.push(Fault { origin, key: key.to_owned(), message: message.into(), suggestion });
    }

    /// Checks every key of a layer by itself and notes its origin.
    fn layer(&mut self, table: &Table, origin: &dyn Fn(&str) -> Origin) {
        let defaults = self.defaults.clone();
        self.section("", table, &defaults, origin);
    }

    fn section(&mut self, prefix: &str, table: &Table, defaults: &Value, origin: &dyn Fn(&str) -> Origin) {
        for (key, value) in table {
            let path = join(prefix, key);
            match (defaults.get(key), value) {
                (None, _) => {
                    let suggestion = self.nearest(prefix, key);
                    self.fault(origin(&path), &path, "is not a known key", suggestion);
                }
                (Some(section @ Value::Object(_)), Value::Object(table)) => self.section(&path, table, section, origin),
                (Some(Value::Object(_)), _) => self.fault(origin(&path), &path, "is a section; give it keys", None),
                (Some(_), value) => {
                    if let Err(message) = self.fits(&path, value) {
                        self.fault(origin(&path), &path, message, None);
                    }
                    self.origins.retain(|known, _| !below(known, &path));
                    self.origins.insert(path.clone(), origin(&path));
                }
            }
        }
    }

    /// Whether a value has the right type for its key: everything else is as by default, so that what fails is this key.
    fn fits(&self, path: &str, value: &Value) -> Result<(), String> {
        let mut tree = self.defaults.clone();
        if let Some(place) = tree.pointer_mut(&format!("/{}", path.replace('.', "/"))) {
            *place = value.clone();
        }
        serde_json::from_value::<Settings>(tree).map(drop).map_err(|error| {
            let message = error.to_string();
            if message.contains("untagged enum Secret") {
                "must be a text, { file = \"…\" } or { env = \"…\" }".to_owned()
            } else if message.contains("untagged enum") {
                "must be a text or a table with `kind`".to_owned()
            } else {
                message
            }
        })
    }

    /// The known key nearest to an unknown one: in the same section, or one of that name elsewhere.
    fn nearest(&self, prefix: &str, key: &str) -> Option<String> {
        let mut known = Vec::new();
        flatten("", &self.defaults, &mut |path, _| known.push(path.to_owned()));
        let sections = self.defaults.as_object().into_iter().flatten().filter(|(_, value)| value.is_object());
        known.extend(sections.map(|(name, _)| name.clone()));
        let path = join(prefix, key);
        let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
        known
            .iter()
            .map(|known| {
                let near = strsim::damerau_levenshtein(known, &path);
                // A known name in a wrong section is nearer than a misspelt one.
                let moved = if last(known) == key { 2 } else { usize::MAX };
                (near.min(moved), known)
            })
            .min()
            .filter(|(distance, _)| *distance <= 3.max(key.len() / 3))
            .map(|(_, known)| known.clone())
    }

    fn file(&mut self, path: &Path) -> Option<Table> {
        let name = path.display().to_string();
        let whole = Origin::File(name.clone(), 1, 1);
        let text = match std::fs::metadata(path).map(|data| data.len()) {
            Ok(bytes) if bytes > FILE_BYTES_MAX => {
                self.fault(whole, "", format!("the file has {bytes} bytes; at most 1MiB is read"), None);
                return None;
            }
            _ => std::fs::read_to_string(path),
        };
        let text = match text {
            Ok(text) => text,
            Err(error) => {
                self.fault(whole, "", format!("the file cannot be read: {error}"), None);
                return None;
            }
        };
        let (table, errors) = DeTable::parse_recoverable(&text);
        let place = |at: usize| {
            let before = text.get(..at).unwrap_or(&text);
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            Origin::File(name.clone(), line, column)
        };
        for error in &errors {
            let at = error.span().map_or(0, |span| span.start);
            self.fault(place(at), "", format!("this is not TOML: {}", error.message()), None);
        }
        let mut places = BTreeMap::new();
        let table = from_table(table.get_ref(), "", &mut places);
        let origin = |key: &str| place(places.get(key).map_or(0, |span: &Range<usize>| span.start));
        self.layer(&table, &origin);
        for (key, span) in &places {
            self.origins.entry(key.clone()).or_insert_with(|| place(span.start));
        }
        Some(table)
    }

    /// One environment variable. Its text is read as what the key is: texts as they are, everything else as TOML.
    fn variable(&mut self, name: &str, text: &str) -> Option<Table> {
        let rest = name.strip_prefix("POINTSMAN_").filter(|_| is_setting(name))?;
        let path = rest.to_ascii_lowercase().replace("__", ".");
        let as_toml = || toml::from_str::<Table>(&format!("value = {text}")).ok()?.remove("value");
        let as_text = || Some(Value::String(text.to_owned()));
        let is_text = self.defaults.pointer(&format!("/{}", path.replace('.', "/"))).is_some_and(Value::is_string);
        let value = if is_text {
            as_text().filter(|value| self.fits(&path, value).is_ok()).or_else(as_toml).or_else(as_text)
        } else {
            as_toml().or_else(as_text)
        }?;
        let table =
            path.rsplit('.').fold(value, |value, key| Value::Object(Table::from_iter([(key.to_owned(), value)])));
        let table = table.as_object().cloned()?;
        let before = self.faults.len();
        self.layer(&table, &|_| Origin::Environment(name.to_owned()));
        (self.faults.len() == before).then_some(table)
    }

    fn finish(mut self, figment: &Figment) -> Result<Loaded, ConfigFaults> {
        if self.faults.is_empty() {
            match figment.extract::<Settings>() {
                Ok(settings) => {
                    for (key, message) in settings.faults() {
                        let origin = origin_of(&self.origins, &key);
                        self.fault(origin, &key, message, None);
                    }
                    if self.faults.is_empty() {
                        return Ok(Loaded { settings, origins: self.origins });
                    }
                }
                Err(error) => self.fault(Origin::Default, &error.path.join("."), error.to_string(), None),
            }
        }
        self.faults.sort();
        Err(ConfigFaults(self.faults))
    }
}

/// Whether `key` lies below `above`.
fn below(key: &str, above: &str) -> bool {
    key.strip_prefix(above).is_some_and(|rest| rest.starts_with(['.', '[']))
}

fn from_table(table: &DeTable<'_>, prefix: &str, places: &mut BTreeMap<String, Range<usize>>) -> Table {
    table
        .iter()
        .map(|(key, value)| {
            let path = join(prefix, key.get_ref());
            places.insert(path.clone(), key.span());
            (key.get_ref().to_string(), from_value(value, &path, places))
        })
        .collect()
}

fn from_value(value: &Spanned<DeValue<'_>>, path: &str, places: &mut BTreeMap<String, Range<usize>>) -> Value {
    match value.get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(integer) => {
            i64::from_str_radix(integer.as_str(), integer.radix()).map_or_else(|_| integer.as_str().into(), Value::from)
        }
        DeValue::Float(float) => float.as_str().parse::<f64>().map_or(Value::Null, Value::from),
        DeValue::Boolean(yes) => Value::Bool(*yes),
        DeValue::Datetime(time) => Value::String(time.to_string()),
        DeValue::Array(items) => items
            .iter()
            .enumerate()
            .map(|(at, item)| {
                let path = format!("{path}[{at}]");
                places.insert(path.clone(), item.span());
                from_value(item, &path, places)
            })
            .collect(),
        DeValue::Table(table) => Value::Object(from_table(table, path, places)),
    }
}
