-- A ticket ends with the session in which it was made, may be good for one inbox only, and may be used again.
ALTER TABLE grants ADD COLUMN session bytea; -- the hash of that session
ALTER TABLE grants ADD COLUMN inbox text; -- a user id
ALTER TABLE grants ADD COLUMN reusable boolean NOT NULL DEFAULT false;
