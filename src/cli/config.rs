//! `pointsman config`.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};

use super::serve::{SettingsArgs, dev_verb};
use super::{Failure, print};
use crate::assembly::Plan;
use crate::builtin::Builtin;
use crate::settings::load::{Loaded, load};
use crate::settings::{DEFAULT_TOML, Settings};

#[derive(Debug, Subcommand)]
pub(super) enum ConfigVerb {
    /// Say everything that is wrong with a configuration, or that nothing is
    Check(Read),
    /// Print every setting with its value
    Show(Show),
    /// Print the JSON Schema of the configuration file
    Schema,
    /// Write a configuration file with every key, its default and its meaning
    Init {
        /// Where to; `-` prints it
        #[arg(default_value = "pointsman.toml")]
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(super) struct Read {
    /// The configuration file; the same as `--config`
    #[arg(value_name = "FILE", conflicts_with = "config")]
    file: Option<PathBuf>,
    #[command(flatten)]
    settings: SettingsArgs,
    /// Start from what `pointsman dev` starts from
    #[arg(long)]
    dev: bool,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(flatten)]
    read: Read,
    /// Say where each value comes from
    #[arg(long)]
    origin: bool,
    /// As one JSON object
    #[arg(long)]
    json: bool,
}

impl Read {
    fn load(mut self) -> Result<Loaded, Failure> {
        self.settings.config = self.file.or(self.settings.config);
        let sources = self.settings.sources(self.dev.then(dev_verb))?;
        Ok(load(&sources)?)
    }
}

pub(super) fn run(verb: ConfigVerb, builtin: fn() -> Builtin) -> Result<(), Failure> {
    match verb {
        ConfigVerb::Check(read) => {
            Plan::new(&read.load()?, &builtin())?;
            print("the configuration can be used")
        }
        ConfigVerb::Show(show) => self::show(show),
        ConfigVerb::Schema => {
            let schema = schemars::schema_for!(Settings);
            print(&serde_json::to_string_pretty(&schema).context("the schema cannot be written down")?)
        }
        ConfigVerb::Init { file } => init(&file),
    }
}

fn show(show: Show) -> Result<(), Failure> {
    let (with_origin, json) = (show.origin, show.json);
    let entries = show.read.load()?.entries();
    if json {
        let all: serde_json::Map<String, serde_json::Value> = entries
            .into_iter()
            .map(|(key, value, origin)| {
                let value = serde_json::from_str(&value).unwrap_or(serde_json::Value::String(value));
                let entry = if with_origin {
                    serde_json::json!({ "value": value, "origin": origin.to_string() })
                } else {
                    value
                };
                (key, entry)
            })
            .collect();
        return print(&serde_json::to_string_pretty(&all).context("the settings cannot be written down")?);
    }
    let width = entries.iter().map(|(key, value, _)| key.len() + value.len() + 3).max().unwrap_or(0);
    for (key, value, origin) in entries {
        let line = format!("{key} = {value}");
        if with_origin { print(&format!("{line:width$}  # {origin}"))? } else { print(&line)? }
    }
    Ok(())
}

fn init(file: &PathBuf) -> Result<(), Failure> {
    if file.as_os_str() == "-" {
        return print(DEFAULT_TOML.trim_end());
    }
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file)
        .and_then(|mut file| file.write_all(DEFAULT_TOML.as_bytes()));
    written.with_context(|| {
        format!("{} cannot be written; an existing file is never overwritten, `-` prints instead", file.display())
    })?;
    print(&format!("wrote {}; `pointsman config check {0}` checks it", file.display()))
}
