//! The history of migrations. It is checked before refinery reads it, because refinery panics at a date or a checksum
//! that it did not write.

use chrono::DateTime;

/// The fault in the record of a migration, as a phrase to follow the name of its table; `None` when refinery can read
/// it.
pub(super) fn fault(version: i32, applied_on: &str, checksum: &str) -> Option<String> {
    let is_moment = DateTime::parse_from_rfc3339(applied_on).is_ok() && applied_on.as_bytes().get(10) == Some(&b'T');
    let what = match (is_moment, checksum.parse::<u64>()) {
        (true, Ok(_)) => return None,
        (false, _) => "date",
        (true, Err(_)) => "checksum",
    };
    Some(format!(
        "the table refinery_schema_history has a {what} for migration {version} that no Campanile wrote. Restore a backup."
    ))
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn only_migration_records_that_refinery_can_parse_are_accepted() {
        for (applied_on, checksum, is_good) in [
            ("2026-01-01T00:00:00Z", "18446744073709551615", true),
            ("2026-01-01T00:00:00.123456789Z", "0", true),
            ("2026-01-01T00:00:00+02:00", "0", true),
            ("2026-01-01 00:00:00", "0", false),
            ("2026-01-01 00:00:00Z", "0", false),
            ("yesterday", "0", false),
            ("", "0", false),
            ("2026-01-01T00:00:00Z", "-1", false),
            ("2026-01-01T00:00:00Z", "", false),
        ] {
            assert_eq!(fault(1, applied_on, checksum).is_none(), is_good, "{applied_on} {checksum}");
        }
    }
}
