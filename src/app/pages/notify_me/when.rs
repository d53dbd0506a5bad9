//! When messages reach a user: quiet hours, and how mails are gathered.
//!
//! The style sheet hides fields that matter only with another choice; nothing needs a script.

use std::sync::LazyLock;

use chrono_tz::TZ_VARIANTS;
use leptos::prelude::*;

use super::{NotifyMePage, described, problem, typed::DAYS};
use crate::model::Way;

/// The first parts of the names of real time zones; the database has other names, for old programs.
const AREAS: [&str; 10] =
    ["Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"];

/// The zones to choose from. They are the same on every page, and need no escaping.
static ZONES: LazyLock<String> = LazyLock::new(|| {
    let is_city = |name: &str| name.split_once('/').is_some_and(|(area, _)| AREAS.contains(&area));
    let names = TZ_VARIANTS.iter().map(|zone| zone.name()).filter(|name| *name == "UTC" || is_city(name));
    names.fold(String::new(), |all, name| all + "<option value=\"" + name + "\">")
});

pub(super) fn show(page: &NotifyMePage) -> impl IntoView + use<> {
    let heading = if page.is_own { "When you are told" } else { "When they are told" };
    view! {
        <section class="desk-section" aria-labelledby="when">
            <h2 id="when">{heading}</h2>
            <div class="when-parts">
                {quiet_hours(page)}
                {page.is_set_up(Way::Email).then(|| digest(page))}
            </div>
            {zone(page)}
        </section>
    }
}

fn quiet_hours(page: &NotifyMePage) -> impl IntoView + use<> {
    let is_always = page.defaults.keys().any(|category| page.is_mandatory(category));
    let always = is_always.then_some(" What is always on comes at any hour.");
    let days = DAYS.map(|(name, label, _)| {
        let is_on = page.typed.days.iter().any(|day| day == name);
        view! {
            <label class="weekday">
                <input type="checkbox" name="days" value=name checked=is_on aria-describedby=described(page, "days", None) />
                <span aria-hidden="true">{&label[..3]}</span>
                <span class="hidden">{label}</span>
            </label>
        }
    });
    view! {
        <fieldset class="part" aria-describedby="quiet-hint">
            <legend>"Quiet hours"</legend>
            <label class="event-choice">
                <input type="checkbox" id="quiet" name="quiet" value="on" checked=page.typed.is_quiet />
                <span>"Hold back what comes in these hours"</span>
            </label>
            <div class="if-quiet">
                <div class="times">
                    {time(page, "from", "From", &page.typed.from)} {time(page, "to", "To", &page.typed.to)}
                </div>
                {problem(page, "from")} {problem(page, "to")}
                <fieldset class="days">
                    <legend>"Beginning on"</legend>
                    <div>{days.collect_view()}</div>
                    {problem(page, "days")}
                </fieldset>
            </div>
            <p class="hint" id="quiet-hint">
                "It is sent when they are over, unless it was read before." {always}
            </p>
        </fieldset>
    }
}

fn time(page: &NotifyMePage, name: &'static str, label: &'static str, value: &str) -> impl IntoView + use<> {
    let is_wrong = page.problem_of(name).is_some();
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <input
                id=name
                name=name
                type="time"
                placeholder="hh:mm"
                value=value.to_owned()
                autofocus=page.is_first_wrong(name)
                aria-invalid=is_wrong.then_some("true")
                aria-describedby=described(page, name, None)
            />
        </div>
    }
}

fn digest(page: &NotifyMePage) -> impl IntoView + use<> {
    let chosen = page.typed.digest.as_str();
    let choice = |value: &'static str, label: &'static str| {
        view! {
            <label class="event-choice">
                <input type="radio" name="digest" id=format!("digest-{value}") value=value checked=chosen == value />
                <span>{label}</span>
            </label>
        }
    };
    view! {
        <fieldset class="part" aria-describedby="digest-hint">
            <legend>"E-mail digest"</legend>
            {choice("off", "Off: an e-mail for each notification")}
            {choice("1h", "Every hour")}
            {choice("daily", "Every day")}
            <div class="if-daily">
                <div class="times">{time(page, "at", "At", &page.typed.at)}</div>
                {problem(page, "at")}
            </div>
            <p class="hint" id="digest-hint">
                "All that is on and has come by then is one e-mail, without what was read. What is sent if it is \
                 unread, and what is always on, comes by itself."
            </p>
        </fieldset>
    }
}

fn zone(page: &NotifyMePage) -> impl IntoView + use<> {
    let is_wrong = page.problem_of("zone").is_some();
    view! {
        <div class="field zone">
            <label for="zone">"Time zone"</label>
            <input
                id="zone"
                name="zone"
                type="text"
                list="zones"
                placeholder="Europe/Berlin"
                autocapitalize="none"
                autocomplete="off"
                spellcheck="false"
                value=page.typed.zone.clone()
                autofocus=page.is_first_wrong("zone")
                aria-invalid=is_wrong.then_some("true")
                aria-describedby=described(page, "zone", Some("zone-hint"))
            />
            <datalist id="zones" inner_html=ZONES.as_str()></datalist>
            {problem(page, "zone")}
            <p class="hint" id="zone-hint">
                "The times above are by the clock there."
            </p>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_those_of_cities_and_need_no_escaping() {
        assert!(
            ZONES.contains("\"Europe/Berlin\"") && ZONES.contains("\"UTC\"") && ZONES.contains("\"Asia/Calcutta\"")
        );
        assert!(!ZONES.contains("US/") && !ZONES.contains("Etc/") && !ZONES.contains('&'));
        assert!(ZONES.len() < 20_000, "{}", ZONES.len());
    }
}
