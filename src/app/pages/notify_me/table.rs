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
            parts::mark,
            words::{self, Tone},
        },
    },
    model::{Category, Choice, Contact, ContactState, Delay, Way},
    server::delivery::{Because, Effect},
};

/// The waits on offer, in seconds.
const WAITS: [u64; 6] = [300, 600, 1_800, 3_600, 14_400, 86_400];
/// How many categories are named in an option.
const NAMED: usize = 2;

pub(super) fn show(page: &NotifyMePage) -> impl IntoView + use<> {
    let heads = Way::ALL.iter().map(|way| head(page, *way)).collect_view();
    let all = cells(page, None);
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
                {cells(page, Some(&category))}
            </tr>
        }
    });
    let rows = rows.collect_view();
    let heading = if page.is_own { "What you are told of" } else { "What they are told of" };
    view! {
        <section class="desk-section" aria-labelledby="what">
            <h2 id="what">{heading}</h2>
            <table class="choices" aria-labelledby="what">
                <thead>
                    <tr>
                        <th scope="col">"Category"</th>
                        {heads}
                    </tr>
                </thead>
                <tbody>
                    <tr class="every">
                        <th scope="row">"All categories"</th>
                        {all}
                    </tr>
                    {rows}
                    {page.may_change.then(|| new(page))}
                </tbody>
            </table>
            {problem(page, "new")}
            <p class="hint" id="new-hint">
                "A category that you add has its own row until both of its choices are as for all categories again."
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
fn head(page: &NotifyMePage, way: Way) -> impl IntoView + use<> {
    let (reached, tone) =
        if page.is_set_up(way) { whom(page, way) } else { ("Not set up on this server".to_owned(), Tone::Quiet) };
    view! {
        <th scope="col">
            {name(way)}
            <span class="whom" data-tone=tone.name()>
                <bdi>{reached}</bdi>
            </span>
        </th>
    }
}

fn name(way: Way) -> &'static str {
    match way {
        Way::Email => "E-mail",
        Way::Push => "Push",
    }
}

/// The contacts that a way reaches.
fn whom(page: &NotifyMePage, way: Way) -> (String, Tone) {
    let of_way = |contact: &&Contact| Way::of(contact.channel) == Some(way);
    let all: Vec<_> = page.contacts.iter().filter(of_way).collect();
    let active: Vec<_> = all.iter().filter(|contact| contact.state == ContactState::Active).collect();
    let (one, many) = match way {
        Way::Email => ("address", "addresses"),
        Way::Push => ("browser or device", "browsers and devices"),
    };
    match (active.as_slice(), all.is_empty()) {
        ([], true) => (format!("No {one} yet"), Tone::Bad),
        ([], false) => (format!("No {one} that works"), Tone::Bad),
        ([only], _) if way == Way::Email => (format!("to {}", only.address), Tone::Quiet),
        ([_], _) => (format!("to 1 {one}"), Tone::Quiet),
        (some, _) => (format!("to {} {many}", some.len()), Tone::Quiet),
    }
}

fn cells(page: &NotifyMePage, category: Option<&Category>) -> impl IntoView + use<> {
    Way::ALL.iter().map(|way| cell(page, category, *way)).collect_view()
}

fn cell(page: &NotifyMePage, category: Option<&Category>, way: Way) -> AnyView {
    if !page.is_set_up(way) {
        return not_set_up(way).into_any();
    }
    if category.is_some_and(|category| page.is_mandatory(category)) {
        return view! {
            <td data-label=name(way)>
                <div class="fixed">
                    {mark(Tone::Good, "Always on")} <p class="why">"The operator of this server requires it."</p>
                </div>
            </td>
        }
        .into_any();
    }
    let inherit = match category {
        None => by_default(page, way),
        Some(category) => page
            .inherited
            .get(category)
            .and_then(|effects| effects.get(&way))
            .map_or_else(|| "As for all categories".to_owned(), inherited),
    };
    let of = category.map_or("all categories", Category::as_str);
    let chosen = page.typed.choice(category, way);
    let value = |choice| cell_value(category, way, choice);
    view! {
        <td data-label=name(way)>
            <select name="choice" aria-label=format!("{}: {of}", name(way))>
                {options(&inherit, chosen, value)}
            </select>
        </td>
    }
    .into_any()
}

