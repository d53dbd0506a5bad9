//! Files with secrets, named by settings.

use std::{
    fs::{self, File},
    io::Read,
    path::Path,
};

use anyhow::{Result, anyhow};

/// The largest file that is read, in bytes. Keys and accounts have less than 4,000.
const MOST_BYTES: u64 = 64 * 1024;

/// The name of a file for errors and lists. If no such file exists, the name may be the secret itself, given by
/// mistake, so it is not repeated.
pub(in crate::server) fn named(file: &Path) -> String {
    match fs::symlink_metadata(file) {
        Ok(_) => file.display().to_string(),
        Err(_) => "(no such file)".to_owned(),
    }
}

/// Reads the file that a setting names.
///
/// # Errors
/// One sentence that begins with the name of the setting and does not quote the file.
pub(in crate::server) fn read(setting: &str, file: &Path) -> Result<Vec<u8>> {
    read_named(file).map_err(|why| anyhow!("{setting}: {why}"))
}

/// The contents of a file.
///
/// # Errors
/// One sentence to follow the name of the setting or option; it does not quote the file.
pub(in crate::server) fn read_named(file: &Path) -> Result<Vec<u8>, String> {
    bytes(file).map_err(|why| refused(file, &why))
}

/// The one secret in the file that a setting names; see [`text`].
///
/// # Errors
/// As for [`read`].
pub(in crate::server) fn read_text(setting: &str, file: &Path) -> Result<String> {
    text(file).map_err(|why| anyhow!("{setting}: {}", refused(file, &why)))
}

fn refused(file: &Path, why: &str) -> String {
    match fs::symlink_metadata(file) {
        Ok(_) => format!("{} {why}.", named(file)),
        Err(_) => format!("the file {why}. The setting takes the name of a file, not what the file holds."),
    }
}

/// The text of a file, without a byte order mark at its start, which some editors add, and without line breaks at its
/// end. It must be one secret, on one line.
///
/// # Errors
/// The reason, to follow the name of the file.
pub(in crate::server) fn text(file: &Path) -> Result<String, String> {
    const LINE_BREAKS: [char; 2] = ['\n', '\r'];
    let text = String::from_utf8(bytes(file)?).map_err(|_| "is no text in UTF-8".to_owned())?;
    let secret = text.trim_start_matches('\u{feff}').trim_end_matches(LINE_BREAKS);
    if secret.is_empty() {
        return Err("is empty".to_owned());
    }
    if secret.contains(LINE_BREAKS) {
        return Err("has several lines, and a secret is one".to_owned());
    }
    Ok(secret.to_owned())
}

fn bytes(file: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    // One more byte shows that the file is too long.
    let read = File::open(file).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) if u64::try_from(bytes.len()).is_ok_and(|length| length <= MOST_BYTES) => Ok(bytes),
        Ok(_) => Err(format!("has more than {MOST_BYTES} bytes")),
        Err(error) => Err(format!("cannot be read: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_path_but_not_a_secret_given_as_a_path() {
        let folder = std::env::temp_dir().join(format!("campanile-secret-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("key");
        fs::write(&file, "hush").unwrap();
        assert_eq!(read("apns-key", &file).unwrap(), b"hush");
        assert_eq!(named(&file), file.display().to_string());
        let refused = |file: &Path| read("apns-key", file).unwrap_err().to_string();
        assert!(refused(&folder).starts_with(&format!("apns-key: {} cannot be read: ", folder.display())));
        assert_eq!(refused(Path::new("/dev/zero")), "apns-key: /dev/zero has more than 65536 bytes.");
        fs::remove_dir_all(&folder).unwrap();
        let long = "hush".repeat(2_000);
        for secret in
            ["hush", "-----BEGIN PRIVATE KEY-----\nhush\n-----END", "{\"private_key\": \"hush\"}", "a\0hush", &long]
        {
            let refused = refused(Path::new(secret));
            assert!(refused.starts_with("apns-key: the file cannot be read: ") && refused.ends_with('.'), "{refused}");
            assert!(!refused.contains("hush") && !named(Path::new(secret)).contains("hush"), "{refused}");
        }
    }

    #[test]
    fn a_byte_order_mark_and_final_line_breaks_are_removed() {
        let file = std::env::temp_dir().join(format!("campanile-secret-text-{}", std::process::id()));
        let text = |bytes: &[u8]| {
            fs::write(&file, bytes).unwrap();
            super::text(&file)
        };
        for bytes in [
            " hush hush",
            " hush hush\n",
            " hush hush\r\n",
            " hush hush\n\n",
            " hush hush\n\r\n",
            "\u{feff} hush hush\n",
        ] {
            assert_eq!(text(bytes.as_bytes()).unwrap(), " hush hush");
        }
        for (bytes, why) in [
            (&b""[..], "is empty"),
            (b"\n", "is empty"),
            ("\u{feff}\r\n".as_bytes(), "is empty"),
            (b"hush\nhush\n", "has several lines, and a secret is one"),
            (b"\nhush", "has several lines, and a secret is one"),
            (b"\xff", "is no text in UTF-8"),
        ] {
            assert_eq!(text(bytes).unwrap_err(), why);
        }
        assert_eq!(text(&[b'x'; 65_537]).unwrap_err(), "has more than 65536 bytes");
        assert_eq!(text(&[b'x'; 65_536]).unwrap().len(), 65_536);
        fs::remove_file(&file).unwrap();
    }
}
