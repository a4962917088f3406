-- What a number, a campaign or a target does with the audio of its calls; null: nothing.
alter table numbers add column audio jsonb;
alter table campaigns add column audio jsonb;
alter table targets add column audio jsonb;

-- A call's recording: the row stays when its file is gone, and says so.
create table recordings (
  call_id uuid primary key,
  name text not null,
  started_at timestamptz not null,
  duration_ms double precision not null default 0,
  bytes bigint not null default 0,
  state text not null check (state in ('recording', 'kept', 'interrupted', 'erased', 'lost')),
  -- What ended it, in the engine's word; null while it goes on.
  reason text,
  erased_at timestamptz
);
create index recordings_by_age on recordings (started_at) where state <> 'erased';
create index recordings_under_way on recordings (call_id) where state = 'recording';

-- Who has listened to which recording.
create table recording_accesses (
  id uuid primary key,
  call_id uuid not null,
  at timestamptz not null,
  account_id uuid not null,
  user_id uuid,
  role text not null,
  source text not null
);
create index recording_accesses_of_call on recording_accesses (call_id, at);
create trigger append_only before update or delete on recording_accesses
  for each row execute function refuse_change();
create trigger append_only_truncate before truncate on recording_accesses
  for each statement execute function refuse_change();
