//! The channels, their lanes, and the deliveries that were given up.

use leptos::prelude::*;

use super::{
    CHANNELS, DeliveryItem, Older, WEBHOOKS,
    deliveries::list,
    parts::{Deed, Place, filled, link_button, mark},
    words::{self, Standing, Tone},
};
use crate::{
    app::words::{Desk, fill},
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
    let of = &place.of().channels;
    let (tone, summary) = match red {
        0 => (Tone::Good, of.nothing_to_do.to_owned()),
        many => (Tone::Bad, place.words.count(of.to_do, many as u64)),
    };
    let missing: Vec<_> = missing.iter().map(|channel| words::channel(place.of(), channel.channel)).collect();
    let missing = (!missing.is_empty())
        .then(|| view! { <p class="lead not-set-up">{fill(of.missing, &[&missing.join(", ")])}</p> });
    view! {
        <div class="desk-head">
            <h1>{place.words.language().pages.channels}</h1>
            {mark(tone, summary)}
        </div>
        <p class="lead">{of.lead}</p>
        {set_up.into_iter().map(|channel| one(channel, page, place)).collect_view()}
        {missing}
        {given_up(page, place)}
    }
}

fn one(channel: &ChannelView, page: &ChannelsPage, place: &Place) -> impl IntoView + use<> {
    let of = &place.of().channels;
    let name = words::channel(place.of(), channel.channel);
    let id = format!("channel-{}", channel.channel);
    let labelled = id.clone();
    let resume = channel.lanes.iter().any(|lane| lane.state == "paused").then(|| {
        let deed = Deed {
            action: place.at(CHANNELS),
            does: "resume",
            fields: vec![("channel", channel.channel.to_string())],
            word: of.resume,
            of: name.to_owned(),
            class: "plain",
        };
        deed.form()
    });
    let is_webhooks = channel.channel == Channel::Webhook;
    let lanes = if channel.lanes.is_empty() && !is_webhooks {
        view! { <div class="empty"><p>{of.no_lanes}</p></div> }.into_any()
    } else if channel.lanes.is_empty() {
        view! {
            <div class="empty">
                <p>{of.no_lanes_of_webhooks}</p>
                {link_button(place.at(WEBHOOKS), place.of().notification.see_webhooks)}
            </div>
        }
        .into_any()
    } else {
        table(&channel.lanes, id.clone(), page, place).into_any()
    };
    view! {
        <section class="desk-section" aria-labelledby=labelled>
            <div class="section-head">
                <h2 id=id>{if is_webhooks { place.words.language().pages.webhooks } else { name }}</h2>
                {resume}
            </div>
            {lanes}
        </section>
    }
}

/// The roles are explicit, because on a phone the rows are shown as blocks, and browsers then forget that they are a
/// table.
fn table(lanes: &[LaneView], name: String, page: &ChannelsPage, place: &Place) -> impl IntoView + use<> {
    let of = &place.of().channels;
    let head = [of.lane, of.state, of.waiting, of.oldest, of.in_flight];
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
    let (of, Standing { tone, word, why }) = (&place.of().channels, standing(lane, page, place));
    let name = match leads_to(lane, page) {
        Some(webhook) => {
            let href = format!("{}#w-{}", place.at(WEBHOOKS), webhook.id);
            view! { <a href=href><bdi class="mono">{webhook.url.clone()}</bdi></a> }.into_any()
        }
        None if lane.lane.starts_with("webhook:") => {
            view! { <bdi class="mono">{lane.lane.clone()}</bdi> {of.deleted} }.into_any()
        }
        None => named(place.of(), &lane.lane),
    };
    let until = lane
        .paused_until
        .map(|until| view! { <span class="until">{filled(of.until, vec![place.exactly(until).into_any()])}</span> });
    let oldest = match lane.oldest {
        Some(oldest) if lane.waiting > 0 => place.past(oldest).into_any(),
        _ => view! { <span class="nothing" aria-label=of.nothing>"–"</span> }.into_any(),
    };
    view! {
        <tr role="row" data-tone=tone.name()>
            <th role="rowheader" scope="row" class="lane-name">
                {name}
            </th>
            <td role="cell" class="lane-state">
                {mark(tone, word)} {until} {why.map(|why| view! { <p class="why"><bdi>{why}</bdi></p> })}
            </td>
            <td role="cell" class="tabular" data-label=of.waiting>{lane.waiting.to_string()}</td>
            <td role="cell" data-label=of.oldest>{oldest}</td>
            <td role="cell" class="tabular" data-label=of.in_flight>{lane.in_flight.to_string()}</td>
        </tr>
    }
}

