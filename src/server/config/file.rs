//! The file of settings. An error names the line, the setting that was probably meant, and the expected kind of value.
//! It repeats no value, because the file may contain secrets.

mod given;

use std::{io::ErrorKind, path::Path};

use anyhow::{Result, anyhow, bail};
use serde::{Deserialize, de::value::MapDeserializer};
use serde_json::{Map, Value};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use self::given::Given;
use super::{SettingsInput, fields::fields};
use crate::model::nearest;

/// The settings in the file; none if it is missing and does not have to exist.
pub(super) fn read(path: &Path, must_exist: bool) -> Result<SettingsInput> {
    let named = path.display();
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound && !must_exist => return Ok(SettingsInput::default()),
        Err(error) if error.kind() == ErrorKind::NotFound => bail!("{named} cannot be used: there is no such file."),
        Err(error) => bail!("{named} cannot be read: {error}."),
    };
    let text = String::from_utf8(bytes).map_err(|_| anyhow!("{named} cannot be used: it is not UTF-8."))?;
    let text = text.trim_start_matches('\u{feff}');
    settings(text).map_err(|Mistake { at, what }| {
        let line = text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
        let end = if what.ends_with('?') { "" } else { "." };
        anyhow!("{named}:{line}: {what}{end}")
    })
}

/// A mistake in the file, and its position in bytes.
struct Mistake {
    at: usize,
    what: String,
}

fn settings(text: &str) -> Result<SettingsInput, Mistake> {
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let what = no_toml(error.message(), text, at);
        Mistake { at, what: format!("this is not valid TOML: {what}") }
    })?;
    let known = fields(&SettingsInput::default()).unwrap_or_default();
    let known: Vec<&str> = known.keys().map(String::as_str).collect();
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    let mut all = Map::new();
    for (name, value) in entries {
        let input = setting(name.get_ref(), value, &known).map_err(|what| Mistake { at: name.span().start, what })?;
        all.extend(input.into_iter().filter(|(_, value)| !value.is_null()));
    }
    let whole = serde_json::from_value(Value::Object(all));
    whole.map_err(|_| Mistake { at: 0, what: "this cannot be used".to_owned() })
}

/// The mistake at this place, without its text and without the words of the parser, which said this.
fn no_toml(said: &str, text: &str, at: usize) -> &'static str {
    let before = text.get(..at).unwrap_or(text);
    let begin = before.rfind('\n').map_or(0, |end| end + 1);
    let line = text[begin..].lines().next().unwrap_or_default();
    let value = line.split_once('=').map(|(_, value)| value.trim());
    let is_open = |value: &str| value.starts_with(['"', '\'']) && value.matches(&value[..1]).count() == 1;
    if said.contains("duplicate") {
        "this setting is given twice; keep one"
    } else if said.contains("escape") || said.contains("unicode") {
        // After \x, \u and \U the parser misses the digits of a character.
        "in double quotes, a \\ is written \\\\; in single quotes, it is itself"
    } else if said.contains("array") || value.is_some_and(|value| value.starts_with('[')) {
        "a list is written like [\"a\", \"b\"]; a text such as \"[::1]:8000\" is in quotes"
    } else {
        match value {
            None => "a line is `name = value`, or a comment that begins with #",
            Some("") => "the value is missing",
            Some(value) if is_open(value) => "a text ends with the quote that it begins with",
            Some(value) if !value.starts_with(['"', '\'', '=']) => {
                "a number is written like 1000, a switch true or false, and everything else in quotes"
            }
            Some(_) => "this cannot be read as `name = value`",
        }
    }
}

