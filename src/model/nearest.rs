//! Suggests the known name nearest to a misspelt one, or names all of them.

/// The longest name that is compared with the known ones, in bytes.
const LONGEST: usize = 64;

/// The most similar known name; `None` if none is similar.
///
/// Case and separators (`expiresAt`, `expires-at`) make no difference, and up to a third of the letters may differ.
pub(crate) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    if name.len() > LONGEST {
        return None;
    }
    let name = letters(name);
    let all = known.iter().map(|known| (distance(&name, &letters(known)), *known));
    let (least, nearest) = all.min_by_key(|(distance, _)| *distance)?;
    let is_alike = least < letters(nearest).len() && least <= 1 + name.len() / 3;
    is_alike.then_some(nearest)
}

/// The sentence about an unknown name of a `kind`, such as "field", when one of the known names is `meant`, or none.
pub(crate) fn unknown_name(kind: &str, name: &str, meant: Option<&str>, known: &[&str]) -> String {
    let quoted: Vec<_> = known.iter().map(|known| format!("`{known}`")).collect();
    match (meant, quoted.split_last()) {
        (Some(meant), _) => format!("There is no {kind} `{name}`; did you mean `{meant}`?"),
        (None, None) => format!("There is no {kind} `{name}`; this route takes none."),
        (None, Some((only, []))) => format!("There is no {kind} `{name}`. The only {kind} is {only}."),
        (None, Some((last, others))) => {
            format!("There is no {kind} `{name}`. The {kind}s are {} and {last}.", others.join(", "))
        }
    }
}

/// The letters of a name, without separators.
fn letters(name: &str) -> Vec<char> {
    name.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
}

/// The number of letters to insert, remove or replace (Levenshtein distance).
fn distance(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut before = i;
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let changed = before + usize::from(a != b);
            before = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(before + 1);
        }
    }
    row[other.len()]
}
