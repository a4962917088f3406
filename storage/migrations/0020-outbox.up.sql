-- What has been announced and is still to be published: a row a group commit, written in the transaction of its facts. Read in the
-- order of ids; the events of one call are in it, since what is written of a call is committed one after the other.
create table outbox (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  events integer not null check (events > 0),
  -- The events' JSON, a line each, compressed (zstd): they repeat one another.
  body bytea not null
);
alter table outbox alter body set storage external;

-- Events that could not be published, with the reason: for a person to look at, and to publish again.
create table outbox_dead_letters (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  event_id uuid,
  attempts integer not null,
  error text not null,
  -- Null when the row of the outbox itself could not be read: then `body` is that.
  event text,
  body bytea
);
