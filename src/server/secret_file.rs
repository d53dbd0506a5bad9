//! Files that hold secrets, as settings name them.

use std::{
    fs::{self, File},
    io::Read,
    path::Path,
};

use anyhow::{Result, bail};

/// The most bytes of such a file. Keys and accounts have less than 4,000.
const MOST_BYTES: u64 = 64 * 1024;

/// A file as errors and lists name it. What names no file may be the secret, put in the place of its file's name, so it is
/// not repeated.
pub(in crate::server) fn named(file: &Path) -> String {
    match fs::symlink_metadata(file) {
        Ok(_) => file.display().to_string(),
        Err(_) => "(no such file)".to_owned(),
    }
}

/// What the file holds that a setting names.
///
/// # Errors
/// One sentence that begins with the name of the setting and repeats nothing of the file.
pub(in crate::server) fn read(setting: &str, file: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more shows that it is too long.
    let read = File::open(file).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes));
    match (read, fs::symlink_metadata(file)) {
        (Ok(_), _) if u64::try_from(bytes.len()).is_ok_and(|length| length <= MOST_BYTES) => Ok(bytes),
        (Ok(_), _) => bail!("{setting}: {} has more than {MOST_BYTES} bytes.", named(file)),
        (Err(error), Ok(_)) => bail!("{setting}: {} cannot be read: {error}.", named(file)),
        (Err(error), Err(_)) => bail!(
            "{setting}: the file cannot be read: {error}. The setting takes the name of a file, not what the file holds."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_is_told_and_what_stands_in_its_place_is_not() {
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
}
