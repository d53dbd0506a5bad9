//! The table of preferences: a row for each category, a column for each way.

use leptos::prelude::*;

use super::{
    NotifyMePage, described, problem,
    typed::{cell_value, choice_value},
};
use crate::{
    app::{
        components::icons::{self, Icon},
        pages::{
            parts::{Place, mark},
            words::{self, Tone},
        },
        words::{Desk, Words, fill},
    },
    model::{Category, Choice, Contact, ContactState, Delay, Way},
    server::delivery::{Because, Effect},
};

/// The waits on offer, in seconds.
const WAITS: [u64; 6] = [300, 600, 1_800, 3_600, 14_400, 86_400];
/// How many categories are named in an option.
const NAMED: usize = 2;

pub(super) fn show(page: &NotifyMePage, place: &Place) -> impl IntoView + use<> {
    let (words, of) = (place.words, &place.of().wishes);
    let heads = Way::ALL.iter().map(|way| head(page, *way, place)).collect_view();
    let all = cells(page, None, place);
    let rows = categories(page).into_iter().map(|category| {
        let name = category.as_str().to_owned();
        view! {
            <tr data-kind=name.clone()>
                <th scope="row">
                    <span class="kind">
                        <Icon of=icons::of_category(&name) />
                        {name.clone()}
                    </span>
                </th>
                {cells(page, Some(&category), place)}
            </tr>
        }
    });
    let rows = rows.collect_view();
    let heading = if page.is_own { of.what } else { of.what_of_user };
    view! {
        <section class="desk-section" aria-labelledby="what">
            <h2 id="what">{heading}</h2>
            <table class="choices" aria-labelledby="what">
                <thead>
                    <tr>
                        <th scope="col">{words.category}</th>
                        {heads}
                    </tr>
                </thead>
                <tbody>
                    <tr class="every">
                        <th scope="row">{words.all_categories}</th>
                        {all}
                    </tr>
                    {rows}
                    {page.may_change.then(|| new(page, place))}
                </tbody>
            </table>
            {problem(page, "new", place)}
            <p class="hint" id="new-hint">
                {of.new_hint}
            </p>
        </section>
    }
}

/// The well-known categories first, then all others by name.
fn categories(page: &NotifyMePage) -> Vec<Category> {
    let known = Category::WELL_KNOWN.into_iter().filter_map(|name| Category::parse(name).ok());
    let others = page.inherited.keys().filter(|name| !Category::WELL_KNOWN.contains(&name.as_str()));
    known.chain(others.cloned()).collect()
}

/// The head of a column: a way, and the contacts that it reaches.
fn head(page: &NotifyMePage, way: Way, place: &Place) -> impl IntoView + use<> {
    let (reached, tone) = if page.is_set_up(way) {
        whom(page, way, place)
    } else {
        (place.of().wishes.not_set_up.to_owned(), Tone::Quiet)
    };
    view! {
        <th scope="col">
            {name(way, place)}
            <span class="whom" data-tone=tone.name()>
                <bdi>{reached}</bdi>
            </span>
        </th>
    }
}

fn name(way: Way, place: &Place) -> &'static str {
    match way {
        Way::Email => place.of().states.email,
        Way::Push => place.of().wishes.push,
    }
}

/// The contacts that a way reaches.
fn whom(page: &NotifyMePage, way: Way, place: &Place) -> (String, Tone) {
    let (words, of) = (place.words, &place.of().wishes);
    let of_way = |contact: &&Contact| Way::of(contact.channel) == Some(way);
    let all: Vec<_> = page.contacts.iter().filter(of_way).collect();
    let active: Vec<_> = all.iter().filter(|contact| contact.state == ContactState::Active).collect();
    let (none, none_works, some) = match way {
        Way::Email => (of.no_address_yet, of.no_address_works, of.to_addresses),
        Way::Push => (of.no_device_yet, of.no_device_works, of.to_devices),
    };
    match (active.as_slice(), all.is_empty()) {
        ([], true) => (none.to_owned(), Tone::Bad),
        ([], false) => (none_works.to_owned(), Tone::Bad),
        ([only], _) if way == Way::Email => (fill(of.to_address, &[&only.address]), Tone::Quiet),
        (many, _) => (words.count(some, many.len() as u64), Tone::Quiet),
    }
}

fn cells(page: &NotifyMePage, category: Option<&Category>, place: &Place) -> impl IntoView + use<> {
    Way::ALL.iter().map(|way| cell(page, category, *way, place)).collect_view()
}

fn cell(page: &NotifyMePage, category: Option<&Category>, way: Way, place: &Place) -> AnyView {
    let (of, way_name) = (&place.of().wishes, name(way, place));
    if !page.is_set_up(way) {
        return not_set_up(way, place).into_any();
    }
    if category.is_some_and(|category| page.is_mandatory(category)) {
        return view! {
            <td data-label=way_name>
                <div class="fixed">
                    {mark(Tone::Good, of.always_on)} <p class="why">{of.mandatory}</p>
                </div>
            </td>
        }
        .into_any();
    }
    let inherit = match category {
        None => by_default(page, way, place),
        Some(category) => page
            .inherited
            .get(category)
            .and_then(|effects| effects.get(&way))
            .map_or_else(|| of.as_for_all.to_owned(), |effect| inherited(effect, place.words)),
    };
    let whose = category.map_or(of.of_all, Category::as_str);
    let chosen = page.typed.choice(category, way);
    let value = |choice| cell_value(category, way, choice);
    view! {
        <td data-label=way_name>
            <select name="choice" aria-label=format!("{way_name}: {whose}")>
                {options(&inherit, chosen, value, place)}
            </select>
        </td>
    }
    .into_any()
}

