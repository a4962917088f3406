-- Who has listened to which call while it was up, and spoken in it.
create table call_monitorings (
  id uuid primary key,
  monitor_id uuid not null,
  call_id uuid not null,
  at timestamptz not null,
  event text not null check (event in ('started', 'joined', 'changed', 'ended')),
  mode text not null check (mode in ('listen', 'whisper', 'barge')),
  supervisor text not null,
  -- Why it ended; null before.
  reason text,
  -- Of the supervisor who has joined: enough for a BYE after a crash.
  dialog jsonb,
  -- Who asked for it; null: nobody.
  account_id uuid,
  user_id uuid,
  role text,
  source text
);
create index call_monitorings_of_call on call_monitorings (call_id, at);
create index call_monitorings_of_monitor on call_monitorings (monitor_id);
create unique index call_monitorings_ended on call_monitorings (monitor_id) where event = 'ended';
create trigger append_only before update or delete on call_monitorings
  for each row execute function refuse_change();
create trigger append_only_truncate before truncate on call_monitorings
  for each statement execute function refuse_change();
