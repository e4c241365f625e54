//! What is wrong with a configuration: everything at once, each with its place.

use std::fmt;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// `config/default.toml`.
    Default,
    /// What the verb starts from, as `dev` does.
    Verb(&'static str),
    /// A file, with line and column, counted from 1.
    File(String, usize, usize),
    /// An environment variable.
    Environment(String),
    /// The command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Verb(verb) => write!(f, "pointsman {verb}"),
            Self::File(path, line, column) => write!(f, "{path}:{line}:{column}"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag => f.write_str("command line"),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Where.
    pub origin: Origin,
    /// Which key; empty for the file as a whole.
    pub key: String,
    /// What and why.
    pub message: String,
    /// The nearest valid name.
    pub suggestion: Option<String>,
}

/// Everything that is wrong; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFaults(pub Vec<Fault>);

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.0 {
            write!(f, "{}: ", fault.origin)?;
            if !fault.key.is_empty() {
                write!(f, "`{}` ", fault.key)?;
            }
            f.write_str(&fault.message)?;
            if let Some(suggestion) = &fault.suggestion {
                write!(f, "; did you mean `{suggestion}`?")?;
            }
            f.write_str("\n")?;
        }
        let count = self.0.len();
        write!(f, "{count} {} in the configuration", if count == 1 { "error" } else { "errors" })
    }
}

impl std::error::Error for ConfigFaults {}
