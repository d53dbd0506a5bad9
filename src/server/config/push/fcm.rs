//! The settings of FCM.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};

use crate::server::{
    channels::{DEFAULT_FCM_URL, FcmOptions, ServiceAccount, fcm::base_url},
    config::{SettingsInput, needed},
    secret_file,
};

/// The settings for FCM; `None` where it is not set up.
///
/// # Errors
/// One sentence about the first setting that is invalid or does not fit the others.
pub(super) fn settle(input: &SettingsInput) -> Result<Option<FcmOptions>> {
    let url = needed("fcm-url", input.fcm_url.as_deref())?;
    let Some(file) = &input.fcm_service_account else {
        if url != DEFAULT_FCM_URL {
            bail!("fcm-url: there is no account to push with. Set fcm-service-account too: the key file of one.");
        }
        return Ok(None);
    };
    let url = base_url(url).context(
        "fcm-url: this is no URL such as https://fcm.googleapis.com, without a user, a password and a query.",
    )?;
    Ok(Some(FcmOptions { account: account(file)?, url }))
}

/// The account with this key file. An error repeats nothing of it.
fn account(file: &Path) -> Result<ServiceAccount> {
    let account = ServiceAccount::parse(&secret_file::read("fcm-service-account", file)?);
    account.map_err(|why| anyhow!("fcm-service-account: {} {why}", secret_file::named(file)))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};
    use serde_json::json;

    use super::*;

    fn input(file: PathBuf, url: &str) -> SettingsInput {
        SettingsInput { fcm_service_account: Some(file), fcm_url: Some(url.to_owned()), ..SettingsInput::default() }
    }

    #[test]
    fn fcm_is_set_up_by_the_key_file_of_an_account() {
        let folder = std::env::temp_dir().join(format!("campanile-fcm-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("account.json");
        let pem = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap().serialize_pem();
        let mut account = json!({
            "project_id": "shop-1",
            "client_email": "push@shop-1.example",
            "private_key": pem,
            "token_uri": "http://127.0.0.1:1/token",
        });
        std::fs::write(&file, account.to_string()).unwrap();
        for url in [DEFAULT_FCM_URL, "http://127.0.0.1:1", "https://fcm.internal/base/"] {
            let options = settle(&input(file.clone(), url)).unwrap().unwrap();
            assert!(options.url.as_str().starts_with(url));
            let shown = format!("{options:?}");
            assert!(pem.lines().all(|line| !shown.contains(line)), "{shown}");
        }
        for wrong in
            ["", "hush", "fcm.googleapis.com", "ftp://hush", "https://me:hush@fcm.internal", "https://a/?key=hush"]
        {
            let refused = settle(&input(file.clone(), wrong)).unwrap_err().to_string();
            assert!(
                refused.starts_with("fcm-url: ") && !refused.contains("hush") && refused.lines().count() == 1,
                "{refused}"
            );
        }
        account["private_key"] = "hush".into();
        for wrong in [account.to_string(), "hush".to_owned(), " ".repeat(100_000)] {
            std::fs::write(&file, wrong).unwrap();
            let refused = settle(&input(file.clone(), DEFAULT_FCM_URL)).unwrap_err().to_string();
            let begins = format!("fcm-service-account: {} ", file.display());
            assert!(
                refused.starts_with(&begins) && !refused.contains("hush") && refused.lines().count() == 1,
                "{refused}"
            );
        }
        std::fs::remove_dir_all(&folder).unwrap();
        let refused = settle(&input(file, DEFAULT_FCM_URL)).unwrap_err().to_string();
        assert!(refused.starts_with("fcm-service-account: ") && refused.contains("cannot be read"), "{refused}");
    }

    #[test]
    fn fcm_url_without_an_account_is_refused() {
        let without = |url: &str| SettingsInput { fcm_url: Some(url.to_owned()), ..SettingsInput::default() };
        assert!(settle(&without(DEFAULT_FCM_URL)).unwrap().is_none());
        let refused = settle(&without("https://fcm.internal")).unwrap_err().to_string();
        assert!(refused.starts_with("fcm-url: there is no account"), "{refused}");
        // A file without an end, as far as it is read.
        let refused = settle(&input("/dev/zero".into(), DEFAULT_FCM_URL)).unwrap_err().to_string();
        assert!(refused.starts_with("fcm-service-account: /dev/zero has more than"), "{refused}");
    }
}
