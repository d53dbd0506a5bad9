//! Checks that the files of `src/` use each other in no circle.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    ops::Range,
    path::Path,
    sync::LazyLock,
};

use regex::Regex;

use super::in_the_repository;

/// A `use`, a path that begins with `crate` or `super`, or a comment, which may contain what looks like one of these.
static WRITTEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^ *(?:pub(?:\([^)]+\))? )?use (?<tree>[^;]+);|\b(?<path>(?:crate|super)(?:::\w+)+)|//.*$").unwrap()
});

/// The beginning of a module that is written into the file of another one.
static INNER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^(?<indent> *)(?:pub(?:\([^)]+\))? )?mod (?<name>\w+) \{$").unwrap());

/// The modules that have a file, such as `crate::server::config`, and the text of each without its tests.
type Modules = BTreeMap<String, String>;
/// Which modules use which.
type Uses = BTreeSet<(String, String)>;

/// A file uses another one when it names an item of it: in a `use`, or by a path that begins with `crate` or `super`.
/// An item that is re-exported on the way is in the file that has it, and not in those that pass it on.
///
/// No files may use each other in a circle. Neither may those of one folder, each of which stands for its own folder
/// too. There are two exceptions. A file and those in its folder may use each other: it declares them, and they share
/// what it has. And the rings `app` and `server` may, as `ARCHITECTURE.md` says, but not their files.
#[test]
fn no_files_use_each_other_in_a_circle() {
    let uses = uses(&modules());
    assert!(uses.len() > 1000, "{uses:?}");
    let of_folders = uses.iter().map(in_their_folder);
    let rings = ["crate::app", "crate::server"];
    let of_folders = of_folders.filter(|(from, to)| ![from, to].iter().all(|module| rings.contains(&module.as_str())));
    let of_folders = in_circles(of_folders.collect());
    let of_files = in_circles(uses);
    assert!(of_files.is_empty() && of_folders.is_empty(), "files: {of_files:#?}\nfolders: {of_folders:#?}");
}

fn modules() -> Modules {
    fn add(folder: &Path, parent: &str, modules: &mut Modules) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            let module = if name == "lib" { parent.to_owned() } else { format!("{parent}::{name}") };
            if name == "tests" || module == "crate::main" {
                continue;
            }
            if path.is_dir() {
                add(&path, &module, modules);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let (text, _) = text.split_once("\n#[cfg(test)]\nmod tests {").unwrap_or((&text, ""));
            modules.insert(module, text.to_owned());
        }
    }
    let mut modules = Modules::new();
    add(&in_the_repository("src"), "crate", &mut modules);
    modules
}

/// The paths of a `use`, whose braces may be nested.
fn paths_of(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((before, inside)) = tree.strip_suffix('}').and_then(|tree| tree.split_once('{')) else {
        return vec![tree.to_owned()];
    };
    let mut depth = 0;
    let parts = inside.split(|letter| {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        letter == ',' && depth == 0
    });
    let parts = parts.filter(|part| !part.trim().is_empty());
    parts.flat_map(paths_of).map(|path| format!("{before}{path}")).collect()
}

/// The same path from the root of the crate, unless it leads to another crate.
fn absolute(path: &str, module: &str, modules: &Modules) -> Option<String> {
    let (first, rest) = path.split_once("::").unwrap_or((path, ""));
    let below = |module: &str| if rest.is_empty() { module.to_owned() } else { format!("{module}::{rest}") };
    match first {
        "crate" => Some(path.to_owned()),
        "self" => Some(below(module)),
        "super" => {
            let (parent, _) = module.rsplit_once("::")?;
            if rest.starts_with("super::") { absolute(rest, parent, modules) } else { Some(below(parent)) }
        }
        child => modules.contains_key(&format!("{module}::{child}")).then(|| format!("{module}::{path}")),
    }
}

/// A path that a module writes.
struct Written<'a> {
    module: &'a str,
    path: String,
    /// Its name by a `use`, as an absolute path too.
    name: Option<String>,
}

fn written<'a>(module: &'a str, text: &str, modules: &Modules) -> Vec<Written<'a>> {
    let inner: Vec<(Range<usize>, &str)> = INNER
        .captures_iter(text)
        .map(|inner| {
            let (start, end) = (inner.get(0).unwrap().start(), inner.get(0).unwrap().end());
            // The brace at its end stands as far to the right as its beginning does.
            let brace = format!("\n{}}}\n", &inner["indent"]);
            let end = text[end..].find(&brace).map_or(text.len(), |length| end + length);
            (start..end, inner.name("name").unwrap().as_str())
        })
        .collect();
    let mut written = Vec::new();
    for found in WRITTEN.captures_iter(text) {
        let place = found.get(0).unwrap().start();
        let around = inner.iter().filter(|(range, _)| range.contains(&place));
        let here = around.fold(module.to_owned(), |here, (_, name)| format!("{here}::{name}"));
        let is_use = found.name("tree").is_some();
        let tree = found.name("tree").or(found.name("path"));
        for path in tree.map(|tree| paths_of(tree.as_str())).unwrap_or_default() {
            let (path, alias) = path.split_once(" as ").map_or((&*path, None), |(path, alias)| (path, Some(alias)));
            let Some(path) = absolute(path.trim_end_matches("::self"), &here, modules) else { continue };
            let name = format!("{here}::{}", alias.or(path.rsplit("::").next()).unwrap());
            let name = Some(name).filter(|name| is_use && !is_within(&path, name));
            written.push(Written { module, path, name });
        }
    }
    written
}

fn uses(modules: &Modules) -> Uses {
    let written: Vec<_> = modules.iter().flat_map(|(module, text)| written(module, text, modules)).collect();
    let names: BTreeMap<_, _> =
        written.iter().filter_map(|Written { path, name, .. }| Some((name.as_deref()?, path))).collect();
    // The module that has an item: the longest beginning of its path, unless that has the item from elsewhere.
    let home = |path: &str| {
        let mut path = path.to_owned();
        loop {
            let mut ends: Vec<_> = path.match_indices("::").map(|(end, _)| end).collect();
            ends.push(path.len());
            let longest = ends.iter().rposition(|end| modules.contains_key(&path[..*end]))?;
            let Some(name) = ends.get(longest + 1) else { return Some(path) };
            match names.get(&path[..*name]) {
                Some(target) => path = format!("{target}{}", &path[*name..]),
                None => return Some(path[..ends[longest]].to_owned()),
            }
        }
    };
    let uses = written.iter().filter_map(|Written { module, path, .. }| Some(((*module).to_owned(), home(path)?)));
    uses.filter(|(from, to)| !is_within(from, to) && !is_within(to, from)).collect()
}

/// Whether a module is another one, or below it.
fn is_within(module: &str, other: &str) -> bool {
    module.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The same for the two modules of one folder that these two are, or are below.
fn in_their_folder((from, to): &(String, String)) -> (String, String) {
    let common = from.split("::").zip(to.split("::")).take_while(|(from, to)| from == to).count();
    let beginning = |module: &str| module.split("::").take(common + 1).collect::<Vec<_>>().join("::");
    (beginning(from), beginning(to))
}

/// Those that are part of a circle, or lead from one circle to another.
fn in_circles(mut uses: Uses) -> Uses {
    loop {
        let (using, used): (BTreeSet<_>, BTreeSet<_>) = uses.iter().cloned().unzip();
        let before = uses.len();
        uses.retain(|(from, to)| used.contains(from) && using.contains(to));
        if uses.len() == before {
            return uses;
        }
    }
}