/// The destination of a lane to users.
fn named(of: &'static Desk, lane: &str) -> AnyView {
    let mono = |text: &str| view! { <bdi class="mono">{text.to_owned()}</bdi> }.into_any();
    let (word, values) = match words::lane_parts(lane) {
        Some((Channel::Email, _)) => (of.channels.relay, Vec::new()),
        Some((Channel::Webpush, origin)) if !origin.is_empty() => match words::push_service(of, origin) {
            Some(browsers) => (of.channels.browsers, vec![mono(origin), browsers.into_any()]),
            None => return mono(origin),
        },
        Some((Channel::Fcm, project)) if !project.is_empty() => (of.channels.project, vec![mono(project)]),
        Some((Channel::Apns, rest)) => match rest.rsplit_once(':') {
            Some((team, environment)) => (of.channels.team, vec![mono(team), environment.to_owned().into_any()]),
            None => return mono(lane),
        },
        _ => return mono(lane),
    };
    filled(word, values).into_any()
}

fn standing(lane: &LaneView, page: &ChannelsPage, place: &Place) -> Standing {
    words::lane(place.of(), lane, leads_to(lane, page), place.now)
}

/// The webhook that a lane serves.
fn leads_to<'a>(lane: &LaneView, page: &'a ChannelsPage) -> Option<&'a WebhookView> {
    let id = WebhookId::parse(lane.lane.strip_prefix("webhook:")?).ok()?;
    page.webhooks.iter().find(|webhook| webhook.id == id)
}

fn given_up(page: &ChannelsPage, place: &Place) -> impl IntoView + use<> {
    let is_empty = page.dead.is_empty() && page.older.next.is_none() && !page.older.is_further_down;
    let of = &place.of().channels;
    let filter = (!page.webhooks.is_empty()).then(|| filter(page, place));
    let shown = if is_empty {
        let said = if page.is_skipped {
            of.nothing_skipped
        } else if page.only.is_some() {
            of.nothing_given_up_here
        } else {
            of.nothing_given_up
        };
        view! { <div class="empty"><p>{said}</p></div> }.into_any()
    } else {
        view! {
            {retry_all(page, place)}
            {list(&page.dead, true, CHANNELS, &page.older, place)}
        }
        .into_any()
    };
    let (heading, lead) = if page.is_skipped { (of.skipped, of.skipped_lead) } else { (of.given_up, of.given_up_lead) };
    view! {
        <section class="desk-section" aria-labelledby="deliveries">
            <h2 id="deliveries">{heading}</h2>
            <p class="lead">{lead}</p>
            {filter}
            {shown}
        </section>
    }
}

/// Chooses one webhook, or all.
fn filter(page: &ChannelsPage, place: &Place) -> impl IntoView + use<> {
    let of = &place.of().channels;
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
            <label for="state">{of.filter_what}</label>
            <select id="state" name="state">
                <option value="" selected=!page.is_skipped>
                    {of.filter_given_up}
                </option>
                <option value="skipped" selected=page.is_skipped>
                    {of.filter_skipped}
                </option>
            </select>
            <label for="webhook_id">{of.filter_of}</label>
            <select id="webhook_id" name="webhook_id">
                <option value="" selected=page.only.is_none()>
                    {of.filter_all}
                </option>
                {options.collect_view()}
            </select>
            <button type="submit" class="plain">
                {place.words.show}
            </button>
        </form>
    }
}

fn retry_all(page: &ChannelsPage, place: &Place) -> impl IntoView + use<> {
    let of = &place.of().channels;
    let (word, question) = match page.only {
        Some(_) => (of.retry_all_here, of.retry_all_here_question),
        None => (of.retry_all, of.retry_all_question),
    };
    let deed = Deed {
        action: place.at(CHANNELS) + &page.older.here,
        does: "retry-all",
        fields: {
            let only = page.only.map(|id| ("webhook_id", id.to_string()));
            let state = page.is_skipped.then(|| ("state", "skipped".to_owned()));
            only.into_iter().chain(state).collect()
        },
        word: of.send_all,
        of: String::new(),
        class: "primary",
    };
    view! { <div class="deeds">{deed.after(word, question)}</div> }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::app::words::Words;

    #[rstest]
    #[case("email", "the mail relay")]
    #[case("webpush:https://web.push.apple.com", "https://web.push.apple.com (Safari)")]
    #[case("webpush:https://push.example:8443", "https://push.example:8443")]
    #[case("fcm:my-project", "project my-project")]
    #[case("apns:TEAM123456:sandbox", "team TEAM123456, sandbox")]
    #[case("pigeon:<b>", "pigeon:&lt;b&gt;")]
    fn a_lane_is_named_by_what_it_leads_to(#[case] lane: &str, #[case] want: &str) {
        let html = Owner::new().with(|| named(Words::none().language().desk(), lane).to_html());
        let text = html.replace("<bdi class=\"mono\">", "").replace("</bdi>", "").replace("<!>", "");
        assert_eq!(text, want);
    }
}
