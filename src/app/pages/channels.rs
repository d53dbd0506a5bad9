//! The channels, their lanes, and the deliveries that were given up.

use leptos::prelude::*;

use super::{
    CHANNELS, DeliveryItem, Older, WEBHOOKS,
    deliveries::list,
    parts::{Deed, Place, link_button, mark},
    words::{self, Standing, Tone},
};
use crate::{
    model::{Channel, WebhookId, WebhookView},
    server::delivery::{ChannelView, LaneView},
};

/// The content of the page of channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelsPage {
    /// All of them.
    pub channels: Vec<ChannelView>,
    /// All webhooks, to name lanes by.
    pub webhooks: Vec<WebhookView>,
    /// Deliveries that were given up, newest first.
    pub dead: Vec<DeliveryItem>,
    /// Whether the skipped deliveries are shown in place of those that were given up.
    pub is_skipped: bool,
    /// Only deliveries to this webhook.
    pub only: Option<WebhookId>,
    /// The link to older ones.
    pub older: Older,
}

pub(super) fn show(page: &ChannelsPage, place: &Place) -> impl IntoView + use<> {
    let (set_up, missing): (Vec<_>, Vec<_>) = page.channels.iter().partition(|channel| channel.state == "set_up");
    let lanes = set_up.iter().flat_map(|channel| &channel.lanes);
    let red = lanes.filter(|lane| standing(lane, page, place).tone == Tone::Bad).count();
    let (tone, summary) = match red {
        0 => (Tone::Good, "Nothing needs you".to_owned()),
        1 => (Tone::Bad, "One lane needs you".to_owned()),
        many => (Tone::Bad, format!("{many} lanes need you")),
    };
    let missing: Vec<_> = missing.iter().map(|channel| words::channel(channel.channel)).collect();
    let missing = (!missing.is_empty()).then(
        || view! { <p class="lead not-set-up">{format!("Not set up on this server: {}.", missing.join(", "))}</p> },
    );
    view! {
        <div class="desk-head">
            <h1>"Channels"</h1>
            {mark(tone, summary)}
        </div>
        <p class="lead">"The ways out of this server. What fails together is a lane, and has its own pauses."</p>
        {set_up.into_iter().map(|channel| one(channel, page, place)).collect_view()}
        {missing}
        {given_up(page, place)}
    }
}

fn one(channel: &ChannelView, page: &ChannelsPage, place: &Place) -> impl IntoView + use<> {
    let name = words::channel(channel.channel);
    let id = format!("channel-{}", channel.channel);
    let labelled = id.clone();
    let resume = channel.lanes.iter().any(|lane| lane.state == "paused").then(|| {
        let deed = Deed {
            action: place.at(CHANNELS),
            does: "resume",
            fields: vec![("channel", channel.channel.to_string())],
            word: "Resume all paused lanes",
            of: name.to_owned(),
            class: "plain",
        };
        deed.form()
    });
    let is_webhooks = channel.channel == Channel::Webhook;
    let lanes = if channel.lanes.is_empty() && !is_webhooks {
        view! { <div class="empty"><p>"No lanes yet: nothing was to be sent."</p></div> }.into_any()
    } else if channel.lanes.is_empty() {
        view! {
            <div class="empty">
                <p>"No lanes yet: nothing was to be sent. A webhook gets its lane with the first event."</p>
                {link_button(place.at(WEBHOOKS), "See the webhooks")}
            </div>
        }
        .into_any()
    } else {
        table(&channel.lanes, id.clone(), page, place).into_any()
    };
    view! {
        <section class="desk-section" aria-labelledby=labelled>
            <div class="section-head">
                <h2 id=id>{if is_webhooks { "Webhooks" } else { name }}</h2>
                {resume}
            </div>
            {lanes}
        </section>
    }
}

/// The roles are explicit, because on a phone the rows are shown as blocks, and browsers then forget that they are a
/// table.
fn table(lanes: &[LaneView], name: String, page: &ChannelsPage, place: &Place) -> impl IntoView + use<> {
    let head = ["Lane", "State", "Waiting", "Oldest", "In flight"];
    let head = head.map(|name| view! { <th role="columnheader" scope="col">{name}</th> }).into_iter().collect_view();
    let rows = lanes.iter().map(|lane| row(lane, page, place)).collect_view();
    view! {
        <table class="lanes" role="table" aria-labelledby=name>
            <thead role="rowgroup">
                <tr role="row">{head}</tr>
            </thead>
            <tbody role="rowgroup">{rows}</tbody>
        </table>
    }
}

fn row(lane: &LaneView, page: &ChannelsPage, place: &Place) -> impl IntoView + use<> {
    let Standing { tone, word, why } = standing(lane, page, place);
    let name = match leads_to(lane, page) {
        Some(webhook) => {
            let href = format!("{}#w-{}", place.at(WEBHOOKS), webhook.id);
            view! { <a href=href><bdi class="mono">{webhook.url.clone()}</bdi></a> }.into_any()
        }
        None if lane.lane.starts_with("webhook:") => {
            view! { <bdi class="mono">{lane.lane.clone()}</bdi> " (deleted)" }.into_any()
        }
        None => named(&lane.lane).into_any(),
    };
    let until = lane.paused_until.map(|until| view! { <span class="until">" until " {place.exactly(until)}</span> });
    let oldest = match lane.oldest {
        Some(oldest) if lane.waiting > 0 => place.past(oldest).into_any(),
        _ => view! { <span class="nothing" aria-label="none">"–"</span> }.into_any(),
    };
    view! {
        <tr role="row" data-tone=tone.name()>
            <th role="rowheader" scope="row" class="lane-name">
                {name}
            </th>
            <td role="cell" class="lane-state">
                {mark(tone, word)} {until} {why.map(|why| view! { <p class="why"><bdi>{why}</bdi></p> })}
            </td>
            <td role="cell" class="tabular" data-label="Waiting">{lane.waiting.to_string()}</td>
            <td role="cell" data-label="Oldest">{oldest}</td>
            <td role="cell" class="tabular" data-label="In flight">{lane.in_flight.to_string()}</td>
        </tr>
    }
}

