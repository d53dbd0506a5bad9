//! The contents of a mail: a subject, a plain text and HTML, from three Jinja templates, for one notification or a
//! digest. [`shown`] has their variables.
//!
//! A template of an operator is as safe as ours: HTML is always escaped, an unsafe link never reaches it as a link, and
//! its fuel bounds both its run time and its output.

mod shown;

use std::{fmt, fs, io::ErrorKind as IoErrorKind, path::Path};

use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value, escape_formatter, syntax::SyntaxConfig,
    value::Serde,
};

use self::shown::{TemplateData, one_line, shortened};

/// The templates, by the names of their files.
const FILES: [&str; 3] = ["subject.txt", "text.txt", "html.html"];
/// The most characters of a subject.
const SUBJECT_CHARS: usize = 150;
/// The fuel for rendering one template: an instruction costs one, and so do 64 bytes made on the way. The largest
/// possible mail, with twenty of the longest links, takes a good half of it.
const FUEL: u64 = 32 * 1024;
/// The most bytes of a rendered template.
const MOST_BYTES: usize = 1024 * 1024;

/// One notification of a mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// Its title.
    pub title: Option<String>,
    /// Its text, with line breaks.
    pub content: String,
    /// Its category.
    pub category: String,
    /// Its link as the sender gave it; the template checks it.
    pub link: Option<String>,
    /// Time of its creation (RFC 3339).
    pub at: String,
    /// The URL of its page in the inbox.
    pub page: Option<String>,
}

/// The contents of a mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mail {
    /// The name of this server.
    pub app_name: String,
    /// The notifications, newest first; those after the twentieth are only counted.
    pub items: Vec<Item>,
    /// How many notifications it is about, of which `items` are the newest. More than one make a digest.
    pub total: u64,
    /// How many notifications of the user are unread.
    pub unread_count: u64,
    /// The URL of the user's inbox.
    pub inbox: Option<String>,
    /// The URL that ends such mails.
    pub unsubscribe: Option<String>,
    /// The category that `unsubscribe` turns off; none in a digest.
    pub category: Option<String>,
    /// The user whose notifications they are.
    pub user_id: String,
}

/// A mail that is ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// One line of at most 150 characters, without control characters.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The HTML.
    pub html: String,
}

/// The three templates.
#[derive(Debug)]
pub struct Templates {
    subject: Template,
    text: Template,
    html: Template,
}

impl Templates {
    /// The templates inside the binary.
    ///
    /// # Errors
    /// Never, as far as the tests know.
    pub fn built_in() -> Result<Self, String> {
        Self::of(|_| Ok(None))
    }

    /// The templates of a folder. Each of `subject.txt`, `text.txt` and `html.html` in it replaces ours. Samples of a
    /// single notification and of a digest are rendered at once, so that a mistake shows now.
    ///
    /// # Errors
    /// When the folder or a file cannot be read, or a template is wrong: `FILE:LINE: the mistake`.
    pub fn from_dir(dir: &Path) -> Result<Self, String> {
        let told = |path: &Path, why: &dyn ToString| format!("{}: {}", path.display(), why.to_string());
        fs::read_dir(dir).map_err(|error| told(dir, &error))?;
        let is_absent = |file| fs::metadata(dir.join(file)).is_err_and(|why| why.kind() == IoErrorKind::NotFound);
        if FILES.into_iter().all(is_absent) {
            return Err(told(dir, &format!("none of {} is there", FILES.join(", "))));
        }
        let templates = Self::of(|file| {
            let path = dir.join(file);
            // Reading something that is not a file may never end.
            let is_file = |found: fs::Metadata| found.is_file() && found.len() <= MOST_BYTES as u64;
            if fs::metadata(&path).is_ok_and(|found| !is_file(found)) {
                return Err(told(&path, &"this is no file of at most 1 MiB"));
            }
            match fs::read_to_string(&path) {
                Ok(source) => Ok(Some((path.display().to_string(), source))),
                Err(error) if error.kind() == IoErrorKind::NotFound => Ok(None),
                Err(error) => Err(told(&path, &error)),
            }
        })?;
        for sample in Mail::samples() {
            templates.render(&sample)?;
        }
        Ok(templates)
    }

    /// Our templates, except those that `instead` replaces, with their names.
    fn of(instead: impl Fn(&str) -> Result<Option<(String, String)>, String>) -> Result<Self, String> {
        let template = |file: &str, ours: &str, escape: fn(&str) -> AutoEscape| {
            let (name, source) = instead(file)?.unwrap_or_else(|| (file.to_owned(), ours.to_owned()));
            Template::new(name, source, escape)
        };
        Ok(Self {
            subject: template(FILES[0], include_str!("templates/subject.txt"), |_| AutoEscape::None)?,
            text: template(FILES[1], include_str!("templates/text.txt"), |_| AutoEscape::None)?,
            html: template(FILES[2], include_str!("templates/html.html"), |_| AutoEscape::Html)?,
        })
    }

