//! The keyboard shortcuts.

/// The action of a shortcut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// To the next row.
    Next,
    /// To the row before.
    Previous,
    /// Opens or closes a long text.
    Toggle,
    /// Marks the row as read, or as unread.
    Mark,
    /// Marks the row as unread.
    MarkUnread,
    /// Deletes the row.
    Delete,
    /// Selects the row, or does not any more.
    Select,
    /// Selects the rows from the one selected last to this one.
    SelectTo,
    /// Selects the next row too.
    SelectNext,
    /// Selects the row before too.
    SelectPrevious,
    /// Takes back the last action that can be undone.
    Undo,
    /// Marks the whole inbox as read.
    MarkAll,
    /// To the field that names the inbox.
    Filter,
    /// To the field with the words to search for.
    Search,
    /// To the composer.
    Compose,
    /// Shows the shortcuts.
    Help,
    /// Leaves the sheet or the field.
    Leave,
}

/// A key press.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Press<'a> {
    /// Its name, as in `KeyboardEvent.key`.
    pub(crate) key: &'a str,
    /// Whether Ctrl, Alt or the command key was held: those belong to the browser.
    pub(crate) has_modifier: bool,
    /// Whether Shift was held.
    pub(crate) has_shift: bool,
    /// Whether the focus is in a text field.
    pub(crate) is_typing: bool,
    /// Whether the focus is on a control that handles Enter itself, such as a link.
    pub(crate) is_on_control: bool,
}

/// The shortcuts for a viewer, as the help shows them: keys, their action, and whether they are single letters.
#[cfg(feature = "ssr")]
pub(crate) fn shortcuts(
    words: &crate::app::Words,
    viewer: &crate::app::page::Viewer,
) -> Vec<(Vec<String>, &'static str, bool)> {
    let of = &words.language().pages;
    let held = |modifier: &str, key: &str| modifier.to_owned() + " " + key;
    let shift = |key: &str| held(of.key_shift, key);
    let shortcut = |keys: &[&str], does: &'static str, is_letter: bool| {
        Some((keys.iter().map(|key| (*key).to_owned()).collect(), does, is_letter))
    };
    [
        shortcut(&["j", "↓"], of.next, true),
        shortcut(&["k", "↑"], of.previous, true),
        shortcut(&[of.key_enter], of.open_or_close, false),
        shortcut(&["x"], words.select, true),
        shortcut(&[&shift("X"), &shift("↓"), &shift("↑")], of.select_to, false),
        shortcut(&["e"], of.mark, true),
        shortcut(&["u"], words.mark_unread, true),
        shortcut(&["#", of.key_delete], words.delete, true),
        shortcut(&["z"], words.undo, true),
        shortcut(&[&shift("A")], of.mark_all, true),
        shortcut(&["/"], of.choose_inbox, true).filter(|_| viewer.own.is_none()),
        shortcut(&["s"], of.search, true),
        shortcut(&["n"], of.write, true).filter(|_| viewer.may_send),
        shortcut(&["?"], of.show_keys, true),
        shortcut(&[&held(of.key_ctrl, of.key_enter), &held("⌘", of.key_enter)], of.send_from_text, false)
            .filter(|_| viewer.may_send),
        shortcut(&["Esc"], of.leave, false),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The command of a key press. Single characters can be switched off (WCAG 2.1.4), and are never taken from a user who
/// types.
pub(crate) fn command(press: Press<'_>, letters: bool) -> Option<Command> {
    if press.has_modifier {
        return None;
    }
    if press.key == "Escape" {
        return Some(Command::Leave);
    }
    if press.is_typing {
        return None;
    }
    match press.key {
        "ArrowDown" if press.has_shift => Some(Command::SelectNext),
        "ArrowUp" if press.has_shift => Some(Command::SelectPrevious),
        "ArrowDown" => Some(Command::Next),
        "ArrowUp" => Some(Command::Previous),
        "Enter" => (!press.is_on_control).then_some(Command::Toggle),
        "Delete" => Some(Command::Delete),
        _ if !letters => None,
        "j" => Some(Command::Next),
        "k" => Some(Command::Previous),
        "x" => Some(Command::Select),
        // Not with Caps Lock alone.
        "X" if press.has_shift => Some(Command::SelectTo),
        "J" if press.has_shift => Some(Command::SelectNext),
        "K" if press.has_shift => Some(Command::SelectPrevious),
        "e" => Some(Command::Mark),
        "u" => Some(Command::MarkUnread),
        "#" => Some(Command::Delete),
        "z" => Some(Command::Undo),
        "A" => Some(Command::MarkAll),
        "/" => Some(Command::Filter),
        "s" => Some(Command::Search),
        "n" => Some(Command::Compose),
        "?" => Some(Command::Help),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn press(key: &str) -> Press<'_> {
        Press { key, has_modifier: false, has_shift: false, is_typing: false, is_on_control: false }
    }

    #[rstest]
    #[case("j", Some(Command::Next))]
    #[case("ArrowUp", Some(Command::Previous))]
    #[case("#", Some(Command::Delete))]
    #[case("A", Some(Command::MarkAll))]
    #[case("s", Some(Command::Search))]
    #[case("x", Some(Command::Select))]
    #[case("a", None)]
    #[case("Tab", None)]
    fn keys_do_what_the_help_says(#[case] key: &str, #[case] want: Option<Command>) {
        assert_eq!(command(press(key), true), want);
    }

    #[rstest]
    #[case("e")]
    #[case("#")]
    #[case("?")]
    #[case("Delete")]
    #[case("ArrowDown")]
    #[case("Enter")]
    fn keys_typed_into_a_field_are_not_shortcuts(#[case] key: &str) {
        assert_eq!(command(Press { is_typing: true, ..press(key) }, true), None);
    }

    #[test]
    fn single_characters_can_be_switched_off() {
        assert_eq!(command(press("e"), false), None);
        assert_eq!(command(press("?"), false), None);
        assert_eq!(command(press("ArrowDown"), false), Some(Command::Next));
        assert_eq!(command(press("Escape"), false), Some(Command::Leave));
    }

    #[test]
    fn a_key_with_a_modifier_is_left_to_the_browser() {
        assert_eq!(command(Press { has_modifier: true, ..press("j") }, true), None);
    }

    #[cfg(feature = "ssr")]
    #[test]
    fn shortcuts_that_a_user_cannot_use_are_not_listed() {
        use crate::app::{Words, page::Viewer};

        let user = Viewer { own: Some("ann".to_owned()), may_send: false, may_sign_out: true, name: None };
        let (all, kept) = (shortcuts(Words::none(), &Viewer::default()), shortcuts(Words::none(), &user));
        let left_out: Vec<_> = all.iter().filter(|it| !kept.contains(it)).map(|it| it.1).collect();
        assert_eq!(left_out, ["Choose an inbox", "Write a notification", "Send, from the text"]);
        assert_eq!(all.len(), 16);
    }

    #[test]
    fn with_shift_the_arrows_select() {
        let press = |key| command(Press { has_shift: true, ..press(key) }, false);
        assert_eq!([press("ArrowDown"), press("ArrowUp")], [Some(Command::SelectNext), Some(Command::SelectPrevious)]);
        assert_eq!(press("X"), None, "letters are switched off");
    }

    #[test]
    fn enter_on_a_link_follows_it() {
        assert_eq!(command(Press { is_on_control: true, ..press("Enter") }, true), None);
    }
}
