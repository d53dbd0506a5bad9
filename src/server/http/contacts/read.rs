//! Reads a contact from the body of a request.

use serde_json::value::RawValue;

use crate::{
    model::{
        Channel, Complaints, ContactAddress, ContactDraft, DeviceToken, EmailAddress, Environment, FcmKind, FcmToken,
        FieldError, Invalid, Label, Problem, SubscriptionKeys, Topic,
    },
    server::http::{
        body::JsonBody,
        json::{self, Fields, Unknown},
    },
};

/// The fields of every kind of contact.
const NAMES: [&str; 8] = ["channel", "label", "address", "subscription", "token", "kind", "topic", "environment"];
/// A body, for errors.
const EXAMPLE: &str = r#"{"channel": "email", "address": "ann@example.com"}"#;

/// A new contact.
///
/// `topic` is the app of an Apple device whose contact names none.
///
/// # Errors
/// 400 or 422, with each error at its field.
pub(super) fn draft(body: &JsonBody, topic: Option<&Topic>) -> Result<ContactDraft, Problem> {
    let mut complaints = Complaints::default();
    let [channel, label, own @ ..] = body.object(&NAMES, Unknown::Refused, EXAMPLE, &mut complaints)?;
    let channel = if present(channel).is_some() {
        optional("channel", channel, channel_of_users, &mut complaints)
    } else {
        let why = Invalid::new("This field is required: email, webpush, fcm or apns.");
        complaints.add(|| FieldError::new("channel", why));
        None
    };
    let label = optional("label", label, Label::parse, &mut complaints);
    let address = channel.and_then(|channel| address(channel, own, topic, &mut complaints));
    match address {
        Some(address) if complaints.is_empty() => Ok(ContactDraft { address, label }),
        _ => Err(Problem::invalid(complaints)),
    }
}

fn channel_of_users(text: &str) -> Result<Channel, Invalid> {
    let of_users = Channel::parse(text).ok().filter(|channel| *channel != Channel::Webhook);
    of_users.ok_or_else(|| Invalid::new("This must be email, webpush, fcm or apns."))
}

/// Reads the fields after the first two.
fn address(
    channel: Channel,
    own: Fields<'_, 6>,
    default_topic: Option<&Topic>,
    complaints: &mut Complaints,
) -> Option<ContactAddress> {
    let [address, subscription, token, kind, topic, environment] = own;
    let wanted: &[&str] = match channel {
        Channel::Email => &["address"],
        Channel::Webpush => &["subscription"],
        Channel::Fcm => &["token", "kind"],
        Channel::Apns => &["token", "topic", "environment"],
        Channel::Webhook => &[],
    };
    for (name, field) in NAMES[2..].iter().zip(own) {
        if present(field).is_some() && !wanted.contains(name) {
            let why = format!("A contact of the channel {channel} has no such field.");
            complaints.add(|| FieldError::new(*name, Invalid::new(why)));
        }
    }
    match channel {
        Channel::Email => {
            let address = required("address", address, EmailAddress::parse, complaints)?;
            Some(ContactAddress::Email { address })
        }
        Channel::Webpush => {
            let (endpoint, keys) = subscribed(subscription, complaints)?;
            Some(ContactAddress::Webpush { endpoint, keys })
        }
        Channel::Fcm => {
            let token = required("token", token, FcmToken::parse, complaints);
            let kind = optional("kind", kind, FcmKind::parse, complaints).unwrap_or(FcmKind::Token);
            Some(ContactAddress::Fcm { token: token?, kind })
        }
        Channel::Apns => {
            let token = required("token", token, DeviceToken::parse, complaints);
            let topic = app(topic, default_topic, complaints);
            let environment = optional("environment", environment, Environment::parse, complaints);
            let environment = environment.unwrap_or(Environment::Production);
            Some(ContactAddress::Apns { token: token?, topic: topic?, environment })
        }
        Channel::Webhook => None,
    }
}