    /// Renders a mail.
    ///
    /// # Errors
    /// When the mail is empty; when a template of the operator uses an absent value, or uses up its fuel: `FILE:LINE:
    /// the mistake`.
    pub fn render(&self, mail: &Mail) -> Result<Rendered, String> {
        let shown = TemplateData::of(mail).ok_or("a mail tells at least one notification")?;
        let shown = Value::from(Serde(&shown));
        let subject = shortened(&one_line(&self.subject.render(&shown)?), SUBJECT_CHARS);
        if subject.is_empty() {
            return Err(format!("{}:1: the subject is empty", self.subject.name));
        }
        Ok(Rendered { subject, text: self.text.render(&shown)?, html: self.html.render(&shown)? })
    }
}

/// A template, alone in its environment: it cannot include another.
#[derive(Debug)]
struct Template {
    name: String,
    environment: Environment<'static>,
}

impl Template {
    /// Parses a template; `escape` sets how its output is escaped.
    fn new(name: String, source: String, escape: fn(&str) -> AutoEscape) -> Result<Self, String> {
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| told(&name, &error))?);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        // Has errors name an undefined variable.
        environment.set_debug(true);
        environment.add_filter("number", number);
        environment.set_auto_escape_callback(escape);
        environment.remove_filter("safe");
        if escape(&name) == AutoEscape::Html {
            environment.add_filter("breaks", breaks);
            // `{% autoescape false %}` is part of the language and cannot be removed.
            environment.set_formatter(|out, state, value| match (state.auto_escape(), value.as_str()) {
                (AutoEscape::Html, Some(text)) if !value.is_safe() => Ok(write_escaped(out, text)?),
                (AutoEscape::Html, _) => escape_formatter(out, state, value),
                _ => Err(Error::new(ErrorKind::InvalidOperation, "HTML is always escaped")),
            });
        }
        environment.add_template_owned(name.clone(), source).map_err(|error| told(&name, &error))?;
        Ok(Self { name, environment })
    }

    /// Renders a template, without blank lines at the ends, and with a line break after the last line.
    fn render(&self, shown: &Value) -> Result<String, String> {
        let template = self.environment.get_template(&self.name).map_err(|error| told(&self.name, &error))?;
        let rendered = template.render(shown).map_err(|error| told(&self.name, &error))?;
        if rendered.len() > MOST_BYTES {
            return Err(format!("{}:1: it becomes more than {} bytes", self.name, number(MOST_BYTES as u64)));
        }
        Ok(format!("{}\n", rendered.trim_matches(['\n', '\r', ' ', '\t'])))
    }
}

/// An error in a template, in the style of a compiler.
fn told(name: &str, error: &Error) -> String {
    let line = error.line().unwrap_or(1);
    if error.kind() == ErrorKind::OutOfFuel {
        return format!("{name}:{line}: it runs for too long or writes too much");
    }
    match error.detail() {
        Some(detail) => format!("{name}:{line}: {}: {detail}", error.kind()),
        None => format!("{name}:{line}: {}", error.kind()),
    }
}

/// The filter `number`: with separators, as in 1,234.
fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Escapes a text for HTML. The engine would escape slashes too, and not every spam filter can read such links.
fn write_escaped(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    for part in text.split_inclusive(['&', '<', '>', '"', '\'']) {
        let (plain, entity) = match part.as_bytes().last() {
            Some(b'&') => (part.len() - 1, "&amp;"),
            Some(b'<') => (part.len() - 1, "&lt;"),
            Some(b'>') => (part.len() - 1, "&gt;"),
            Some(b'"') => (part.len() - 1, "&quot;"),
            Some(b'\'') => (part.len() - 1, "&#39;"),
            _ => (part.len(), ""),
        };
        out.write_str(part.get(..plain).unwrap_or_default())?;
        out.write_str(entity)?;
    }
    Ok(())
}

/// The filter `breaks`: escaped, with a `<br>` for each line break, which every mail client knows.
fn breaks(text: &str) -> Value {
    let mut html = String::with_capacity(text.len());
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            html.push_str("<br>");
        }
        // Writing to a `String` cannot fail.
        let _ = write_escaped(&mut html, line);
    }
    Value::from_safe_string(html)
}

#[cfg(test)]
mod tests;