/// The destination of a lane to users.
fn named(lane: &str) -> AnyView {
    let mono = |text: &str| view! { <bdi class="mono">{text.to_owned()}</bdi> };
    let (before, name, after) = match words::lane_parts(lane) {
        Some((Channel::Email, _)) => return "the mail relay".into_any(),
        Some((Channel::Webpush, origin)) if !origin.is_empty() => {
            (None, origin, words::push_service(origin).map(|browsers| format!(" ({browsers})")))
        }
        Some((Channel::Fcm, project)) if !project.is_empty() => (Some("project "), project, None),
        Some((Channel::Apns, rest)) => match rest.rsplit_once(':') {
            Some((team, environment)) => (Some("team "), team, Some(format!(", {environment}"))),
            None => (None, lane, None),
        },
        _ => (None, lane, None),
    };
    view! { {before} {mono(name)} {after} }.into_any()
}

fn standing(lane: &LaneView, page: &ChannelsPage, place: &Place) -> Standing {
    words::lane(lane, leads_to(lane, page), place.now)
}

/// The webhook that a lane serves.
fn leads_to<'a>(lane: &LaneView, page: &'a ChannelsPage) -> Option<&'a WebhookView> {
    let id = WebhookId::parse(lane.lane.strip_prefix("webhook:")?).ok()?;
    page.webhooks.iter().find(|webhook| webhook.id == id)
}

fn given_up(page: &ChannelsPage, place: &Place) -> impl IntoView + use<> {
    let is_empty = page.dead.is_empty() && page.older.next.is_none() && !page.older.is_further_down;
    let filter = (!page.webhooks.is_empty()).then(|| filter(page, place));
    let shown = if is_empty {
        let said = if page.is_skipped {
            "Nothing was skipped. What would have gone to a disabled webhook stands here, to be sent when it is enabled."
        } else if page.only.is_some() {
            "Nothing to this webhook was given up."
        } else {
            "Nothing was given up. What cannot be delivered with all its attempts will stand here, to be sent again."
        };
        view! { <div class="empty"><p>{said}</p></div> }.into_any()
    } else {
        view! {
            {retry_all(page, place)}
            {list(&page.dead, true, CHANNELS, &page.older, place)}
        }
        .into_any()
    };
    view! {
        <section class="desk-section" aria-labelledby="deliveries">
            <h2 id="deliveries">{if page.is_skipped { "Skipped" } else { "Given up" }}</h2>
            <p class="lead">
                {if page.is_skipped {
                    "Deliveries that were not tried, each with its reason. What they tell of is in the inbox."
                } else {
                    "Deliveries that are not tried any more. What they tell of is in the inbox."
                }}
            </p>
            {filter}
            {shown}
        </section>
    }
}

/// Chooses one webhook, or all.
fn filter(page: &ChannelsPage, place: &Place) -> impl IntoView + use<> {
    let options = page.webhooks.iter().map(|webhook| {
        let is_chosen = page.only == Some(webhook.id);
        view! {
            <option value=webhook.id.to_string() selected=is_chosen>
                {webhook.url.clone()}
            </option>
        }
    });
    view! {
        <form class="filter" method="get" action=place.at(CHANNELS) + "#deliveries">
            <label for="state">"What was"</label>
            <select id="state" name="state">
                <option value="" selected=!page.is_skipped>
                    "given up"
                </option>
                <option value="skipped" selected=page.is_skipped>
                    "skipped"
                </option>
            </select>
            <label for="webhook_id">"of"</label>
            <select id="webhook_id" name="webhook_id">
                <option value="" selected=page.only.is_none()>
                    "all channels"
                </option>
                {options.collect_view()}
            </select>
            <button type="submit" class="plain">
                "Show"
            </button>
        </form>
    }
}

fn retry_all(page: &ChannelsPage, place: &Place) -> impl IntoView + use<> {
    let (word, question) = match page.only {
        Some(_) => ("Retry all of this webhook…", "All of it to this webhook is sent again, older ones too."),
        None => ("Retry all…", "All of it is sent again, older ones too, but not to webhooks that are disabled."),
    };
    let deed = Deed {
        action: place.at(CHANNELS) + &page.older.here,
        does: "retry-all",
        fields: {
            let only = page.only.map(|id| ("webhook_id", id.to_string()));
            let state = page.is_skipped.then(|| ("state", "skipped".to_owned()));
            only.into_iter().chain(state).collect()
        },
        word: "Send all again",
        of: String::new(),
        class: "primary",
    };
    view! { <div class="deeds">{deed.after(word, question)}</div> }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("email", "the mail relay")]
    #[case("webpush:https://web.push.apple.com", "https://web.push.apple.com (Safari)")]
    #[case("webpush:https://push.example:8443", "https://push.example:8443")]
    #[case("fcm:my-project", "project my-project")]
    #[case("apns:TEAM123456:sandbox", "team TEAM123456, sandbox")]
    #[case("pigeon:<b>", "pigeon:&lt;b&gt;")]
    fn a_lane_is_named_by_what_it_leads_to(#[case] lane: &str, #[case] want: &str) {
        let html = Owner::new().with(|| named(lane).to_html());
        let text = html.replace("<bdi class=\"mono\">", "").replace("</bdi>", "").replace("<!>", "");
        assert_eq!(text, want);
    }
}
