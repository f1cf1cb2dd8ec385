//! Where settings come from, one over the other.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

use super::settings::{self, SETTINGS};
use super::{Problem, variables};

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The configuration file, under this key.
    File {
        /// The file.
        path: String,
        /// The key in it.
        key: String,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
    /// A flag.
    Flag {
        /// The flag with its dashes.
        flag: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, key } if key.is_empty() => f.write_str(path),
            Self::File { path, key } => write!(f, "{path}, {key}"),
            Self::Environment { variable } => f.write_str(variable),
            Self::Flag { flag } => f.write_str(flag),
        }
    }
}

/// Values by setting, with their origin; and what was wrong with the sources.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    pub(super) values: BTreeMap<&'static str, (String, Origin)>,
    pub(super) problems: Vec<Problem>,
}

impl Layers {
    /// Lays the text of a configuration file over what is there.
    pub fn file(mut self, path: &str, text: &str) -> Self {
        let origin = |key: &str| Origin::File { path: path.to_owned(), key: key.to_owned() };
        let table: toml::Table = match text.parse() {
            Ok(table) => table,
            Err(error) => {
                let message = error.to_string().trim_end().to_owned();
                self.problems.push(Problem { origin: origin(""), message });
                return self;
            }
        };
        for (key, value) in &table {
            let Some(setting) = settings::find(key) else {
                let message = match settings::similar(key) {
                    Some(name) => format!("is not a setting; did you mean {name}?"),
                    None => "is not a setting".to_owned(),
                };
                self.problems.push(Problem { origin: origin(key), message });
                continue;
            };
            match plain(value) {
                Some(value) => {
                    self.values.insert(setting.name, (value, origin(key)));
                }
                None => self.problems.push(Problem {
                    origin: origin(key),
                    message: format!("{} is not a plain value", value.type_str()),
                }),
            }
        }
        self
    }

    /// Keeps that a configuration file cannot be read, to be told with all other problems.
    pub fn unreadable_file(mut self, path: &str, error: &std::io::Error) -> Self {
        let origin = Origin::File { path: path.to_owned(), key: String::new() };
        self.problems.push(Problem { origin, message: format!("cannot be read: {error}") });
        self
    }

    /// Lays environment variables over what is there. Names that do not begin with `HANSOM_` are
    /// not ours; of those that do, each must be a setting's or one of `variables::strange`'s
    /// exceptions.
    pub fn environment(mut self, all: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        for (variable, value) in all {
            let variable = variable.to_string_lossy().into_owned();
            let Some(name) = variable.strip_prefix(variables::PREFIX) else { continue };
            let name = name.to_owned();
            let setting = SETTINGS.iter().find(|setting| setting.name.to_uppercase() == name);
            let message = match (setting, value.into_string()) {
                (Some(setting), Ok(value)) => {
                    self.values.insert(setting.name, (value, Origin::Environment { variable }));
                    continue;
                }
                (Some(_), Err(value)) => format!("{} is not Unicode", value.display()),
                (None, value) => match variables::strange(&name, &value.unwrap_or_default()) {
                    Some(message) => message,
                    None => continue,
                },
            };
            self.problems.push(Problem { origin: Origin::Environment { variable }, message });
        }
        self
    }

    /// Lays a setting over what is there that was told as `--set name=value`; it must be one of
    /// `known`.
    pub fn assignment(mut self, text: &str, known: &[&str]) -> Self {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let origin = Origin::Flag { flag: format!("--set {name}") };
        let setting = settings::find(name).filter(|setting| known.contains(&setting.name));
        let message = match (setting, settings::similar(name)) {
            (Some(setting), _) if text.contains('=') => {
                self.values.insert(setting.name, (value.to_owned(), origin));
                return self;
            }
            (Some(_), _) => "has no value: say name=value".to_owned(),
            (None, Some(near)) if known.contains(&near) && near != name => {
                format!("is not a setting; did you mean {near}?")
            }
            (None, _) => format!("is none of {}", known.join(", ")),
        };
        self.problems.push(Problem { origin, message });
        self
    }

    /// Lays a flag over what is there, if it was given.
    pub fn flag(mut self, name: &'static str, value: Option<String>) -> Self {
        if let Some(value) = value {
            let flag = format!("--{}", name.replace('_', "-"));
            self.values.insert(name, (value, Origin::Flag { flag }));
        }
        self
    }
}

/// A value of the file as a flag would give it.
fn plain(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}
