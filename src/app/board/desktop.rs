//! Whether the desktop announces arrivals while the page is hidden.

use leptos::prelude::*;

use super::{core::Message, signals::Board};
use crate::app::browser::desktop;

impl Board {
    /// Turns the notifications of the desktop on or off.
    pub(crate) fn toggle_desktop(self) {
        if self.notifies.get_untracked() {
            desktop::turn_off();
            return self.notifies.set(false);
        }
        desktop::turn_on(self.words, move |turned| match turned {
            Ok(()) => {
                self.notifies.set(true);
                self.say(self.words.desktop_on);
            }
            Err(why) => self.send(Message::Toast(why.to_owned())),
        });
    }
}