/// One setting, or its mistake.
fn setting(name: &str, value: &Spanned<DeValue<'_>>, known: &[&str]) -> Result<Map<String, Value>, String> {
    if !known.contains(&name) {
        let shown: String = name.chars().take(64).flat_map(char::escape_debug).collect();
        let hint = match (nearest(name, known), value.get_ref()) {
            (Some(nearest), _) => format!("; did you mean `{nearest}`?"),
            (None, DeValue::Table(_)) => "; settings stand by themselves, in no section".to_owned(),
            (None, _) => String::new(),
        };
        return Err(format!("unknown setting `{shown}`{hint}"));
    }
    let alone = MapDeserializer::new(std::iter::once((name, Given(value.get_ref()))));
    let input = SettingsInput::deserialize(alone).map_err(|wrong| format!("`{name}` {wrong}"))?;
    fields(&input).map_err(|_| format!("`{name}` cannot be used"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line, and its mistake.
    fn refused(text: &str) -> String {
        let Mistake { at, what } = settings(text).err().unwrap();
        format!("{} {what}", text[..at].matches('\n').count() + 1)
    }

    #[test]
    fn a_named_file_must_be_there_and_hold_only_settings() {
        let folder = std::env::temp_dir().join(format!("campanile-config-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("campanile.toml");
        assert!(read(&file, false).unwrap().listen.is_none());
        assert!(read(&file, true).unwrap_err().to_string().ends_with("there is no such file."));
        std::fs::write(&file, "\u{feff}listen = \"127.0.0.1:9000\"\r\nallowed-hosts = [\"a.example\"]\r\n").unwrap();
        let input = read(&file, true).unwrap();
        assert_eq!(input.listen.unwrap().to_string(), "127.0.0.1:9000");
        assert_eq!(input.allowed_hosts.unwrap(), ["a.example"]);
        std::fs::write(&file, "\u{feff}# ä\nwindow = 7\n\nlisen = \"127.0.0.1:9000\"\n").unwrap();
        let error = read(&file, true).unwrap_err().to_string();
        assert_eq!(error, format!("{}:4: unknown setting `lisen`; did you mean `listen`?", file.display()));
        std::fs::write(&file, b"log = \"\xff\"").unwrap();
        assert!(read(&file, true).unwrap_err().to_string().ends_with("it is not UTF-8."));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn an_error_names_line_setting_and_type_and_does_not_repeat_the_value() {
        for (text, says) in [
            ("# one\njwt-secret = \"hush", "2 this is not valid TOML: a text ends with the quote that it begins with"),
            ("\n\njwt-secret =", "3 this is not valid TOML: the value is missing"),
            ("jwt-secret\n", "1 this is not valid TOML: a line is `name = value`, or a comment"),
            ("allowed-hosts = [\"hush\"\n", "1 this is not valid TOML: a list is written like [\"a\", \"b\"]"),
            ("allowed-hosts = [\n\"hush\"\n\"hush\"\n]", "3 this is not valid TOML: a list is written like"),
            ("listen = [::1]:8000", "1 this is not valid TOML: a list is written like"),
            ("smtp = \"hu\\dsh\"", "1 this is not valid TOML: in double quotes, a \\ is written \\\\"),
            (
                "smtp-password-file = \"C:\\Users\\hush\"",
                "1 this is not valid TOML: in double quotes, a \\ is written \\\\",
            ),
            ("log = \"hush\\u12\"", "1 this is not valid TOML: in double quotes, a \\ is written \\\\"),
            ("log = \"hush\\ud800\"", "1 this is not valid TOML: in double quotes, a \\ is written \\\\"),
            ("log = \"hush\\xq\"", "1 this is not valid TOML: in double quotes, a \\ is written \\\\"),
            ("log = \"info\" hush", "1 this is not valid TOML: this cannot be read as `name = value`"),
            ("window == 5", "1 this is not valid TOML: this cannot be read as `name = value`"),
            ("window = hush\n", "1 this is not valid TOML: a number is written like 1000, a switch true or false, and"),
            ("window = 08\n", "1 this is not valid TOML: a number is written like 1000"),
            ("window = 1,000\n", "1 this is not valid TOML: a number is written like 1000"),
            ("window = 1__0\n", "1 this is not valid TOML: a number is written like 1000"),
            ("lenient = True\n", "1 this is not valid TOML: a number is written like 1000, a switch true or false"),
            ("window = 1\nwindow = 2\n", "2 this is not valid TOML: this setting is given twice; keep one"),
            ("jwt-secret = [\"hush\"]\n", "1 `jwt-secret` must be a text in quotes; this is a list"),
            ("store = { url = \"hush\" }\n", "1 `store` must be a text in quotes; this is a section"),
            ("log = \"info\"\nwindow = \"hush\"\n", "2 `window` must be a whole number; this is a text in quotes"),
            ("window = -1\n", "1 `window` must be a whole number that is neither negative"),
            ("window = 99999999999999999999\n", "1 `window` must be a whole number that is neither negative"),
            ("window = 1.5\n", "1 `window` must be a whole number; this is a number with a fraction"),
            ("lenient = \"hush\"\n", "1 `lenient` must be true or false; this is a text in quotes"),
            ("lenient = 1\n", "1 `lenient` must be true or false; this is a whole number"),
            ("log-format = \"hush\"\n", "1 `log-format` must be \"text\" or \"json\""),
            ("log-format = true\n", "1 `log-format` must be \"text\" or \"json\"; this is true or false"),
            ("listen = \"hush\"\n", "1 `listen` must be an IP address and a port"),
            ("socket-mode = 0o660\n", "1 `socket-mode` must be a text in quotes; this is a whole number"),
            ("max-age = 1979-05-27\n", "1 `max-age` must be a text in quotes; this is a date"),
            (
                "allowed-hosts = \"hush\"\n",
                "1 `allowed-hosts` must be a list such as [\"a\", \"b\"]; this is a text in quotes",
            ),
            (
                "allowed-hosts = [[\"hush\"]]\n",
                "1 `allowed-hosts` must be a list in which each item must be a text in quotes; this is a list",
            ),
            ("prot = 80\n", "1 unknown setting `prot`"),
            ("max_age = \"hush\"\n", "1 unknown setting `max_age`; did you mean `max-age`?"),
            ("[server]\nlog = \"hush\"\n", "1 unknown setting `server`; settings stand by themselves, in no section"),
            ("zzz = 1\nlog = 1\n", "1 unknown setting `zzz`"),
        ] {
            let refused = refused(text);
            assert!(
                refused.starts_with(says) && !refused.contains("hush") && refused.lines().count() == 1,
                "{refused}"
            );
        }
    }

    /// The defaults, given in the file.
    #[test]
    fn every_setting_can_be_given_in_the_file() {
        let defaults = fields(&SettingsInput::default_settings()).unwrap();
        let lines = defaults.iter().filter(|(_, value)| !value.is_null());
        let text: String = lines.map(|(name, value)| format!("{name} = {value}\n")).collect();
        let input = fields(&settings(&text).ok().unwrap()).unwrap();
        assert_eq!(input, defaults);
    }
}
