-- Who takes part. Ids are UUIDs (v7) made by the application; money is bigint micros; times are UTC.
create table accounts (
  id uuid primary key,
  type text not null check (type in ('buyer', 'seller', 'operator', 'external')),
  name text not null,
  email text,
  status text not null check (status in ('active', 'suspended', 'closed')),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  timezone text not null,
  credit_limit_micros bigint not null default 0 check (credit_limit_micros >= 0),
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create unique index accounts_email_key on accounts (lower(email));
create index accounts_newest on accounts (created_at desc, id desc);

create table users (
  id uuid primary key,
  account_id uuid not null references accounts,
  email text not null,
  role text not null check (role in ('admin', 'buyer', 'seller')),
  password_hash text not null,
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create unique index users_email_key on users (lower(email));
create index users_of_account on users (account_id);

create table api_keys (
  id uuid primary key,
  account_id uuid not null references accounts,
  name text not null,
  secret_hash text not null,
  created_at timestamptz not null
);
create unique index api_keys_secret_hash_key on api_keys (secret_hash);
create index api_keys_of_account on api_keys (account_id, created_at);

create table refresh_tokens (
  hash text primary key,
  user_id uuid not null references users on delete cascade,
  expires_at timestamptz not null
);
create index refresh_tokens_of_user on refresh_tokens (user_id);
create index refresh_tokens_by_expiry on refresh_tokens (expires_at);

-- The house, and the world that money comes from and goes to: storage/house-accounts.ts names them.
insert into accounts (id, type, name, status, currency, timezone, created_at, updated_at) values
  ('00000000-0000-7000-8000-000000000001', 'operator', 'Operator', 'active', 'USD', 'America/New_York', '2025-01-01Z', '2025-01-01Z'),
  ('00000000-0000-7000-8000-000000000002', 'external', 'External', 'active', 'USD', 'America/New_York', '2025-01-01Z', '2025-01-01Z');
