-- Money in and out of the house: alerts of low balances, payouts to banks, deposits by a payment provider.

-- Below it the buyer is told; null: it is not.
alter table accounts add column low_balance_micros bigint check (low_balance_micros > 0);

-- What each buyer was last told of its funds: a change of this and its event are written together.
create table account_funds (
  account_id uuid primary key references accounts on delete cascade,
  state text not null check (state in ('ok', 'low', 'paused')),
  changed_at timestamptz not null
);

-- Where payouts are while a bank has them: storage/house-accounts.ts names it.
insert into accounts (id, type, name, status, currency, timezone, created_at, updated_at) values
  ('00000000-0000-7000-8000-000000000003', 'external', 'Payouts under way', 'active', 'USD', 'America/New_York', '2025-01-01Z', '2025-01-01Z')
  on conflict do nothing;

-- Where a seller is paid. The number is sealed (AES-256-GCM) by a key the database does not have.
create table bank_accounts (
  account_id uuid primary key references accounts on delete cascade,
  holder text not null,
  holder_type text not null check (holder_type in ('person', 'company')),
  kind text not null check (kind in ('checking', 'savings')),
  routing_number text not null check (routing_number ~ '^\d{9}$'),
  number_sealed text not null,
  last4 text not null,
  -- `new` waits for its prenote, `prenoted` for the days after it, `returned` for other details.
  state text not null check (state in ('new', 'prenoted', 'active', 'returned')),
  usable_from date,
  return_code text,
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  check ((state = 'prenoted') = (usable_from is not null))
);

create table payout_runs (
  id uuid primary key,
  number bigint not null unique,
  currency text not null,
  -- `open`: still being written, by whoever goes on with it. `ready`: its file can be fetched and changes no more.
  state text not null check (state in ('open', 'ready')),
  created_at timestamptz not null,
  -- Statements that ended by then are paid.
  statements_until timestamptz not null,
  effective_on date not null,
  finished_at timestamptz,
  check ((state = 'ready') = (finished_at is not null))
);
create unique index payout_runs_one_open on payout_runs ((true)) where state = 'open';

create table payout_counter (
  only_row boolean primary key default true check (only_row),
  last_number bigint not null,
  last_entry bigint not null
);
insert into payout_counter (last_number, last_entry) values (0, 0);

-- One seller's entry of a run, with the bank details as they were. A prenote moves nothing and posts nothing.
create table payouts (
  id uuid primary key,
  run_id uuid not null references payout_runs,
  -- Counts all entries there have ever been: the bank names it when it returns one.
  entry bigint not null unique check (entry > 0),
  account_id uuid not null references accounts,
  currency text not null,
  amount_micros bigint not null check (amount_micros >= 0),
  state text not null check (state in ('prenote', 'sent', 'settled', 'returned')),
  holder text not null,
  holder_type text not null,
  kind text not null,
  routing_number text not null,
  number_sealed text not null,
  last4 text not null,
  created_at timestamptz not null,
  posting_id uuid references ledger_postings,
  settled_at timestamptz,
  settled_posting_id uuid references ledger_postings,
  returned_at timestamptz,
  return_code text,
  return_posting_id uuid references ledger_postings,
  unique (run_id, account_id),
  -- With its money, or not at all.
  check ((amount_micros > 0) = (posting_id is not null)),
  check ((settled_at is null) = (settled_posting_id is null)),
  check ((state = 'returned') = (returned_at is not null)),
  check ((returned_at is null) = (return_code is null)),
  check ((state = 'returned' and amount_micros > 0) = (return_posting_id is not null))
);
create index payouts_of_account on payouts (account_id, created_at desc, id desc);

-- What a payment provider has told of one payment. Its events may come twice and in any order: what they say together is here, and
-- `posted_micros` is what the ledger has of it.
create table payments (
  provider text not null,
  payment_id text not null,
  -- Null: only its refunds or disputes were heard of, or it is none of ours.
  account_id uuid references accounts,
  currency text,
  paid_micros bigint not null default 0 check (paid_micros >= 0),
  -- {id: micros} given back, and taken back by the payer's bank.
  refunds jsonb not null default '{}',
  disputes jsonb not null default '{}',
  posted_micros bigint not null default 0,
  postings integer not null default 0,
  -- Why what was paid is not credited.
  fault text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (provider, payment_id),
  check (account_id is not null or postings = 0)
);
create index payments_of_account on payments (account_id, created_at desc, payment_id desc) where account_id is not null;
