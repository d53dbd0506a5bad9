//! The address of the page, with its filter.

use serde::{Deserialize, Serialize};

use crate::app::{text::percent, words::Words};
use crate::model::{Filter, ListParams, UserId};

/// The filter in the address of the dashboard, as text that the server has not checked yet: a user may have typed it.
///
/// The address holds the whole filter, so that a link can be shared and the back button works.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Only this user's inbox.
    pub user_id: Option<String>,
    /// Only this kind.
    pub category: Option<String>,
    /// Only unread notifications.
    pub unread: bool,
    /// Only notifications with these words.
    pub q: Option<String>,
    /// Only notifications after this position: a page further down.
    pub before: Option<String>,
    /// Whether `user_id` is the only inbox that the viewer may see, so that no address names it.
    pub is_own: bool,
    /// The prefix of this server's paths for the browser: nothing, or a path such as `/notify`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub base: String,
}

impl Address {
    /// The path of the dashboard.
    pub const PATH: &'static str = "/api/ui-dashboard/notifications-dashboard-ui";

    /// Whether the inbox of this user is shown, alone or among all.
    #[must_use]
    pub fn shows(&self, user_id: &UserId) -> bool {
        self.user_id.as_deref().is_none_or(|shown| shown == user_id.as_str())
    }

    /// Reads a query, with or without its question mark. Empty values count as absent, because an
    /// empty field of a form is sent as one.
    #[must_use]
    pub fn parse(query: &str) -> Self {
        let mut address = Self::default();
        for (name, value) in percent::pairs(query).filter(|(_, value)| !value.is_empty()) {
            // U+0000 cannot stand in a document: the browser would drop it and read another address than the server
            // rendered. U+0001 can, and is as invalid.
            let value = value.replace('\0', "\u{1}");
            match name.as_str() {
                "user_id" => address.user_id = Some(value),
                "category" => address.category = Some(value),
                "unread" => address.unread = value == "true",
                "q" => address.q = Some(value),
                "before" => address.before = Some(value),
                _ => {}
            }
        }
        address
    }

    /// The URL of a path of the server, for the browser.
    #[must_use]
    pub fn at(&self, path: &str) -> String {
        self.base.clone() + path
    }

    /// The path and query of this address.
    #[must_use]
    pub fn href(&self) -> String {
        let mut href = self.at(Self::PATH);
        let mut separator = '?';
        let mut put = |name: &str, value: &str| {
            href.push(separator);
            href.push_str(name);
            href.push('=');
            href.push_str(&percent::encode(value));
            separator = '&';
        };
        if let Some(user_id) = self.asked_user_id() {
            put("user_id", user_id);
        }
        if let Some(category) = &self.category {
            put("category", category);
        }
        if self.unread {
            put("unread", "true");
        }
        if let Some(q) = &self.q {
            put("q", q);
        }
        if let Some(before) = &self.before {
            put("before", before);
        }
        href
    }

    /// The user id that the address has to name.
    #[must_use]
    pub fn asked_user_id(&self) -> Option<&str> {
        self.user_id.as_deref().filter(|_| !self.is_own)
    }

    /// The name of the inbox; nothing where all are shown.
    #[must_use]
    pub fn inbox_name(&self, words: &'static Words) -> Option<&str> {
        if self.is_own { Some(words.your_inbox) } else { self.user_id.as_deref() }
    }

    /// The same filter in the only inbox that the viewer may see.
    #[must_use]
    pub fn in_own_inbox(self, own: &str) -> Self {
        Self { user_id: Some(own.to_owned()), is_own: true, ..self }
    }

    /// The same inbox without a filter; from the newest on.
    #[must_use]
    pub fn of_everything(&self) -> Self {
        let (user_id, base) = (self.user_id.clone(), self.base.clone());
        Self { user_id, is_own: self.is_own, base, ..Self::default() }
    }

    /// The same filter in another inbox, or in all of them; from the newest on.
    #[must_use]
    pub fn of_user(&self, user_id: Option<&str>) -> Self {
        Self { user_id: user_id.map(str::to_owned), before: None, ..self.clone() }
    }

