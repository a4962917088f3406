-- A buyer's claim that a call was not worth its price. What comes of it moves money by a posting of its own, a correction:
-- the call's posting stays as it is.
create table disputes (
  id uuid primary key,
  call_id uuid not null,
  buyer_id uuid not null references accounts,
  seller_id uuid not null references accounts,
  currency text not null,
  charged_micros bigint not null check (charged_micros > 0),
  paid_micros bigint not null check (paid_micros between 0 and charged_micros),
  reason text not null,
  note text not null,
  state text not null check (state in ('open', 'accepted', 'rejected', 'withdrawn')),
  opened_at timestamptz not null,
  decided_at timestamptz,
  decision text,
  credit_micros bigint not null default 0 check (credit_micros between 0 and charged_micros),
  clawback_micros bigint not null default 0 check (clawback_micros between 0 and credit_micros),
  posting_id uuid references ledger_postings,
  check ((state = 'open') = (decided_at is null)),
  -- Credited and posted, or neither: an accepted dispute without its money cannot be written.
  check ((state = 'accepted') = (posting_id is not null)),
  check ((state = 'accepted') = (credit_micros > 0))
);
-- One claim of a call: a withdrawn one may be made again.
create unique index disputes_call_key on disputes (call_id) where state <> 'withdrawn';
create index disputes_of_buyer on disputes (buyer_id, opened_at desc, id desc);
create index disputes_of_seller on disputes (seller_id, opened_at desc, id desc);
create index disputes_by_time on disputes (opened_at desc, id desc);
