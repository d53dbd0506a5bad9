//! Tests the relay for an operator, and explains its answers.

use std::{fmt, time::Duration};

use lettre::address::Envelope;
use tokio::time::timeout;
use uuid::Uuid;

use super::{
    KEPT, MailOptions,
    message::compose,
    relay::{Relay, RelayUrl, Reply, Step},
    templates::{Item, Mail},
};
use crate::{
    model::{EmailAddress, Timestamp},
    server::public_url::PublicUrl,
};

/// How long the relay may take to admit this server when nothing is sent.
const LETS_IN_WITHIN: Duration = Duration::from_secs(5);
/// How long it may take to accept a mail while an operator waits.
const TAKES_WITHIN: Duration = Duration::from_secs(60);

/// Why a relay does not accept mail, and what to do about it: two sentences in one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}. {todo}")]
pub(in crate::server) struct Refusal {
    what: String,
    todo: String,
}

/// Checks that the relay admits this server; nothing is sent.
///
/// # Errors
/// Why it does not.
pub(in crate::server) async fn is_reachable(options: &MailOptions) -> Result<(), Refusal> {
    let relay = Relay::new(options.relay.clone(), TAKES_WITHIN);
    match relay.connect_within(LETS_IN_WITHIN).await {
        Ok(mut connection) => {
            drop(timeout(Duration::from_secs(1), connection.quit()).await);
            Ok(())
        }
        Err(reply) => Err(Refusal::of(&options.relay, &reply)),
    }
}

/// Sends a test mail, and returns the answer of the relay, such as `250 Ok`.
///
/// # Errors
/// Why the mail cannot be written, or why the relay does not accept it.
pub(in crate::server) async fn send_test(
    options: &MailOptions,
    app_name: &str,
    pages: Option<&PublicUrl>,
    to: &EmailAddress,
    now: Timestamp,
) -> Result<String, Refusal> {
    let unwritten = |why| Refusal { what: format!("the mail cannot be written: {why}"), todo: String::new() };
    let (envelope, message) = write(options, app_name, pages, to, now).map_err(unwritten)?;
    let relay = Relay::new(options.relay.clone(), TAKES_WITHIN);
    let reply = relay.send(&envelope, &message).await;
    relay.close().await;
    match reply {
        Reply::Accepted(text) => Ok(format!("250 {}", one_line(&text)).trim_end().to_owned()),
        reply => Err(Refusal::of(&options.relay, &reply)),
    }
}

/// The test mail: it links to no notification, and has no unsubscribe link.
fn write(
    MailOptions { from, templates, .. }: &MailOptions,
    app_name: &str,
    pages: Option<&PublicUrl>,
    to: &EmailAddress,
    now: Timestamp,
) -> Result<(Envelope, Vec<u8>), String> {
    let item = Item {
        title: Some(format!("This is a test from {app_name}")),
        content: format!("Mail from {app_name} reaches you: this is what its notifications look like here."),
        category: "system".to_owned(),
        at: now.to_string(),
        ..Item::default()
    };
    let rendered = templates.render(&Mail {
        app_name: app_name.to_owned(),
        items: vec![item],
        total: 1,
        inbox: pages.map(|url| format!("{url}/")),
        category: Some("system".to_owned()),
        user_id: to.to_string(),
        ..Mail::default()
    })?;
    compose(from, to, Uuid::now_v7(), rendered, Vec::new(), now)
}

impl Refusal {
    /// Explains a reply other than acceptance.
    fn of(relay: &RelayUrl, reply: &Reply) -> Self {
        let what = match reply {
            Reply::Accepted(text) => format!("{relay} took it: {}", one_line(text)),
            Reply::Refused { step, code, text } => {
                format!("{relay} refused {step} with {code}: {}", one_line(text))
            }
            Reply::Nothing { step: Step::Connecting, why } => format!("{relay} cannot be reached: {}", one_line(why)),
            Reply::Nothing { step: Step::Encrypting, why } => {
                format!("no encryption could be agreed upon with {relay}: {}", one_line(why))
            }
            Reply::Nothing { step, why } => format!("{relay} gave no good answer to {step}: {}", one_line(why)),
        };
        Self { what: what.trim_end_matches(['.', ':', ' ']).to_owned(), todo: todo(relay, reply) }
    }
}

