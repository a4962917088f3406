-- Calls whose score was worth a note; the number that called is the call's own, and is not written down again.
create table fraud_scores (
  call_id uuid primary key,
  at timestamptz not null,
  seller_id uuid not null,
  number_id uuid not null,
  trunk_id uuid not null,
  score double precision not null check (score between 0 and 1),
  action text not null check (action in ('allow', 'flag', 'review', 'block')),
  enforced boolean not null,
  model_score double precision,
  -- [{rule, score, text}], the strongest first.
  reasons jsonb not null,
  -- [{feature, value, contribution}], the largest first.
  contributions jsonb not null
);
create index fraud_scores_newest on fraud_scores (at desc, call_id desc);
create index fraud_scores_of_seller on fraud_scores (seller_id, at desc, call_id desc);

-- What is refused for some time.
create table fraud_blocks (
  id uuid primary key,
  account_id uuid not null references accounts,
  kind text not null check (kind in ('caller', 'block', 'number', 'trunk')),
  value text not null,
  until timestamptz not null,
  reason text not null,
  made_by text not null,
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index fraud_blocks_newest on fraud_blocks (created_at desc, id desc);
create index fraud_blocks_until on fraud_blocks (until);

-- What analysts say calls were: every word of theirs, the latest of a call counts.
create table fraud_feedback (
  id bigint generated always as identity primary key,
  call_id uuid not null,
  label text not null check (label in ('fraud', 'clean')),
  note text not null,
  by text not null,
  at timestamptz not null default now()
);
create index fraud_feedback_of_call on fraud_feedback (call_id, id desc);
