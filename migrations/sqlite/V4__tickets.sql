-- A ticket ends with the session in which it was made, may be good for one inbox only, and may be used again.
ALTER TABLE grants ADD COLUMN session BLOB; -- the hash of that session
ALTER TABLE grants ADD COLUMN inbox TEXT; -- a user id
ALTER TABLE grants ADD COLUMN reusable INTEGER NOT NULL DEFAULT 0;