/// A remedy.
fn todo(relay: &RelayUrl, reply: &Reply) -> String {
    let todo = match *reply {
        Reply::Refused { code: 400..500, .. } => {
            "That may pass: try again in some minutes. If it stays, ask the operator of the relay."
        }
        Reply::Refused { code: 530, .. } => {
            "It wants to know who sends: say the user and the password in smtp. If it asks for STARTTLS, leave ?tls=off out."
        }
        Reply::Refused { step: Step::Connecting, .. } => {
            "It takes no mail from this machine: ask the operator of the relay to let it in."
        }
        Reply::Nothing { step: Step::Connecting, .. } => {
            "See that smtp names its host and port, that it runs, and that no firewall is between. A port where TLS begins \
             at once, such as 465, wants smtps://; others, such as 587, smtp://."
        }
        Reply::Refused { step: Step::Encrypting, .. } | Reply::Nothing { step: Step::Encrypting, .. } => {
            return encrypting(relay);
        }
        Reply::Refused { step: Step::Authenticating, .. } => {
            "See the user and the password in smtp or in smtp-password-file; %40 in the URL is an @. Many providers want a \
             password that is made for programs."
        }
        Reply::Nothing { step: Step::Authenticating, .. } => {
            "A relay that takes no sign-in like this (PLAIN or LOGIN) may want TLS before, which smtps:// has, or no user \
             at all."
        }
        Reply::Refused { step: Step::Mail, .. } => {
            "Set mail-from to an address that this relay knows as yours, and the user that it belongs to in smtp."
        }
        Reply::Refused { step: Step::Recipient, .. } => {
            "See the address. A relay that takes no address of other domains wants a user and a password in smtp."
        }
        Reply::Refused { step: Step::Data | Step::Message, .. } => {
            "It does not like this mail: what it says tells why. Often mail-from is of a domain that others send for."
        }
        Reply::Nothing { step: Step::Message, .. } => "It may have the mail or not: look there before you try again.",
        Reply::Nothing { .. } => "Try again; if it stays silent, ask the operator of the relay.",
        Reply::Accepted(_) => "There is nothing to do.",
    };
    todo.to_owned()
}

/// A remedy for a TLS failure.
fn encrypting(relay: &RelayUrl) -> String {
    if relay.is_encrypted_at_once() {
        return "smtps:// is for a port where TLS begins at once, such as 465, with a certificate for this very host that \
                this system trusts. For a port such as 587 say smtp://."
            .to_owned();
    }
    "smtp:// wants STARTTLS, with a certificate for this very host that this system trusts. Where TLS begins at once, say \
     smtps://; where there is none and no other machine can listen in, end the URL with ?tls=off."
        .to_owned()
}

impl fmt::Display for Step {
    /// The end of a sentence that begins with: the relay refused.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connecting => "the connection",
            Self::Encrypting => "encryption (TLS)",
            Self::Authenticating => "the user and the password (AUTH)",
            Self::Mail => "the sender (MAIL FROM)",
            Self::Recipient => "the recipient (RCPT TO)",
            Self::Data => "a message (DATA)",
            Self::Message => "the message after it was sent",
        })
    }
}