fn not_set_up(way: Way) -> impl IntoView {
    view! {
        <td data-label=name(way) class="no-way">
            <span aria-hidden="true">"–"</span>
            <span class="hidden">"Not set up"</span>
        </td>
    }
}

/// The options of a field.
fn options(inherit: &str, chosen: Option<Choice>, value: impl Fn(Option<Choice>) -> String) -> AnyView {
    let waits = WAITS.into_iter().filter_map(|seconds| Delay::parse(seconds).ok()).map(Choice::IfUnreadAfter);
    let mut all: Vec<_> = [Choice::On, Choice::Off].into_iter().chain(waits).collect();
    // Another program may have chosen a value that is not on offer.
    if let Some(chosen) = chosen.filter(|chosen| !all.contains(chosen)) {
        all.push(chosen);
        all.sort_by_key(|choice| if let Choice::IfUnreadAfter(delay) = choice { delay.as_seconds() } else { 0 });
    }
    let options = std::iter::once(None).chain(all.into_iter().map(Some)).map(|choice| {
        let said = choice.map_or_else(|| inherit.to_owned(), words::choice);
        view! { <option value=value(choice) selected=choice == chosen>{said}</option> }
    });
    options.collect_view().into_any()
}

/// The effective choices for all categories where nothing is chosen.
fn by_default(page: &NotifyMePage, way: Way) -> String {
    let effects = page.defaults.iter().filter_map(|(category, effects)| Some((category, effects.get(&way)?)));
    let (on, off): (Vec<_>, Vec<_>) = effects
        .filter(|(_, effect)| effect.because == Because::Default)
        .map(|(category, effect)| (category.as_str(), effect.value))
        .partition(|(_, value)| *value != Choice::Off);
    let said = match (on.len(), off.len()) {
        (_, 0) => "on".to_owned(),
        (0, _) => "off".to_owned(),
        (many, _) => {
            let names: Vec<_> = on.iter().take(NAMED).map(|(name, _)| *name).collect();
            let more = if many > NAMED { format!(" and {} more", many - NAMED) } else { String::new() };
            format!("on for {}{more}", names.join(", "))
        }
    };
    format!("By default ({said})")
}

/// The effective choice for a category where nothing is chosen for it.
fn inherited(effect: &Effect) -> String {
    let value = words::choice(effect.value);
    let value = value[..1].to_lowercase() + &value[1..];
    let by_default = if effect.because == Because::Default { ", by default" } else { "" };
    format!("As for all categories ({value}{by_default})")
}

/// The row that adds a category.
fn new(page: &NotifyMePage) -> impl IntoView + use<> {
    let row = &page.typed.new;
    let is_wrong = page.problem_of("new").is_some();
    let cells = Way::ALL.iter().map(|way| {
        if !page.is_set_up(*way) {
            return not_set_up(*way).into_any();
        }
        let field = format!("new-{way}");
        view! {
            <td data-label=name(*way)>
                <select name=field aria-label=format!("{}: the added category", name(*way))>
                    {options("As for all categories", row.of(*way), choice_value)}
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
                    "Add a category"
                </label>
                <input
                    id="new"
                    name="new"
                    type="text"
                    class="mono"
                    list="seen"
                    placeholder="Add a category"
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
    fn what_holds_is_said_in_words() {
        let effect = |value, because| inherited(&Effect { value, because });
        assert_eq!(effect(Choice::On, Because::Default), "As for all categories (on, by default)");
        assert_eq!(effect(Choice::Off, Because::Channel), "As for all categories (off)");
        let wait = Choice::IfUnreadAfter(Delay::parse(600).unwrap());
        assert_eq!(effect(wait, Because::Channel), "As for all categories (if unread after 10 min)");
    }
}
