-- Push contacts that are to go: those that are dead, and those of FCM that were not seen for long.
CREATE INDEX contacts_by_death ON contacts (since) WHERE state = 'dead' AND channel <> 'email';
CREATE INDEX contacts_by_silence ON contacts (last_seen_at) WHERE channel = 'fcm';
