-- Who may register and call with a password: only hashes of it are kept (RFC 7616: HA1 by algorithm, for one realm).
alter table trunks add column digest jsonb;
alter table trunks add column tls_names text[] not null default '{}';

create table sip_users (
  id uuid primary key,
  account_id uuid not null references accounts,
  username text not null,
  status text not null check (status in ('active', 'suspended')),
  trunk_id uuid references trunks,
  digest jsonb not null,
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create unique index sip_users_username_key on sip_users (username);
create index sip_users_of_account on sip_users (account_id, created_at desc, id desc);
create index sip_users_newest on sip_users (created_at desc, id desc);
create index sip_users_of_trunk on sip_users (trunk_id);

-- Where they can be reached now (RFC 3261 §10): one row a user, all its bindings in it.
create table registrations (
  user_id uuid primary key references sip_users on delete cascade,
  bindings jsonb not null,
  updated_at timestamptz not null
);
