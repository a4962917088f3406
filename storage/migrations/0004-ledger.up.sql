-- Double entry, append-only: a posting's entries sum to zero or it does not exist.
create table account_balances (
  account_id uuid not null references accounts,
  currency text not null,
  balance_micros bigint not null default 0,
  primary key (account_id, currency)
);

create table ledger_postings (
  id uuid primary key,
  kind text not null check (kind in ('deposit', 'payout', 'call', 'correction')),
  call_id uuid,
  -- Whose money a deposit, payout or correction moves: with kind and reference it makes a repetition known.
  account_id uuid,
  currency text not null,
  reference text not null,
  posted_at timestamptz not null,
  book_version bigint,
  check ((kind = 'call') = (call_id is not null)),
  check ((kind = 'call') = (account_id is null))
);
create unique index ledger_postings_call_key on ledger_postings (call_id) where kind = 'call';
create unique index ledger_postings_reference_key on ledger_postings (kind, account_id, reference) where reference <> '';
create index ledger_postings_of_book on ledger_postings (book_version) where book_version is not null;

create table ledger_entries (
  id bigint generated always as identity primary key,
  posting_id uuid not null references ledger_postings,
  account_id uuid not null,
  currency text not null,
  amount_micros bigint not null,
  -- What the account had after this entry: entries of one account are written one after the other (post_ledger locks its balance).
  balance_micros bigint not null
);
create index ledger_entries_of_account on ledger_entries (account_id, id desc);
create index ledger_entries_of_posting on ledger_entries (posting_id);

create function refuse_unbalanced() returns trigger language plpgsql as $$
declare culprit uuid;
begin
  select posting_id into culprit from added group by posting_id
    having sum(amount_micros) <> 0 or count(distinct currency) <> 1 limit 1;
  if found then
    raise exception 'posting % does not balance', culprit using errcode = 'check_violation', constraint = 'ledger_balance';
  end if;
  return null;
end $$;

-- All entries of a posting come in one statement, so the statement is where they must balance.
create trigger balanced after insert on ledger_entries
  referencing new table as added for each statement execute function refuse_unbalanced();
create trigger append_only before update or delete on ledger_entries
  for each row execute function refuse_change();
create trigger append_only_truncate before truncate on ledger_entries
  for each statement execute function refuse_change();
create trigger append_only before update or delete on ledger_postings
  for each row execute function refuse_change();
create trigger append_only_truncate before truncate on ledger_postings
  for each statement execute function refuse_change();

-- Writes postings (ordered [{id, kind, call_id, account_id, currency, reference, posted_at, entries: [{account_id, amount_micros}]}])
-- and returns the ids of those that were not there before. Balances are locked in one order, so two writers cannot deadlock.
create function post_ledger(batch jsonb, version bigint default null) returns setof uuid language plpgsql as $$
declare fresh uuid[];
-- The entries, column by column: plain arrays are read several times more cheaply than JSON.
declare postings uuid[]; accounts uuid[]; currencies text[]; amounts bigint[];
begin
  with added as (
    insert into ledger_postings (id, kind, call_id, account_id, currency, reference, posted_at, book_version)
    select p.id, p.kind, p.call_id, p.account_id, p.currency, p.reference, p.posted_at, version
    from jsonb_to_recordset(batch) as p(id uuid, kind text, call_id uuid, account_id uuid, currency text, reference text, posted_at timestamptz)
    on conflict do nothing
    returning id
  ) select array_agg(id) into fresh from added;
  if fresh is null then return; end if;

  select array_agg(p.id order by p.n, e.n), array_agg((e.entry ->> 'account_id')::uuid order by p.n, e.n),
         array_agg(p.currency order by p.n, e.n), array_agg((e.entry ->> 'amount_micros')::bigint order by p.n, e.n)
  into postings, accounts, currencies, amounts
  from rows from (jsonb_to_recordset(batch) as (id uuid, currency text, entries jsonb)) with ordinality as p(id, currency, entries, n),
       jsonb_array_elements(p.entries) with ordinality as e(entry, n)
  where p.id = any (fresh);

  insert into account_balances (account_id, currency)
  select distinct account, currency from unnest(accounts, currencies) as l(account, currency)
  where not exists (select from account_balances b where b.account_id = l.account and b.currency = l.currency)
  order by 1, 2
  on conflict do nothing;

  perform 1 from account_balances b
  where (b.account_id, b.currency) in (select account, currency from unnest(accounts, currencies) as l(account, currency))
  order by b.account_id, b.currency for update;

  insert into ledger_entries (posting_id, account_id, currency, amount_micros, balance_micros)
  select l.posting, l.account, l.currency, l.amount,
         b.balance_micros + sum(l.amount) over (partition by l.account, l.currency order by l.n)
  from unnest(postings, accounts, currencies, amounts) with ordinality as l(posting, account, currency, amount, n)
  join account_balances b on b.account_id = l.account and b.currency = l.currency
  order by l.n;

  update account_balances b set balance_micros = b.balance_micros + s.amount
  from (select account, currency, sum(amount) as amount from unnest(accounts, currencies, amounts) as l(account, currency, amount) group by 1, 2) s
  where b.account_id = s.account and b.currency = s.currency;

  return query select unnest(fresh);
end $$;
