//! A user's preferences: which notifications reach them outside of the inbox, by which way, and when.

mod here;
mod reached;
mod table;
mod typed;
mod when;

use std::collections::BTreeMap;

use leptos::prelude::*;

pub use self::{
    reached::contact_name,
    typed::{TypedRow, TypedWishes},
};
use super::{
    NOTIFY_ME,
    parts::{Place, filled, link_button},
};
use crate::{
    app::{
        text::{bidi::visible, percent::encode as percent_encoded},
        words::fill,
    },
    model::{Category, Contact, Preferences, Problem, UserId, Way},
    server::delivery::{Because, Effect},
};

/// The effective choice of some categories for each way.
pub type Effects = BTreeMap<Category, BTreeMap<Way, Effect>>;

/// The content of a user's page.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and none follows from another")]
pub struct NotifyMePage {
    /// The user.
    pub user_id: UserId,
    /// Whether the reader is that user.
    pub is_own: bool,
    /// Whether the reader may change the preferences.
    pub may_change: bool,
    /// Whether the reader may remove e-mail addresses.
    pub may_remove_addresses: bool,
    /// Whether the server pushes to browsers.
    pub reaches_browsers: bool,
    /// The user's preferences at the time when the form was made.
    pub was: Preferences,
    /// The content of the form: those preferences, or input that was refused.
    pub typed: TypedWishes,
    /// Why the input was refused.
    pub refused: Option<Problem>,
    /// The effective choices for each category where the user chose nothing for it.
    pub inherited: Effects,
    /// The effective choices where the user chose nothing at all.
    pub defaults: Effects,
    /// The categories in the inbox, to choose from.
    pub seen: Vec<Category>,
    /// The user's contacts.
    pub contacts: Vec<Contact>,
}

/// The page that asks for a user.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WhosePage {
    /// Input that is not a user id.
    pub typed: String,
    /// Why it is not.
    pub refused: Option<Problem>,
}

/// The path of a user's page; of one's own, without a name.
fn path(user_id: Option<&UserId>) -> String {
    match user_id {
        Some(user_id) => format!("{NOTIFY_ME}?user_id={}", percent_encoded(user_id.as_str())),
        None => NOTIFY_ME.to_owned(),
    }
}

impl NotifyMePage {
    /// The target of its forms.
    fn action(&self, place: &Place) -> String {
        place.at(&path((!self.is_own).then_some(&self.user_id)))
    }

    /// Whether the page can turn on push for this browser.
    pub(super) fn offers_push(&self) -> bool {
        self.reaches_browsers && self.may_change
    }

    /// Whether a way is set up on this server.
    fn is_set_up(&self, way: Way) -> bool {
        let mut effects = self.defaults.values().filter_map(|effects| effects.get(&way));
        effects.any(|effect| effect.because != Because::NotSetUp)
    }

    /// Whether the operator makes a category mandatory for the user.
    fn is_mandatory(&self, category: &Category) -> bool {
        let mut effects = self.defaults.get(category).into_iter().flat_map(BTreeMap::values);
        effects.any(|effect| effect.because == Because::Mandatory)
    }

    /// Whether a field was refused.
    fn is_wrong(&self, field: &str) -> bool {
        self.refused.as_ref().is_some_and(|problem| problem.field(field).is_some())
    }

    /// Whether this field is the first that was refused, and gets the focus.
    fn is_first_wrong(&self, field: &str) -> bool {
        let first = self.refused.as_ref().and_then(|problem| problem.errors.first());
        first.is_some_and(|error| error.field == field)
    }
}

/// The end of the id of a field's problem; it begins with the id of the field.
const PROBLEM: &str = "-problem";

fn problem(page: &NotifyMePage, field: &'static str, place: &Place) -> impl IntoView + use<> {
    let id = field.to_owned() + PROBLEM;
    let why = page.refused.as_ref().and_then(|problem| place.field(problem, field));
    why.map(|why| view! { <p class="problem" id=id>{why}</p> })
}

/// The ids of the elements that describe a field: its problem, if it was refused, and its hint.
fn described(page: &NotifyMePage, field: &str, hint: Option<&str>) -> Option<String> {
    let problem = page.is_wrong(field).then(|| field.to_owned() + PROBLEM);
    let all: Vec<_> = problem.into_iter().chain(hint.map(str::to_owned)).collect();
    (!all.is_empty()).then(|| all.join(" "))
}

