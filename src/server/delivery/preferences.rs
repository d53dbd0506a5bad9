//! Preferences of users: what callers may read and change.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;
use serde_json::Value;
use tokio::time::sleep;

use super::{
    rules::{Effect, effective},
    running::Delivery,
    unsubscribe::{Ending, NoEnding},
};
use crate::{
    model::{Category, Channel, Choice, FieldError, Preferences, UserId, Way},
    server::{
        causes::with_causes,
        identity::{Principal, Scope},
        service::ServiceError,
        store::StoreError,
    },
};

/// How many held deliveries are updated in one step.
const STEP: usize = 500;
/// How often a change is tried when other changes interfere.
const TRIES: u32 = 16;
/// How much longer each further attempt waits.
const PAUSE: Duration = Duration::from_millis(3);

/// The preferences of a user, and the choices in force.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PreferencesView {
    /// The preferences of the user.
    pub preferences: Preferences,
    /// The choice in force for each way, and who made it, for the well-known categories and all others that the user or
    /// the operator names.
    pub effective: BTreeMap<Category, BTreeMap<Way, Effect>>,
}

impl Delivery {
    /// The preferences of a user, and the choices in force.
    ///
    /// # Errors
    /// When the caller may not see them.
    pub async fn preferences(&self, principal: &Principal, user_id: &UserId) -> Result<PreferencesView, ServiceError> {
        principal.may_in_either([Scope::Read, Scope::Contacts], Some(user_id))?;
        let (preferences, _) = self.0.stores.wishes.preferences(user_id).await?;
        Ok(self.view(preferences))
    }

    /// Changes the preferences of a user with a JSON merge patch (RFC 7396). The rules judge held deliveries again.
    ///
    /// # Errors
    /// When the caller may not, or the patch is invalid; then nothing is changed.
    pub async fn change_preferences(
        &self,
        principal: &Principal,
        user_id: &UserId,
        patch: &Value,
    ) -> Result<PreferencesView, ServiceError> {
        principal.may_in(Scope::Contacts, Some(user_id))?;
        self.change_wishes(user_id, |preferences| preferences.merge(patch)).await
    }

    /// The mails that a link turns off.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn ending(&self, token: &str) -> Result<Result<Ending, NoEnding>, StoreError> {
        self.0.policy.unsubscribe().read(token).await
    }

    /// Turns mails off, as a link in one of them asks.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn unsubscribe(&self, ending: &Ending) -> Result<(), ServiceError> {
        let end = |preferences: &Preferences| {
            let mut ended = preferences.clone();
            match &ending.category {
                Some(category) => {
                    let of_category = ended.categories.entry(category.clone()).or_default();
                    of_category.email = Some(Choice::Off);
                    // There is no room for another category, so all mails end, which is more than the user asked for
                    // and not less.
                    if ended.categories.len() > Preferences::MOST_CATEGORIES {
                        ended.categories.remove(category);
                        end_all(&mut ended);
                    }
                }
                None => end_all(&mut ended),
            }
            Ok(ended)
        };
        self.change_wishes(&ending.user_id, end).await.map(drop)
    }

    /// Whether a channel to users is set up.
    #[must_use]
    pub fn reaches_users(&self) -> bool {
        self.0.policy.reaches_contacts()
    }

    /// Whether the server pushes to browsers.
    #[must_use]
    pub fn reaches_browsers(&self) -> bool {
        self.0.policy.channel(Channel::Webpush).is_some()
    }

    /// The name of this server in messages.
    #[must_use]
    pub fn app_name(&self) -> &str {
        &self.0.app_name
    }

    /// Whether a category is mandatory.
    #[must_use]
    pub fn is_mandatory(&self, category: &Category) -> bool {
        self.0.policy.rules().mandatory.contains(category)
    }

    async fn change_wishes(
        &self,
        user_id: &UserId,
        change: impl Fn(&Preferences) -> Result<Preferences, Vec<FieldError>>,
    ) -> Result<PreferencesView, ServiceError> {
        let wishes = &self.0.stores.wishes;
        for tried in 0..TRIES {
            // Another change was faster.
            sleep(tried * PAUSE).await;
            let (old, version) = wishes.preferences(user_id).await?;
            let new = change(&old)?;
            if new == old {
                return Ok(self.view(old));
            }
            if wishes.set_preferences(user_id, &new, version).await? {
                self.judge_anew(user_id).await;
                return Ok(self.view(new));
            }
        }
        Err(StoreError::unavailable("others change these preferences all the time; try again").into())
    }

    /// Has the rules judge a user's held deliveries by the new preferences. If that fails, they are judged when they
    /// are due.
    async fn judge_anew(&self, user_id: &UserId) {
        loop {
            match self.0.stores.outbox.judge_anew(user_id, STEP, self.0.clock.now()).await {
                Ok(0) => return,
                Ok(judged) => {
                    self.0.wake.notify_one();
                    self.0.bus.hint();
                    if judged < STEP {
                        return;
                    }
                }
                Err(error) => {
                    tracing::warn!(
                        cause = with_causes(&error),
                        "held deliveries could not be updated; each follows the new preferences when it is due"
                    );
                    return;
                }
            }
        }
    }

    /// These preferences, and the choices that they result in.
    pub(in crate::server) fn view(&self, preferences: Preferences) -> PreferencesView {
        let policy = &self.0.policy;
        let effective = effective(&preferences, policy.rules(), |way| policy.goes(way));
        PreferencesView { preferences, effective }
    }
}

fn end_all(preferences: &mut Preferences) {
    preferences.channels.email = Some(Choice::Off);
    for choices in preferences.categories.values_mut() {
        choices.email = None;
    }
    preferences.categories.retain(|_, choices| !choices.is_empty());
}