fn not_set_up(way: Way, place: &Place) -> impl IntoView + use<> {
    view! {
        <td data-label=name(way, place) class="no-way">
            <span aria-hidden="true">"–"</span>
            <span class="hidden">{place.of().wishes.not_set_up_short}</span>
        </td>
    }
}

/// The options of a field.
fn options(inherit: &str, chosen: Option<Choice>, value: impl Fn(Option<Choice>) -> String, place: &Place) -> AnyView {
    let waits = WAITS.into_iter().filter_map(|seconds| Delay::parse(seconds).ok()).map(Choice::IfUnreadAfter);
    let mut all: Vec<_> = [Choice::On, Choice::Off].into_iter().chain(waits).collect();
    // Another program may have chosen a value that is not on offer.
    if let Some(chosen) = chosen.filter(|chosen| !all.contains(chosen)) {
        all.push(chosen);
        all.sort_by_key(|choice| if let Choice::IfUnreadAfter(delay) = choice { delay.as_seconds() } else { 0 });
    }
    let options = std::iter::once(None).chain(all.into_iter().map(Some)).map(|choice| {
        let said = choice.map_or_else(|| inherit.to_owned(), |choice| words::choice(place.words, choice));
        view! { <option value=value(choice) selected=choice == chosen>{said}</option> }
    });
    options.collect_view().into_any()
}

/// The effective choices for all categories where nothing is chosen.
fn by_default(page: &NotifyMePage, way: Way, place: &Place) -> String {
    let Desk { wishes: of, states, .. } = place.of();
    let effects = page.defaults.iter().filter_map(|(category, effects)| Some((category, effects.get(&way)?)));
    let (on, off): (Vec<_>, Vec<_>) = effects
        .filter(|(_, effect)| effect.because == Because::Default)
        .map(|(category, effect)| (category.as_str(), effect.value))
        .partition(|(_, value)| *value != Choice::Off);
    let said = match (on.len(), off.len()) {
        (_, 0) => states.is_on.to_owned(),
        (0, _) => states.is_off.to_owned(),
        (many, _) => {
            let names: Vec<_> = on.iter().take(NAMED).map(|(name, _)| *name).collect();
            let (names, more) = (names.join(", "), many.saturating_sub(NAMED));
            if more > 0 { fill(of.on_for_more, &[&names, &more.to_string()]) } else { fill(of.on_for, &[&names]) }
        }
    };
    fill(of.by_default, &[&said])
}

/// The effective choice for a category where nothing is chosen for it.
fn inherited(effect: &Effect, words: &'static Words) -> String {
    let of = &words.language().desk().wishes;
    let is_default = effect.because == Because::Default;
    let word = if is_default { of.as_for_all_by_default } else { of.as_for_all_is };
    fill(word, &[&words::choice_within(words, effect.value)])
}

/// The row that adds a category.
fn new(page: &NotifyMePage, place: &Place) -> impl IntoView + use<> {
    let (row, of) = (&page.typed.new, &place.of().wishes);
    let is_wrong = page.is_wrong("new");
    let cells = Way::ALL.iter().map(|way| {
        if !page.is_set_up(*way) {
            return not_set_up(*way, place).into_any();
        }
        let (field, way_name) = (format!("new-{way}"), name(*way, place));
        view! {
            <td data-label=way_name>
                <select name=field aria-label=format!("{way_name}: {}", of.of_added)>
                    {options(of.as_for_all, row.of(*way), choice_value, place)}
                </select>
            </td>
        }
        .into_any()
    });
    let cells = cells.collect_view();
    let seen = page.seen.iter().filter(|category| !page.inherited.contains_key(*category));
    let seen = seen.map(|category| view! { <option value=category.as_str().to_owned()></option> }).collect_view();
    view! {
        <tr class="new">
            <th scope="row">
                <label for="new" class="hidden">
                    {of.add_category}
                </label>
                <input
                    id="new"
                    name="new"
                    type="text"
                    class="mono"
                    list="seen"
                    placeholder=of.add_category
                    maxlength=Category::MAX_CHARS.to_string()
                    autocapitalize="none"
                    autocomplete="off"
                    spellcheck="false"
                    value=row.category.clone()
                    autofocus=page.is_first_wrong("new")
                    aria-invalid=is_wrong.then_some("true")
                    aria-describedby=described(page, "new", Some("new-hint"))
                />
                <datalist id="seen">{seen}</datalist>
            </th>
            {cells}
        </tr>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inherited_choice_is_described_in_words() {
        let effect = |value, because| inherited(&Effect { value, because }, Words::none());
        assert_eq!(effect(Choice::On, Because::Default), "As for all categories (on, by default)");
        assert_eq!(effect(Choice::Off, Because::Channel), "As for all categories (off)");
        let wait = Choice::IfUnreadAfter(Delay::parse(600).unwrap());
        assert_eq!(effect(wait, Because::Channel), "As for all categories (if unread after 10 min)");
    }
}
