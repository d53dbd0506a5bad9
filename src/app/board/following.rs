//! How the board follows the server live: the stream for the inbox that is shown, and the reaction to its messages.

use leptos::prelude::*;

use super::{
    core::{Message as Happened, View},
    signals::Board,
};
use crate::app::{
    browser::desktop,
    live::{Kind, Line, Message, Page, Stream},
    text::percent,
};

impl Page for Board {
    fn stream(self) -> Option<Stream> {
        let address = self.address.read_untracked();
        address.params(0).parse().ok()?;
        // No user id contains a colon when it is percent-encoded.
        let name = address.user_id.as_deref().map_or_else(|| ":all".to_owned(), percent::encode);
        Some(Stream { name, heartbeat_ms: self.heartbeat_ms })
    }

    fn url(self) -> String {
        let location = window().location();
        let secure = location.protocol().is_ok_and(|protocol| protocol == "https:");
        let host = location.host().unwrap_or_default();
        let mut url = if secure { "wss://" } else { "ws://" }.to_owned() + &host + &self.at("/ws");
        if let Some(user_id) = &self.address.read_untracked().user_id {
            url.push('/');
            url.push_str(&percent::encode(user_id));
            if let Some(position) = self.position() {
                url.push_str("?since=");
                url.push_str(&position.to_string());
            }
        }
        url
    }

    fn position(self) -> Option<u64> {
        self.ask(View::position)
    }

    fn is_signed_out(self) -> bool {
        self.ask(View::is_signed_out)
    }

    fn set_live(self, is_live: bool) {
        self.send(Happened::Live(is_live));
    }

    fn refresh(self) {
        self.send(Happened::Refresh);
    }

    fn hear(self, message: Message, first_hand: bool) {
        if let (Kind::Created, Some(notification), true) = (message.kind, &message.notification, first_hand) {
            desktop::show(notification);
        }
        self.send(Happened::Heard(message));
    }
}

impl Board {
    /// Starts to listen. In the browser only.
    pub(crate) fn listen(self) -> Line<Self> {
        let line = Line::of(self);
        self.line.set_value(Some(line));
        line.follow();
        line
    }

    /// The live connection; `None` before a browser shows the page.
    pub(crate) fn line(self) -> Option<Line<Self>> {
        self.line.get_value()
    }
}
