//! Settings at random: each input is accepted, or refused in one line.

use proptest::prelude::*;

use super::*;
use crate::{
    model::Timestamp,
    server::{clock::moved, limiter::Limiter},
};

/// A number at a bound, or any.
fn number() -> impl Strategy<Value = Option<u64>> {
    let edges = [0, 1, 2, 3_600, 8_192, 86_400, 1 << 31, u64::from(u32::MAX), i64::MAX as u64, u64::MAX];
    prop_oneof![
        3 => Just(None),
        2 => proptest::sample::select(edges.to_vec()).prop_map(Some),
        1 => any::<u64>().prop_map(Some)
    ]
}

fn count() -> impl Strategy<Value = Option<usize>> {
    number().prop_map(|number| number.map(|number| usize::try_from(number).unwrap_or(usize::MAX)))
}

fn text(pattern: &'static str) -> impl Strategy<Value = Option<String>> {
    prop_oneof![3 => Just(None), 2 => pattern.prop_map(Some), 1 => any::<String>().prop_map(Some)]
}

fn age() -> impl Strategy<Value = Option<String>> {
    text("[0-9]{1,11}[smhd]")
}

fn rate() -> impl Strategy<Value = Option<String>> {
    text("[0-9]{1,10}/[smh](:[0-9]{1,10})?|1/h:4294967295|off")
}

prop_compose! {
    fn input()(
        counts in [(); 7].map(|()| count()),
        numbers in [(); 6].map(|()| number()),
        ages in [(); 2].map(|()| age()),
        rates in [(); 6].map(|()| rate()),
        mails in [text("smtps?://.{0,20}"), text("[a-z <>@.]{0,20}")],
        app_name in text(".{0,70}"),
        urls in [text("postgres://.{0,20}"), text("nats://.{0,20}"), text("https?://.{0,20}")],
    ) -> SettingsInput {
        let [window, sqlite_queue, postgres_connections, batch_max, max_body_bytes, max_connections, max_streams] =
            counts;
        let [request_timeout, header_timeout, shutdown_timeout, heartbeat, stall_timeout, jwt_leeway] = numbers;
        let [max_age, session_lifetime] = ages;
        let [limit_key, limit_user, limit_address, limit_login, limit_recipient, limit_delivery] = rates;
        let [smtp, mail_from] = mails;
        let [store, bus, jwt_jwks] = urls;
        SettingsInput {
            window, sqlite_queue, postgres_connections, batch_max, max_body_bytes, max_connections, max_streams,
            request_timeout, header_timeout, shutdown_timeout, heartbeat, stall_timeout, jwt_leeway,
            max_age, session_lifetime, limit_key, limit_user, limit_address, limit_login, limit_recipient,
            limit_delivery, smtp, mail_from, app_name,
            store, bus, jwt_jwks, auth: Some(Switch::On), jwt_audience: Some(vec!["a".to_owned()]),
            max_header_bytes: window,
            ..SettingsInput::default()
        }
    }
}

proptest! {
    #[test]
    fn any_input_is_accepted_or_refused_in_one_line_without_overflow(input in input()) {
        match settle(&input) {
            Err(refused) => {
                let refused = format!("{refused:#}");
                prop_assert!(refused.lines().count() == 1 && refused.contains(':'), "{}", refused);
            }
            Ok(settings) => {
                let now = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
                let ages = [settings.max_age, settings.auth.as_ref().map(|auth| auth.session_lifetime)];
                for age in ages.into_iter().flatten() {
                    prop_assert!(moved(now, -age) < now && now < moved(now, age));
                }
                let limits = settings.auth.map(|auth| auth.limits);
                let rates = limits.map(|limits| [limits.key, limits.user, limits.address, limits.login]);
                for rate in rates.into_iter().flatten().flatten().chain(settings.limit_recipient).chain(settings.delivery.per_contact)
                {
                    prop_assert!(Limiter::new(rate).check(&"ann").is_ok());
                }
                let _ = std::time::Instant::now() + settings.http.request_timeout;
            }
        }
    }
}
