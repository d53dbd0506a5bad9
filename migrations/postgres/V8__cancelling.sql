-- Deliveries to contacts that are not over, to be cancelled when what they are about is read or gone. There is none of
-- those to webhooks in it: they are told of everything.
CREATE INDEX deliveries_to_contacts ON deliveries (user_id, notification_id)
    WHERE ended_at IS NULL AND channel <> 'webhook';
-- To forget a user, which is seldom, all deliveries are looked at; that needs no index, which every delivery paid for.
DROP INDEX deliveries_by_user;

-- Whether contacts of the user may want it too. Where no endpoint does, `data` is empty.
ALTER TABLE outbox ADD COLUMN to_contacts boolean NOT NULL DEFAULT false;

-- What is to be taken from the counts of a lane, for those who end deliveries while they hold an inbox: they wait for
-- no lane. The next claim takes it off.
CREATE TABLE lane_debts (
    lane    text   COLLATE "C" NOT NULL,
    waiting bigint NOT NULL,
    bytes   bigint NOT NULL
);
