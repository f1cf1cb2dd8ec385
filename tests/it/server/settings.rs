//! What the help and the README say of the settings, against the settings.

use std::collections::BTreeMap;

use hansom::config::{Config, Layers, SETTINGS};
use hansom::index::IndexConfig;

use super::serve::output;

/// Those whose default is words in the help and the README: a core's threads, nothing, no.
const IN_WORDS: [&str; 7] =
    ["record", "decisions", "redis", "advertise", "fallback_only", "web_origins", "insecure"];

#[test]
fn the_index_and_the_settings_have_the_same_defaults() {
    let config = Config::resolve(Layers::default()).unwrap();
    assert_eq!(config.index, IndexConfig::default());
}

#[test]
fn the_help_tells_the_defaults() {
    let help = String::from_utf8(output(&["serve", "--help"]).stdout).unwrap();
    let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for setting in SETTINGS.iter().filter(|setting| !IN_WORDS.contains(&setting.name)) {
        let flag = format!(" --{} <", setting.name.replace('_', "-"));
        let rest = words.split_once(&flag).unwrap_or_else(|| panic!("{flag} is not in {help}")).1;
        let told = rest.split_once("[default: ").unwrap().1.split(']').next().unwrap();
        assert_eq!(told, setting.default.to_string(), "{flag}");
    }
}

#[test]
fn the_readme_tells_the_defaults() {
    let readme = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"));
    let mut told = BTreeMap::new();
    for row in readme.lines().filter(|line| line.starts_with("| `--")) {
        let mut cells = row.split('|').skip(1).map(str::trim);
        let (flags, defaults) = (cells.next().unwrap(), cells.next().unwrap());
        for (flag, default) in flags.split(", ").zip(defaults.split(", ")) {
            let name = flag.trim_matches(['`', '-']).replace('-', "_");
            told.insert(name, default.trim_matches('`').to_owned());
        }
    }
    for setting in &SETTINGS {
        let default = match setting.name {
            // Told in the text: what the server refuses without it.
            "insecure" => continue,
            "threads" => "one a core".to_owned(),
            "http" => setting.default.to_string().replace("127.0.0.1", ""),
            "max_drivers" => "10,000,000".to_owned(),
            _ => setting.default.to_string(),
        };
        assert_eq!(told.get(setting.name), Some(&default), "{}", setting.name);
    }
    let max_drivers = told["max_drivers"].replace(',', "");
    let setting = SETTINGS.iter().find(|setting| setting.name == "max_drivers").unwrap();
    assert_eq!(max_drivers, setting.default.to_string());
}