    /// The same inbox with only this kind, or all of them; from the newest on.
    #[must_use]
    pub fn of_category(&self, category: Option<&str>) -> Self {
        Self { category: category.map(str::to_owned), before: None, ..self.clone() }
    }

    /// The same inbox with or without read notifications; from the newest on.
    #[must_use]
    pub fn only_unread(&self, unread: bool) -> Self {
        Self { unread, before: None, ..self.clone() }
    }

    /// The same inbox with only notifications that have these words; from the newest on.
    #[must_use]
    pub fn search(&self, q: Option<&str>) -> Self {
        Self { q: q.map(str::to_owned), before: None, ..self.clone() }
    }

    /// The same filter, a page further down.
    #[must_use]
    pub fn from(&self, before: String) -> Self {
        Self { before: Some(before), ..self.clone() }
    }

    /// Whether it filters the list, apart from the inbox.
    #[must_use]
    pub fn narrows(&self) -> bool {
        self.category.is_some() || self.unread || self.q.is_some()
    }

    /// As the parameters of a list of at most `limit`.
    #[must_use]
    pub fn params(&self, limit: u16) -> ListParams {
        ListParams {
            user_id: self.user_id.clone(),
            limit: Some(limit.to_string()),
            category: self.category.clone(),
            unread: self.unread.then(|| "true".to_owned()),
            q: self.q.clone(),
            before: self.before.clone(),
        }
    }

    /// The filter, or nothing when a part of it is not valid.
    #[must_use]
    pub fn filter(&self) -> Option<Filter> {
        self.params(0).parse().ok().map(|(filter, _, _)| filter)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_empty_query_asks_for_everything() {
        assert_eq!(Address::parse(""), Address::default());
        assert_eq!(Address::default().href(), Address::PATH);
        let below = Address { base: "/notify".to_owned(), ..Address::parse("user_id=ann&unread=true") };
        assert_eq!(below.of_everything().href(), format!("/notify{}?user_id=ann", Address::PATH));
        assert_eq!(below.at("/login"), "/notify/login");
    }

    #[test]
    fn a_nul_stays_illegal_and_does_not_reach_the_document() {
        let address = Address::parse("?user_id=a%00b&category=%00");
        assert_eq!(address.user_id.as_deref(), Some("a\u{1}b"));
        assert!(address.params(50).parse().is_err());
    }

    #[test]
    fn empty_fields_of_a_form_count_as_absent() {
        assert_eq!(Address::parse("?user_id=&category=&unread=&before="), Address::default());
    }

    #[test]
    fn unknown_parameters_are_ignored() {
        let address = Address::parse("user_id=a%2Fb&unread=true&__err=x&utm=1");
        assert_eq!(address, Address { user_id: Some("a/b".to_owned()), unread: true, ..Address::default() });
    }

    #[test]
    fn another_filter_starts_from_the_newest() {
        let deep = Address { before: Some("12".to_owned()), ..Address::default() };
        assert_eq!(deep.of_user(Some("u")).before, None);
        assert_eq!(deep.of_category(Some("alert")).before, None);
        assert_eq!(deep.only_unread(true).before, None);
    }

    #[test]
    fn an_illegal_user_id_is_no_filter() {
        assert_eq!(Address { user_id: Some("a\tb".to_owned()), ..Address::default() }.filter(), None);
    }

    proptest! {
        #[test]
        fn an_address_survives_its_href(
            user_id in proptest::option::of("[^\\x00\n]+"), category in proptest::option::of("[^\\x00\n]+"),
            unread: bool, q in proptest::option::of("[^\\x00\n]+"),
            before in proptest::option::of("[0-9]{1,18}"),
        ) {
            let address = Address { user_id, category, unread, q, before, ..Address::default() };
            let href = address.href();
            let query = href.split_once('?').map_or("", |(_, query)| query);
            prop_assert_eq!(Address::parse(query), address);
        }
    }
}