/// The text of a relay as one line, short and without control characters.
fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(KEPT).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
        net::TcpListener,
    };

    use super::*;
    use crate::server::channels::email::templates::Templates;

    fn options(relay: &str) -> MailOptions {
        MailOptions {
            takes_within: TAKES_WITHIN,
            relay: RelayUrl::parse(relay).unwrap(),
            from: "Shop <shop@example.com>".parse().unwrap(),
            templates: Templates::built_in().unwrap().into(),
        }
    }

    /// A relay that answers `250 ok`, or the answer for the word with which a command begins; returns its URL.
    async fn relay(answers: &'static [(&'static str, &'static str)]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://me:hush@{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let mut connection = BufReader::new(listener.accept().await.unwrap().0);
            connection.write_all(b"220 relay\r\n").await.unwrap();
            let (mut line, mut is_message) = (String::new(), false);
            while connection.read_line(&mut line).await.is_ok_and(|bytes| bytes > 0) {
                let said = answers.iter().find(|(word, _)| line.starts_with(word)).map(|(_, answer)| *answer);
                let answer = match line.trim_end() {
                    "." => Some("250 2.0.0 queued as 7"),
                    _ if is_message => None,
                    _ if said.is_some() => said,
                    "DATA" => Some("354 go on"),
                    _ if line.starts_with("EHLO") => Some("250-relay\r\n250 AUTH PLAIN"),
                    _ if line.starts_with("AUTH") => Some("235 welcome"),
                    _ => Some("250 ok"),
                };
                is_message = (is_message || answer == Some("354 go on")) && line != ".\r\n";
                if let Some(answer) = answer {
                    connection.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
                }
                line.clear();
            }
        });
        url
    }

    async fn sent(answers: &'static [(&'static str, &'static str)]) -> Result<String, Refusal> {
        let (now, to) = (Timestamp::parse("2026-01-02T03:04:05Z").unwrap(), EmailAddress::parse("ann@b.c").unwrap());
        send_test(&options(&relay(answers).await), "Shop", None, &to, now).await
    }

    #[tokio::test]
    async fn it_says_what_the_relay_answered() {
        assert_eq!(sent(&[]).await.unwrap(), "250 2.0.0 queued as 7");
        for (answers, part) in [
            (&[("AUTH", "535 5.7.8 no")][..], "refused the user and the password (AUTH) with 535: 5.7.8 no. "),
            (&[("EHLO", "250 relay")], "no good answer to the user and the password (AUTH): "),
            (&[("MAIL", "553 5.7.1 not yours")], "refused the sender (MAIL FROM) with 553: 5.7.1 not yours. "),
            (&[("RCPT", "550 5.1.1 who?")], "refused the recipient (RCPT TO) with 550: 5.1.1 who?. "),
            (&[("DATA", "554 5.7.0 spam")], "refused a message (DATA) with 554: 5.7.0 spam. "),
        ] {
            let refusal = sent(answers).await.unwrap_err().to_string();
            assert!(refusal.contains(part) && !refusal.contains("hush"), "{refusal}");
        }
    }

    #[tokio::test]
    async fn a_relay_lets_us_in_or_not() {
        is_reachable(&options(&relay(&[]).await)).await.unwrap();
        let refusal = is_reachable(&options(&relay(&[("AUTH", "535 no")]).await)).await.unwrap_err().to_string();
        assert!(refusal.contains("with 535: no. See the user"), "{refusal}");
    }

    #[test]
    fn the_test_is_a_mail_like_others() {
        let now = Timestamp::parse("2026-01-02T03:04:05Z").unwrap();
        let (pages, to) = (PublicUrl::parse("https://example.com/notify").unwrap(), "Ann@example.com");
        let to = EmailAddress::parse(to).unwrap();
        let (envelope, message) = write(&options("smtp://relay"), "Shop", Some(&pages), &to, now).unwrap();
        assert_eq!(envelope.to(), ["Ann@example.com".parse().unwrap()]);
        let message = String::from_utf8(message).unwrap();
        for part in [
            "Subject: This is a test from Shop\r\n",
            "From: Shop <shop@example.com>\r\n",
            "Date: Fri, 02 Jan 2026 03:04:05 +0000\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "https://example.com/notify/",
        ] {
            assert!(message.contains(part), "{part} is not in {message}");
        }
    }

    #[test]
    fn a_refusal_says_step_code_words_and_what_to_do_in_one_line() {
        let relay = RelayUrl::parse("smtp://me:hush@relay:25").unwrap();
        let refused = |step, code, text: &str| {
            Refusal::of(&relay, &Reply::Refused { step, code, text: text.to_owned() }).to_string()
        };
        for (step, code, text, todo) in [
            (Step::Authenticating, 535, "5.7.8 No.\r\n\u{1b}[31mReally", "smtp-password-file"),
            (Step::Mail, 550, "not yours", "mail-from"),
            (Step::Mail, 530, "5.7.0 who are you?", "user and the password"),
            (Step::Recipient, 550, "5.1.1 unknown", "See the address"),
            (Step::Recipient, 451, "later", "try again"),
            (Step::Encrypting, 502, "no TLS", "?tls=off"),
        ] {
            let said = refused(step, code, text);
            assert!(said.contains(&code.to_string()) && said.contains(todo) && said.contains(&text[..3]), "{said}");
            assert!(!said.contains("hush") && !said.chars().any(char::is_control), "{said}");
        }
        assert_eq!(
            refused(Step::Recipient, 550, "5.1.1 unknown."),
            "smtp://relay:25 refused the recipient (RCPT TO) with 550: 5.1.1 unknown. See the address. A relay that takes \
             no address of other domains wants a user and a password in smtp."
        );
    }
}
