//! The viewer of the page, and what the page offers them. The service decides what they may really do.

use serde::{Deserialize, Serialize};

use super::address::Address;

/// The viewer of the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewer {
    /// The only inbox that they may see, for a user; nothing for viewers who may see all of them.
    pub own: Option<String>,
    /// Whether they may send.
    pub may_send: bool,
    /// Whether they are signed in, so that they can sign out.
    pub may_sign_out: bool,
    /// What they are called, where they are signed in and it is known.
    pub name: Option<String>,
}

impl Default for Viewer {
    /// The operator of a server without authentication.
    fn default() -> Self {
        Self { own: None, may_send: true, may_sign_out: false, name: None }
    }
}

impl Viewer {
    /// The address that they see: a user sees their own inbox, whichever the address names.
    #[must_use]
    pub fn narrow(&self, address: Address) -> Address {
        match &self.own {
            Some(own) => address.in_own_inbox(own),
            None => address,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::words::Words;

    fn user() -> Viewer {
        Viewer { own: Some("ann".to_owned()), may_send: false, may_sign_out: true, name: Some("ann".to_owned()) }
    }

    #[test]
    fn an_operator_goes_where_the_address_leads() {
        for query in ["", "user_id=bob&unread=true"] {
            assert_eq!(Viewer::default().narrow(Address::parse(query)), Address::parse(query));
        }
    }

    #[test]
    fn a_user_sees_the_own_inbox_whichever_is_asked_for() {
        for query in ["", "user_id=", "user_id=bob", "user_id=ann", "user_id=%00", "user_id=bob&user_id=carl"] {
            let address = user().narrow(Address::parse(query));
            assert_eq!(address.user_id.as_deref(), Some("ann"), "{query}");
            assert_eq!(address, user().narrow(Address::default()), "{query}");
        }
    }

    #[test]
    fn the_rest_of_the_filter_stays() {
        let address = user().narrow(Address::parse("user_id=bob&category=alert&unread=true&q=disk&before=7"));
        let filter = address.filter().unwrap();
        assert_eq!(filter.user_id.unwrap().as_str(), "ann");
        assert_eq!(filter.category.unwrap().as_str(), "alert");
        assert!(filter.unread);
        assert_eq!((address.q.as_deref(), address.before.as_deref()), (Some("disk"), Some("7")));
    }

    #[test]
    fn the_address_of_the_own_inbox_does_not_say_whose_it_is() {
        let address = user().narrow(Address::parse("user_id=bob&unread=true"));
        assert_eq!(address.href(), format!("{}?unread=true", Address::PATH));
        assert_eq!(address.only_unread(false).href(), Address::PATH);
        assert_eq!(address.of_category(Some("alert")).href(), format!("{}?category=alert&unread=true", Address::PATH));
        assert_eq!(user().narrow(Address::parse("unread=true")), address, "and leads there again");
    }

    #[test]
    fn the_own_inbox_is_called_so() {
        assert_eq!(user().narrow(Address::default()).inbox_name(Words::none()), Some("Your inbox"));
        assert_eq!(Address::parse("user_id=ann").inbox_name(Words::none()), Some("ann"));
        assert_eq!(Address::default().inbox_name(Words::none()), None);
    }
}
