//! When messages reach a user: quiet hours, and how mails are gathered.
//!
//! The style sheet hides fields that matter only with another choice; nothing needs a script.

use std::sync::LazyLock;

use chrono_tz::TZ_VARIANTS;
use leptos::prelude::*;

use super::{NotifyMePage, described, problem, typed::DAYS};
use crate::{app::pages::parts::Place, model::Way};

/// The first parts of the names of real time zones; the database has other names, for old programs.
const AREAS: [&str; 10] =
    ["Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"];

/// The zones to choose from. They are the same on every page, and need no escaping.
static ZONES: LazyLock<String> = LazyLock::new(|| {
    let is_city = |name: &str| name.split_once('/').is_some_and(|(area, _)| AREAS.contains(&area));
    let names = TZ_VARIANTS.iter().map(|zone| zone.name()).filter(|name| *name == "UTC" || is_city(name));
    names.fold(String::new(), |all, name| all + "<option value=\"" + name + "\">")
});

pub(super) fn show(page: &NotifyMePage, place: &Place) -> impl IntoView + use<> {
    let of = &place.of().wishes;
    let heading = if page.is_own { of.when } else { of.when_of_user };
    view! {
        <section class="desk-section" aria-labelledby="when">
            <h2 id="when">{heading}</h2>
            <div class="when-parts">
                {quiet_hours(page, place)}
                {page.is_set_up(Way::Email).then(|| digest(page, place))}
            </div>
            {zone(page, place)}
        </section>
    }
}

fn quiet_hours(page: &NotifyMePage, place: &Place) -> impl IntoView + use<> {
    let (words, of) = (place.words, &place.of().wishes);
    let is_always = page.defaults.keys().any(|category| page.is_mandatory(category));
    let always = is_always.then_some(of.quiet_always);
    let names = words.weekdays.split(' ').zip(words.weekdays_short.split(' '));
    let days = DAYS.iter().zip(names).map(|((name, _), (label, short))| {
        let is_on = page.typed.days.iter().any(|day| day == *name);
        view! {
            <label class="weekday">
                <input type="checkbox" name="days" value=*name checked=is_on aria-describedby=described(page, "days", None) />
                <span aria-hidden="true">{short}</span>
                <span class="hidden">{label}</span>
            </label>
        }
    });
    view! {
        <fieldset class="part" aria-describedby="quiet-hint">
            <legend>{of.quiet}</legend>
            <label class="event-choice">
                <input type="checkbox" id="quiet" name="quiet" value="on" checked=page.typed.is_quiet />
                <span>{of.quiet_on}</span>
            </label>
            <div class="if-quiet">
                <div class="times">
                    {time(page, "from", of.from, &page.typed.from)} {time(page, "to", of.to, &page.typed.to)}
                </div>
                {problem(page, "from", place)} {problem(page, "to", place)}
                <fieldset class="days">
                    <legend>{of.days}</legend>
                    <div>{days.collect_view()}</div>
                    {problem(page, "days", place)}
                </fieldset>
            </div>
            <p class="hint" id="quiet-hint">
                {of.quiet_hint} {always}
            </p>
        </fieldset>
    }
}

fn time(page: &NotifyMePage, name: &'static str, label: &'static str, value: &str) -> impl IntoView + use<> {
    let is_wrong = page.is_wrong(name);
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

fn digest(page: &NotifyMePage, place: &Place) -> impl IntoView + use<> {
    let of = &place.of().wishes;
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
            <legend>{of.digest}</legend>
            {choice("off", of.digest_off)}
            {choice("1h", of.digest_hourly)}
            {choice("daily", of.digest_daily)}
            <div class="if-daily">
                <div class="times">{time(page, "at", of.at, &page.typed.at)}</div>
                {problem(page, "at", place)}
            </div>
            <p class="hint" id="digest-hint">
                {of.digest_hint}
            </p>
        </fieldset>
    }
}

fn zone(page: &NotifyMePage, place: &Place) -> impl IntoView + use<> {
    let (is_wrong, of) = (page.is_wrong("zone"), &place.of().wishes);
    view! {
        <div class="field zone">
            <label for="zone">{of.zone}</label>
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
            {problem(page, "zone", place)}
            <p class="hint" id="zone-hint">
                {of.zone_hint}
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
