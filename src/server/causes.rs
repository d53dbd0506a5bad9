//! An error with its causes, for a log line.

use std::error::Error;

/// An error with all its causes, in one line.
pub(super) fn with_causes(error: &dyn Error) -> String {
    let mut all = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // A transparent error has the same text as its cause.
        if !all.ends_with(&text) {
            all.push_str(": ");
            all.push_str(&text);
        }
        cause = error.source();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::store::StoreError;

    #[test]
    fn a_failure_is_logged_with_every_cause() {
        let disk = std::io::Error::other(StoreError::failed("sector 7").because("rust"));
        let error = StoreError::unknown("the commit").because(disk);
        assert_eq!(
            with_causes(&error),
            "it is not known whether the store did it: the commit: the store failed: sector 7: rust"
        );
    }
}