pub(super) fn title(page: &NotifyMePage, place: &Place) -> String {
    if page.is_own {
        place.words.language().pages.notify_me.to_owned()
    } else {
        fill(place.of().wishes.notify, &[page.user_id.as_str()])
    }
}

pub(super) fn show(page: &NotifyMePage, place: &Place) -> impl IntoView + use<> {
    let of = &place.of().wishes;
    let heading = if page.is_own {
        place.words.language().pages.notify_me.into_any()
    } else {
        let user_id = visible(page.user_id.as_str());
        filled(of.notify, vec![view! { <bdi class="mono">{user_id}</bdi> }.into_any()]).into_any()
    };
    let lead = if page.is_own { of.lead } else { of.lead_of_user };
    let other = (!page.is_own).then(|| link_button(place.at(NOTIFY_ME), of.another_user));
    let is_anything = Way::ALL.iter().any(|way| page.is_set_up(*way));
    let form = if is_anything { form(page, place).into_any() } else { nothing(page, place).into_any() };
    view! {
        <div class="desk-head"><h1>{heading}</h1> {other}</div>
        <p class="lead">{lead}</p>
        {form}
        {reached::show(page, place)}
    }
}

fn form(page: &NotifyMePage, place: &Place) -> impl IntoView + use<> {
    let was = serde_json::to_string(&page.was).unwrap_or_default();
    // A problem that concerns no field stands above them.
    let has_field = |problem: &Problem| problem.errors.iter().any(|error| typed::FIELDS.contains(&&*error.field));
    let general = page.refused.as_ref().filter(|problem| !has_field(problem));
    let general = general.map(|problem| {
        view! {
            <p class="banner bad" role="alert">
                {place.detail(problem)}
            </p>
        }
    });
    let of = &place.of().wishes;
    let save = page.may_change.then(|| {
        view! {
            <div class="save">
                <button type="submit" class="primary" name="do" value="save">
                    {of.save}
                </button>
            </div>
        }
    });
    let only_read = (!page.may_change).then(|| view! { <p class="why">{of.read_only}</p> });
    view! {
        <form class="wishes" method="post" action=page.action(place) autocomplete="off">
            {general}
            {only_read}
            <input type="hidden" name="was" value=was />
            <fieldset class="all" disabled=!page.may_change>
                {table::show(page, place)}
                {when::show(page, place)}
            </fieldset>
            {save}
        </form>
    }
}

/// The sentence for a server that reaches no users.
fn nothing(page: &NotifyMePage, place: &Place) -> impl IntoView + use<> {
    let of = &place.of().wishes;
    let said = if page.is_own { of.nothing } else { of.nothing_of_user };
    view! {
        <div class="empty not-set-up">
            <p>{said}</p>
        </div>
    }
}

pub(super) fn ask_whose(page: &WhosePage, place: &Place) -> impl IntoView + use<> {
    let why = |problem| place.field(problem, "user_id").unwrap_or_else(|| place.detail(problem));
    let why = page.refused.as_ref().map(why);
    let (is_wrong, of) = (why.is_some(), &place.words.language().pages);
    view! {
        <h1>{of.notify_me}</h1>
        <p class="lead">{place.of().wishes.whose_lead}</p>
        <form class="whose" method="get" action=place.at(NOTIFY_ME)>
            <div class="field">
                <label for="user_id">{of.user_id}</label>
                <input
                    id="user_id"
                    name="user_id"
                    type="text"
                    class="mono"
                    required
                    autofocus=is_wrong
                    autocomplete="off"
                    autocapitalize="none"
                    spellcheck="false"
                    dir="auto"
                    placeholder="user_123"
                    value=page.typed.clone()
                    aria-invalid=is_wrong.then_some("true")
                    aria-describedby=is_wrong.then_some("user_id-problem")
                />
                {why.map(|why| view! { <p class="problem" id="user_id-problem">{why}</p> })}
            </div>
            <button type="submit" class="primary">
                {of.open}
            </button>
        </form>
    }
}