/// The app of an Apple device, which may be the server's default.
fn app(topic: Option<&RawValue>, default: Option<&Topic>, complaints: &mut Complaints) -> Option<Topic> {
    if present(topic).is_some() {
        return optional("topic", topic, Topic::parse, complaints);
    }
    if default.is_none() {
        let why = "This must be the bundle id of the app, such as com.example.app. It may be left out where the server is \
                   started with apns-topic.";
        complaints.add(|| FieldError::new("topic", Invalid::new(why)));
    }
    default.cloned()
}

/// The result of `PushSubscription.toJSON()`. A browser may add to it, so unknown fields are skipped.
fn subscribed(subscription: Option<&RawValue>, complaints: &mut Complaints) -> Option<(String, SubscriptionKeys)> {
    const FIELDS: [&str; 3] = ["endpoint", "expirationTime", "keys"];
    const KEYS: [&str; 2] = ["p256dh", "auth"];
    let mut part = complaints.for_part();
    let fields = object("subscription", subscription, &FIELDS, &mut part, complaints);
    let [endpoint, expiration, keys] = fields?;
    let endpoint = required("endpoint", endpoint, |text| Ok(text.to_owned()), &mut part);
    if present(expiration).is_some_and(|expiration| json::kind(expiration) != "a number") {
        part.add(|| FieldError::new("expirationTime", Invalid::new("This must be a number or null.")));
    }
    let mut in_keys = part.for_part();
    let keys = object("keys", keys, &KEYS, &mut in_keys, &mut part).and_then(|[p256dh, auth]| {
        let p256dh = required("p256dh", p256dh, SubscriptionKeys::parse_p256dh, &mut in_keys);
        let auth = required("auth", auth, SubscriptionKeys::parse_auth, &mut in_keys);
        Some(SubscriptionKeys::new(p256dh?, auth?))
    });
    part.absorb("keys", in_keys);
    complaints.absorb("subscription", part);
    Some((endpoint?, keys?))
}

/// A field that has to be an object; errors inside it are reported there, and another type here.
fn object<'j, const N: usize>(
    name: &'static str,
    field: Option<&'j RawValue>,
    names: &'static [&'static str; N],
    inside: &mut Complaints,
    complaints: &mut Complaints,
) -> Option<Fields<'j, N>> {
    let why = match present(field) {
        None => "This field is required.".to_owned(),
        Some(field) if json::kind(field) != "an object" => {
            format!("This must be an object, not {}.", json::kind(field))
        }
        Some(field) => match json::object(field.get(), names, Unknown::Ignored, inside) {
            Ok(fields) => return Some(fields),
            // It was parsed once, so it is JSON, and an object: only a name can be wrong.
            Err(_) => {
                "A name in this object has half a character: one of \\ud800 to \\udfff without the other.".to_owned()
            }
        },
    };
    complaints.add(|| FieldError::new(name, Invalid::new(why)));
    None
}

/// A field that is present, and not `null`.
fn present(field: Option<&RawValue>) -> Option<&RawValue> {
    field.filter(|field| json::kind(field) != "null")
}

fn optional<T>(
    name: &'static str,
    field: Option<&RawValue>,
    parse: impl Fn(&str) -> Result<T, Invalid>,
    complaints: &mut Complaints,
) -> Option<T> {
    match json::text(field).and_then(|text| text.as_deref().map(parse).transpose()) {
        Ok(value) => value,
        Err(why) => {
            complaints.add(|| FieldError::new(name, why));
            None
        }
    }
}

fn required<T>(
    name: &'static str,
    field: Option<&RawValue>,
    parse: impl Fn(&str) -> Result<T, Invalid>,
    complaints: &mut Complaints,
) -> Option<T> {
    if present(field).is_none() {
        complaints.add(|| FieldError::new(name, Invalid::new("This field is required.")));
        return None;
    }
    optional(name, field, parse, complaints)
}
